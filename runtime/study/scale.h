/* An axis of numbers: where it begins and ends, and its ticks. */
#ifndef SCANLINE_RUNTIME_SCALE_H
#define SCANLINE_RUNTIME_SCALE_H

#include <stddef.h>

/* Ticks are low, low + step, ... high: 1, 2 or 5 times a power of ten apart. */
typedef struct Scale {
    double low, high, step;
    int ticks;  /* how many */
    int digits; /* behind the point, that tell ticks apart */
} Scale;

/* An axis that holds [low, high], which are finite, with about `ticks` ticks; at least `least`
 * apart. */
Scale scale_of(double low, double high, int ticks, double least);

/* Where a value is on the axis: 0 at its low end, 1 at its high one. */
double scale_place(const Scale *scale, double value);

/* The value of a tick; `factor` and `unit` as for shares: 100, " %". */
double scale_tick(const Scale *scale, int tick);
void scale_label(const Scale *scale, int tick, double factor, const char *unit, char *text,
                 size_t size);

#endif
