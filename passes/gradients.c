/* In the comments a, b, c are the sources, y the result, d_ the gradient by it, [x] the op's axes.
 */
#include "passes/gradients.h"

#include "ir/build.h"
#include "ir/external.h"
#include "passes/lower.h"
#include "passes/rewrite.h"

/* --- short hands --- */

static const Node *node_of(const Backward *backward, NodeId id) {
    return graph_node(backward->function, id);
}

static NodeId source(const Backward *backward, NodeId y, uint32_t which) {
    return node_of(backward, y)->sources[which];
}

static NodeId constant(Backward *backward, double value) {
    return build_const(backward->function, DTYPE_F32, value);
}

static NodeId unary(Backward *backward, OpCode op, NodeId a) {
    return build_unary(backward->function, op, a);
}

static NodeId binary(Backward *backward, OpCode op, NodeId a, NodeId b) {
    return build_binary(backward->function, op, a, b);
}

static NodeId multiply(Backward *backward, NodeId a, NodeId b) {
    return binary(backward, OP_MUL, a, b);
}

static NodeId scale(Backward *backward, NodeId a, double factor) {
    return multiply(backward, a, constant(backward, factor));
}

/* gradient where the condition holds, else 0; or the other way round. */
static NodeId keep_where(Backward *backward, NodeId condition, NodeId gradient) {
    return build_select(backward->function, condition, gradient, constant(backward, 0));
}

static NodeId keep_unless(Backward *backward, NodeId condition, NodeId gradient) {
    return build_select(backward->function, condition, constant(backward, 0), gradient);
}

/* --- elementwise, one source --- */

void gradient_none(Backward *backward, NodeId y, NodeId dy) {
    (void)backward;
    (void)y;
    (void)dy;
}

static void gradient_cast(Backward *backward, NodeId y, NodeId dy) {
    backward_flow(backward, y, 0, dy);
}

static void gradient_negate(Backward *backward, NodeId y, NodeId dy) {
    backward_flow(backward, y, 0, unary(backward, OP_NEGATE, dy));
}

static void gradient_abs(Backward *backward, NodeId y, NodeId dy) {
    const NodeId a = source(backward, y, 0), zero = constant(backward, 0);
    const NodeId positive = keep_where(backward, binary(backward, OP_LESS, zero, a), dy);
    const NodeId negative = unary(backward, OP_NEGATE, dy);
    backward_flow(
        backward, y, 0,
        build_select(backward->function, binary(backward, OP_LESS, a, zero), negative, positive));
}

static void gradient_exp(Backward *backward, NodeId y, NodeId dy) {
    backward_flow(backward, y, 0, multiply(backward, dy, y));
}

static void gradient_log(Backward *backward, NodeId y, NodeId dy) {
    backward_flow(backward, y, 0, binary(backward, OP_DIV, dy, source(backward, y, 0)));
}

/* da = dy / (2 y) */
static void gradient_sqrt(Backward *backward, NodeId y, NodeId dy) {
    backward_flow(backward, y, 0, binary(backward, OP_DIV, scale(backward, dy, 0.5), y));
}

/* da = -dy y^3 / 2 */
static void gradient_rsqrt(Backward *backward, NodeId y, NodeId dy) {
    const NodeId cube = multiply(backward, multiply(backward, y, y), y);
    backward_flow(backward, y, 0, multiply(backward, dy, scale(backward, cube, -0.5)));
}

static void gradient_sin(Backward *backward, NodeId y, NodeId dy) {
    const NodeId slope = unary(backward, OP_COS, source(backward, y, 0));
    backward_flow(backward, y, 0, multiply(backward, dy, slope));
}

static void gradient_cos(Backward *backward, NodeId y, NodeId dy) {
    const NodeId slope =
        unary(backward, OP_NEGATE, unary(backward, OP_SIN, source(backward, y, 0)));
    backward_flow(backward, y, 0, multiply(backward, dy, slope));
}

/* da = dy (1 - y^2) */
static void gradient_tanh(Backward *backward, NodeId y, NodeId dy) {
    const NodeId slope = binary(backward, OP_SUB, constant(backward, 1), multiply(backward, y, y));
    backward_flow(backward, y, 0, multiply(backward, dy, slope));
}

