#include "runtime/study/interval.h"

#include <math.h>

static const double NORMAL_975 = 1.959963984540054; /* quantile of the normal distribution */

Interval interval_of_share(int64_t hits, int64_t count) {
    if (count == 0)
        return (Interval){0, 1};
    const double n = (double)count, p = (double)hits / n, z2 = NORMAL_975 * NORMAL_975;
    const double centre = (p + z2 / (2 * n)) / (1 + z2 / n);
    const double half = NORMAL_975 / (1 + z2 / n) * sqrt(p * (1 - p) / n + z2 / (4 * n * n));
    return (Interval){centre - half, centre + half};
}
