/* Identities of elementwise ops, renames and shifts.
 *
 * Those on f32 are exact: NaN and infinities come out as they would have (so x * 0 stays). The sign
 * of a zero alone is not kept: x + 0 is x. */
#include "passes/simplify.h"

#include "passes/fold.h"

#include <math.h>

static const Node *source(const Simplifier *simplifier, const Node *node, uint32_t which) {
    return graph_node(simplifier->to, node->sources[which]);
}

static bool is_const(const Simplifier *simplifier, const Node *node, uint32_t which, double value) {
    const Node *constant = source(simplifier, node, which);
    return constant->op == OP_CONST && constant->attributes.value == value;
}

/* `id` in place of the node, if it has its type and axes: a source that lacks an axis is not
 * enough. */
static NodeId replace(const Simplifier *simplifier, const Node *node, NodeId id) {
    const Node *other = graph_node(simplifier->to, id);
    const bool same = other->dtype == node->dtype && axes_equal(&other->axes, &node->axes);
    return same ? id : NODE_NONE;
}

static NodeId unary(Simplifier *simplifier, const Node *node, OpCode op, NodeId a) {
    return simplify_unary(simplifier, op, a, &node->axes);
}

static NodeId binary(Simplifier *simplifier, const Node *node, OpCode op, NodeId a, NodeId b) {
    return simplify_binary(simplifier, op, a, b, &node->axes);
}

/* --- one source --- */

static NodeId rule_negate(Simplifier *simplifier, const Node *node) {
    const Node *a = source(simplifier, node, 0);
    if (a->op == OP_NEGATE)
        return replace(simplifier, node, a->sources[0]);
    if (a->op == OP_SUB)
        return binary(simplifier, node, OP_SUB, a->sources[1], a->sources[0]);
    return NODE_NONE;
}

static NodeId rule_not(Simplifier *simplifier, const Node *node) {
    const Node *a = source(simplifier, node, 0);
    return a->op == OP_NOT ? replace(simplifier, node, a->sources[0]) : NODE_NONE;
}

/* A cast to what it is; a bool by way of another type. */
static NodeId rule_cast(Simplifier *simplifier, const Node *node) {
    const Node *a = source(simplifier, node, 0);
    if (a->dtype == node->dtype)
        return replace(simplifier, node, node->sources[0]);
    if ((a->op == OP_CAST_F32 || a->op == OP_CAST_I32) &&
        source(simplifier, a, 0)->dtype == DTYPE_BOOL)
        return unary(simplifier, node, node->op, a->sources[0]);
    return NODE_NONE;
}

/* --- two sources --- */

static NodeId rule_add(Simplifier *simplifier, const Node *node) {
    for (uint32_t i = 0; i < 2; i++) {
        if (is_const(simplifier, node, i, 0))
            return replace(simplifier, node, node->sources[1 - i]);
        if (source(simplifier, node, i)->op == OP_NEGATE)
            return binary(simplifier, node, OP_SUB, node->sources[1 - i],
                          source(simplifier, node, i)->sources[0]);
    }
    return NODE_NONE;
}

static NodeId rule_sub(Simplifier *simplifier, const Node *node) {
    if (is_const(simplifier, node, 1, 0))
        return replace(simplifier, node, node->sources[0]);
    if (is_const(simplifier, node, 0, 0))
        return unary(simplifier, node, OP_NEGATE, node->sources[1]);
    if (source(simplifier, node, 1)->op == OP_NEGATE)
        return binary(simplifier, node, OP_ADD, node->sources[0],
                      source(simplifier, node, 1)->sources[0]);
    return NODE_NONE;
}

static NodeId rule_mul(Simplifier *simplifier, const Node *node) {
    for (uint32_t i = 0; i < 2; i++) {
        if (is_const(simplifier, node, i, 1))
            return replace(simplifier, node, node->sources[1 - i]);
        if (is_const(simplifier, node, i, -1))
            return unary(simplifier, node, OP_NEGATE, node->sources[1 - i]);
    }
    return NODE_NONE;
}

/* A power of two whose reciprocal is a normal f32 too. */
static bool has_exact_reciprocal(double value) {
    int exponent;
    return fabs(frexp(value, &exponent)) == 0.5 && exponent > -125 && exponent < 126;
}

static NodeId rule_div(Simplifier *simplifier, const Node *node) {
    const Node *b = source(simplifier, node, 1);
    if (b->op == OP_CONST && has_exact_reciprocal(b->attributes.value)) {
        const NodeId factor = simplify_const(simplifier, DTYPE_F32, 1 / b->attributes.value);
        return binary(simplifier, node, OP_MUL, node->sources[0], factor);
    }
    if (is_const(simplifier, node, 0, 1) && b->op == OP_SQRT)
        return unary(simplifier, node, OP_RSQRT, b->sources[0]);
    return NODE_NONE;
}

