/* Spikes of a loss: where it jumps far above what it was just before, as that of large models does
 * when the learning rate or the second decay of Adam is too high (the image GPT's reason for 0.95
 * in the place of 0.999).
 *
 * A value is in a spike where it is above the median m of the SPIKE_WINDOW values before it by more
 * than SPIKE_DEVIATIONS robust deviations (1.4826 times the median of their distances from m, which
 * is the standard deviation where they are normal), and by more than SPIKE_SHARE of |m|, so that a
 * series with next to no noise has no spikes of nothing. Values in a row that are in a spike are
 * one. Median and deviation are not moved by less than half a window of such values; a loss that
 * stays above for longer has a new level, and the spike is over. Steady slopes are no spikes: they
 * widen the deviation as much as they move the median. The first SPIKE_LEAST values are in none. */
#ifndef SCANLINE_RUNTIME_SPIKES_H
#define SCANLINE_RUNTIME_SPIKES_H

#include "runtime/run/metrics_series.h"

enum { SPIKE_WINDOW = 32, SPIKE_LEAST = 6, SPIKE_DEVIATIONS = 6 };
#define SPIKE_SHARE 0.01

typedef struct Spikes {
    int64_t count;
    /* Of the highest: where it is highest, the value there, and how far that is above the median.
     */
    int64_t step;
    double value, height;
} Spikes;

/* What is not finite is left out: a training that gave it has diverged. */
Spikes spikes_find(const MetricsSeries *series);

#endif
