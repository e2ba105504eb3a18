/* A few rows of a logistic regression at a time: their scores and gradient. Private to logistic*.c.
 */
#ifndef SCANLINE_RUNTIME_LOGISTIC_ROWS_H
#define SCANLINE_RUNTIME_LOGISTIC_ROWS_H

#include "runtime/study/logistic.h"
#include "runtime/study/product.h"

/* So few that they stay in the cache from the scores to the gradient. */
enum { LOGISTIC_ROWS = 64 };

typedef struct LogisticSpace {
    double *features; /* [LOGISTIC_ROWS, width + 1] */
    double *scores;   /* [LOGISTIC_ROWS, columns] */
    int32_t labels[LOGISTIC_ROWS];
} LogisticSpace;

/* False: no memory. */
bool logistic_space_create(LogisticSpace *space, const LogisticData *data);
void logistic_space_free(LogisticSpace *space);

/* Reads the rows of at most LOGISTIC_ROWS images; computes their scores. */
void logistic_rows_score(const LogisticData *data, const int32_t *images, int64_t count,
                         const double *weights, LogisticSpace *space);

/* Adds the gradient of the sum of their cross-entropies to `gradient`, which lies as weights do.
 * Returns the sum. */
double logistic_rows_gradient(const LogisticData *data, const int32_t *images, int64_t count,
                              const double *weights, LogisticSpace *space, double *gradient);

#endif
