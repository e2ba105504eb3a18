/* Reverse-mode differentiation as graph building: the driver of the rules in passes/gradients.h.
 * function_gradient is in passes/passes.h. */
#ifndef SCANLINE_PASSES_AUTODIFF_H
#define SCANLINE_PASSES_AUTODIFF_H

#include "passes/gradients.h"
#include "passes/passes.h"

/* function_gradient by a table of rules of one's own: what shows that the tests of rules can fail.
 */
Function *autodiff_with_rules(const Function *forward, const char *name, AxisId batch,
                              GradientRule *const rules[OP_COUNT]);

/* By node: whether it depends on a PARAM in a way that has a gradient. */
bool *autodiff_needed(const Function *function);

/* Of a score body (see `attention` in ir/README.md): the function of the same inputs and of
 * "d_score", the gradient by the body's output, to "d_score", that by the body's "score". */
Function *autodiff_score_body(const Function *body);

#endif
