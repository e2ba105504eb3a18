/* Planning: from fused functions (PARAM, INPUT, RENAME, KERNEL and RESULT nodes alone) to a Plan.
 *
 * Buffers: a RENAME is its source's buffer, a RESULT is that of the kernel's output; a result that
 * is an output of the function is written to the caller's memory at once. Temporaries get fixed
 * offsets in one arena (passes/memory.c). Kernels with the same canonical body (passes/canonical.h)
 * are one. Steps of drawing that take next to no time are computed by each thread (PLAN_OWN). */
#ifndef SCANLINE_PASSES_PLAN_H
#define SCANLINE_PASSES_PLAN_H

#include "ir/graph.h"
#include "passes/emit/target.h"
#include "runtime/execution/plan.h"

typedef struct PlanBuilder PlanBuilder;

/* The plan lies in `arena`; what it is made with lies in those of the functions, which must outlive
 * the builder. */
PlanBuilder *plan_begin(Arena *arena, const Target *target);

/* NULL, or why the function can't be planned (from the arena). */
const char *plan_add(PlanBuilder *builder, const Function *fused);

/* The bodies of the plan's kernels, by kernel number. */
const Function *const *plan_bodies(const PlanBuilder *builder);

/* The plan so far; it lives in the builder's arena. */
Plan *plan_end(PlanBuilder *builder);

#endif
