/* Columns are taken in panels of up to 3 vectors of 4, packed with zeros at the end. In a panel
 *
 *     product             keeps the sums of 4 rows in registers, and walks along w
 *     product_transposed  adds 4 rows at a time to the sums in memory, which are small, so that `a`
 * is read once
 *
 * A vector is 4 columns, never parts of one sum, so it does not matter what the CPU makes of it;
 * the same code is compiled for AVX2 too. Nothing is contracted (-ffp-contract=off). */
#include "runtime/study/product.h"

#include <stdlib.h>
#include <string.h>

enum { LANES = 4, MOST_VECTORS = 3, ROWS = 4 };

typedef double Vector __attribute__((vector_size(LANES * sizeof(double))));

#define INLINE static inline __attribute__((always_inline))

/* Adds to sums[rows, vectors] along `count` steps: a row's factor at each step times a row of b. */
INLINE void rows_times_panel(const double *a, int64_t w, const Vector *b, Vector *sums, int rows,
                             int vectors) {
    for (int64_t j = 0; j < w; j++)
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 16
            for (int v = 0; v < vectors; v++)
                sums[r * vectors + v] += a[r * w + j] * b[j * vectors + v];
}

INLINE void rows_into_panel(const double *a, int64_t w, const Vector *b, Vector *c, int rows,
                            int vectors) {
    for (int64_t j = 0; j < w; j++) {
        Vector sums[MOST_VECTORS];
#pragma GCC unroll 16
        for (int v = 0; v < vectors; v++)
            sums[v] = c[j * vectors + v];
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 16
            for (int v = 0; v < vectors; v++)
                sums[v] += a[r * w + j] * b[r * vectors + v];
#pragma GCC unroll 16
        for (int v = 0; v < vectors; v++)
            c[j * vectors + v] = sums[v];
    }
}

/* c[n, vectors] of a[n, w] and b[w, vectors]. */
INLINE void panel_product(const double *a, const Vector *b, Vector *c, int64_t n, int64_t w,
                          int vectors) {
    int64_t i = 0;
    for (; i + ROWS <= n; i += ROWS) {
        Vector sums[ROWS * MOST_VECTORS] = {{0}};
        rows_times_panel(a + i * w, w, b, sums, ROWS, vectors);
#pragma GCC unroll 16
        for (int v = 0; v < ROWS * vectors; v++)
            c[i * vectors + v] = sums[v];
    }
    for (; i < n; i++) {
        Vector sums[MOST_VECTORS] = {{0}};
        rows_times_panel(a + i * w, w, b, sums, 1, vectors);
#pragma GCC unroll 16
        for (int v = 0; v < vectors; v++)
            c[i * vectors + v] = sums[v];
    }
}

/* c[w, vectors], zeroed, of a[n, w] and b[n, vectors]. */
INLINE void panel_product_transposed(const double *a, const Vector *b, Vector *c, int64_t n,
                                     int64_t w, int vectors) {
    int64_t i = 0;
    for (; i + ROWS <= n; i += ROWS)
        rows_into_panel(a + i * w, w, b + i * vectors, c, ROWS, vectors);
    for (; i < n; i++)
        rows_into_panel(a + i * w, w, b + i * vectors, c, 1, vectors);
}

INLINE void panel_run(const double *a, const Vector *b, Vector *c, int64_t n, int64_t w,
                      int vectors, bool transposed) {
    for (int constant = 1; constant <= MOST_VECTORS; constant++) /* unrolled for each */
        if (constant == vectors && transposed)
            panel_product_transposed(a, b, c, n, w, constant);
        else if (constant == vectors)
            panel_product(a, b, c, n, w, constant);
}

typedef void PanelRun(const double *a, const Vector *b, Vector *c, int64_t n, int64_t w,
                      int vectors, bool transposed);

static void panel_plain(const double *a, const Vector *b, Vector *c, int64_t n, int64_t w,
                        int vectors, bool transposed) {
    panel_run(a, b, c, n, w, vectors, transposed);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static void panel_avx2(const double *a, const Vector *b, Vector *c,
                                                       int64_t n, int64_t w, int vectors,
                                                       bool transposed) {
    panel_run(a, b, c, n, w, vectors, transposed);
}
#endif

static PanelRun *panel_best(void) {
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2"))
        return panel_avx2;
#endif
    return panel_plain;
}

/* Between rows of k and the panel that begins at column `first`. */
static void pack(const double *from, int64_t rows, int64_t k, int64_t first, int width,
                 double *panel) {
    const int64_t count = k - first < width ? k - first : width;
    for (int64_t i = 0; i < rows; i++)
        memcpy(panel + i * width, from + i * k + first, (size_t)count * sizeof *panel);
}

static void unpack(const double *panel, int64_t rows, int64_t k, int64_t first, int width,
                   double *to) {
    const int64_t count = k - first < width ? k - first : width;
    for (int64_t i = 0; i < rows; i++)
        memcpy(to + i * k + first, panel + i * width, (size_t)count * sizeof *panel);
}

bool product_space_create(ProductSpace *space, int64_t n, int64_t w) {
    const size_t rows = (size_t)(n > w ? n : w) + 1, row = MOST_VECTORS * sizeof(Vector);
    *space = (ProductSpace){aligned_alloc(sizeof(Vector), rows * row),
                            aligned_alloc(sizeof(Vector), rows * row)};
    if (space->b && space->c)
        return true;
    product_space_free(space);
    return false;
}

void product_space_free(ProductSpace *space) {
    free(space->b);
    free(space->c);
    *space = (ProductSpace){0};
}

/* b has `b_rows` rows, c has `c_rows`. */
static void run(const Matrices *m, int64_t b_rows, int64_t c_rows, bool transposed,
                const ProductSpace *space) {
    PanelRun *panel = panel_best();
    for (int64_t first = 0; first < m->k; first += MOST_VECTORS * LANES) {
        const int64_t left = (m->k - first + LANES - 1) / LANES;
        const int vectors = left < MOST_VECTORS ? (int)left : MOST_VECTORS, width = vectors * LANES;
        memset(space->b, 0, (size_t)b_rows * (size_t)width * sizeof *space->b);
        memset(space->c, 0, (size_t)c_rows * (size_t)width * sizeof *space->c);
        pack(m->b, b_rows, m->k, first, width, space->b);
        panel(m->a, (const Vector *)(const void *)space->b, (Vector *)(void *)space->c, m->n, m->w,
              vectors, transposed);
        unpack(space->c, c_rows, m->k, first, width, m->c);
    }
}

void product(const Matrices *m, const ProductSpace *space) { run(m, m->w, m->n, false, space); }

void product_transposed(const Matrices *m, const ProductSpace *space) {
    run(m, m->n, m->w, true, space);
}
