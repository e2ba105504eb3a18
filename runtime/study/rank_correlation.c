#include "runtime/study/rank_correlation.h"

#include <math.h>
#include <stdlib.h>

typedef struct Ranked {
    double value;
    uint32_t place;
} Ranked;

static int ascending(const void *left, const void *right) {
    const double a = ((const Ranked *)left)->value, b = ((const Ranked *)right)->value;
    return (a > b) - (a < b);
}

/* ranks [count], from 1 on, of which the mean is (count + 1) / 2. */
static void rank(const double *values, uint32_t count, Ranked *sorted, double *ranks) {
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = (Ranked){values[i], i};
    qsort(sorted, count, sizeof *sorted, ascending);
    for (uint32_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && sorted[end].value == sorted[first].value;)
            end++;
        for (uint32_t i = first; i < end; i++)
            ranks[sorted[i].place] = (first + 1 + (double)end) / 2;
    }
}

static double correlation_of(const double *a, const double *b, uint32_t count) {
    const double mean = (count + 1.0) / 2;
    double aa = 0, bb = 0, ab = 0;
    for (uint32_t i = 0; i < count; i++) {
        aa += (a[i] - mean) * (a[i] - mean);
        bb += (b[i] - mean) * (b[i] - mean);
        ab += (a[i] - mean) * (b[i] - mean);
    }
    return aa > 0 && bb > 0 ? ab / (sqrt(aa) * sqrt(bb)) : NAN;
}

bool rank_correlation(const double *x, const double *y, uint32_t count, double *correlation) {
    Ranked *sorted = calloc((size_t)count + 1, sizeof *sorted);
    double *ranks = calloc(2 * (size_t)count + 1, sizeof *ranks);
    const bool memory = sorted && ranks;
    if (memory) {
        rank(x, count, sorted, ranks);
        rank(y, count, sorted, ranks + count);
        *correlation = correlation_of(ranks, ranks + count, count);
    }
    free(sorted);
    free(ranks);
    return memory;
}