static NodeId rule_pow(Simplifier *simplifier, const Node *node) {
    const NodeId a = node->sources[0];
    const Node *b = source(simplifier, node, 1);
    if (b->op != OP_CONST)
        return NODE_NONE;
    const double exponent = b->attributes.value;
    if (exponent == 0.5)
        return unary(simplifier, node, OP_SQRT, a);
    if (exponent == -0.5)
        return unary(simplifier, node, OP_RSQRT, a);
    if (exponent == -1)
        return binary(simplifier, node, OP_DIV, simplify_const(simplifier, DTYPE_F32, 1), a);
    if (!fold_is_small_power(exponent))
        return NODE_NONE;
    NodeId product = a;
    for (int i = 1; i < (int)exponent; i++)
        product = binary(simplifier, node, OP_MUL, product, a);
    return replace(simplifier, node, product);
}

static NodeId rule_same(Simplifier *simplifier, const Node *node) {
    return node->sources[0] == node->sources[1] ? replace(simplifier, node, node->sources[0])
                                                : NODE_NONE;
}

/* and: true is neutral, false decides; or: the other way round. */
static NodeId rule_logic(Simplifier *simplifier, const Node *node) {
    const double neutral = node->op == OP_AND;
    for (uint32_t i = 0; i < 2; i++) {
        NodeId better = NODE_NONE;
        if (is_const(simplifier, node, i, neutral))
            better = replace(simplifier, node, node->sources[1 - i]);
        else if (is_const(simplifier, node, i, 1 - neutral))
            better = replace(simplifier, node, node->sources[i]);
        if (better != NODE_NONE)
            return better;
    }
    return rule_same(simplifier, node);
}

/* --- the others --- */

static NodeId rule_select(Simplifier *simplifier, const Node *node) {
    const Node *condition = source(simplifier, node, 0);
    const NodeId yes = node->sources[1], no = node->sources[2];
    if (condition->op == OP_CONST)
        return replace(simplifier, node, condition->attributes.value != 0 ? yes : no);
    if (yes == no)
        return replace(simplifier, node, yes);
    if (condition->op == OP_NOT) {
        const NodeId sources[] = {condition->sources[0], no, yes};
        return simplify_add(
            simplifier,
            (Node){.op = OP_SELECT, .axes = node->axes, .source_count = 3, .sources = sources});
    }
    return NODE_NONE;
}

/* A name given twice, or to an index. */
static NodeId rule_rename(Simplifier *simplifier, const Node *node) {
    const Node *a = source(simplifier, node, 0);
    const AxisId from = node->attributes.axes.at[0], to = node->attributes.axes.at[1];
    if (a->op == OP_INDEX)
        return simplify_add(simplifier,
                            (Node){.op = OP_INDEX, .attributes = {.axes = axes_of(&to, 1)}});
    if (a->op != OP_RENAME || a->attributes.axes.at[1] != from)
        return NODE_NONE;
    const AxisId ends[] = {a->attributes.axes.at[0], to};
    if (ends[0] == ends[1])
        return replace(simplifier, node, a->sources[0]);
    return simplify_add(simplifier, (Node){.op = OP_RENAME,
                                           .source_count = 1,
                                           .sources = a->sources,
                                           .attributes = {.axes = axes_of(ends, 2)}});
}

static NodeId rule_shift(Simplifier *simplifier, const Node *node) {
    return node->attributes.amount == 0 ? replace(simplifier, node, node->sources[0]) : NODE_NONE;
}

static NodeId rule_stop_gradient(Simplifier *simplifier, const Node *node) {
    return simplifier->after_gradients ? replace(simplifier, node, node->sources[0]) : NODE_NONE;
}

NodeId algebra_rule(Simplifier *simplifier, const Node *node) {
    switch (node->op) {
    case OP_NEGATE:
        return rule_negate(simplifier, node);
    case OP_NOT:
        return rule_not(simplifier, node);
    case OP_CAST_F32:
    case OP_CAST_I32:
        return rule_cast(simplifier, node);
    case OP_STOP_GRADIENT:
        return rule_stop_gradient(simplifier, node);
    case OP_ADD:
        return rule_add(simplifier, node);
    case OP_SUB:
        return rule_sub(simplifier, node);
    case OP_MUL:
        return rule_mul(simplifier, node);
    case OP_DIV:
        return rule_div(simplifier, node);
    case OP_POW:
        return rule_pow(simplifier, node);
    case OP_MIN:
    case OP_MAX:
        return rule_same(simplifier, node);
    case OP_AND:
    case OP_OR:
        return rule_logic(simplifier, node);
    case OP_SELECT:
        return rule_select(simplifier, node);
    case OP_RENAME:
        return rule_rename(simplifier, node);
    case OP_SHIFT:
        return rule_shift(simplifier, node);
    default:
        return NODE_NONE;
    }
}
