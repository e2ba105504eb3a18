/* Copying functions, whole or in part. Liveness is one sweep from the last node to the first:
 * sources come before their users. */
#include "passes/rewrite.h"

#include "ir/build.h"

#include <assert.h>
#include <string.h>

Rewrite rewrite_begin(const Function *from, const char *name) {
    Rewrite rewrite = {.from = from};
    rewrite.to = function_create(from->arena, name ? name : from->name);
    function_copy_axes(rewrite.to, from);
    rewrite.map = arena_array(from->arena, from->node_count, sizeof(NodeId));
    for (NodeId id = 0; id < from->node_count; id++)
        rewrite.map[id] = NODE_NONE;
    return rewrite;
}

Node rewrite_node(const Rewrite *rewrite, NodeId old) {
    Node node = *graph_node(rewrite->from, old);
    NodeId *sources = arena_array(rewrite->to->arena, node.source_count, sizeof(NodeId));
    for (uint32_t i = 0; i < node.source_count; i++) {
        sources[i] = rewrite->map[node.sources[i]];
        assert(sources[i] != NODE_NONE);
    }
    node.sources = sources;
    return node;
}

NodeId rewrite_copy(Rewrite *rewrite, NodeId old) {
    return rewrite->map[old] = graph_add(rewrite->to, rewrite_node(rewrite, old));
}

Rewrite rewrite_all(const Function *from, const char *name) {
    Rewrite rewrite = rewrite_begin(from, name);
    for (NodeId id = 0; id < from->node_count; id++)
        rewrite_copy(&rewrite, id);
    return rewrite;
}

void rewrite_place(Rewrite *rewrite, NodeId first, NodeId old) {
    const SpanSet *spans = graph_node(rewrite->from, old)->spans;
    for (NodeId id = first; id < rewrite->to->node_count; id++)
        if (!rewrite->to->nodes[id].spans)
            rewrite->to->nodes[id].spans = spans;
}

Function *rewrite_end(Rewrite *rewrite) {
    for (uint32_t i = 0; i < rewrite->from->output_count; i++) {
        const Output *output = &rewrite->from->outputs[i];
        function_output(rewrite->to, output->name, rewrite->map[output->node], output->donated);
    }
    return rewrite->to;
}

bool *function_live(const Function *function) {
    bool *live = arena_array(function->arena, function->node_count, sizeof(bool));
    for (uint32_t i = 0; i < function->output_count; i++)
        live[function->outputs[i].node] = true;
    for (NodeId id = function->node_count; id-- > 0;) {
        const Node *node = graph_node(function, id);
        for (uint32_t i = 0; live[id] && i < node->source_count; i++)
            live[node->sources[i]] = true;
    }
    return live;
}

uint32_t *function_uses(const Function *function, const bool *live) {
    uint32_t *uses = arena_array(function->arena, function->node_count, sizeof(uint32_t));
    for (uint32_t i = 0; i < function->output_count; i++)
        uses[function->outputs[i].node]++;
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        for (uint32_t i = 0; live[id] && i < node->source_count; i++)
            uses[node->sources[i]]++;
    }
    return uses;
}

Function *function_prune(const Function *function) {
    const bool *live = function_live(function);
    Rewrite rewrite = rewrite_begin(function, NULL);
    for (NodeId id = 0; id < function->node_count; id++)
        if (live[id])
            rewrite_copy(&rewrite, id);
    return rewrite_end(&rewrite);
}

NodeId build_reordered(Function *function, NodeId node, const Axes *order) {
    const Node *old = graph_node(function, node);
    assert(axes_same_set(&old->axes, order));
    if (axes_equal(&old->axes, order))
        return node;
    Node copy = *old;
    /* An op that computes its elements can as well write them in that order. */
    if (op_is_elementwise(old->op) || old->op == OP_CONTRACT || old->op == OP_SUM) {
        copy.axes = *order;
        return graph_add(function, copy);
    }
    const NodeId sources[] = {build_const(function, DTYPE_BOOL, 1), node, node};
    return graph_add(function, (Node){.op = OP_SELECT,
                                      .axes = *order,
                                      .source_count = 3,
                                      .sources = sources,
                                      .spans = copy.spans});
}

NodeId rename_source(const Function *function, NodeId id) {
    while (graph_node(function, id)->op == OP_RENAME)
        id = graph_node(function, id)->sources[0];
    return id;
}

NodeId build_broadcast(Function *function, NodeId node, const Axes *axes) {
    const Axes present = graph_node(function, node)->axes;
    const Axes missing = axes_minus(axes, &present);
    for (int i = 0; i < missing.count; i++) {
        const NodeId everywhere =
            build_binary(function, OP_LESS_EQUAL, build_const(function, DTYPE_I32, 0),
                         build_index(function, missing.at[i]));
        const NodeId zero = build_const(function, graph_node(function, node)->dtype, 0);
        node = build_select(function, everywhere, node, zero);
    }
    return build_reordered(function, node, axes);
}
