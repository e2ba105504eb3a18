/* When a training was at which step, by timing.jsonl: seconds of training, without the pauses
 * between processes. */
#ifndef SCANLINE_RUNTIME_TIMELINE_H
#define SCANLINE_RUNTIME_TIMELINE_H

#include "runtime/report/pool.h"

#include <stdint.h>

typedef struct TimelineMark {
    int64_t step;
    double seconds;
} TimelineMark;

typedef struct Timeline {
    TimelineMark *marks; /* both grow */
    uint32_t count;
} Timeline;

/* Of the steps up to `last`; without marks, where there is nothing to be read. */
Timeline timeline_read(const char *folder, int64_t last, Pool *pool);

/* Seconds from the beginning to a step, linear between marks; 0 without marks. */
double timeline_at(const Timeline *timeline, int64_t step);

#endif
