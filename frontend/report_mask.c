/* A condition on positions is evaluated by the interpreter: its part of the graph is copied to a
 * function of one axis, the points, in which the positions are inputs. Up to MOST_POINTS of them
 * these are all points there are, so the share is exact; of more, one is drawn from each of
 * MOST_POINTS equal strata. Conditions are equal when their graphs are, so those of a repeated
 * block are evaluated once.
 *
 * Shares go forward from selects (what a mask makes constant stays so through products and softmax)
 * and backward from them (what a select throws away was not needed). */
#include "frontend/report_mask.h"

#include "ir/build.h"
#include "ir/interpret.h"
#include "ir/order.h"
#include "ir/philox.h"

#include <math.h>
#include <string.h>

enum { MOST_POINTS = 1 << 18, MOST_CONDITIONS = 64, MOST_DISTINCT = 1024 };

/* A share of a node's elements; where the axes are not all there, nothing is known of it. */
typedef struct Share {
    double of; /* 1: all, or unknown */
    Axes axes; /* that tell elements apart */
} Share;

typedef struct Kept {
    Share share;
    double fill; /* what the other elements are */
} Kept;

typedef struct Masks {
    const Function *function;
    const bool *needed;
    Arena *arena;
    NodeId *same;  /* by node of positions alone: the first that is equal; else NODE_NONE */
    double *holds; /* by the first of equal conditions: the share of points where it holds; < 0: not
                      evaluated yet */
    int conditions; /* evaluated */
    Kept *kept;     /* by node */
    Share *read;    /* by node; of 0: nothing reads it yet */
} Masks;

static const Share all = {.of = 1};

static const Node *node_of(const Masks *m, NodeId id) { return graph_node(m->function, id); }

/* --- conditions --- */

static bool same_node(const Masks *m, const Node *a, const Node *b) {
    bool same = a->op == b->op && a->dtype == b->dtype && a->source_count == b->source_count &&
                a->attributes.value == b->attributes.value &&
                axes_equal(&a->attributes.axes, &b->attributes.axes);
    for (uint32_t i = 0; same && i < a->source_count; i++)
        same = m->same[a->sources[i]] == m->same[b->sources[i]];
    return same;
}

/* Finds the nodes that depend on positions alone, and which of them are equal. */
static void find_same(Masks *m) {
    const uint32_t count = m->function->node_count;
    NodeId firsts[MOST_DISTINCT];
    uint32_t first_count = 0;
    for (NodeId id = 0; id < count; id++) {
        const Node *node = node_of(m, id);
        bool positions = m->needed[id] && (node->op == OP_INDEX || node->op == OP_CONST ||
                                           op_is_elementwise(node->op));
        for (uint32_t i = 0; positions && i < node->source_count; i++)
            positions = m->same[node->sources[i]] != NODE_NONE;
        uint32_t i = 0;
        while (positions && i < first_count && !same_node(m, node, node_of(m, firsts[i])))
            i++;
        if (positions && i == first_count && i < MOST_DISTINCT)
            firsts[first_count++] = id;
        m->same[id] = positions && i < first_count ? firsts[i] : NODE_NONE;
    }
}

static NodeId copy_node(const Masks *m, Function *points, NodeId id, const NodeId *copies) {
    Node node = *node_of(m, id);
    AxisId point = 0;
    const Axes axes = axes_of(&point, 1);
    if (node.op == OP_INDEX)
        return build_input(points, graph_axis(m->function, node.attributes.axes.at[0])->name,
                           DTYPE_I32, &axes);
    NodeId *sources = arena_array(points->arena, node.source_count, sizeof *sources);
    for (uint32_t i = 0; i < node.source_count; i++)
        sources[i] = copies[m->same[node.sources[i]]];
    node.sources = sources;
    node.axes = (Axes){0};
    return graph_add(points, node);
}

