/* Which tokens a result depends on, along its positions.
 *
 * For every node, a bound on the tokens that its elements depend on: the element at positions (p_a)
 * along its axes depends on tokens at positions up to max over a of (p_a + reach_a) alone, over
 * those axes a that have a reach; without any it depends on none; and `all` when nothing is known.
 * A reduction over an axis that has a reach loses it, unless the elements behind a causal mask are
 * constant: a masked node is `fill` wherever p_inner > p_outer + amount, so a reach along `inner`
 * counts as one along `outer`, `amount` further. A softmax takes a mask of -inf to one of 0, and a
 * product with 0 stays 0. What is not known to keep the bound loses it, so a wrong "no" is possible
 * and a wrong "yes" is not (but for products of 0 with what is not finite). */
#include "frontend/order.h"

#include "ir/external.h"

#include <math.h>
#include <string.h>

enum { MAX_SEARCH = 6 }; /* into conditions */

typedef struct Mask {
    bool present;
    AxisId inner, outer;
    int64_t amount;
    double fill;
} Mask;

typedef struct Dependence {
    bool all;
    Axes axes; /* that have a reach */
    int64_t reach[MAX_AXES];
    Mask mask;
} Dependence;

typedef struct OrderContext {
    const Function *function;
    const char *input, *axis;
    Dependence *at; /* by node */
} OrderContext;

