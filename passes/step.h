/* From the gradients of a batch and the update rule to one function that does both. */
#ifndef SCANLINE_PASSES_STEP_H
#define SCANLINE_PASSES_STEP_H

#include "ir/graph.h"

/* `grad` and `update` are as the pass fuse leaves them. The new function gives the loss, what
 * `update` gives for the gradients of `grad`, and for each of these
 *
 *     $fault:PATH   sums of g - g over parts of the gradient: 0 where it is finite, else NaN
 *
 * All else has the bits that the two functions give one after the other. NULL where the rule must
 * know several gradients before it can change a parameter. */
Function *function_step(const Function *grad, const Function *update, const char *name);

#endif
