/* The gradient rules: one for each name in the `gradient` column of ir/ops.def.
 *
 * A rule gets a node y and dy, the gradient of the loss by y, and sends each source its share; it
 * only builds graph. dy may lack axes of y: it is then the same all along them. So may what a rule
 * sends. Everything else, the sums over axes that a source lacks above all, is the driver's
 * (passes/autodiff.c). */
#ifndef SCANLINE_PASSES_GRADIENTS_H
#define SCANLINE_PASSES_GRADIENTS_H

#include "ir/graph.h"

typedef struct Backward {
    Function *function; /* the forward nodes, then those of the gradients */
    const bool *needed; /* by forward node: whether its gradient is asked for */
    NodeId *gradients;  /* by forward node: of a node with one result; NODE_NONE: none so far */
    NodeId *
        *results; /* by forward node: of each result of a node with several; NULL: none so far */
    uint32_t forward_count;
} Backward;

typedef void GradientRule(Backward *backward, NodeId y, NodeId dy);

/* By OpCode. gradient_none is that of ops that no gradient flows through. */
extern GradientRule *const gradient_rules[OP_COUNT];
GradientRule gradient_none;

/* --- what the driver does for the rules --- */

/* Adds to the gradient of source number `which` of y, where `gradient` is by the elements of y: it
 * is summed over the axes of y that the source lacks. */
void backward_flow(Backward *backward, NodeId y, uint32_t which, NodeId gradient);

/* The same, where `gradient` is by the elements of the source already. */
void backward_flow_exact(Backward *backward, NodeId y, uint32_t which, NodeId gradient);

/* Adds to the gradient of one result of a node with several. */
void backward_flow_result(Backward *backward, NodeId several, uint32_t which, NodeId gradient);

/* sum[over] of a, which may lack axes that it is meant to be the same along; and of a * b, where b
 * has all of `over` and a may lack some. */
NodeId backward_sum(Backward *backward, NodeId a, const Axes *over);
NodeId backward_sum_product(Backward *backward, NodeId a, NodeId b, const Axes *over);

#endif
