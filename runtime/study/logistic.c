#include "runtime/study/logistic.h"

#include "runtime/study/logistic_rows.h"
#include "runtime/study/softmax.h"

#include <string.h>

int64_t logistic_weights(const LogisticData *data) {
    int64_t count;
    if (data->classes > INT32_MAX / 2 ||
        __builtin_mul_overflow(data->rows->width + 1, product_columns(data->classes), &count) ||
        count > INT32_MAX - 16) /* liblbfgs counts in int */
        return -1;
    return count;
}

static int64_t largest_of(const double *row, int64_t count) {
    int64_t best = 0;
    for (int64_t c = 1; c < count; c++)
        best = row[c] > row[best] ? c : best;
    return best;
}

bool logistic_score(const LogisticData *data, const double *weights, int64_t *right,
                    LogisticScore *score) {
    const int64_t columns = product_columns(data->classes);
    *score = (LogisticScore){.count = data->count};
    if (right)
        memset(right, 0, (size_t)data->classes * sizeof *right);
    LogisticSpace space;
    const bool made = logistic_space_create(&space, data);
    for (int64_t first = 0; made && first < data->count; first += LOGISTIC_ROWS) {
        const int64_t left = data->count - first;
        const int64_t count = left < LOGISTIC_ROWS ? left : LOGISTIC_ROWS;
        logistic_rows_score(data, data->images + first, count, weights, &space);
        for (int64_t i = 0; i < count; i++) {
            const int32_t label = space.labels[i];
            const bool found = largest_of(space.scores + i * columns, data->classes) == label;
            score->correct += found;
            if (right)
                right[label] += found;
        }
        score->cross_entropy +=
            softmax_rows(space.scores, space.labels, count, data->classes, columns);
    }
    if (data->count)
        score->cross_entropy /= (double)data->count;
    logistic_space_free(&space);
    return made;
}
