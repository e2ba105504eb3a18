#include "runtime/study/product.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static float random_float(uint32_t *state) {
    *state = *state * 1664525 + 1013904223;
    return (float)(*state >> 8) / (1 << 24) - 0.5f;
}

/* The sums in order, each product and each sum rounded by itself: not nearly, but to the bit. */
static void compare_products(int64_t n, int64_t w, int64_t k) {
    uint32_t state = (uint32_t)(n + 100 * w + 10000 * k);
    const int64_t columns = product_columns(k);
    double *a = malloc((size_t)(n * w) * sizeof *a), *b = calloc((size_t)(w * columns), sizeof *b);
    double *c = malloc((size_t)(n * columns) * sizeof *c);
    double *d = malloc((size_t)(w * columns) * sizeof *d);
    for (int64_t i = 0; i < n * w; i++)
        a[i] = (double)random_float(&state) / 3;
    for (int64_t i = 0; i < w * columns; i++) {
        b[i] = i % columns < k ? (double)random_float(&state) / 7 : 0;
        d[i] = b[i];
    }
    product(a, b, c, n, w, columns);
    product_transposed(a, c, d, n, w, columns);
    for (int64_t i = 0; i < n; i++)
        for (int64_t x = 0; x < columns; x++) {
            double sum = 0;
            for (int64_t j = 0; j < w; j++)
                sum += a[i * w + j] * b[j * columns + x];
            cr_assert_eq(c[i * columns + x], sum, "%ld x %ld x %ld", (long)n, (long)w, (long)k);
        }
    for (int64_t j = 0; j < w; j++)
        for (int64_t x = 0; x < columns; x++) {
            double sum = b[j * columns + x]; /* where the transposed product began */
            for (int64_t i = 0; i < n; i++)
                sum += a[i * w + j] * c[i * columns + x];
            cr_assert_eq(d[j * columns + x], sum, "%ld x %ld x %ld", (long)n, (long)w, (long)k);
        }
    free(a);
    free(b);
    free(c);
    free(d);
}

Test(product, sums_in_order_whatever_the_cpu) {
    for (int64_t n = 1; n <= 19; n++)
        for (int64_t k = 1; k <= 50; k += 7)
            compare_products(n, 1 + (n + k) % 19, k);
    compare_products(100, 33, 10);
    compare_products(5, 200, 12);
    compare_products(64, 129, 100);
}
