/* The pass attention: softmax between two contractions becomes the blocked op, which never holds
 * the matrix of scores (Dao et al., "FlashAttention", 2022, on a CPU's blocks). What the op can't
 * do stays as it is, and the user is told what that costs. */
#include "passes/attention.h"

#include "passes/attention_match.h"
#include "passes/inline.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

#include "ir/build.h"

#include <string.h>

typedef struct Bodies {
    const Function **at;
    uint32_t count;
} Bodies;

/* --- the body --- */

static bool same_nodes(const Function *a, const Function *b) {
    if (a->node_count != b->node_count || a->outputs[0].node != b->outputs[0].node)
        return false;
    for (NodeId id = 0; id < a->node_count; id++) {
        const Node *left = graph_node(a, id), *right = graph_node(b, id);
        const Attributes *of_left = &left->attributes, *of_right = &right->attributes;
        const size_t bytes = left->source_count * sizeof(NodeId);
        const bool same_name = !of_left->name || strcmp(of_left->name, of_right->name) == 0;
        if (left->op != right->op || left->dtype != right->dtype ||
            !axes_equal(&left->axes, &right->axes) ||
            memcmp(left->sources, right->sources, bytes) != 0 ||
            memcmp(&of_left->value, &of_right->value, sizeof of_left->value) != 0 ||
            !axes_equal(&of_left->axes, &of_right->axes) || !same_name)
            return false;
    }
    return true;
}

/* The body, or one made before that is the same: layers share theirs. Both have the axes of one
 * function. */
static const Function *share_body(Bodies *bodies, const Function *body) {
    for (uint32_t i = 0; i < bodies->count; i++)
        if (same_nodes(bodies->at[i], body))
            return bodies->at[i];
    return bodies->at[bodies->count++] = body;
}

/* Copies a node of the body after its sources. In this order, not that of the function, bodies of
 * layers that share constants and masks with the first come out alike. No deeper than a body has
 * nodes. */
static void copy_after_sources(Rewrite *rewrite, NodeId id) {
    if (rewrite->map[id] != NODE_NONE)
        return;
    const Node *node = graph_node(rewrite->from, id);
    for (uint32_t i = 0; i < node->source_count; i++)
        copy_after_sources(rewrite, node->sources[i]);
    rewrite_copy(rewrite, id);
}

static const Function *outline_body(const Function *function, const AttentionMatch *match) {
    Rewrite rewrite = rewrite_begin(function, "score");
    const Axes core = graph_node(function, match->core)->axes;
    rewrite.map[match->core] = build_input(rewrite.to, "score", DTYPE_F32, &core);
    for (uint32_t i = 0; i < match->extra_count; i++) {
        const Node *extra = graph_node(function, match->extras[i]);
        rewrite.map[match->extras[i]] = build_input(
            rewrite.to, arena_printf(function->arena, "x%u", i), extra->dtype, &extra->axes);
    }
    copy_after_sources(&rewrite, match->score);
    function_output(rewrite.to, "score", rewrite.map[match->score], NULL);
    return rewrite.to;
}

/* --- the op --- */

/* The old contraction's value, by the op. */
static NodeId add_attention(Rewrite *rewrite, const AttentionMatch *match, Bodies *bodies,
                            const Axes *order) {
    const uint32_t count = ATTENTION_EXTRA + match->extra_count;
    NodeId *sources = arena_array(rewrite->to->arena, count, sizeof(NodeId));
    sources[ATTENTION_QUERY] = rewrite->map[match->query];
    sources[ATTENTION_KEY] = rewrite->map[match->key];
    sources[ATTENTION_VALUE] = rewrite->map[match->value];
    for (uint32_t i = 0; i < match->extra_count; i++)
        sources[ATTENTION_EXTRA + i] = rewrite->map[match->extras[i]];
    const AxisId axes[] = {match->e, match->m};
    const Function *body = share_body(bodies, outline_body(rewrite->from, match));
    const NodeId several =
        graph_add(rewrite->to, (Node){.op = OP_ATTENTION,
                                      .source_count = count,
                                      .sources = sources,
                                      .attributes = {.axes = axes_of(axes, 2), .body = body}});
    const NodeId output = build_result(rewrite->to, several, 0);
    return build_reordered(rewrite->to, output, order);
}

static const SpanSet *match_spans(const Function *function, const AttentionMatch *match,
                                  NodeId contract) {
    const SpanSet *spans = graph_node(function, contract)->spans;
    return spans_union(function->arena, spans, graph_node(function, match->core)->spans);
}

static void warn(const Function *function, const PassContext *context, NodeId contract,
                 const char *reason) {
    if (!context || !context->warn)
        return;
    context->warn(context->user, graph_node(function, contract)->spans,
                  arena_printf(function->arena,
                               "attention holds its whole matrix of scores in memory: %s", reason));
}

Function *attention_recognise(const Function *function, PassContext *context) {
    AttentionSearch search = attention_search(function);
    Rewrite rewrite = rewrite_begin(function, NULL);
    Bodies bodies = {.at = arena_array(function->arena, function->node_count, sizeof(Function *))};
    for (NodeId id = 0; id < function->node_count; id++) {
        AttentionMatch match;
        const char *reason;
        if (!attention_match(&search, id, &match, &reason)) {
            if (reason)
                warn(function, context, id, reason);
            rewrite_copy(&rewrite, id);
            continue;
        }
        const NodeId first = rewrite.to->node_count;
        rewrite.map[id] = add_attention(&rewrite, &match, &bodies, &graph_node(function, id)->axes);
        const SpanSet *spans = match_spans(function, &match, id);
        for (NodeId added = first; added < rewrite.to->node_count; added++)
            if (!rewrite.to->nodes[added].spans)
                rewrite.to->nodes[added].spans = spans;
    }
    return function_prune(rewrite_end(&rewrite));
}

Function *pass_attention(const Function *function, PassContext *context) {
    (void)context;
    return attention_recognise(function, NULL);
}
