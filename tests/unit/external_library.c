/* A shared library for the tests: what users' libraries are like, and some that are not right. */
#include <stdbool.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT void blend(int64_t n, int64_t d, const float *x, float s, float *result);
EXPORT void blend_grad(int64_t n, int64_t d, const float *x, float s, const float *result_gradient,
                       float *x_gradient, float *s_gradient);
EXPORT void pick(int64_t n, const int32_t *x, const bool *where, bool all, int32_t least,
                 int32_t *result);
EXPORT void power(int64_t n, const float *x, float *result);
EXPORT void power_grad(int64_t n, const float *x, const float *result_gradient, float *x_gradient);
EXPORT /* The sum of squares: a number, whose gradient comes by a pointer all the same. */
    void
    power(int64_t n, const float *x, float *result) {
    *result = 0;
    for (int64_t i = 0; i < n; i++)
        *result += x[i] * x[i];
}

void power_grad(int64_t n, const float *x, const float *result_gradient, float *x_gradient) {
    for (int64_t i = 0; i < n; i++)
        x_gradient[i] = 2 * x[i] * *result_gradient;
}

void answer(float *result);
extern EXPORT const char blend_signature[], answer_signature[];

const char blend_signature[] = "blend(x: f32[n, d], s: f32) -> f32[d, n]";
const char answer_signature[] = "answer(x: f32) -> f32"; /* which it is not */

/* result[d, n] = s * x[n, d] + n */
void blend(int64_t n, int64_t d, const float *x, float s, float *result) {
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < d; k++)
            result[k * n + i] = s * x[i * d + k] + (float)i;
}

void blend_grad(int64_t n, int64_t d, const float *x, float s, const float *result_gradient,
                float *x_gradient, float *s_gradient) {
    float sum = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < d; k++) {
            x_gradient[i * d + k] = s * result_gradient[k * n + i];
            sum += x[i * d + k] * result_gradient[k * n + i];
        }
    *s_gradient = sum;
}

/* How many of x are chosen (or all are) and at least so large. */
void pick(int64_t n, const int32_t *x, const bool *where, bool all, int32_t least,
          int32_t *result) {
    *result = 0;
    for (int64_t i = 0; i < n; i++)
        *result += (all || where[i]) && x[i] >= least;
}

void answer(float *result) { *result = 42; }
