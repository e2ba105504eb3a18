/* A function's nodes are copied, then walked backwards: when a node is reached, all that depends on
 * it has sent it its share, and its rule sends the shares of its sources. What rules send is kept
 * in one place: sums over the axes that a source lacks ("un-broadcasting"), and the adding up of
 * shares.
 *
 * A gradient may lack axes of its node, along which it is the same. Nothing is broadcast before a
 * rule needs it; a sum over such an axis multiplies by its extent. */
#include "passes/autodiff.h"

#include "ir/build.h"
#include "ir/external.h"
#include "passes/inline.h"
#include "passes/rewrite.h"

#include <assert.h>
#include <string.h>

/* --- what rules call --- */

/* The product of the extents of axes that a value to be summed over them lacks. */
static NodeId repeat_sum(Function *function, NodeId a, const Axes *absent) {
    double times = 1;
    for (int i = 0; i < absent->count; i++)
        times *= (double)graph_axis(function, absent->at[i])->extent;
    if (times == 1)
        return a;
    return build_binary(function, OP_MUL, a, build_const(function, DTYPE_F32, times));
}

NodeId backward_sum(Backward *backward, NodeId a, const Axes *over) {
    const Axes axes = graph_node(backward->function, a)->axes;
    const Axes present = axes_intersection(over, &axes), absent = axes_minus(over, &axes);
    a = build_along(backward->function, OP_SUM, a, &present);
    return repeat_sum(backward->function, a, &absent);
}

NodeId backward_sum_product(Backward *backward, NodeId a, NodeId b, const Axes *over) {
    Function *function = backward->function;
    const Axes of_a = graph_node(function, a)->axes;
    assert(axes_subset(over, &graph_node(function, b)->axes));
    const Axes both = axes_intersection(over, &of_a), b_alone = axes_minus(over, &of_a);
    b = build_along(function, OP_SUM, b, &b_alone);
    return both.count ? build_contract(function, a, b, &both)
                      : build_binary(function, OP_MUL, a, b);
}

/* Where an op writes its elements in any order, that of its node's gradient is the node's own: what
 * is added up then lies alike, and a parameter's gradient as the parameter. */
static NodeId take_order(Function *function, NodeId gradient, const Axes *order) {
    const Node *node = graph_node(function, gradient);
    if (!axes_same_set(&node->axes, order) || axes_equal(&node->axes, order))
        return gradient;
    const bool is_free =
        op_is_elementwise(node->op) || node->op == OP_CONTRACT || node->op == OP_SUM;
    return is_free ? build_reordered(function, gradient, order) : gradient;
}

static void add_to(Function *function, NodeId *sum, NodeId gradient, const Axes *order) {
    if (*sum != NODE_NONE)
        gradient = build_binary(function, OP_ADD, *sum, gradient);
    *sum = take_order(function, gradient, order);
}

void backward_flow_exact(Backward *backward, NodeId y, uint32_t which, NodeId gradient) {
    const NodeId source = graph_node(backward->function, y)->sources[which];
    if (!backward->needed[source])
        return;
    const Axes order = graph_node(backward->function, source)->axes;
    assert(axes_subset(&graph_node(backward->function, gradient)->axes, &order));
    add_to(backward->function, &backward->gradients[source], gradient, &order);
}

void backward_flow(Backward *backward, NodeId y, uint32_t which, NodeId gradient) {
    const Node *node = graph_node(backward->function, y);
    const NodeId source = node->sources[which];
    if (!backward->needed[source])
        return;
    const Axes brought = axes_minus(&node->axes, &graph_node(backward->function, source)->axes);
    backward_flow_exact(backward, y, which, backward_sum(backward, gradient, &brought));
}

void backward_flow_result(Backward *backward, NodeId several, uint32_t which, NodeId gradient) {
    Function *function = backward->function;
    if (!backward->needed[several])
        return;
    const uint32_t count = graph_result_count(graph_node(function, several));
    if (!backward->results[several]) {
        backward->results[several] = arena_array(function->arena, count, sizeof(NodeId));
        for (uint32_t i = 0; i < count; i++)
            backward->results[several][i] = NODE_NONE;
    }
    Axes order;
    DType dtype;
    graph_result_type(function, graph_node(function, several), which, &dtype, &order);
    add_to(function, &backward->results[several][which], gradient, &order);
}

