/* Whether one figure rises with another, whatever the shape of the curve. */
#ifndef SCANLINE_RUNTIME_RANK_CORRELATION_H
#define SCANLINE_RUNTIME_RANK_CORRELATION_H

#include <stdbool.h>
#include <stdint.h>

/* Spearman's ("The proof and measurement of association between two things", 1904): the correlation
 * of the ranks of x [count] and y [count], in [-1, 1]; values that are equal have the mean of the
 * ranks that they take up. NaN where all of x or all of y are equal. False: no memory. */
bool rank_correlation(const double *x, const double *y, uint32_t count, double *correlation);

#endif
