/* L-BFGS (liblbfgs) on the objective that logistic.h states. Products are OpenBLAS's with one
 * thread, which the caller has set, and every other sum has a fixed order: the result does not
 * depend on the number of threads. */
#include "runtime/logistic.h"

#include "runtime/scalar_math.h"

#include <cblas.h>
#include <lbfgs.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ITERATIONS = 2000, HISTORY = 10 };
static const double GRADIENT_TOLERANCE = 1e-6; /* |gradient| against max(1, |weights|) */

typedef struct Fit {
    const LogisticData *data;
    double l2;
    double *scores; /* [count, classes] */
} Fit;

/* scores = features weights */
static void multiply(const LogisticData *data, const double *weights, double *scores) {
    const int n = (int)data->count, k = (int)data->classes, w = (int)data->width + 1;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, k, w, 1, data->features, w, weights,
                k, 0, scores, k);
}

/* Turns a row of scores into probabilities; returns its cross-entropy with the label. */
static double softmax_row(double *row, int64_t classes, int32_t label) {
    double largest = row[0], sum = 0;
    for (int64_t c = 1; c < classes; c++)
        largest = row[c] > largest ? row[c] : largest;
    const double at_label = row[label];
    for (int64_t c = 0; c < classes; c++) {
        row[c] = scalar_exp(row[c] - largest);
        sum += row[c];
    }
    for (int64_t c = 0; c < classes; c++)
        row[c] /= sum;
    return scalar_log(sum) + largest - at_label;
}

/* The objective and its gradient, as liblbfgs asks for them. */
static lbfgsfloatval_t evaluate(void *instance, const lbfgsfloatval_t *weights,
                                lbfgsfloatval_t *gradient, const int variables,
                                const lbfgsfloatval_t step) {
    (void)variables, (void)step;
    const Fit *fit = instance;
    const LogisticData *data = fit->data;
    const int n = (int)data->count, k = (int)data->classes, w = (int)data->width + 1;
    multiply(data, weights, fit->scores);
    double loss = 0;
    for (int i = 0; i < n; i++) {
        double *row = fit->scores + (int64_t)i * k;
        loss += softmax_row(row, k, data->labels[i]);
        row[data->labels[i]] -= 1;
    }
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, w, k, n, 1.0 / n, data->features, w,
                fit->scores, k, 0, gradient, k);
    double squares = 0;
    for (int64_t i = 0; i < data->width * k; i++) {
        squares += weights[i] * weights[i];
        gradient[i] += fit->l2 * weights[i];
    }
    return loss / n + fit->l2 / 2 * squares;
}

static LogisticStatus status_of(int code) {
    switch (code) {
    case LBFGS_SUCCESS:
    case LBFGS_ALREADY_MINIMIZED:
        return LOGISTIC_CONVERGED;
    case LBFGSERR_OUTOFMEMORY:
        return LOGISTIC_NO_MEMORY;
    default:
        return LOGISTIC_STOPPED;
    }
}

LogisticStatus logistic_fit(const LogisticData *data, double l2, double *weights) {
    const int64_t variables = (data->width + 1) * data->classes;
    if (variables > INT32_MAX - 16 || data->count > INT32_MAX / data->classes)
        return LOGISTIC_NO_MEMORY;
    Fit fit = {data, l2, malloc((size_t)(data->count * data->classes) * sizeof(double))};
    lbfgsfloatval_t *x = lbfgs_malloc((int)variables); /* aligned as it wants it, and zeroed */
    LogisticStatus status = LOGISTIC_NO_MEMORY;
    if (fit.scores && x) {
        memcpy(x, weights, (size_t)variables * sizeof *x);
        lbfgs_parameter_t parameters;
        lbfgs_parameter_init(&parameters);
        parameters.m = HISTORY;
        parameters.epsilon = GRADIENT_TOLERANCE;
        parameters.max_iterations = MAX_ITERATIONS;
        lbfgsfloatval_t loss = 0;
        status = status_of(lbfgs((int)variables, x, &loss, evaluate, NULL, &fit, &parameters));
        if (status != LOGISTIC_NO_MEMORY && !isfinite(loss))
            status = LOGISTIC_FAILED;
        memcpy(weights, x, (size_t)variables * sizeof *x);
    }
    free(fit.scores);
    lbfgs_free(x);
    return status;
}

bool logistic_score(const LogisticData *data, const double *weights, LogisticScore *score) {
    *score = (LogisticScore){.count = data->count};
    if (data->count == 0)
        return true;
    double *scores = malloc((size_t)(data->count * data->classes) * sizeof *scores);
    if (!scores)
        return false;
    multiply(data, weights, scores);
    for (int64_t i = 0; i < data->count; i++) {
        double *row = scores + i * data->classes;
        int64_t best = 0;
        for (int64_t c = 1; c < data->classes; c++)
            best = row[c] > row[best] ? c : best;
        score->correct += best == data->labels[i];
        score->cross_entropy += softmax_row(row, data->classes, data->labels[i]);
    }
    score->cross_entropy /= (double)data->count;
    free(scores);
    return true;
}
