/* What the parts of simplify share. The pass itself is in passes/passes.h. */
#ifndef SCANLINE_PASSES_SIMPLIFY_H
#define SCANLINE_PASSES_SIMPLIFY_H

#include "passes/node_table.h"
#include "passes/rewrite.h"

typedef struct Simplifier {
    Rewrite rewrite;
    Function *to; /* rewrite.to */
    NodeTable *table;
    uint32_t *uses; /* by node of `to`: by how many it is needed, of those known so far */
    uint32_t uses_capacity;
    bool after_gradients; /* stop_gradient has done its work */
} Simplifier;

/* The node of the new function that has this value, dtype, axes and order: simplified, shared with
 * an equal one, or added. Sources are nodes of the new function. */
NodeId simplify_add(Simplifier *simplifier, Node node);

/* Adds a node with these sources. An order of NULL, or of no axes, is the natural one. */
NodeId simplify_unary(Simplifier *simplifier, OpCode op, NodeId a, const Axes *order);
NodeId simplify_binary(Simplifier *simplifier, OpCode op, NodeId a, NodeId b, const Axes *order);
NodeId simplify_sum(Simplifier *simplifier, NodeId a, const Axes *axes, const Axes *order);
NodeId simplify_const(Simplifier *simplifier, DType dtype, double value);

/* No other node or output is known to need it. */
bool simplify_single_use(const Simplifier *simplifier, NodeId id);

/* --- the rules: a node of the new function of the same value, dtype, axes and order, or NODE_NONE
 * --- */

/* Elementwise ops, renames, shifts (passes/algebra.c). */
NodeId algebra_rule(Simplifier *simplifier, const Node *node);

/* Sums and contractions (passes/product.c). */
NodeId product_rule(Simplifier *simplifier, const Node *node);

#endif
