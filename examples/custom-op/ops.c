/* Two functions for custom.scan, and their gradients. An image is given by itself, row by row, and
 * several threads may call at once. ops.h is written from the spec. */
#include "ops.h"

#include <string.h>

/* The mean of a position and of the `reach` before it, along n. */
void trail(int64_t n, int64_t d, const float *x, int32_t reach, float *result) {
    for (int64_t i = 0; i < n; i++) {
        const int64_t first = i < reach ? 0 : i - reach;
        const float share = 1 / (float)(i - first + 1);
        for (int64_t k = 0; k < d; k++) {
            float sum = 0;
            for (int64_t j = first; j <= i; j++)
                sum += x[j * d + k];
            result[i * d + k] = sum * share;
        }
    }
}

void trail_grad(int64_t n, int64_t d, const float *x, int32_t reach, const float *result_gradient,
                float *x_gradient) {
    (void)x; /* it is linear */
    memset(x_gradient, 0, (size_t)(n * d) * sizeof *x_gradient);
    for (int64_t i = 0; i < n; i++) {
        const int64_t first = i < reach ? 0 : i - reach;
        const float share = 1 / (float)(i - first + 1);
        for (int64_t j = first; j <= i; j++)
            for (int64_t k = 0; k < d; k++)
                x_gradient[j * d + k] += result_gradient[i * d + k] * share;
    }
}

/* x where it is positive, slope * x where it is not, with a slope for each feature. */
void leak(int64_t d, const float *x, const float *slope, float *result) {
    for (int64_t k = 0; k < d; k++)
        result[k] = x[k] > 0 ? x[k] : slope[k] * x[k];
}

void leak_grad(int64_t d, const float *x, const float *slope, const float *result_gradient,
               float *x_gradient, float *slope_gradient) {
    for (int64_t k = 0; k < d; k++) {
        x_gradient[k] = x[k] > 0 ? result_gradient[k] : slope[k] * result_gradient[k];
        slope_gradient[k] = x[k] > 0 ? 0 : x[k] * result_gradient[k];
    }
}