/* --- conditions --- */

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
static bool compare_mask(const Function *function, const Node *node, bool opposite, Mask *mask) {
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

/* Whether the condition (or its opposite) holds only where p_inner <= p_outer + amount. */
static bool find_mask(const Function *function, NodeId condition, bool opposite, Mask *mask,
                      int depth) {
    const Node *node = graph_node(function, condition);
    if (depth > MAX_SEARCH)
        return false;
    if (node->op == OP_LESS || node->op == OP_LESS_EQUAL)
        return compare_mask(function, node, opposite, mask);
    if (node->op == OP_NOT)
        return find_mask(function, node->sources[0], !opposite, mask, depth + 1);
    return node->op == (opposite ? OP_OR : OP_AND) &&
           (find_mask(function, node->sources[0], opposite, mask, depth + 1) ||
            find_mask(function, node->sources[1], opposite, mask, depth + 1));
}

/* The mask of a select between a value and a constant. */
static bool select_mask(const Function *function, const Node *node, Mask *mask) {
    for (uint32_t side = 1; side <= 2; side++) {
        const Node *fill = graph_node(function, node->sources[side]);
        *mask = (Mask){.present = true, .fill = fill->attributes.value};
        if (fill->op == OP_CONST && find_mask(function, node->sources[0], side == 1, mask, 0))
            return true;
    }
    *mask = (Mask){0};
    return false;
}

bool order_is_causal_select(const Function *function, NodeId select, AxisId *inner, AxisId *outer) {
    Mask mask;
    if (!select_mask(function, graph_node(function, select), &mask))
        return false;
    *inner = mask.inner;
    *outer = mask.outer;
    return true;
}

/* --- bounds --- */

static void add_reach(Dependence *d, AxisId axis, int64_t reach) {
    int at = axes_find(&d->axes, axis);
    if (at < 0 && d->axes.count == MAX_AXES) {
        d->all = true;
        return;
    }
    if (at < 0) {
        at = d->axes.count;
        axes_append(&d->axes, axis);
        d->reach[at] = reach;
    }
    if (d->reach[at] < reach)
        d->reach[at] = reach;
}

static void drop_axis(Dependence *d, AxisId axis) {
    Dependence kept = {.all = d->all, .mask = d->mask};
    for (int i = 0; i < d->axes.count; i++)
        if (d->axes.at[i] != axis)
            add_reach(&kept, d->axes.at[i], d->reach[i]);
    *d = kept;
}

static void join(Dependence *d, const Dependence *other) {
    d->all = d->all || other->all;
    for (int i = 0; i < other->axes.count; i++)
        add_reach(d, other->axes.at[i], other->reach[i]);
}

/* Behind the mask there is nothing: what is reached along `inner` is so along `outer`. */
static void fold_mask(Dependence *d) {
    int at = axes_find(&d->axes, d->mask.inner);
    if (!d->mask.present || at < 0)
        return;
    int64_t reach = d->reach[at] + d->mask.amount;
    drop_axis(d, d->mask.inner);
    add_reach(d, d->mask.outer, reach);
}

static const Dependence *source(const OrderContext *c, const Node *node, uint32_t which) {
    return &c->at[node->sources[which]];
}

static bool is_constant(const OrderContext *c, NodeId id, double *value) {
    const Node *node = graph_node(c->function, id);
    *value = node->attributes.value;
    return node->op == OP_CONST;
}

static Dependence joined(const OrderContext *c, const Node *node) {
    Dependence d = {0};
    for (uint32_t i = 0; i < node->source_count; i++)
        join(&d, source(c, node, i));
    return d;
}

/* Works along axes in such a way that every element sees all others of its row. */
static Dependence along(const OrderContext *c, const Node *node, bool keeps_axes) {
    Dependence d = joined(c, node);
    const Mask *mask = &source(c, node, 0)->mask;
    bool sums = node->op == OP_SUM && (mask->fill == 0 || mask->fill == -INFINITY);
    if (sums || node->op == OP_REDUCE_MAX || node->op == OP_SOFTMAX)
        d.mask = *mask;
    for (int i = 0; i < node->attributes.axes.count; i++) {
        AxisId axis = node->attributes.axes.at[i];
        d.all = d.all || axes_has(&d.axes, axis);
        if (!keeps_axes && (axis == d.mask.inner || axis == d.mask.outer))
            d.mask.present = false;
    }
    return d;
}

static Dependence along_softmax(const OrderContext *c, const Node *node) {
    Dependence d = along(c, node, true);
    bool row = d.mask.present && axes_has(&node->attributes.axes, d.mask.inner);
    if (row && d.mask.fill == -INFINITY)
        d.mask.fill = 0;
    else
        d.mask.present = false;
    return d;
}

static Dependence select_by(const OrderContext *c, const Node *node) {
    Dependence d = joined(c, node);
    if (select_mask(c->function, node, &d.mask))
        fold_mask(&d);
    return d;
}

/* 0 * x is 0, and -inf * positive is -inf. */
static Dependence multiply(const OrderContext *c, const Node *node) {
    Dependence d = joined(c, node);
    for (uint32_t i = 0; i < 2 && !d.mask.present; i++) {
        const Mask *mask = &source(c, node, i)->mask;
        double factor;
        bool scaled = is_constant(c, node->sources[1 - i], &factor) && factor > 0;
        if (mask->present && (mask->fill == 0 || (scaled && mask->fill == -INFINITY)))
            d.mask = *mask;
    }
    fold_mask(&d);
    return d;
}

static Dependence divide(const OrderContext *c, const Node *node) {
    Dependence d = joined(c, node);
    const Mask *mask = &source(c, node, 0)->mask;
    double divisor;
    if (mask->present && is_constant(c, node->sources[1], &divisor) && divisor > 0 &&
        (mask->fill == 0 || mask->fill == -INFINITY))
        d.mask = *mask;
    fold_mask(&d);
    return d;
}

/* -inf + x is -inf. */
static Dependence add(const OrderContext *c, const Node *node) {
    Dependence d = joined(c, node);
    for (uint32_t i = 0; i < 2 && !d.mask.present; i++)
        if (source(c, node, i)->mask.present && source(c, node, i)->mask.fill == -INFINITY &&
            (node->op == OP_ADD || i == 0))
            d.mask = source(c, node, i)->mask;
    fold_mask(&d);
    return d;
}

static Dependence move(const OrderContext *c, const Node *node) {
    Dependence d = *source(c, node, 0);
    int at = axes_find(&d.axes, node->attributes.axes.at[0]);
    if (at >= 0)
        d.reach[at] -= node->attributes.amount;
    d.mask.present = false;
    join(&d, source(c, node, 1));
    return d;
}

static Dependence renamed(const OrderContext *c, const Node *node) {
    Dependence d = *source(c, node, 0);
    AxisId from = node->attributes.axes.at[0], to = node->attributes.axes.at[1];
    int at = axes_find(&d.axes, from);
    if (at >= 0)
        d.axes.at[at] = to;
    if (d.mask.inner == from)
        d.mask.inner = to;
    if (d.mask.outer == from)
        d.mask.outer = to;
    return d;
}

/* A library may do anything along the axes that it takes; positions along others never meet. */
static Dependence called(const OrderContext *c, const Node *node) {
    Dependence d = joined(c, node);
    const External *external = node->attributes.external;
    for (uint32_t i = 0; i < external->parameter_count; i++) {
        Axes declared;
        external_axes(c->function, &external->parameters[i].type, &declared);
        const Axes seen = axes_intersection(&declared, &source(c, node, i)->axes);
        d.all = d.all || seen.count;
    }
    return d;
}

static Dependence input(const OrderContext *c, const Node *node) {
    Dependence d = {0};
    if (!node->attributes.name || strcmp(node->attributes.name, c->input) != 0)
        return d;
    d.all = true;
    for (int i = 0; i < node->axes.count; i++)
        if (strcmp(graph_axis(c->function, node->axes.at[i])->name, c->axis) == 0) {
            d.all = node->axes.count > 2; /* the batch and that axis */
            add_reach(&d, node->axes.at[i], 0);
        }
    return d;
}

static Dependence dependence(const OrderContext *c, const Node *node) {
    switch (node->op) {
    case OP_INPUT:
        return input(c, node);
    case OP_SUM:
    case OP_REDUCE_MAX:
    case OP_ARGMAX:
    case OP_CONTRACT:
    case OP_GATHER:
    case OP_CROSS_ENTROPY:
        return along(c, node, false);
    case OP_SOFTMAX:
        return along_softmax(c, node);
    case OP_SELECT:
        return select_by(c, node);
    case OP_MUL:
        return multiply(c, node);
    case OP_DIV:
        return divide(c, node);
    case OP_ADD:
    case OP_SUB:
        return add(c, node);
    case OP_SHIFT:
        return move(c, node);
    case OP_RENAME:
        return renamed(c, node);
    case OP_CALL:
        return called(c, node);
    default:
        break;
    }
    Dependence d = joined(c, node);
    d.all = d.all || (node->source_count && !op_is_elementwise(node->op) &&
                      (d.axes.count || node->op == OP_KERNEL));
    return d;
}

bool order_is_autoregressive(Arena *arena, const Function *function, NodeId result,
                             const char *input_name, const char *axis) {
    OrderContext c = {.function = function,
                      .input = input_name,
                      .axis = axis,
                      .at = arena_array(arena, result + 1, sizeof(Dependence))};
    for (NodeId i = 0; i <= result; i++)
        c.at[i] = dependence(&c, graph_node(function, i));
    const Dependence *d = &c.at[result];
    for (int i = 0; i < d->axes.count; i++)
        if (strcmp(graph_axis(function, d->axes.at[i])->name, axis) != 0 || d->reach[i] > -1)
            return false;
    return !d->all;
}
