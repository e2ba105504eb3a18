/* Both products are made of blocks: the sums of some rows and vectors of columns are kept in
 * registers along all the steps, of which each adds a column of `a` times a row of `b`. They differ
 * in what a row and a step of `a` are.
 *
 * A vector is 8 columns, never parts of one sum, so it does not matter what the CPU makes of it;
 * the same code is compiled for AVX2 and AVX-512 too, with as large blocks as they have registers
 * for. Nothing is contracted (-ffp-contract=off). */
#include "runtime/study/product.h"

#include <string.h>

typedef double Vector __attribute__((vector_size(PRODUCT_LANES * sizeof(double))));

enum { MOST_ROWS = 8, MOST_VECTORS = 3 };

/* c[rows, columns] += sum over steps of a * b[steps, columns]; where a is of a row and a step. */
typedef struct Product {
    const double *a, *b;
    double *c;
    int64_t rows, steps, columns;
    int64_t row_stride, step_stride; /* in a */
} Product;

#define INLINE static inline __attribute__((always_inline))

INLINE void block(const Product *p, int64_t row, int64_t column, int rows, int vectors) {
    const double *a = p->a + row * p->row_stride, *b = p->b + column;
    double *c = p->c + row * p->columns + column;
    Vector sums[MOST_ROWS][MOST_VECTORS], line[MOST_VECTORS];
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++)
            memcpy(&sums[r][v], c + r * p->columns + v * PRODUCT_LANES, sizeof(Vector));
    for (int64_t step = 0; step < p->steps; step++) {
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++)
            memcpy(&line[v], b + step * p->columns + v * PRODUCT_LANES, sizeof(Vector));
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 3
            for (int v = 0; v < vectors; v++)
                sums[r][v] += a[step * p->step_stride + r * p->row_stride] * line[v];
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++)
            memcpy(c + r * p->columns + v * PRODUCT_LANES, &sums[r][v], sizeof(Vector));
}

/* All rows of so many vectors of columns. */
INLINE void panel(const Product *p, int64_t column, int rows, int vectors) {
    int64_t row = 0;
    for (; row + rows <= p->rows; row += rows)
        block(p, row, column, rows, vectors);
    for (; row < p->rows; row++)
        block(p, row, column, 1, vectors);
}

INLINE void panels(const Product *p, int rows, int vectors) {
    int64_t column = 0;
    for (; vectors >= 3 && column + 3 * PRODUCT_LANES <= p->columns; column += 3 * PRODUCT_LANES)
        panel(p, column, rows, 3);
    for (; vectors >= 2 && column + 2 * PRODUCT_LANES <= p->columns; column += 2 * PRODUCT_LANES)
        panel(p, column, rows, 2);
    for (; column < p->columns; column += PRODUCT_LANES)
        panel(p, column, rows, 1);
}

typedef void Run(const Product *p);

static void run_plain(const Product *p) { panels(p, 2, 1); }

#ifdef __x86_64__
__attribute__((target("avx2"))) static void run_avx2(const Product *p) { panels(p, 4, 1); }

__attribute__((target("avx512f"))) static void run_avx512(const Product *p) {
    panels(p, MOST_ROWS, MOST_VECTORS);
}
#endif

static Run *run_best(void) {
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f"))
        return run_avx512;
    if (__builtin_cpu_supports("avx2"))
        return run_avx2;
#endif
    return run_plain;
}

void product(const double *a, const double *b, double *c, int64_t n, int64_t w, int64_t columns) {
    memset(c, 0, (size_t)(n * columns) * sizeof *c);
    run_best()(&(Product){a, b, c, n, w, columns, w, 1});
}

void product_transposed(const double *a, const double *b, double *c, int64_t n, int64_t w,
                        int64_t columns) {
    run_best()(&(Product){a, b, c, w, n, columns, 1, w});
}
