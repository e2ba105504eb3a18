/* L-BFGS (liblbfgs). The rows are in parts, which are a function of their number: the sums of parts
 * are added in order, whoever computed them. */
#include "runtime/study/logistic_rows.h"

#include <lbfgs.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ITERATIONS = 2000, HISTORY = 10, MOST_PARTS = 8 };
static const double GRADIENT_TOLERANCE = 1e-6; /* |gradient| against max(1, |weights|) */

typedef struct Part {
    int64_t first, count; /* of data->images */
    LogisticSpace space;
    double *gradient; /* as weights */
    double loss;
} Part;

typedef struct Fit {
    const LogisticData *data;
    double l2;
    int threads, part_count;
    Part parts[MOST_PARTS];
} Fit;

static bool fit_create(Fit *fit, const LogisticData *data, double l2, int threads) {
    const int64_t blocks = (data->count + LOGISTIC_ROWS - 1) / LOGISTIC_ROWS;
    *fit = (Fit){.data = data, .l2 = l2, .threads = threads};
    fit->part_count = blocks < MOST_PARTS ? (int)blocks : MOST_PARTS;
    bool ok = true;
    for (int i = 0; i < fit->part_count; i++) {
        Part *part = &fit->parts[i];
        part->first = blocks * i / fit->part_count * LOGISTIC_ROWS;
        const int64_t end = blocks * (i + 1) / fit->part_count * LOGISTIC_ROWS;
        part->count = (end < data->count ? end : data->count) - part->first;
        part->gradient = malloc((size_t)logistic_weights(data) * sizeof *part->gradient);
        ok = logistic_space_create(&part->space, data) && part->gradient && ok;
    }
    return ok;
}

static void fit_free(Fit *fit) {
    for (int i = 0; i < fit->part_count; i++) {
        logistic_space_free(&fit->parts[i].space);
        free(fit->parts[i].gradient);
    }
}

static void part_evaluate(const Fit *fit, const double *weights, Part *part) {
    const LogisticData *data = fit->data;
    memset(part->gradient, 0, (size_t)logistic_weights(data) * sizeof *part->gradient);
    part->loss = 0;
    for (int64_t row = 0; row < part->count; row += LOGISTIC_ROWS) {
        const int64_t left = part->count - row;
        part->loss += logistic_rows_gradient(data, data->images + part->first + row,
                                             left < LOGISTIC_ROWS ? left : LOGISTIC_ROWS, weights,
                                             &part->space, part->gradient);
    }
}

/* The objective and its gradient, as liblbfgs asks for them. */
static lbfgsfloatval_t evaluate(void *instance, const lbfgsfloatval_t *weights,
                                lbfgsfloatval_t *gradient, const int variables,
                                const lbfgsfloatval_t step) {
    (void)step;
    Fit *fit = instance;
    const double n = (double)fit->data->count;
    const int64_t weighted = variables - product_columns(fit->data->classes);
#pragma omp parallel for schedule(static, 1) num_threads(fit->threads) if (fit->threads > 1)
    for (int i = 0; i < fit->part_count; i++)
        part_evaluate(fit, weights, &fit->parts[i]);
    double loss = 0, squares = 0;
    memset(gradient, 0, (size_t)variables * sizeof *gradient);
    for (int i = 0; i < fit->part_count; i++) {
        loss += fit->parts[i].loss;
        for (int v = 0; v < variables; v++)
            gradient[v] += fit->parts[i].gradient[v];
    }
    for (int v = 0; v < variables; v++)
        gradient[v] /= n;
    for (int64_t v = 0; v < weighted; v++) {
        squares += weights[v] * weights[v];
        gradient[v] += fit->l2 * weights[v];
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

LogisticStatus logistic_fit(const LogisticData *data, double l2, int threads, double *weights) {
    const int64_t variables = logistic_weights(data);
    if (variables < 0)
        return LOGISTIC_NO_MEMORY;
    Fit fit;
    const bool made = fit_create(&fit, data, l2, threads);
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
