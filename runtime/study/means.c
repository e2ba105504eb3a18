#include "runtime/study/means.h"

#include "runtime/study/student.h"

#include <math.h>

static const double UPPER = 0.975; /* of a 95 % interval */

/* The sum of squares about the mean. */
static double squares(const Sample *sample) {
    const double mean = sample_mean(sample);
    double sum = 0;
    for (uint32_t i = 0; i < sample->count; i++)
        sum += (sample->values[i] - mean) * (sample->values[i] - mean);
    return sum;
}

double sample_mean(const Sample *sample) {
    double sum = 0;
    for (uint32_t i = 0; i < sample->count; i++)
        sum += sample->values[i];
    return sum / sample->count;
}

double sample_deviation(const Sample *sample) {
    return sample->count > 1 ? sqrt(squares(sample) / (sample->count - 1)) : 0;
}

/* The variance of the mean. */
static double mean_variance(const Sample *sample) {
    return squares(sample) / (sample->count - 1) / sample->count;
}

static Estimate with_interval(double value, double variance, double freedom) {
    const double half = student_quantile(UPPER, freedom) * sqrt(variance);
    return (Estimate){value, true, {value - half, value + half}, freedom};
}

Estimate estimate_mean(const Sample *sample) {
    const double mean = sample_mean(sample);
    return sample->count > 1 ? with_interval(mean, mean_variance(sample), sample->count - 1)
                             : (Estimate){.value = mean};
}

Estimate estimate_paired(const Sample *a, const Sample *b) {
    const uint32_t n = a->count;
    double difference = 0, sum = 0;
    for (uint32_t i = 0; i < n; i++)
        difference += (b->values[i] - a->values[i]) / n;
    if (n < 2)
        return (Estimate){.value = difference};
    for (uint32_t i = 0; i < n; i++) {
        const double rest = b->values[i] - a->values[i] - difference;
        sum += rest * rest;
    }
    return with_interval(difference, sum / (n - 1) / n, n - 1);
}

Estimate estimate_welch(const Sample *a, const Sample *b) {
    const double difference = sample_mean(b) - sample_mean(a);
    if (a->count < 2 || b->count < 2)
        return (Estimate){.value = difference};
    const double va = mean_variance(a), vb = mean_variance(b), variance = va + vb;
    if (!(variance > 0)) /* all alike: as good as known, whatever the degrees */
        return with_interval(difference, 0, a->count + b->count - 2);
    const double freedom =
        variance * variance / (va * va / (a->count - 1) + vb * vb / (b->count - 1));
    return with_interval(difference, variance, freedom);
}
