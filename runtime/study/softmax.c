/* exp by lanes: x = k ln 2 + r, a Taylor polynomial in r, and 2^k as the bits of an exponent; only
 * products, sums and integers, so that every CPU gives the same bits. A row's sum is taken in
 * order. */
#include "runtime/study/softmax.h"

#include "runtime/execution/scalar_math.h"

#include <string.h>

enum { LANES = 4 }; /* divides PRODUCT_LANES */

typedef double Vector __attribute__((vector_size(LANES * sizeof(double))));
typedef int64_t Integers __attribute__((vector_size(LANES * sizeof(int64_t))));

#define INLINE static inline __attribute__((always_inline))

static const double ln2_high = 0x1.62e42fee00000p-1, ln2_low = 0x1.a39ef35793c76p-33;

/* 1 / n!: the first that is left out is 1 / 14!, with r <= ln 2 / 2 a relative error of 4e-18. */
static const double inverse_factorials[] = {1.0 / 6227020800,
                                            1.0 / 479001600,
                                            1.0 / 39916800,
                                            1.0 / 3628800,
                                            1.0 / 362880,
                                            1.0 / 40320,
                                            1.0 / 5040,
                                            1.0 / 720,
                                            1.0 / 120,
                                            1.0 / 24,
                                            1.0 / 6,
                                            1.0 / 2,
                                            1.0,
                                            1.0};
enum { TERMS = sizeof inverse_factorials / sizeof *inverse_factorials };

/* Adding it to a number rounds that to an integer, which is then in the low bits. */
static const double rounder = 0x1.8p52;

static const double least_exponent = -708; /* below, e^x is as good as e^-708: 3e-308 */

/* Of x <= 0. */
INLINE void exp_vector(double *x) {
    Vector value, term;
    memcpy(&value, x, sizeof value);
    const Integers low = value < least_exponent;
    const Vector least = (Vector){0} + least_exponent;
    value = (Vector)((low & (Integers)least) | (~low & (Integers)value));
    const Vector shifted = value * 1.4426950408889634 + rounder, k = shifted - rounder;
    const Vector r = (value - k * ln2_high) - k * ln2_low;
    term = (Vector){0} + inverse_factorials[0];
#pragma GCC unroll 16
    for (int i = 1; i < TERMS; i++)
        term = term * r + inverse_factorials[i];
    const Integers power = ((Integers)shifted + 1023) << 52;
    term *= (Vector)power;
    memcpy(x, &term, sizeof term);
}

INLINE double rows(double *scores, const int32_t *labels, int64_t n, int64_t classes,
                   int64_t columns) {
    double loss = 0, product_of_sums = 1; /* so that a logarithm serves many rows */
    for (int64_t i = 0; i < n; i++) {
        double *row = scores + i * columns, largest = row[0], sum = 0;
        for (int64_t c = 1; c < classes; c++)
            largest = row[c] > largest ? row[c] : largest;
        loss += largest - row[labels[i]];
        for (int64_t c = 0; c < columns; c++)
            row[c] = c < classes ? row[c] - largest : least_exponent;
        for (int64_t c = 0; c < columns; c += LANES)
            exp_vector(row + c);
        for (int64_t c = 0; c < classes; c++)
            sum += row[c];
        for (int64_t c = 0; c < columns; c++)
            row[c] = c < classes ? row[c] / sum : 0;
        product_of_sums *= sum;
        if (product_of_sums > 0x1p512) { /* a sum is at most the number of classes */
            loss += scalar_log(product_of_sums);
            product_of_sums = 1;
        }
    }
    return loss + scalar_log(product_of_sums);
}

typedef double Run(double *scores, const int32_t *labels, int64_t n, int64_t classes,
                   int64_t columns);

static double rows_plain(double *scores, const int32_t *labels, int64_t n, int64_t classes,
                         int64_t columns) {
    return rows(scores, labels, n, classes, columns);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static double
rows_avx2(double *scores, const int32_t *labels, int64_t n, int64_t classes, int64_t columns) {
    return rows(scores, labels, n, classes, columns);
}
#endif

double softmax_rows(double *scores, const int32_t *labels, int64_t n, int64_t classes,
                    int64_t columns) {
    Run *run = rows_plain;
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2"))
        run = rows_avx2;
#endif
    return run(scores, labels, n, classes, columns);
}