/* da = dy y (1 - y) */
static void gradient_sigmoid(Backward *backward, NodeId y, NodeId dy) {
    const NodeId rest = binary(backward, OP_SUB, constant(backward, 1), y);
    backward_flow(backward, y, 0, multiply(backward, dy, multiply(backward, y, rest)));
}

/* --- elementwise, more sources --- */

static void gradient_add(Backward *backward, NodeId y, NodeId dy) {
    backward_flow(backward, y, 0, dy);
    backward_flow(backward, y, 1, dy);
}

static void gradient_sub(Backward *backward, NodeId y, NodeId dy) {
    backward_flow(backward, y, 0, dy);
    backward_flow(backward, y, 1, unary(backward, OP_NEGATE, dy));
}

static void gradient_mul(Backward *backward, NodeId y, NodeId dy) {
    backward_flow(backward, y, 0, multiply(backward, dy, source(backward, y, 1)));
    backward_flow(backward, y, 1, multiply(backward, dy, source(backward, y, 0)));
}

/* da = dy / b, db = -da y */
static void gradient_div(Backward *backward, NodeId y, NodeId dy) {
    const NodeId da = binary(backward, OP_DIV, dy, source(backward, y, 1));
    backward_flow(backward, y, 0, da);
    backward_flow(backward, y, 1, unary(backward, OP_NEGATE, multiply(backward, da, y)));
}

/* da = dy b a^(b - 1); db = dy y log a, and 0 where a is 0 */
static void gradient_pow(Backward *backward, NodeId y, NodeId dy) {
    const NodeId a = source(backward, y, 0), b = source(backward, y, 1);
    const NodeId less = binary(backward, OP_SUB, b, constant(backward, 1));
    const NodeId slope = multiply(backward, b, binary(backward, OP_POW, a, less));
    backward_flow(backward, y, 0, multiply(backward, dy, slope));
    const NodeId at_zero = binary(backward, OP_EQUAL, a, constant(backward, 0));
    const NodeId growth =
        keep_unless(backward, at_zero, multiply(backward, y, unary(backward, OP_LOG, a)));
    backward_flow(backward, y, 1, multiply(backward, dy, growth));
}

/* Where they are equal a takes all. */
static void flow_to_chosen(Backward *backward, NodeId y, NodeId dy, NodeId is_first) {
    backward_flow(backward, y, 0, keep_where(backward, is_first, dy));
    backward_flow(backward, y, 1, keep_unless(backward, is_first, dy));
}

static void gradient_min(Backward *backward, NodeId y, NodeId dy) {
    flow_to_chosen(backward, y, dy,
                   binary(backward, OP_LESS_EQUAL, source(backward, y, 0), source(backward, y, 1)));
}

static void gradient_max(Backward *backward, NodeId y, NodeId dy) {
    flow_to_chosen(backward, y, dy,
                   binary(backward, OP_LESS_EQUAL, source(backward, y, 1), source(backward, y, 0)));
}

static void gradient_select(Backward *backward, NodeId y, NodeId dy) {
    const NodeId condition = source(backward, y, 0);
    backward_flow(backward, y, 1, keep_where(backward, condition, dy));
    backward_flow(backward, y, 2, keep_unless(backward, condition, dy));
}

/* --- over axes --- */

/* da is dy, the same all along [x]. */
static void gradient_sum(Backward *backward, NodeId y, NodeId dy) {
    backward_flow_exact(backward, y, 0, dy);
}

/* da = dy / (how many are largest) where a is largest */
static void gradient_reduce_max(Backward *backward, NodeId y, NodeId dy) {
    const Axes over = node_of(backward, y)->attributes.axes;
    const NodeId is_largest = binary(backward, OP_EQUAL, source(backward, y, 0), y);
    const NodeId count = backward_sum(backward, unary(backward, OP_CAST_F32, is_largest), &over);
    const NodeId share = binary(backward, OP_DIV, dy, count);
    backward_flow_exact(backward, y, 0, keep_where(backward, is_largest, share));
}

/* da = sum of dy b over the axes that b alone brings, and the other way round: contractions again.
 */
