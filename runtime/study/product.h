/* Products of matrices in double precision whose bits are the same on every CPU: each sum is taken
 * in order, one product after another, each rounded by itself. For those with few columns, as
 * logistic regression has them.
 *
 * Rows of `columns` numbers, a multiple of PRODUCT_LANES, hold the k that count and zeros behind
 * them. */
#ifndef SCANLINE_RUNTIME_PRODUCT_H
#define SCANLINE_RUNTIME_PRODUCT_H

#include <stdint.h>

enum { PRODUCT_LANES = 8 };

/* How long a row of k numbers is. */
static inline int64_t product_columns(int64_t k) {
    return (k + PRODUCT_LANES - 1) / PRODUCT_LANES * PRODUCT_LANES;
}

/* c[n, columns] = a[n, w] b[w, columns] */
void product(const double *a, const double *b, double *c, int64_t n, int64_t w, int64_t columns);

/* c[w, columns] += a[n, w] transposed b[n, columns] */
void product_transposed(const double *a, const double *b, double *c, int64_t n, int64_t w,
                        int64_t columns);

#endif
