#include "runtime/study/scale.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

enum { MOST_TICKS = 64, MOST_DIGITS = 12 };

/* The least of 1, 2, 5 times a power of ten that is not below `rough`. */
static double nice_step(double rough) {
    const double power = pow(10, floor(log10(rough)));
    const double lead = rough / power;
    return power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
}

/* Of one value, or of values that double precision hardly tells apart, the axis shows what is about
 * them. */
static double room_about(double low, double high) {
    const double size = fmax(fabs(low), fabs(high));
    return high - low > 1e-9 * size ? 0 : size > 0 ? 0.05 * size : 1;
}

Scale scale_of(double low, double high, int ticks, double least) {
    low = fmax(fmin(low, DBL_MAX / 4), -DBL_MAX / 4);
    high = fmax(fmin(high, DBL_MAX / 4), low);
    const double room = room_about(low, high);
    low -= room;
    high += room;
    const double step = fmax(nice_step(fmax((high - low) / ticks, DBL_MIN * 1e20)), least);
    const double first = floor(low / step), last = fmax(ceil(high / step), first + 1);
    const double digits = ceil(-log10(step) - 1e-9);
    return (Scale){.low = first * step,
                   .high = last * step,
                   .step = step,
                   .ticks = (int)fmin(last - first + 1, MOST_TICKS),
                   .digits = (int)fmin(fmax(digits, 0), MOST_DIGITS)};
}

double scale_place(const Scale *scale, double value) {
    return (value - scale->low) / (scale->high - scale->low);
}

double scale_tick(const Scale *scale, int tick) { return scale->low + tick * scale->step; }

void scale_label(const Scale *scale, int tick, double factor, const char *unit, char *text,
                 size_t size) {
    const double value = factor * scale_tick(scale, tick), tiny = 1e-9 * factor * scale->step;
    const int digits = scale->digits - (factor > 10 ? 2 : 0);
    snprintf(text, size, "%.*f%s", digits > 0 ? digits : 0, fabs(value) < tiny ? 0 : value, unit);
}
