/* Rows come in a new order each epoch (runtime/data/shuffle.h); a step's gradient is summed in that
 * order. The velocity is v = 0.9 v + gradient, and the step rate * v. */
#include "runtime/study/logistic_rows.h"

#include "runtime/data/shuffle.h"
#include "runtime/execution/scalar_math.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double MOMENTUM = 0.9, PI = 3.14159265358979323846;

typedef struct Descent {
    const LogisticData *data;
    const LogisticDescent *settings;
    int64_t variables, steps, batch;
    LogisticSpace space;
    double *gradient, *velocity; /* as weights */
    int32_t *images;             /* [batch] */
} Descent;

static bool descent_create(Descent *descent, const LogisticData *data,
                           const LogisticDescent *settings) {
    *descent = (Descent){.data = data, .settings = settings, .variables = logistic_weights(data)};
    descent->batch = settings->batch < data->count ? settings->batch : data->count;
    descent->steps = (data->count + descent->batch - 1) / descent->batch * settings->epochs;
    if (descent->steps < LOGISTIC_LEAST_STEPS)
        descent->steps = LOGISTIC_LEAST_STEPS;
    descent->gradient = malloc((size_t)descent->variables * sizeof *descent->gradient);
    descent->velocity = calloc((size_t)descent->variables, sizeof *descent->velocity);
    descent->images = malloc((size_t)descent->batch * sizeof *descent->images);
    return logistic_space_create(&descent->space, data) && descent->gradient && descent->velocity &&
           descent->images;
}

static void descent_free(Descent *descent) {
    logistic_space_free(&descent->space);
    free(descent->gradient);
    free(descent->velocity);
    free(descent->images);
}

/* Batches go on from one epoch into the next, so that all are as large. */
static void choose_images(const Descent *descent, int64_t step) {
    const LogisticData *data = descent->data;
    for (int64_t i = 0; i < descent->batch; i++) {
        const int64_t drawn = step * descent->batch + i;
        descent->images[i] = data->images[shuffle_at(descent->settings->seed, drawn / data->count,
                                                     data->count, drawn % data->count)];
    }
}

static double descent_step(Descent *descent, int64_t step, double *weights) {
    double loss = 0;
    choose_images(descent, step);
    memset(descent->gradient, 0, (size_t)descent->variables * sizeof *descent->gradient);
    for (int64_t row = 0; row < descent->batch; row += LOGISTIC_ROWS) {
        const int64_t left = descent->batch - row;
        loss += logistic_rows_gradient(descent->data, descent->images + row,
                                       left < LOGISTIC_ROWS ? left : LOGISTIC_ROWS, weights,
                                       &descent->space, descent->gradient);
    }
    const double share = (double)step / (double)descent->steps,
                 rate = descent->settings->rate * (1 + scalar_cos(PI * share)) / 2;
    for (int64_t v = 0; v < descent->variables; v++) {
        descent->velocity[v] =
            MOMENTUM * descent->velocity[v] + descent->gradient[v] / (double)descent->batch;
        weights[v] -= rate * descent->velocity[v];
    }
    return loss;
}

LogisticStatus logistic_descend(const LogisticData *data, const LogisticDescent *settings,
                                double *weights) {
    if (logistic_weights(data) < 0)
        return LOGISTIC_NO_MEMORY;
    Descent descent;
    LogisticStatus status = LOGISTIC_NO_MEMORY;
    if (descent_create(&descent, data, settings)) {
        status = LOGISTIC_CONVERGED;
        memset(weights, 0, (size_t)descent.variables * sizeof *weights);
        for (int64_t step = 0; step < descent.steps && status == LOGISTIC_CONVERGED; step++)
            if (!isfinite(descent_step(&descent, step, weights)))
                status = LOGISTIC_FAILED;
    }
    descent_free(&descent);
    return status;
}
