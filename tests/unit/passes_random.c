/* Nodes are drawn one by one over those that there are. Values stay of moderate size: what grows
 * goes through tanh. */
#include "tests/unit/passes_random.h"

#include "ir/build.h"
#include "tests/unit/passes_support.h"

typedef struct Growth {
    Function *function;
    Draws draws;
    AxisId axes[5];
    NodeId *reals, *conditions; /* f32 and bool nodes so far */
    uint32_t real_count, condition_count;
} Growth;

enum { AXIS_COUNT = 5, MOST_AXES = 5 };

static NodeId pick_real(Growth *growth) {
    /* Recent ones more often: depth. */
    const uint64_t recent = growth->real_count < 8 ? growth->real_count : 8;
    if (draw_below(&growth->draws, 2))
        return growth->reals[growth->real_count - 1 - draw_below(&growth->draws, recent)];
    return growth->reals[draw_below(&growth->draws, growth->real_count)];
}

static const Axes *axes_at(const Growth *growth, NodeId id) {
    return &graph_node(growth->function, id)->axes;
}

static Axes draw_axes(Growth *growth, uint64_t most) {
    Axes axes = {0};
    for (uint64_t i = draw_below(&growth->draws, most + 1); i > 0; i--) {
        const AxisId axis = growth->axes[draw_below(&growth->draws, AXIS_COUNT)];
        if (!axes_has(&axes, axis))
            axes_append(&axes, axis);
    }
    return axes;
}

/* Some of the axes of a node, at least one; none where it is a scalar. */
static Axes draw_axes_of(Growth *growth, NodeId id) {
    const Axes *all = axes_at(growth, id);
    Axes axes = {0};
    for (int i = 0; i < all->count; i++)
        if (draw_below(&growth->draws, 2))
            axes_append(&axes, all->at[i]);
    if (axes.count == 0 && all->count)
        axes_append(&axes, all->at[draw_below(&growth->draws, all->count)]);
    return axes;
}

static void keep_real(Growth *growth, NodeId id) { growth->reals[growth->real_count++] = id; }

static void keep_condition(Growth *growth, NodeId id) {
    growth->conditions[growth->condition_count++] = id;
}

static NodeId constant(Growth *growth) {
    static const double values[] = {0, 1, -1, 2, 0.5, 3, 0.1, -0.25, 4};
    return build_const(growth->function, DTYPE_F32,
                       values[draw_below(&growth->draws, sizeof values / sizeof values[0])]);
}

static NodeId grow_unary(Growth *growth) {
    static const OpCode ops[] = {OP_NEGATE, OP_NEGATE, OP_TANH, OP_SIGMOID, OP_ABS, OP_SIN};
    const OpCode op = ops[draw_below(&growth->draws, sizeof ops / sizeof ops[0])];
    return build_unary(growth->function, op, pick_real(growth));
}

static bool fits(const Growth *growth, NodeId a, NodeId b) {
    const Axes fresh = axes_minus(axes_at(growth, b), axes_at(growth, a));
    return axes_at(growth, a)->count + fresh.count <= MOST_AXES;
}

static NodeId grow_binary(Growth *growth) {
    static const OpCode ops[] = {OP_ADD, OP_ADD, OP_SUB, OP_MUL, OP_MUL, OP_MUL, OP_MIN, OP_MAX};
    const OpCode op = ops[draw_below(&growth->draws, sizeof ops / sizeof ops[0])];
    const NodeId a = pick_real(growth);
    const NodeId b = draw_below(&growth->draws, 4) ? pick_real(growth) : constant(growth);
    if (!fits(growth, a, b))
        return a;
    return draw_below(&growth->draws, 2) ? build_binary(growth->function, op, a, b)
                                         : build_binary(growth->function, op, b, a);
}

