/* Reading the record of a training (metrics.h), which anyone may have written. */
#ifndef SCANLINE_RUNTIME_METRICS_READ_H
#define SCANLINE_RUNTIME_METRICS_READ_H

#include "runtime/run/metrics.h"

/* Calls `visit` for each line of a run's metrics.jsonl, in their order; steps do not go
 * back. Figures are NaN or infinite where the training diverged. Lines that are not of this form
 * are counted in `strange`; one that was being written when the process died is no line. A run
 * without the file has no lines. False and `error`: it cannot be read. */
bool metrics_read(const char *folder, MetricsVisit *visit, void *user, uint64_t *strange,
                  FileError *error);

#endif
