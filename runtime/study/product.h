/* Products of matrices in double precision whose bits are the same on every CPU: each sum is taken
 * in order, one product after another, each rounded by itself. For those with few columns, as
 * logistic regression has them. */
#ifndef SCANLINE_RUNTIME_PRODUCT_H
#define SCANLINE_RUNTIME_PRODUCT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Matrices {
    const double *a, *b;
    double *c;
    int64_t n, w, k;
} Matrices;

/* Room to work in, for matrices with so many rows. */
typedef struct ProductSpace {
    double *b, *c;
} ProductSpace;

bool product_space_create(ProductSpace *space, int64_t n, int64_t w); /* false: no memory */
void product_space_free(ProductSpace *space);

/* c[n, k] = a[n, w] b[w, k] */
void product(const Matrices *m, const ProductSpace *space);

/* c[w, k] = a[n, w] transposed b[n, k] */
void product_transposed(const Matrices *m, const ProductSpace *space);

#endif