/* The product of several, often the same, summed over some axes. */
static NodeId grow_sum_of_products(Growth *growth) {
    NodeId product = pick_real(growth);
    for (uint64_t i = 1 + draw_below(&growth->draws, 3); i > 0; i--) {
        const NodeId factor = pick_real(growth);
        if (fits(growth, product, factor))
            product = build_binary(growth->function, OP_MUL, product, factor);
    }
    const Axes axes = draw_axes_of(growth, product);
    const NodeId sum = build_along(growth->function, OP_SUM, product, &axes);
    return build_unary(growth->function, OP_TANH, sum);
}

static NodeId grow_contract(Growth *growth) {
    const NodeId a = pick_real(growth), b = pick_real(growth);
    const Axes shared = axes_intersection(axes_at(growth, a), axes_at(growth, b));
    if (shared.count == 0 || !fits(growth, a, b))
        return a;
    Axes over = {0};
    axes_append(&over, shared.at[draw_below(&growth->draws, shared.count)]);
    return build_contract(growth->function, a, b, &over);
}

static NodeId grow_power(Growth *growth) {
    static const double exponents[] = {1, 2, 3, 4, 0.5, -0.5, -1, 1.5};
    const NodeId exponent =
        build_const(growth->function, DTYPE_F32, exponents[draw_below(&growth->draws, 8)]);
    const NodeId base = build_unary(growth->function, OP_SIGMOID, pick_real(growth));
    return build_binary(growth->function, OP_POW, base, exponent);
}

static NodeId grow_quotient(Growth *growth) {
    static const double divisors[] = {1, -1, 2, 0.5, 3, 8};
    const NodeId a = pick_real(growth);
    if (draw_below(&growth->draws, 2))
        return build_binary(
            growth->function, OP_DIV, a,
            build_const(growth->function, DTYPE_F32, divisors[draw_below(&growth->draws, 6)]));
    const NodeId positive = build_unary(growth->function, OP_SIGMOID, pick_real(growth));
    const NodeId root = build_unary(growth->function, OP_SQRT, positive);
    return build_binary(growth->function, OP_DIV, build_const(growth->function, DTYPE_F32, 1),
                        root);
}

static NodeId grow_rename(Growth *growth) {
    const NodeId a = pick_real(growth);
    const AxisId n = growth->axes[1], m = growth->axes[2];
    const bool has_n = axes_has(axes_at(growth, a), n), has_m = axes_has(axes_at(growth, a), m);
    if (has_n == has_m)
        return a;
    return has_n ? build_rename(growth->function, a, n, m)
                 : build_rename(growth->function, a, m, n);
}

static NodeId grow_shift(Growth *growth) {
    const NodeId a = pick_real(growth);
    if (axes_at(growth, a)->count == 0)
        return a;
    const AxisId axis = axes_at(growth, a)->at[0];
    return build_shift(growth->function, a, constant(growth), axis,
                       (int64_t)draw_below(&growth->draws, 5) - 2);
}

static NodeId grow_row(Growth *growth) {
    const NodeId a = pick_real(growth);
    if (axes_at(growth, a)->count == 0)
        return a;
    const AxisId axis =
        axes_at(growth, a)->at[draw_below(&growth->draws, axes_at(growth, a)->count)];
    const Axes along = axes_of(&axis, 1);
    return build_along(growth->function, draw_below(&growth->draws, 2) ? OP_SOFTMAX : OP_REDUCE_MAX,
                       a, &along);
}

static NodeId grow_select(Growth *growth) {
    const NodeId condition =
        growth->conditions[draw_below(&growth->draws, growth->condition_count)];
    const NodeId a = pick_real(growth), b = draw_below(&growth->draws, 2) ? pick_real(growth) : a;
    if (!fits(growth, a, b) || !fits(growth, condition, a))
        return a;
    const Axes both = axes_union(axes_at(growth, a), axes_at(growth, b));
    const Axes fresh = axes_minus(axes_at(growth, condition), &both);
    if (both.count + fresh.count > MOST_AXES)
        return a;
    return build_select(growth->function, condition, a, b);
}

