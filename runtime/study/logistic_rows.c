#include "runtime/study/logistic_rows.h"

#include "runtime/study/softmax.h"

#include <stdlib.h>

enum { ALIGNMENT = 64 };

/* aligned_alloc of so many doubles; at least one. */
static double *aligned(int64_t count) {
    const size_t bytes = (size_t)count * sizeof(double) + ALIGNMENT;
    return aligned_alloc(ALIGNMENT, bytes / ALIGNMENT * ALIGNMENT);
}

bool logistic_space_create(LogisticSpace *space, const LogisticData *data) {
    space->features = aligned(LOGISTIC_ROWS * (data->rows->width + 1));
    space->scores = aligned(LOGISTIC_ROWS * product_columns(data->classes));
    return space->features && space->scores;
}

void logistic_space_free(LogisticSpace *space) {
    free(space->features);
    free(space->scores);
}

void logistic_rows_score(const LogisticData *data, const int32_t *images, int64_t count,
                         const double *weights, LogisticSpace *space) {
    feature_rows_read(data->rows, images, count, space->features);
    product(space->features, weights, space->scores, count, data->rows->width + 1,
            product_columns(data->classes));
    for (int64_t i = 0; i < count; i++)
        space->labels[i] = data->class_of[images[i]];
}

double logistic_rows_gradient(const LogisticData *data, const int32_t *images, int64_t count,
                              const double *weights, LogisticSpace *space, double *gradient) {
    const int64_t columns = product_columns(data->classes);
    logistic_rows_score(data, images, count, weights, space);
    const double loss = softmax_rows(space->scores, space->labels, count, data->classes, columns);
    for (int64_t i = 0; i < count; i++)
        space->scores[i * columns + space->labels[i]] -= 1;
    product_transposed(space->features, space->scores, gradient, count, data->rows->width + 1,
                       columns);
    return loss;
}
