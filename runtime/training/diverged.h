/* Where a value that is not finite came from, once a step has shown one. */
#ifndef SCANLINE_RUNTIME_DIVERGED_H
#define SCANLINE_RUNTIME_DIVERGED_H

#include "runtime/training/gradient.h"
#include "runtime/training/update.h"

typedef struct Divergence {
    const Model *model;
    Gradient *gradient;
    const Update *update;
    int64_t chunks;
    ChunkFill *fill;
    void *user;
    int64_t step;
} Divergence;

/* Computes the step's chunks again, looking at what every kernel gives, and puts into `error`
 * (EXIT_DIVERGED) the step and the origin of the first kernel that gave NaN or infinity. Where a
 * parameter is not finite to begin with, the update of the step before is named. Always false. */
bool diverged_explain(const Divergence *divergence, RunError *error);

#endif
