/* Both products are made of blocks: the sums of some rows and vectors of columns are kept in
 * registers along all the steps, of which each adds a column of `a` times a row of `b`. They differ
 * in what a row and a step of `a` are.
 *
 * A vector is some columns, never parts of one sum, so it does not matter how many; it has the
 * lanes of SSE2, AVX2 or AVX-512, and blocks are as large as these have registers for. Nothing is
 * contracted (-ffp-contract=off). */
#include "runtime/study/product.h"

#include <string.h>

/* c[rows, columns] += sum over steps of a * b[steps, columns]; where a is of a row and a step. */
typedef struct Product {
    const double *a, *b;
    double *c;
    int64_t rows, steps, columns;
    int64_t row_stride, step_stride; /* in a */
} Product;

#define INLINE static inline __attribute__((always_inline))

#define LANES 2
#include "runtime/study/product_block.def"
#undef LANES
#define LANES 4
#include "runtime/study/product_block.def"
#undef LANES
#define LANES 8
#include "runtime/study/product_block.def"
#undef LANES

typedef void Run(const Product *p);

static void run_plain(const Product *p) { panels_2(p, 4, 2); }

#ifdef __x86_64__
__attribute__((target("avx2"))) static void run_avx2(const Product *p) { panels_4(p, 4, 2); }

__attribute__((target("avx512f"))) static void run_avx512(const Product *p) { panels_8(p, 8, 3); }
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