/* The condition as a function of points. */
static const Function *copy_condition(const Masks *m, Arena *arena, NodeId condition,
                                      int64_t count) {
    bool *part = arena_array(arena, condition + 1, sizeof *part);
    NodeId *copies = arena_array(arena, condition + 1, sizeof *copies);
    Function *points = function_create(arena, "points");
    function_axis(points, "point", count);
    part[condition] = true;
    for (NodeId id = condition + 1; id-- > 0;)
        for (uint32_t i = 0; part[id] && i < node_of(m, id)->source_count; i++)
            part[m->same[node_of(m, id)->sources[i]]] = true;
    for (NodeId id = 0; id <= condition; id++)
        if (part[id])
            copies[id] = copy_node(m, points, id, copies);
    function_output(points, "holds", copies[condition], NULL);
    return points;
}

/* Positions along each axis at points spread over `all_points` of them. */
static void bind_points(const Masks *m, Arena *arena, const Axes *axes, int64_t all_points,
                        int64_t count, InterpretBinding *bindings) {
    double *values = arena_array(arena, (size_t)(axes->count * count), sizeof *values);
    for (int64_t i = 0; i < count; i++) {
        const PhiloxBlock counter = {{(uint32_t)i, 0, 0, 0}};
        const double at = all_points > count ? random_unit(philox4x32(counter, 0, 0).word[0]) : 0;
        int64_t point = (int64_t)(((double)i + at) * ((double)all_points / (double)count));
        for (int axis = axes->count; axis-- > 0;) {
            const int64_t extent = graph_axis(m->function, axes->at[axis])->extent;
            values[axis * count + i] = (double)(point % extent);
            point /= extent;
        }
    }
    for (int axis = 0; axis < axes->count; axis++)
        bindings[axis] = (InterpretBinding){graph_axis(m->function, axes->at[axis])->name,
                                            values + axis * count, count};
}

static double evaluate_in(const Masks *m, Arena *arena, NodeId condition) {
    const Axes *axes = &node_of(m, condition)->axes;
    const int64_t all_points = axes_elements(m->function, axes);
    const int64_t count = all_points < MOST_POINTS ? all_points : MOST_POINTS;
    InterpretBinding bindings[MAX_AXES];
    InterpretError error;
    bind_points(m, arena, axes, all_points, count, bindings);
    double **values = interpret(copy_condition(m, arena, condition, count), bindings,
                                (size_t)axes->count, arena, &error);
    int64_t holds = 0;
    for (int64_t i = 0; values && i < count; i++)
        holds += values[0][i] != 0;
    return values ? (double)holds / (double)count : 1;
}

/* The share of points where it holds, in memory that is given back; 1 where that can't be told. */
static double evaluate(Masks *m, NodeId condition) {
    volatile double share = 1; /* kept where an allocation fails */
    if (m->conditions++ >= MOST_CONDITIONS)
        return share;
    Arena *arena = arena_create();
    if (arena && !setjmp(*arena_boundary(arena)))
        share = evaluate_in(m, arena, condition);
    arena_destroy(arena);
    return share;
}

static bool is_const(const Masks *m, NodeId id, double *value) {
    *value = node_of(m, id)->attributes.value;
    return node_of(m, id)->op == OP_CONST;
}

/* The share of a select's elements that come from source 1 or 2. */
static Share taken(Masks *m, NodeId select, uint32_t side) {
    const Node *node = node_of(m, select);
    const NodeId condition = m->same[node->sources[0]];
    AxisId inner, outer;
    double fill;
    if (condition == NODE_NONE || node_of(m, condition)->axes.count == 0)
        return all;
    if (m->holds[condition] < 0)
        m->holds[condition] = evaluate(m, condition);
    Share share = {side == 1 ? m->holds[condition] : 1 - m->holds[condition],
                   node_of(m, condition)->axes};
    if (share.of > 0.5 && is_const(m, node->sources[3 - side], &fill) &&
        order_is_causal_select(m->function, select, &inner, &outer))
        share.of = 0.5;
    return share;
}

/* --- forward: what masks make constant --- */

static const Kept whole = {.share = {.of = 1}};

