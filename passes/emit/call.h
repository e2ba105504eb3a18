/* Kernels that are a call of a function of a shared library: a body of its inputs, one call or
 * call_grad, and its results. No code is made for them; the runtime calls the library
 * (runtime/execution/external.h), a tile for each position along the carried axes. */
#ifndef SCANLINE_PASSES_EMIT_CALL_H
#define SCANLINE_PASSES_EMIT_CALL_H

#include "ir/external.h"
#include "passes/emit/kernel.h"
#include "runtime/execution/plan.h"

/* The body's call or call_grad; NODE_NONE: it is another kernel. */
NodeId call_node(const Function *body);

/* Whether the sources lie as external_source_order says, which is what the pass layout sees to. */
bool call_is_ordered(const Function *body);

/* FLOPs are not known, and are 0. */
void call_measure(const Function *body, KernelShape *shape);

/* What the runtime is told, in the arena. The call must be ordered. */
PlanCall *call_plan(Arena *arena, const Function *body);

/* What one call by itself is, on blocks: the operands are its arguments in order. */
PlanCall *call_plan_alone(Arena *arena, const External *external, bool is_gradient,
                          const int64_t *extents);

#endif
