/* A body has an axis table of its own, so its nodes are added with their axes translated by name.
 */
#include "passes/inline.h"

#include "ir/build.h"
#include "passes/lower.h"
#include "passes/rewrite.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static Axes translate(const Axes *axes, const AxisId *map) {
    Axes translated = {0};
    for (int i = 0; i < axes->count; i++)
        axes_append(&translated, map[axes->at[i]]);
    return translated;
}

static AxisId *match_axes(Function *function, const Function *body) {
    AxisId *map = arena_array(function->arena, body->axis_count, sizeof(AxisId));
    for (uint32_t i = 0; i < body->axis_count; i++) {
        map[i] = function_axis(function, body->axes[i].name, body->axes[i].extent);
        assert(map[i] != AXIS_NONE);
    }
    return map;
}

void inline_body(Function *function, const Function *body, const NodeId *bindings,
                 NodeId *results) {
    const AxisId *axes = match_axes(function, body);
    NodeId *map = arena_array(function->arena, body->node_count, sizeof(NodeId));
    uint32_t bound = 0;
    for (NodeId id = 0; id < body->node_count; id++) {
        Node node = *graph_node(body, id);
        if (node.op == OP_PARAM || node.op == OP_INPUT) {
            map[id] = bindings[bound++];
            continue;
        }
        NodeId *sources = arena_array(function->arena, node.source_count, sizeof(NodeId));
        for (uint32_t i = 0; i < node.source_count; i++)
            sources[i] = map[node.sources[i]];
        node.sources = sources;
        node.axes = translate(&node.axes, axes);
        node.attributes.axes = translate(&node.attributes.axes, axes);
        map[id] = graph_add(function, node);
    }
    for (uint32_t i = 0; i < body->output_count; i++)
        results[i] = map[body->outputs[i].node];
}

/* What the body's inputs "score", "x0", "x1", ... stand for, in the order in which they are
 * declared. */
static NodeId *bind_score_body(Function *function, const Node *attention, NodeId score) {
    const Function *body = attention->attributes.body;
    NodeId *bindings = arena_array(function->arena, body->node_count, sizeof(NodeId));
    uint32_t bound = 0;
    for (NodeId id = 0; id < body->node_count; id++) {
        const Node *node = graph_node(body, id);
        if (node->op != OP_INPUT)
            continue;
        const char *name = node->attributes.name;
        if (strcmp(name, "score") == 0)
            bindings[bound++] = score;
        else
            bindings[bound++] = attention->sources[ATTENTION_EXTRA + strtoul(name + 1, NULL, 10)];
    }
    return bindings;
}

void inline_attention(Function *function, const Node *attention, NodeId results[2]) {
    const AxisId e = attention->attributes.axes.at[0], m = attention->attributes.axes.at[1];
    const Axes over_e = axes_of(&e, 1), over_m = axes_of(&m, 1);
    const NodeId product = build_contract(function, attention->sources[ATTENTION_QUERY],
                                          attention->sources[ATTENTION_KEY], &over_e);
    NodeId score;
    inline_body(function, attention->attributes.body, bind_score_body(function, attention, product),
                &score);
    const NodeId weights = build_along(function, OP_SOFTMAX, score, &over_m);
    Axes order;
    DType dtype;
    graph_result_type(function, attention, 0, &dtype, &order);
    results[0] =
        build_contract_as(function, weights, attention->sources[ATTENTION_VALUE], &over_m, &order);
    graph_result_type(function, attention, 1, &dtype, &order);
    results[1] = build_reordered(function, lower_log_sum_exp(function, score, m), &order);
}
