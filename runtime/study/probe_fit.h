/* One fit of a probe, with what validation chooses. */
#ifndef SCANLINE_RUNTIME_PROBE_FIT_H
#define SCANLINE_RUNTIME_PROBE_FIT_H

#include "runtime/study/probe.h"

typedef struct ProbeFitTask {
    const FeatureTable *const *tables; /* side by side */
    uint32_t table_count;
    const DataImages *train;
    int64_t *right; /* [classes], to be filled; NULL: not asked for */
} ProbeFitTask;

/* False: no memory. */
bool probe_fit(const ProbeTask *task, const ProbeFitTask *what, int threads, ProbeFit *fit);

#endif