static void gradient_contract(Backward *backward, NodeId y, NodeId dy) {
    for (uint32_t which = 0; which < 2; which++) {
        const NodeId other = source(backward, y, 1 - which);
        const Axes own = node_of(backward, source(backward, y, which))->axes;
        const Axes brought = axes_minus(&node_of(backward, other)->axes, &own);
        backward_flow_exact(backward, y, which,
                            backward_sum_product(backward, dy, other, &brought));
    }
}

/* da = y (dy - sum[x](dy y)) */
static void gradient_softmax(Backward *backward, NodeId y, NodeId dy) {
    const Axes along = node_of(backward, y)->attributes.axes;
    const NodeId mean = backward_sum_product(backward, dy, y, &along);
    backward_flow(backward, y, 0, multiply(backward, y, binary(backward, OP_SUB, dy, mean)));
}

/* da = (softmax[x](a) - (x is b)) dy */
static void gradient_cross_entropy(Backward *backward, NodeId y, NodeId dy) {
    const Axes along = node_of(backward, y)->attributes.axes;
    const NodeId logits = source(backward, y, 0), classes = source(backward, y, 1);
    const NodeId weights = build_along(backward->function, OP_SOFTMAX, logits, &along);
    const NodeId is_class = lower_is_class(backward->function, classes, along.at[0]);
    const NodeId difference =
        build_select(backward->function, is_class,
                     binary(backward, OP_SUB, weights, constant(backward, 1)), weights);
    const NodeId by_logits = multiply(backward, difference, dy);
    const Axes brought =
        axes_minus(&node_of(backward, classes)->axes, &node_of(backward, logits)->axes);
    backward_flow_exact(backward, y, 0, backward_sum(backward, by_logits, &brought));
}

/* --- moving along an axis --- */

/* da = dy added up at the positions that it was taken from */
static void gradient_gather(Backward *backward, NodeId y, NodeId dy) {
    const NodeId table = source(backward, y, 0), positions = source(backward, y, 1);
    const AxisId axis = node_of(backward, y)->attributes.axes.at[0];
    const Axes over =
        axes_minus(&node_of(backward, positions)->axes, &node_of(backward, table)->axes);
    backward_flow_exact(backward, y, 0,
                        build_scatter_add(backward->function, positions, dy, axis, &over));
}

/* db = dy at the positions that it was added to */
static void gradient_scatter_add(Backward *backward, NodeId y, NodeId dy) {
    const NodeId positions = source(backward, y, 0), updates = source(backward, y, 1);
    const AxisId axis = node_of(backward, y)->attributes.axes.at[0];
    const Axes missing =
        axes_minus(&node_of(backward, positions)->axes, &node_of(backward, updates)->axes);
    NodeId taken = dy;
    if (axes_has(&node_of(backward, dy)->axes, axis))
        taken = build_gather(backward->function, dy, positions, axis);
    backward_flow_exact(backward, y, 1, backward_sum(backward, taken, &missing));
}

/* Between -extent and extent: a shift by more does no more. */
static int64_t bounded(int64_t amount, int64_t extent) {
    if (amount > extent)
        return extent;
    return amount < -extent ? -extent : amount;
}

/* a goes back by as much; b has the sum of what it had filled. */
static void gradient_update_slice(Backward *backward, NodeId y, NodeId dy) {
    Function *function = backward->function;
    const Axes *along = &node_of(backward, y)->attributes.axes;
    const Axes present = node_of(backward, dy)->axes, all = axes_union(&present, along);
    const NodeId index = build_index(function, along->at[0]);
    const NodeId here = binary(backward, OP_EQUAL, index, source(backward, y, 1));
    const NodeId full = build_broadcast(function, dy, &all);
    backward_flow(backward, y, 0, keep_unless(backward, here, full));
    backward_flow(backward, y, 2, keep_where(backward, here, full));
}

