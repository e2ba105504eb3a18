/* The record of a training: metrics.jsonl, the same bytes every time, and timing.jsonl, which is
 * not reproducible. */
#ifndef SCANLINE_RUNTIME_METRICS_H
#define SCANLINE_RUNTIME_METRICS_H

#include "runtime/files/file.h"

#include <stdint.h>

typedef struct MetricsFigure {
    const char *name; /* "loss", "accuracy" */
    double value;
} MetricsFigure;

/* One line of metrics.jsonl. */
typedef void MetricsVisit(void *user, int64_t step, const char *split, const MetricsFigure *figures,
                          uint32_t count);

typedef struct Metrics {
    FILE *metrics, *timing;
    char *metrics_path;
    int reason;          /* why a line could not be written; 0: none */
    MetricsVisit *watch; /* is told every line that is written; NULL: nobody is */
    void *user;          /* of watch */
} Metrics;

/* Zeroed, it is nobody's record: what is written goes nowhere.
 *
 * Opens both files of a run's folder for appending, after cutting metrics.jsonl back to the lines
 * of steps up to `step` (-1: to nothing). */
bool metrics_open(Metrics *metrics, const char *folder, int64_t step, FileError *error);
void metrics_close(Metrics *metrics);

/* {"step": 500, "split": "validation", "loss": 1.52}. Numbers are printed so that they read back to
 * the same bits. */
void metrics_write(Metrics *metrics, int64_t step, const char *split, const MetricsFigure *figures,
                   uint32_t count);
void metrics_write_timing(Metrics *metrics, int64_t step, double seconds, double images_a_second,
                          int64_t peak_bytes, int threads);

/* What was written reaches the disk: before a checkpoint that goes on from here. */
bool metrics_sync(Metrics *metrics, FileError *error);

#endif
