/* The pass layout: the memory order of temporaries. Params, inputs and outputs keep theirs.
 *
 * A contraction's natural order is its first source's axes, then its second's, so `w * x` and `x *
 * w` would leave their results in two orders, and every kernel that reads both would have to go
 * across memory. Here the axes that inputs have (images, positions) are outermost in each
 * contraction, in the order in which inputs have them; rows of features are then contiguous. What
 * is computed from its sources element by element, or by leaving axes out, takes the order of the
 * source that has all its axes. Calls of libraries get their sources as they declare them. */
#include "ir/external.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

#include <string.h>

/* What an output takes the place of is no image or position: a cache. */
static bool is_kept(const Function *function, const Node *input) {
    bool kept = false;
    for (uint32_t i = 0; i < function->output_count; i++) {
        const char *donated = function->outputs[i].donated;
        kept |= donated && strcmp(donated, input->attributes.name) == 0;
    }
    return kept;
}

/* The axes of inputs, in the order in which they are met. */
static Axes outer_axes(const Function *function) {
    Axes outer = {0};
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        if (node->op != OP_INPUT || is_kept(function, node))
            continue;
        for (int i = 0; i < node->axes.count && outer.count < MAX_AXES; i++)
            if (!axes_has(&outer, node->axes.at[i]))
                axes_append(&outer, node->axes.at[i]);
    }
    return outer;
}

/* Nodes whose order a caller sees: outputs, and what they rename. */
static bool *find_pinned(const Function *function) {
    bool *pinned = arena_array(function->arena, function->node_count, sizeof *pinned);
    for (uint32_t i = 0; i < function->output_count; i++)
        pinned[function->outputs[i].node] = true;
    for (NodeId id = function->node_count; id-- > 0;)
        if (pinned[id] && graph_node(function, id)->op == OP_RENAME)
            pinned[graph_node(function, id)->sources[0]] = true;
    return pinned;
}

/* `axes` in the order of `like`, which has them all. */
static Axes ordered_like(const Axes *axes, const Axes *like) {
    return axes_intersection(like, axes);
}

static Axes order_of(const Function *to, const Node *node, const Axes *outer) {
    if (node->op == OP_CONTRACT) {
        Axes first = axes_intersection(outer, &node->axes), rest = axes_minus(&node->axes, &first);
        return axes_union(&first, &rest);
    }
    bool follows = op_is_elementwise(node->op) || node->op == OP_SUM || node->op == OP_REDUCE_MAX ||
                   node->op == OP_ARGMAX || node->op == OP_SHIFT;
    for (uint32_t i = 0; follows && i < node->source_count; i++) {
        const Axes *source = &graph_node(to, node->sources[i])->axes;
        if (axes_subset(&node->axes, source))
            return ordered_like(&node->axes, source);
    }
    return node->axes;
}

/* A library takes the axes that it declares innermost and in their order: sources that lie in
 * another are copied. */
static void order_sources(Function *to, Node *call) {
    NodeId *sources = arena_array(to->arena, call->source_count, sizeof *sources);
    for (uint32_t i = 0; i < call->source_count; i++) {
        const Axes order = external_source_order(to, call, i);
        sources[i] = build_reordered(to, call->sources[i], &order);
    }
    call->sources = sources;
}

Function *pass_layout(const Function *function, PassContext *context) {
    (void)context;
    const Axes outer = outer_axes(function);
    const bool *pinned = find_pinned(function);
    Rewrite rewrite = rewrite_begin(function, NULL);
    for (NodeId id = 0; id < function->node_count; id++) {
        Node node = rewrite_node(&rewrite, id);
        const NodeId first = rewrite.to->node_count;
        if (node.op == OP_CALL || node.op == OP_CALL_GRAD)
            order_sources(rewrite.to, &node);
        else if (!pinned[id])
            node.axes = order_of(rewrite.to, &node, &outer);
        rewrite.map[id] = graph_add(rewrite.to, node);
        rewrite_place(&rewrite, first, id);
    }
    for (uint32_t i = 0; i < function->output_count; i++) {
        const NodeId old = function->outputs[i].node;
        const NodeId first = rewrite.to->node_count;
        rewrite.map[old] =
            build_reordered(rewrite.to, rewrite.map[old], &graph_node(function, old)->axes);
        rewrite_place(&rewrite, first, old);
    }
    return function_prune(rewrite_end(&rewrite));
}
