/* A reduction over an axis that has a reach loses the bound, unless the elements behind a causal
 * mask are constant: a masked node is `fill` wherever p_inner > p_outer + amount, so a reach along
 * `inner` counts as one along `outer`, `amount` further. A softmax takes a mask of -inf to one of
 * 0, and a product with 0 stays 0. What is not known to keep the bound loses it, so a wrong "no" is
 * possible and a wrong "yes" is not (but for products of 0 with what is not finite). */
#include "ir/order.h"

#include "ir/external.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct OrderContext {
    Arena *arena;
    const Function *function;
    const char *input, *axis;
    const OrderBound *bindings; /* by node, of the inputs of attention's body; NULL elsewhere */
    int64_t least;
    OrderBound *at; /* by node */
} OrderContext;

static void add_reach(OrderBound *d, AxisId axis, int64_t reach) {
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

static void drop_axis(OrderBound *d, AxisId axis) {
    OrderBound kept = {.all = d->all, .mask = d->mask};
    for (int i = 0; i < d->axes.count; i++)
        if (d->axes.at[i] != axis)
            add_reach(&kept, d->axes.at[i], d->reach[i]);
    *d = kept;
}

static void join(OrderBound *d, const OrderBound *other) {
    d->all = d->all || other->all;
    for (int i = 0; i < other->axes.count; i++)
        add_reach(d, other->axes.at[i], other->reach[i]);
}

/* Behind the mask there is nothing: what is reached along `inner` is so along `outer`. */
static void fold_mask(OrderBound *d) {
    int at = axes_find(&d->axes, d->mask.inner);
    if (!d->mask.present || at < 0)
        return;
    int64_t reach = d->reach[at] + d->mask.amount;
    drop_axis(d, d->mask.inner);
    add_reach(d, d->mask.outer, reach);
}

static const OrderBound *source(const OrderContext *c, const Node *node, uint32_t which) {
    return &c->at[node->sources[which]];
}

static bool is_constant(const OrderContext *c, NodeId id, double *value) {
    const Node *node = graph_node(c->function, id);
    *value = node->attributes.value;
    return node->op == OP_CONST;
}

static OrderBound joined(const OrderContext *c, const Node *node) {
    OrderBound d = {0};
    for (uint32_t i = 0; i < node->source_count; i++)
        join(&d, source(c, node, i));
    return d;
}

/* Works along axes in such a way that every element sees all others of its row. */
static OrderBound along(const OrderContext *c, const Node *node, bool keeps_axes) {
    OrderBound d = joined(c, node);
    const OrderMask *mask = &source(c, node, 0)->mask;
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

static OrderBound along_softmax(const OrderContext *c, const Node *node) {
    OrderBound d = along(c, node, true);
    bool row = d.mask.present && axes_has(&node->attributes.axes, d.mask.inner);
    if (row && d.mask.fill == -INFINITY)
        d.mask.fill = 0;
    else
        d.mask.present = false;
    return d;
}

/* Whether a node of attention's body is finite wherever its inputs are. */
static bool stays_finite(const Function *body, NodeId id, int depth) {
    enum { MAX_DEPTH_SEARCHED = 12 };
    const Node *node = graph_node(body, id);
    switch (node->op) {
    case OP_CONST:
        return isfinite(node->attributes.value);
    case OP_INDEX:
    case OP_INPUT:
        return true;
    case OP_DIV: {
        const Node *divisor = graph_node(body, node->sources[1]);
        return divisor->op == OP_CONST && divisor->attributes.value != 0 &&
               stays_finite(body, node->sources[0], depth + 1);
    }
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_MIN:
    case OP_MAX:
    case OP_NEGATE:
    case OP_ABS:
    case OP_TANH:
    case OP_SIGMOID:
    case OP_CAST_F32:
        for (uint32_t i = 0; i < node->source_count; i++)
            if (depth > MAX_DEPTH_SEARCHED || !stays_finite(body, node->sources[i], depth + 1))
                return false;
        return true;
    default:
        return false;
    }
}

/* Where it is arithmetic that hides what is behind the mask (0 * x, -inf + x), x must be finite
 * there. Whoever computes with what is not known yet sees to that; but in the body of attention
 * there is no place for it. */
static void fold_arithmetic(const OrderContext *c, const Node *node, OrderBound *d) {
    for (uint32_t i = 0; c->bindings && d->mask.present && i < node->source_count; i++)
        if (axes_has(&source(c, node, i)->axes, d->mask.inner) &&
            !stays_finite(c->function, node->sources[i], 0))
            d->all = true;
    fold_mask(d);
}

static OrderBound select_by(const OrderContext *c, const Node *node) {
    OrderBound d = joined(c, node);
    const AxisId positions = function_find_axis(c->function, c->axis);
    if (order_select_mask(c->function, node, positions, &d.mask))
        fold_mask(&d);
    return d;
}

/* 0 * x is 0, and -inf * positive is -inf. */
static OrderBound multiply(const OrderContext *c, const Node *node) {
    OrderBound d = joined(c, node);
    for (uint32_t i = 0; i < 2 && !d.mask.present; i++) {
        const OrderMask *mask = &source(c, node, i)->mask;
        double factor;
        bool scaled = is_constant(c, node->sources[1 - i], &factor) && factor > 0;
        if (mask->present && (mask->fill == 0 || (scaled && mask->fill == -INFINITY)))
            d.mask = *mask;
    }
    fold_arithmetic(c, node, &d);
    return d;
}

static OrderBound divide(const OrderContext *c, const Node *node) {
    OrderBound d = joined(c, node);
    const OrderMask *mask = &source(c, node, 0)->mask;
    double divisor;
    if (mask->present && is_constant(c, node->sources[1], &divisor) && divisor > 0 &&
        (mask->fill == 0 || mask->fill == -INFINITY))
        d.mask = *mask;
    fold_arithmetic(c, node, &d);
    return d;
}

/* -inf + x is -inf. */
static OrderBound add(const OrderContext *c, const Node *node) {
    OrderBound d = joined(c, node);
    for (uint32_t i = 0; i < 2 && !d.mask.present; i++)
        if (source(c, node, i)->mask.present && source(c, node, i)->mask.fill == -INFINITY &&
            (node->op == OP_ADD || i == 0))
            d.mask = source(c, node, i)->mask;
    fold_arithmetic(c, node, &d);
    return d;
}

/* A product, then its sum. */
static OrderBound contract(const OrderContext *c, const Node *node) {
    OrderBound d = multiply(c, node);
    const Axes *summed = &node->attributes.axes;
    for (int i = 0; i < summed->count; i++)
        d.all = d.all || axes_has(&d.axes, summed->at[i]);
    if (axes_has(summed, d.mask.inner) || axes_has(summed, d.mask.outer))
        d.mask.present = false;
    return d;
}

static OrderBound move(const OrderContext *c, const Node *node) {
    OrderBound d = *source(c, node, 0);
    int at = axes_find(&d.axes, node->attributes.axes.at[0]);
    if (at >= 0)
        d.reach[at] -= node->attributes.amount;
    d.mask.present = false;
    join(&d, source(c, node, 1));
    return d;
}

static OrderBound renamed(const OrderContext *c, const Node *node) {
    OrderBound d = *source(c, node, 0);
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
static OrderBound called(const OrderContext *c, const Node *node) {
    OrderBound d = joined(c, node);
    const External *external = node->attributes.external;
    for (uint32_t i = 0; i < external->parameter_count; i++) {
        Axes declared;
        external_axes(c->function, &external->parameters[i].type, &declared);
        const Axes seen = axes_intersection(&declared, &source(c, node, i)->axes);
        d.all = d.all || seen.count;
    }
    return d;
}

static OrderBound input(const OrderContext *c, const Node *node) {
    OrderBound d = {0};
    if (c->bindings)
        return c->bindings[node - c->function->nodes];
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

/* --- attention --- */

static OrderBound *find_bounds(Arena *arena, OrderContext *c, NodeId count);

/* The same bound over another function's axes of the same names; `all` where one is missing. */
static OrderBound carried(const OrderBound *d, const Function *from, const Function *to) {
    OrderBound result = {.all = d->all, .mask = d->mask};
    for (int i = 0; i < d->axes.count; i++) {
        AxisId axis = function_find_axis(to, graph_axis(from, d->axes.at[i])->name);
        if (axis == AXIS_NONE)
            result.all = true;
        else
            add_reach(&result, axis, d->reach[i]);
    }
    if (d->mask.present) {
        result.mask.inner = function_find_axis(to, graph_axis(from, d->mask.inner)->name);
        result.mask.outer = function_find_axis(to, graph_axis(from, d->mask.outer)->name);
        result.mask.present = result.mask.inner != AXIS_NONE && result.mask.outer != AXIS_NONE;
    }
    return result;
}

/* Of the body's output, given those of the scores before it. */
static OrderBound body_bound(const OrderContext *c, const Node *node, const OrderBound *score) {
    enum { FIRST_EXTRA = 3 };
    const Function *body = node->attributes.body;
    OrderBound *bindings = arena_array(c->arena, body->node_count, sizeof *bindings);
    for (NodeId id = 0; id < body->node_count; id++) {
        const Node *binding = graph_node(body, id);
        if (binding->op != OP_INPUT)
            continue;
        const bool is_score = strcmp(binding->attributes.name, "score") == 0;
        const uint32_t extra = (uint32_t)strtoul(binding->attributes.name + 1, NULL, 10);
        bindings[id] =
            carried(is_score ? score : source(c, node, FIRST_EXTRA + extra), c->function, body);
    }
    OrderContext inner = {.arena = c->arena,
                          .function = body,
                          .bindings = bindings,
                          .axis = c->axis,
                          .least = c->least};
    const NodeId output = body->outputs[0].node;
    return carried(&find_bounds(c->arena, &inner, output + 1)[output], body, c->function);
}

/* Scores behind the mask are -inf, so weights there are 0, and so are products with values. */
static OrderBound attention(const OrderContext *c, const Node *node) {
    const AxisId width = node->attributes.axes.at[0], keys = node->attributes.axes.at[1];
    OrderBound score = *source(c, node, 0);
    score.mask.present = false;
    join(&score, source(c, node, 1));
    score.all = score.all || axes_has(&score.axes, width);
    OrderBound d = body_bound(c, node, &score);
    const bool masked = d.mask.present && d.mask.inner == keys && d.mask.fill == -INFINITY;
    d.all = d.all || axes_has(&d.axes, keys);
    join(&d, source(c, node, 2));
    d.mask.present = masked;
    fold_mask(&d);
    d.all = d.all || axes_has(&d.axes, keys);
    d.mask.present = false;
    return d;
}

/* --- all nodes --- */

static OrderBound bound_of(const OrderContext *c, const Node *node) {
    switch (node->op) {
    case OP_INPUT:
        return input(c, node);
    case OP_SUM:
    case OP_REDUCE_MAX:
    case OP_ARGMAX:
    case OP_GATHER:
    case OP_CROSS_ENTROPY:
        return along(c, node, false);
    case OP_CONTRACT:
        return contract(c, node);
    case OP_SOFTMAX:
        return along_softmax(c, node);
    case OP_ATTENTION:
        return attention(c, node);
    case OP_RESULT:
        return joined(c, node);
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
    OrderBound d = joined(c, node);
    d.all = d.all || (node->source_count && !op_is_elementwise(node->op) &&
                      (d.axes.count || node->op == OP_KERNEL));
    return d;
}

static OrderBound *find_bounds(Arena *arena, OrderContext *c, NodeId count) {
    c->at = arena_array(arena, count, sizeof *c->at);
    for (NodeId id = 0; id < count; id++) {
        OrderBound *d = &c->at[id];
        *d = bound_of(c, graph_node(c->function, id));
        for (int i = 0; i < d->axes.count; i++)
            d->reach[i] = d->reach[i] < c->least ? c->least : d->reach[i];
    }
    return c->at;
}

const OrderBound *order_bounds(Arena *arena, const Function *function, const char *input_name,
                               const char *axis, int64_t least) {
    OrderContext c = {
        .arena = arena, .function = function, .input = input_name, .axis = axis, .least = least};
    return find_bounds(arena, &c, function->node_count);
}

int64_t order_reach(const OrderBound *bound, AxisId axis) {
    const int at = axes_find(&bound->axes, axis);
    return at < 0 ? INT64_MIN : bound->reach[at];
}

bool order_is_autoregressive(Arena *arena, const Function *function, NodeId result,
                             const char *input_name, const char *axis) {
    const OrderBound *d = &order_bounds(arena, function, input_name, axis, INT64_MIN)[result];
    for (int i = 0; i < d->axes.count; i++)
        if (strcmp(graph_axis(function, d->axes.at[i])->name, axis) != 0 || d->reach[i] > -1)
            return false;
    return !d->all;
}
