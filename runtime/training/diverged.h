/* Where a value that is not finite came from, once a step has shown one. */
#ifndef SCANLINE_RUNTIME_DIVERGED_H
#define SCANLINE_RUNTIME_DIVERGED_H

#include "runtime/execution/executor.h"
#include "runtime/model/model.h"

typedef struct Divergence {
    const Model *model;
    const PlanFunction *writer; /* of parameters: `update` or `step` */
    int64_t chunks;
    int64_t step;
    /* Computes chunk `number` of the step again, with `watch` looking at every kernel. */
    void (*run)(void *user, int64_t number, ExecutorWatch *watch, void *watcher);
    void *user;
} Divergence;

/* Computes the step's chunks again, looking at what every kernel gives, and puts into `error`
 * (EXIT_DIVERGED) the step and the origin of the first kernel that gave NaN or infinity. Where a
 * parameter is not finite to begin with, the update of the step before is named. Always false. */
bool diverged_explain(const Divergence *divergence, RunError *error);

/* Whether all parameters are finite, after step number `step`; else `error` (EXIT_DIVERGED) names
 * its update. */
bool diverged_check(const Model *model, const PlanFunction *writer, int64_t step, RunError *error);

#endif
