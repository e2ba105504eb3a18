/* The functions of an experiment, from those that a spec is lowered to. */
#ifndef SCANLINE_PASSES_DERIVE_H
#define SCANLINE_PASSES_DERIVE_H

#include "passes/passes.h"

/* From init, forward and update to init, grad, update, eval, features, sample and restart, as
 * runtime/execution/plan.h has their inputs and outputs; those that there is nothing for are left
 * out. `forward` has the outputs loss and, as the spec has them, logits, class, metric.NAME,
 * tap.NAME.I; loss and metrics are one number an image or one number; `batch` is the name of its
 * batch axis.
 *
 * Attention is recognised here, once, so that the gradient and all else compute the same. */
Module *derive_experiment(const Module *lowered, const char *batch, PassContext *context);

#endif
