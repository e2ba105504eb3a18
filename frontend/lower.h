/* Lowering: from a checked spec to the tensor IR.
 *
 * One objective is chosen and lowered to three functions: `init` (the initial values of parameters
 * and states), `forward` (the loss and all else that its bodies give, for one chunk of a batch) and
 * `update` (the update rule, applied to every parameter that the loss depends on). Names of inputs
 * and outputs follow runtime/execution/plan.h. The other objectives, functions and rules are
 * lowered too and thrown away, so that every error of a file is shown in one go. */
#ifndef SCANLINE_FRONTEND_LOWER_H
#define SCANLINE_FRONTEND_LOWER_H

#include "frontend/spec.h"
#include "ir/graph.h"
#include "runtime/execution/experiment.h"

/* `objective` is an address or a name; NULL: the spec's own choice. `experiment` is filled
 * entirely, but for `spec`, which is spec_flatten's. Both live in `arena`, next to the spec that
 * they refer to. NULL after an error; all errors are in `diagnostics`. */
Module *lower_experiment(Arena *arena, const Spec *spec, const char *objective,
                         Experiment *experiment, Diagnostics *diagnostics);

/* The name of the batch axis in the module's functions: "b", or another where the spec has that. */
const char *lower_batch_axis(const Spec *spec);

#endif
