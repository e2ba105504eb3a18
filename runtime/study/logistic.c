/* L-BFGS (liblbfgs) on the objective that logistic.h states. Every sum has a fixed order, in
 * products too (runtime/study/product.h), so the result depends neither on the number of threads
 * nor on the CPU. */
#include "runtime/study/logistic.h"

#include "runtime/execution/scalar_math.h"
#include "runtime/study/product.h"

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
    ProductSpace space;
} Fit;

/* What a fit and a score work with. False: no memory. */
static bool fit_create(Fit *fit, const LogisticData *data, double l2) {
    *fit = (Fit){data, l2, malloc((size_t)(data->count * data->classes + 1) * sizeof(double)), {0}};
    return product_space_create(&fit->space, data->count, data->width + 1) && fit->scores;
}

static void fit_free(Fit *fit) {
    free(fit->scores);
    product_space_free(&fit->space);
}

/* scores = features weights */
static void multiply(const Fit *fit, const double *weights) {
    const LogisticData *data = fit->data;
    const Matrices matrices = {data->features, weights,         fit->scores,
                               data->count,    data->width + 1, data->classes};
    product(&matrices, &fit->space);
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
    const int64_t n = data->count, k = data->classes, w = data->width;
    multiply(fit, weights);
    double loss = 0;
    for (int64_t i = 0; i < n; i++) {
        double *row = fit->scores + i * k;
        loss += softmax_row(row, k, data->labels[i]);
        row[data->labels[i]] -= 1;
    }
    const Matrices matrices = {data->features, fit->scores, gradient, n, w + 1, k};
    product_transposed(&matrices, &fit->space);
    for (int64_t i = 0; i < (w + 1) * k; i++)
        gradient[i] /= (double)n;
    double squares = 0;
    for (int64_t i = 0; i < w * k; i++) {
        squares += weights[i] * weights[i];
        gradient[i] += fit->l2 * weights[i];
    }
    return loss / (double)n + fit->l2 / 2 * squares;
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
    Fit fit;
    const bool made = fit_create(&fit, data, l2);
    lbfgsfloatval_t *x = lbfgs_malloc((int)variables); /* aligned as it wants it, and zeroed */
    LogisticStatus status = LOGISTIC_NO_MEMORY;
    if (made && x) {
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
    fit_free(&fit);
    lbfgs_free(x);
    return status;
}

bool logistic_score(const LogisticData *data, const double *weights, LogisticScore *score) {
    *score = (LogisticScore){.count = data->count};
    if (data->count == 0)
        return true;
    Fit fit;
    const bool made = fit_create(&fit, data, 0);
    if (made)
        multiply(&fit, weights);
    for (int64_t i = 0; made && i < data->count; i++) {
        double *row = fit.scores + i * data->classes;
        int64_t best = 0;
        for (int64_t c = 1; c < data->classes; c++)
            best = row[c] > row[best] ? c : best;
        score->correct += best == data->labels[i];
        score->cross_entropy += softmax_row(row, data->classes, data->labels[i]);
    }
    score->cross_entropy /= (double)data->count;
    fit_free(&fit);
    return made;
}