/* Comparisons of positions, and logic of these: what no rounding changes. */
static void grow_condition(Growth *growth) {
    Function *function = growth->function;
    if (growth->condition_count < 4 || draw_below(&growth->draws, 2)) {
        const NodeId a =
            build_index(function, growth->axes[draw_below(&growth->draws, AXIS_COUNT)]);
        const NodeId b = draw_below(&growth->draws, 2)
                             ? build_index(function, growth->axes[draw_below(&growth->draws, 5)])
                             : build_const(function, DTYPE_I32, 1);
        keep_condition(growth, build_binary(function, OP_LESS_EQUAL, a, b));
        return;
    }
    const NodeId a = growth->conditions[draw_below(&growth->draws, growth->condition_count)];
    const NodeId b = growth->conditions[draw_below(&growth->draws, growth->condition_count)];
    if (draw_below(&growth->draws, 2))
        keep_condition(growth, build_unary(function, OP_NOT, a));
    else if (fits(growth, a, b))
        keep_condition(
            growth, build_binary(function, draw_below(&growth->draws, 2) ? OP_AND : OP_OR, a, b));
}

static void grow_leaves(Growth *growth) {
    static const char *const names[] = {"p0", "p1", "p2", "p3", "p4", "p5"};
    for (uint32_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const Axes axes = draw_axes(growth, 4);
        keep_real(growth, build_param(growth->function, names[i], DTYPE_F32, &axes));
    }
    keep_condition(growth, build_const(growth->function, DTYPE_BOOL, 1));
    keep_condition(growth, build_const(growth->function, DTYPE_BOOL, 0));
    grow_condition(growth);
}

static void grow_one(Growth *growth) {
    typedef NodeId Grow(Growth *);
    static Grow *const ways[] = {
        grow_unary,  grow_binary,          grow_binary,         grow_binary, grow_contract,
        grow_power,  grow_rename,          grow_quotient,       grow_shift,  grow_row,
        grow_select, grow_sum_of_products, grow_sum_of_products};
    const uint32_t first = growth->function->node_count;
    const NodeId id = ways[draw_below(&growth->draws, sizeof ways / sizeof ways[0])](growth);
    if (id >= first)
        keep_real(growth, id);
    if (draw_below(&growth->draws, 4) == 0)
        grow_condition(growth);
}

static Growth grow(Arena *arena, uint64_t seed, uint32_t nodes) {
    static const char *const names[] = {"b", "n", "m", "d", "e"};
    static const int64_t extents[] = {2, 3, 3, 4, 2};
    Growth growth = {.function = function_create(arena, "random"), .draws = {seed}};
    for (int i = 0; i < AXIS_COUNT; i++)
        growth.axes[i] = function_axis(growth.function, names[i], extents[i]);
    growth.reals = arena_array(arena, nodes + 16, sizeof(NodeId));
    growth.conditions = arena_array(arena, nodes + 16, sizeof(NodeId));
    grow_leaves(&growth);
    for (uint32_t i = 0; i < nodes; i++)
        grow_one(&growth);
    return growth;
}

Function *random_function(Arena *arena, uint64_t seed, uint32_t nodes) {
    Growth growth = grow(arena, seed, nodes);
    static const char *const names[] = {"y0", "y1", "y2"};
    for (uint32_t i = 0; i < 3; i++)
        function_output(growth.function, names[i], growth.reals[growth.real_count - 1 - i], NULL);
    return growth.function;
}

Function *random_loss(Arena *arena, uint64_t seed) {
    Growth growth = grow(arena, seed, 30);
    NodeId loss = build_const(growth.function, DTYPE_F32, 0);
    const Axes batch = axes_of(growth.axes, 1);
    for (uint32_t i = 0; i < growth.real_count; i++) {
        const Axes rest = axes_minus(axes_at(&growth, growth.reals[i]), &batch);
        const NodeId term = build_along(growth.function, OP_SUM, growth.reals[i], &rest);
        loss = build_binary(growth.function, OP_ADD, loss, term);
    }
    function_output(growth.function, "loss", loss, NULL);
    return growth.function;
}
