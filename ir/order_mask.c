/* A condition is read as p_inner <= p_outer + amount where it compares sums and differences of
 * positions and constants; of what is joined by `and`, one side that is so will do. */
#include "ir/order.h"

#include <math.h>

enum { MAX_SEARCH = 6 }; /* into conditions */

/* first * p_one + second * p_other + constant */
typedef struct Affine {
    bool known;
    Axes axes;
    int64_t factor[MAX_AXES];
    int64_t constant;
} Affine;

static Affine affine_sum(Affine a, const Affine *b, int64_t sign) {
    a.known = a.known && b->known;
    a.constant += sign * b->constant;
    for (int i = 0; i < b->axes.count && a.known; i++) {
        int at = axes_find(&a.axes, b->axes.at[i]);
        if (at < 0 && a.axes.count == MAX_AXES)
            return (Affine){0};
        if (at < 0) {
            at = a.axes.count;
            axes_append(&a.axes, b->axes.at[i]);
            a.factor[at] = 0;
        }
        a.factor[at] += sign * b->factor[i];
    }
    return a;
}

static Affine affine_of(const Function *function, NodeId id, int depth) {
    const Node *node = graph_node(function, id);
    Affine result = {.known = true};
    if (depth > MAX_SEARCH)
        return (Affine){0};
    switch (node->op) {
    case OP_CONST:
        result.known = fabs(node->attributes.value) < 0x1p31 &&
                       node->attributes.value == floor(node->attributes.value);
        result.constant = result.known ? (int64_t)node->attributes.value : 0;
        return result;
    case OP_INDEX:
        result.axes = node->attributes.axes;
        result.factor[0] = 1;
        return result;
    case OP_CAST_F32:
        return affine_of(function, node->sources[0], depth + 1);
    case OP_ADD:
    case OP_SUB: {
        Affine right = affine_of(function, node->sources[1], depth + 1);
        return affine_sum(affine_of(function, node->sources[0], depth + 1), &right,
                          node->op == OP_ADD ? 1 : -1);
    }
    default:
        return (Affine){0};
    }
}

/* a < b or a <= b, or its opposite, as p_inner <= p_outer + amount. */
static bool compare_mask(const Function *function, const Node *node, bool opposite,
                         OrderMask *mask) {
    Affine left = affine_of(function, node->sources[opposite ? 1 : 0], 0);
    Affine right = affine_of(function, node->sources[opposite ? 0 : 1], 0);
    bool strict = (node->op == OP_LESS) != opposite;
    Affine difference = affine_sum(left, &right, -1);
    if (!difference.known)
        return false;
    mask->inner = mask->outer = AXIS_NONE;
    for (int i = 0; i < difference.axes.count; i++) {
        int64_t factor = difference.factor[i];
        AxisId *side = factor == 1 ? &mask->inner : factor == -1 ? &mask->outer : NULL;
        if (factor == 0)
            continue;
        if (!side || *side != AXIS_NONE)
            return false;
        *side = difference.axes.at[i];
    }
    mask->amount = -difference.constant - strict;
    return mask->inner != AXIS_NONE && mask->outer != AXIS_NONE;
}

static bool find_mask(const Function *function, NodeId condition, bool opposite, AxisId preferred,
                      OrderMask *mask, int depth);

/* Of two conditions that hold together: the one whose outer axis is preferred, else any. */
static bool find_mask_of(const Function *function, const Node *both, bool opposite,
                         AxisId preferred, OrderMask *mask, int depth) {
    bool found = false;
    for (uint32_t i = 0; i < 2; i++) {
        OrderMask other = *mask;
        if ((!found || mask->outer != preferred) &&
            find_mask(function, both->sources[i], opposite, preferred, &other, depth) &&
            (!found || other.outer == preferred)) {
            *mask = other;
            found = true;
        }
    }
    return found;
}

/* Whether the condition (or its opposite) holds only where p_inner <= p_outer + amount. */
static bool find_mask(const Function *function, NodeId condition, bool opposite, AxisId preferred,
                      OrderMask *mask, int depth) {
    const Node *node = graph_node(function, condition);
    if (depth > MAX_SEARCH)
        return false;
    if (node->op == OP_LESS || node->op == OP_LESS_EQUAL)
        return compare_mask(function, node, opposite, mask);
    if (node->op == OP_NOT)
        return find_mask(function, node->sources[0], !opposite, preferred, mask, depth + 1);
    return node->op == (opposite ? OP_OR : OP_AND) &&
           find_mask_of(function, node, opposite, preferred, mask, depth + 1);
}

bool order_select_mask(const Function *function, const Node *select, AxisId preferred,
                       OrderMask *mask) {
    *mask = (OrderMask){0};
    for (uint32_t side = 1; side <= 2; side++) {
        const Node *fill = graph_node(function, select->sources[side]);
        OrderMask other = {.present = true, .fill = fill->attributes.value};
        if (fill->op == OP_CONST &&
            find_mask(function, select->sources[0], side == 1, preferred, &other, 0) &&
            (!mask->present || other.outer == preferred))
            *mask = other;
    }
    return mask->present;
}

bool order_is_causal_select(const Function *function, NodeId select, AxisId *inner, AxisId *outer) {
    OrderMask mask;
    if (!order_select_mask(function, graph_node(function, select), AXIS_NONE, &mask))
        return false;
    *inner = mask.inner;
    *outer = mask.outer;
    return true;
}
