/* Which of the targets that were compiled is run here. */
#ifndef SCANLINE_STANDALONE_CARRIED_TARGET_H
#define SCANLINE_STANDALONE_CARRIED_TARGET_H

#include "runtime/execution/carried.h"
#include "runtime/execution/plan.h"
#include "runtime/run_error.h"

/* "x86-64-v3, znver5"; cut off at `size` bytes. */
void carried_target_names(const Carried *carried, char *names, size_t size);

/* NULL: none was compiled for that. */
const CarriedTarget *carried_target_find(const Carried *carried, const char *name);

/* Whether a machine with these features (runtime/execution/cpu.h) runs it. */
bool carried_target_runs(const CarriedTarget *target, uint64_t features);

/* The one of that name ("native" and NULL: the best) for a machine with these features. NULL and
 * `error`: EXIT_MACHINE, what it needs and what is here; EXIT_INPUT, there is none of that name. */
const CarriedTarget *carried_target_choose(const Carried *carried, const char *name,
                                           uint64_t features, RunError *error);

/* Its plan, which is the caller's to plan_free. NULL and `error`. */
Plan *carried_target_plan(const CarriedTarget *target, RunError *error);

#endif
