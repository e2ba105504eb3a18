/* The passes simplify and cleanup.
 *
 * One walk over the live nodes, in order. Each is asked for from the new function (simplify_add),
 * which folds it, rewrites it by a rule, finds an equal node, or adds it. Rules ask for the nodes
 * that they want in the same way, so what they make is simplified too; and a node's sources are
 * simple when it is looked at. Then one sweep leaves out what is no longer needed.
 *
 * A rule's answer has the dtype, the axes and the memory order of the node that it replaces: what
 * reads it never has to change. A rule fires on facts about a node and its sources alone, in
 * constant time.
 *
 * Termination: what a rule answers with is less than the node by (axes and factors under sums;
 * powers; divisions; nodes that it is made of), compared from left to right; and product.c, whose
 * rules go both ways between sum and contract, tells the two apart by one predicate. So a node is
 * rewritten a bounded number of times, and the pass is linear. */
#include "passes/simplify.h"

#include "passes/fold.h"
#include "passes/passes.h"

#include <assert.h>

/* --- asking for nodes --- */

static NodeId add_or_share(Simplifier *simplifier, const Node *node) {
    const NodeId equal = node_table_find(simplifier->table, node);
    if (equal != NODE_NONE)
        return equal;
    const NodeId id = graph_add(simplifier->to, *node);
    node_table_add(simplifier->table, id);
    return id;
}

NodeId simplify_add(Simplifier *simplifier, Node node) {
    const char *fault = graph_check(simplifier->to, &node);
    assert(!fault);
    (void)fault;
    double value;
    NodeId better = NODE_NONE;
    if (fold_constants(simplifier->to, &node, &value))
        return simplify_const(simplifier, node.dtype, value);
    if (node.op == OP_SUM || node.op == OP_CONTRACT)
        better = product_rule(simplifier, &node);
    else
        better = algebra_rule(simplifier, &node);
    if (better == NODE_NONE)
        return add_or_share(simplifier, &node);
    assert(graph_node(simplifier->to, better)->dtype == node.dtype);
    assert(axes_equal(&graph_node(simplifier->to, better)->axes, &node.axes));
    return better;
}

static Node with_sources(OpCode op, const NodeId *sources, uint32_t count, const Axes *order) {
    Node node = {.op = op, .sources = sources, .source_count = count};
    if (order)
        node.axes = *order;
    return node;
}

NodeId simplify_unary(Simplifier *simplifier, OpCode op, NodeId a, const Axes *order) {
    return simplify_add(simplifier, with_sources(op, &a, 1, order));
}

NodeId simplify_binary(Simplifier *simplifier, OpCode op, NodeId a, NodeId b, const Axes *order) {
    const NodeId sources[] = {a, b};
    return simplify_add(simplifier, with_sources(op, sources, 2, order));
}

NodeId simplify_sum(Simplifier *simplifier, NodeId a, const Axes *axes, const Axes *order) {
    if (axes->count == 0)
        return a;
    Node node = with_sources(OP_SUM, &a, 1, order);
    node.attributes.axes = *axes;
    return simplify_add(simplifier, node);
}

NodeId simplify_const(Simplifier *simplifier, DType dtype, double value) {
    const Node node = {.op = OP_CONST, .dtype = dtype, .attributes = {.value = value}};
    return add_or_share(simplifier, &node);
}

bool simplify_single_use(const Simplifier *simplifier, NodeId id) {
    return id >= simplifier->uses_capacity || simplifier->uses[id] <= 1;
}

/* --- the walk --- */

static void count_uses(Simplifier *simplifier, NodeId id, uint32_t uses) {
    if (id >= simplifier->uses_capacity) {
        const uint32_t larger = 2 * simplifier->to->node_capacity;
        simplifier->uses =
            arena_grow(simplifier->to->arena, simplifier->uses,
                       simplifier->uses_capacity * sizeof(uint32_t), larger * sizeof(uint32_t));
        simplifier->uses_capacity = larger;
    }
    simplifier->uses[id] += uses;
}

/* A shared node is of all the places that asked for it; leaves and constants are of none in
 * particular. */
static void share_place(Simplifier *simplifier, NodeId id, const SpanSet *spans) {
    Node *node = &simplifier->to->nodes[id];
    if (node->source_count)
        node->spans = spans_union(simplifier->to->arena, node->spans, spans);
}

static Function *simplify(const Function *function, bool after_gradients) {
    Simplifier simplifier = {.rewrite = rewrite_begin(function, NULL),
                             .after_gradients = after_gradients};
    simplifier.to = simplifier.rewrite.to;
    simplifier.table = node_table_create(simplifier.to);
    const bool *live = function_live(function);
    const uint32_t *uses = function_uses(function, live);
    for (NodeId old = 0; old < function->node_count; old++) {
        if (!live[old])
            continue;
        const NodeId first = simplifier.to->node_count;
        const NodeId id = simplify_add(&simplifier, rewrite_node(&simplifier.rewrite, old));
        simplifier.rewrite.map[old] = id;
        count_uses(&simplifier, id, uses[old]);
        rewrite_place(&simplifier.rewrite, first, old);
        if (id < first)
            share_place(&simplifier, id, graph_node(function, old)->spans);
    }
    return function_prune(rewrite_end(&simplifier.rewrite));
}

Function *pass_simplify(const Function *function, PassContext *context) {
    (void)context;
    return simplify(function, false);
}

Function *pass_cleanup(const Function *function, PassContext *context) {
    (void)context;
    return simplify(function, true);
}
