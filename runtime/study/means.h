/* Means of a few measurements, and how far the difference of two can be from the true one. */
#ifndef SCANLINE_RUNTIME_MEANS_H
#define SCANLINE_RUNTIME_MEANS_H

#include "runtime/study/interval.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct Sample {
    const double *values;
    uint32_t count;
} Sample;

double sample_mean(const Sample *sample);      /* of at least one */
double sample_deviation(const Sample *sample); /* the standard deviation, by count - 1; of one: 0 */

/* A figure with its 95 % interval by Student's t. */
typedef struct Estimate {
    double value;
    bool has_interval; /* else there are too few measurements for one */
    Interval interval;
    double freedom; /* degrees of it */
} Estimate;

/* The mean; from two measurements on with an interval. */
Estimate estimate_mean(const Sample *sample);

/* The mean of b less that of a, measured in pairs: b[i] goes with a[i], and there are as many. */
Estimate estimate_paired(const Sample *a, const Sample *b);

/* The same of measurements that have nothing to do with each other, and perhaps other variances:
 * Welch's (Biometrika 34, 1947), with Satterthwaite's degrees of freedom. An interval takes two of
 * each. */
Estimate estimate_welch(const Sample *a, const Sample *b);

#endif