/* --- the walk --- */

/* Whether a gradient goes through the node: by its op's rule; of a call, if the library has one. */
static bool is_smooth(const Node *node, GradientRule *const rules[OP_COUNT]) {
    if (node->op == OP_CALL && !node->attributes.external->gradient)
        return false;
    return rules[node->op] != gradient_none || node->op == OP_KERNEL;
}

/* Marks what depends on the marked nodes through ops that have a gradient. */
static void spread_needed(const Function *function, GradientRule *const rules[OP_COUNT],
                          bool *needed) {
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        const bool is_real = node->dtype == DTYPE_F32 || node->dtype == DTYPE_NONE;
        for (uint32_t i = 0; is_smooth(node, rules) && is_real && i < node->source_count; i++)
            needed[id] = needed[id] || needed[node->sources[i]];
    }
}

static bool *mark_needed(const Function *function, GradientRule *const rules[OP_COUNT]) {
    bool *needed = arena_array(function->arena, function->node_count, sizeof(bool));
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        needed[id] = node->op == OP_PARAM && node->dtype == DTYPE_F32;
    }
    spread_needed(function, rules, needed);
    return needed;
}

bool *autodiff_needed(const Function *function) { return mark_needed(function, gradient_rules); }

static Backward backward_begin(Function *function, const bool *needed) {
    const uint32_t count = function->node_count;
    Backward backward = {.function = function, .needed = needed, .forward_count = count};
    backward.gradients = arena_array(function->arena, count, sizeof(NodeId));
    backward.results = arena_array(function->arena, count, sizeof(NodeId *));
    for (NodeId id = 0; id < count; id++)
        backward.gradients[id] = NODE_NONE;
    return backward;
}

/* The gradient that a rule is given: of attention, that of its output; its other result has none.
 */
static NodeId gradient_of(const Backward *backward, NodeId id) {
    if (graph_node(backward->function, id)->dtype != DTYPE_NONE)
        return backward->gradients[id];
    const NodeId *results = backward->results[id];
    if (!results)
        return NODE_NONE;
    for (uint32_t i = 1; i < graph_result_count(graph_node(backward->function, id)); i++)
        assert(results[i] == NODE_NONE);
    return results[0];
}

static void backward_walk(Backward *backward, GradientRule *const rules[OP_COUNT]) {
    Function *function = backward->function;
    for (NodeId id = backward->forward_count; id-- > 0;) {
        const NodeId dy = gradient_of(backward, id);
        if (!backward->needed[id] || dy == NODE_NONE)
            continue;
        const NodeId first = function->node_count;
        const SpanSet *spans = graph_node(function, id)->spans;
        rules[graph_node(function, id)->op](backward, id, dy);
        for (NodeId added = first; added < function->node_count; added++)
            if (!function->nodes[added].spans)
                function->nodes[added].spans = spans;
    }
}

/* --- making all ops such that there is a rule --- */

/* Attention whose gradient the blocked op can't give: of an extra source, or of the log-sum-exp. */
static bool *mark_beyond_attention_grad(const Function *function, const bool *needed) {
    bool *marks = arena_array(function->arena, function->node_count, sizeof(bool));
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        if (node->op == OP_ATTENTION)
            for (uint32_t i = ATTENTION_EXTRA; i < node->source_count; i++)
                marks[id] = marks[id] || needed[node->sources[i]];
        if (node->op == OP_RESULT && node->attributes.amount == 1 &&
            graph_node(function, node->sources[0])->op == OP_ATTENTION)
            marks[node->sources[0]] = true;
    }
    return marks;
}

/* The function with the bodies of its kernels in their place, and primitives in that of attention
 * where there must be. */