static void gradient_shift(Backward *backward, NodeId y, NodeId dy) {
    Function *function = backward->function;
    const AxisId axis = node_of(backward, y)->attributes.axes.at[0];
    const int64_t extent = graph_axis(function, axis)->extent;
    const int64_t amount = bounded(node_of(backward, y)->attributes.amount, extent);
    const Axes along = axes_of(&axis, 1), present = node_of(backward, dy)->axes;
    const Axes all = axes_union(&present, &along);
    const NodeId full = build_broadcast(function, dy, &all);
    backward_flow(backward, y, 0,
                  build_shift(function, full, constant(backward, 0), axis, -amount));
    const NodeId index = build_index(function, axis);
    const NodeId edge =
        build_const(function, DTYPE_I32, (double)(amount > 0 ? amount : extent + amount));
    const NodeId before_edge = binary(backward, OP_LESS, index, edge);
    backward_flow(backward, y, 1,
                  amount > 0 ? keep_where(backward, before_edge, full)
                             : keep_unless(backward, before_edge, full));
}

static void gradient_rename(Backward *backward, NodeId y, NodeId dy) {
    const Axes *names = &node_of(backward, y)->attributes.axes;
    const AxisId from = names->at[0], to = names->at[1];
    if (axes_has(&node_of(backward, dy)->axes, to))
        dy = build_rename(backward->function, dy, to, from);
    backward_flow_exact(backward, y, 0, dy);
}

/* --- several results --- */

static void gradient_result(Backward *backward, NodeId y, NodeId dy) {
    const Node *result = node_of(backward, y);
    backward_flow_result(backward, result->sources[0], (uint32_t)result->attributes.amount, dy);
}

/* The blocked backward pass. dy is of result 0: where result 1 has a gradient too, or an extra
 * source needs one, the driver has put primitives in the op's place. */
static void gradient_attention(Backward *backward, NodeId y, NodeId dy) {
    Function *function = backward->function;
    const Node *attention = node_of(backward, y);
    enum { FIXED = 3, ADDED = 3 };
    NodeId *sources = arena_array(function->arena, attention->source_count + ADDED, sizeof(NodeId));
    for (uint32_t i = 0; i < attention->source_count; i++)
        sources[i < FIXED ? i : i + ADDED] = attention->sources[i];
    sources[FIXED] = build_result(function, y, 0);
    sources[FIXED + 1] = build_result(function, y, 1);
    const Axes output = node_of(backward, sources[FIXED])->axes;
    sources[FIXED + 2] = build_broadcast(function, dy, &output);
    const NodeId all = graph_add(function, (Node){.op = OP_ATTENTION_GRAD,
                                                  .source_count = attention->source_count + ADDED,
                                                  .sources = sources,
                                                  .attributes = attention->attributes});
    for (uint32_t i = 0; i < FIXED; i++)
        backward_flow_exact(backward, y, i, build_result(function, all, i));
}

/* What the library gives: for each position along the carried axes the gradient of a parameter,
 * which is summed over those that the source lacks. */
static void gradient_call(Backward *backward, NodeId y, NodeId dy) {
    Function *function = backward->function;
    const Node *call = node_of(backward, y);
    const External *external = call->attributes.external;
    const uint32_t count = external->parameter_count;
    const Axes axes = call->axes;
    NodeId *sources = arena_array(function->arena, count + 1, sizeof(NodeId));
    for (uint32_t i = 0; i < count; i++)
        sources[i] = call->sources[i];
    sources[count] = build_broadcast(function, dy, &axes);
    const NodeId all = graph_add(function, (Node){.op = OP_CALL_GRAD,
                                                  .source_count = count + 1,
                                                  .sources = sources,
                                                  .attributes.external = external});
    for (uint32_t i = 0; i < external_gradient_count(external); i++) {
        const uint32_t parameter = external_gradient_parameter(external, i);
        if (!backward->needed[sources[parameter]])
            continue;
        const NodeId gradient = build_result(function, all, i);
        const Axes over = axes_minus(&node_of(backward, gradient)->axes,
                                     &node_of(backward, sources[parameter])->axes);
        backward_flow_exact(backward, y, parameter, backward_sum(backward, gradient, &over));
    }
}

GradientRule *const gradient_rules[OP_COUNT] = {
#define OP(ID, name, arity, shape, gradient, ...) [OP_##ID] = gradient_##gradient,
#include "ir/ops.def"
#undef OP
};