static Kept select_keeps(Masks *m, NodeId id) {
    const Node *node = node_of(m, id);
    Kept kept = whole;
    for (uint32_t side = 1; side <= 2; side++)
        if (is_const(m, node->sources[3 - side], &kept.fill)) {
            kept.share = taken(m, id, side);
            return kept;
        }
    return whole;
}

/* Whether all of `fill` stays so when a positive number is multiplied or divided by. */
static bool scales(double fill) { return fill == 0 || fill == -INFINITY; }

static Kept product_keeps(const Masks *m, const Node *node) {
    Kept best = whole;
    for (uint32_t i = 0; i < (node->op == OP_DIV ? 1 : 2); i++) {
        const Kept *kept = &m->kept[node->sources[i]];
        double factor;
        const bool scaled = is_const(m, node->sources[1 - i], &factor) && factor > 0;
        const bool keeps = kept->fill == 0 || (scaled && scales(kept->fill));
        if (keeps && kept->share.of < best.share.of)
            best = *kept;
    }
    return best;
}

static Kept sum_keeps(const Masks *m, const Node *node) {
    Kept best = whole;
    for (uint32_t i = 0; i < (node->op == OP_SUB ? 1 : 2); i++)
        if (m->kept[node->sources[i]].fill == -INFINITY &&
            m->kept[node->sources[i]].share.of < best.share.of)
            best = m->kept[node->sources[i]];
    return best;
}

static Kept keeps(Masks *m, NodeId id) {
    const Node *node = node_of(m, id);
    const Kept *first = node->source_count ? &m->kept[node->sources[0]] : &whole;
    switch (node->op) {
    case OP_SELECT:
        return select_keeps(m, id);
    case OP_SOFTMAX:
    case OP_EXP:
        return first->fill == -INFINITY ? (Kept){first->share, 0} : whole;
    case OP_MUL:
    case OP_DIV:
        return product_keeps(m, node);
    case OP_ADD:
    case OP_SUB:
        return sum_keeps(m, node);
    case OP_STOP_GRADIENT:
        return *first;
    default:
        return whole;
    }
}

/* --- backward: what is read --- */

/* Of two readers; what two different masks read together is not known. */
static Share joined(const Share *a, const Share *b) {
    if (a->of == 0)
        return *b;
    return a->of == b->of && axes_same_set(&a->axes, &b->axes) ? *a : all;
}

/* What a node whose elements are read so reads of source `which`. */
static Share reads(Masks *m, NodeId id, uint32_t which) {
    const Node *node = node_of(m, id);
    const Axes *axes = &node_of(m, node->sources[which])->axes;
    Share share = m->read[id];
    if (node->op == OP_SELECT && which > 0) {
        const Share own = taken(m, id, which);
        if (own.of < share.of)
            share = own;
    } else if (!op_is_elementwise(node->op) && node->op != OP_SUM) {
        return all;
    }
    return axes_subset(&share.axes, axes) ? share : all;
}

const double *mask_shares(const Function *function, const bool *needed, Arena *arena) {
    const uint32_t count = function->node_count;
    Masks m = {.function = function,
               .needed = needed,
               .arena = arena,
               .same = arena_array(arena, count, sizeof(NodeId)),
               .holds = arena_array(arena, count, sizeof(double)),
               .kept = arena_array(arena, count, sizeof(Kept)),
               .read = arena_array(arena, count, sizeof(Share))};
    double *shares = arena_array(arena, count, sizeof *shares);
    find_same(&m);
    for (NodeId id = 0; id < count; id++) {
        m.holds[id] = -1;
        m.kept[id] = needed[id] ? keeps(&m, id) : whole;
    }
    for (NodeId id = count; id-- > 0;) {
        if (m.read[id].of == 0)
            m.read[id] = all; /* an output */
        for (uint32_t i = 0; needed[id] && i < node_of(&m, id)->source_count; i++) {
            const Share share = reads(&m, id, i);
            Share *read = &m.read[node_of(&m, id)->sources[i]];
            *read = joined(read, &share);
        }
        shares[id] = fmin(m.kept[id].share.of, m.read[id].of);
    }
    return shares;
}
