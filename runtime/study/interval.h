/* How far a share that was counted can be from the true one. */
#ifndef SCANLINE_RUNTIME_INTERVAL_H
#define SCANLINE_RUNTIME_INTERVAL_H

#include <stdint.h>

typedef struct Interval {
    double low, high;
} Interval;

/* Wilson's, 95 %, of `hits` among `count`; of none it is [0, 1]. */
Interval interval_of_share(int64_t hits, int64_t count);

#endif