static Function *open_up(const Function *function, GradientRule *const rules[OP_COUNT]) {
    const bool *expand = mark_beyond_attention_grad(function, mark_needed(function, rules));
    Rewrite rewrite = rewrite_begin(function, NULL);
    NodeId **results = arena_array(function->arena, function->node_count, sizeof(NodeId *));
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node node = rewrite_node(&rewrite, id);
        const NodeId first = rewrite.to->node_count;
        const NodeId old_source = node.source_count ? graph_node(function, id)->sources[0] : 0;
        if (node.op == OP_KERNEL) {
            const Function *body = node.attributes.body;
            results[id] = arena_array(function->arena, body->output_count, sizeof(NodeId));
            inline_body(rewrite.to, body, node.sources, results[id]);
        } else if (node.op == OP_ATTENTION && expand[id]) {
            results[id] = arena_array(function->arena, 2, sizeof(NodeId));
            inline_attention(rewrite.to, &node, results[id]);
        } else if (node.op == OP_RESULT && results[old_source]) {
            rewrite.map[id] = results[old_source][node.attributes.amount];
        } else {
            rewrite.map[id] = graph_add(rewrite.to, node);
        }
        if (results[id])
            rewrite.map[id] = results[id][0];
        rewrite_place(&rewrite, first, id);
    }
    return rewrite_end(&rewrite);
}

static bool has_kernel(const Function *function) {
    for (NodeId id = 0; id < function->node_count; id++)
        if (graph_node(function, id)->op == OP_KERNEL)
            return true;
    return false;
}

/* --- functions of gradients --- */

/* The nodes that `output` needs, alone, under another name. */
static Rewrite copy_for_output(const Function *function, const char *name) {
    const bool *live = function_live(function);
    Rewrite rewrite = rewrite_begin(function, name);
    for (NodeId id = 0; id < function->node_count; id++)
        if (live[id])
            rewrite_copy(&rewrite, id);
    return rewrite;
}

Function *autodiff_with_rules(const Function *forward, const char *name, AxisId batch,
                              GradientRule *const rules[OP_COUNT]) {
    static const char *const loss_alone[] = {"loss"};
    const Function *simple = function_select(forward, forward->name, loss_alone, 1);
    do
        simple = open_up(simple, rules);
    while (has_kernel(simple));
    Rewrite rewrite = copy_for_output(simple, name);
    Function *function = rewrite.to;

    const Axes over = axes_of(&batch, 1);
    const NodeId weight = build_input(function, "$weight", DTYPE_F32, &over);
    const NodeId loss = function_find_output(simple, "loss");
    assert(loss != NODE_NONE);
    const NodeId weighted = build_binary(function, OP_MUL, rewrite.map[loss], weight);
    const NodeId total = build_along(function, OP_SUM, weighted, &over);
    function_output(function, "loss", total, NULL);

    Backward backward = backward_begin(function, mark_needed(function, rules));
    backward.gradients[total] = build_const(function, DTYPE_F32, 1);
    backward_walk(&backward, rules);

    for (NodeId id = 0; id < forward->node_count; id++) {
        const Node *param = graph_node(forward, id);
        if (param->op != OP_PARAM || param->dtype != DTYPE_F32)
            continue;
        const NodeId own = function_find_binding(function, param->attributes.name);
        NodeId gradient = own == NODE_NONE ? NODE_NONE : backward.gradients[own];
        if (gradient == NODE_NONE)
            gradient = build_const(function, DTYPE_F32, 0);
        function_output(function, arena_printf(function->arena, "grad:%s", param->attributes.name),
                        build_broadcast(function, gradient, &param->axes), NULL);
    }
    return function_prune(function);
}

Function *function_gradient(const Function *forward, const char *name, AxisId batch,
                            PassContext *context) {
    (void)context;
    return autodiff_with_rules(forward, name, batch, gradient_rules);
}

Function *autodiff_score_body(const Function *body) {
    Rewrite rewrite = copy_for_output(body, body->name);
    Function *function = rewrite.to;
    const NodeId output = rewrite.map[body->outputs[0].node];
    const NodeId dy =
        build_input(function, "d_score", DTYPE_F32, &graph_node(function, output)->axes);
    const NodeId score = function_find_binding(function, "score");
    bool *needed = arena_array(function->arena, function->node_count, sizeof(bool));
    if (score != NODE_NONE)
        needed[score] = true;
    spread_needed(function, gradient_rules, needed);
    Backward backward = backward_begin(function, needed);
    backward.gradients[output] = dy;
    backward_walk(&backward, gradient_rules);
    NodeId gradient = score == NODE_NONE ? NODE_NONE : backward.gradients[score];
    if (gradient == NODE_NONE)
        gradient = build_const(function, DTYPE_F32, 0);
    function_output(function, "d_score",
                    build_broadcast(function, gradient, &graph_node(function, output)->axes), NULL);
    return function;
}
