/* The values of one figure of one split in metrics.jsonl, in the order of steps. */
#ifndef SCANLINE_RUNTIME_METRICS_SERIES_H
#define SCANLINE_RUNTIME_METRICS_SERIES_H

#include "runtime/files/file.h"

#include <stdint.h>

typedef struct MetricsPoint {
    int64_t step;
    double value; /* NaN and infinities too: of a training that diverged */
} MetricsPoint;

typedef struct MetricsSeries {
    int64_t count;
    MetricsPoint *points; /* malloc'ed */
} MetricsSeries;

/* `split`: "train", "validation"; `figure`: "loss", "accuracy", the name of a metric. Lines without
 * the figure are passed over, and so are those that metrics_read finds strange. A folder without
 * the file has an empty series. False and `error`. */
bool metrics_series_read(const char *folder, const char *split, const char *figure,
                         MetricsSeries *series, FileError *error);
void metrics_series_free(MetricsSeries *series);

/* The value at a step; NaN: none was written there. */
double metrics_series_at(const MetricsSeries *series, int64_t step);

#endif
