/* Keys x wk and values x wv of one x need not be kept: x is enough. With q' = q wk and the sums of
 * x in place of those of the values,
 *
 *     q . (x wk) = (q wk) . x          sum of p (x wv) = (sum of p x) wv
 *
 * for each head, so attention is that of all heads over the same rows x: half the memory, which
 * is read once for all heads, for as many times the arithmetic as there are heads. This is how
 * DeepSeek-V2 (2024, section 2.1.2) absorbs weights into the query and the output. It pays where
 * memory is what a step waits for: not where caches stay in the processor's own. */
#include "passes/decode_forms.h"

#include "ir/build.h"
#include "passes/emit/attention_shape.h"
#include "passes/rewrite.h"

enum {
    MOST_HEADS = 8,         /* of more, arithmetic would take longer than memory */
    CACHE_BYTES = 16 << 20, /* from so many on the keys and values of an image are read from
                               memory at each step */
    HALF_BYTES = 2,
};

/* Of a key or value: rename[n, m](contract[d](x, weights)). */
typedef struct Side {
    NodeId x, weights, rename;
    AxisId d, n, m;
} Side;

typedef struct Match {
    Side key, value;
    AxisId e;
} Match;

static const Node *node_of(const Function *function, NodeId id) { return graph_node(function, id); }

/* x is what changes from position to position; weights share d with it and nothing else. */
static bool match_product(const Function *function, NodeId id, Side *side) {
    const Node *contract = node_of(function, id);
    if (contract->op != OP_CONTRACT || contract->attributes.axes.count != 1)
        return false;
    const bool second = axes_has(&node_of(function, contract->sources[1])->axes, side->n);
    side->x = contract->sources[second];
    side->weights = contract->sources[!second];
    side->d = contract->attributes.axes.at[0];
    const Axes *x = &node_of(function, side->x)->axes;
    const Axes *weights = &node_of(function, side->weights)->axes;
    const Axes both = axes_intersection(x, weights);
    return axes_has(x, side->n) && axes_equal(&both, &contract->attributes.axes);
}

static bool match_side(const Function *function, NodeId id, AxisId m, Side *side) {
    const Node *rename = node_of(function, id);
    if (rename->op != OP_RENAME || rename->attributes.axes.at[1] != m)
        return false;
    *side = (Side){.rename = id, .n = rename->attributes.axes.at[0], .m = m};
    return match_product(function, rename->sources[0], side);
}

static bool match_attention(const Function *function, NodeId id, Match *match) {
    const Node *node = node_of(function, id);
    if (node->op != OP_ATTENTION)
        return false;
    const AxisId m = node->attributes.axes.at[1];
    const Axes *query = &node_of(function, node->sources[ATTENTION_SOURCE_QUERY])->axes;
    match->e = node->attributes.axes.at[0];
    return match_side(function, node->sources[ATTENTION_SOURCE_KEY], m, &match->key) &&
           match_side(function, node->sources[ATTENTION_SOURCE_VALUE], m, &match->value) &&
           match->key.x == match->value.x && match->key.n == match->value.n &&
           match->key.d == match->value.d && !axes_has(query, match->key.d) &&
           axes_has(&node_of(function, match->key.weights)->axes, match->e);
}

/* --- where it is faster --- */

/* By its shape: there must be a kernel that reads x once for all heads. */
static bool is_shared(const Function *function, const Match *match) {
    const AxisId own[] = {match->key.d, match->e};
    const Axes inner = axes_of(own, 2);
    const Axes heads = axes_minus(&node_of(function, match->key.weights)->axes, &inner);
    const int64_t rows = axes_elements(function, &heads);
    return rows <= MOST_HEADS &&
           attention_is_shared(rows, graph_axis(function, match->key.m)->extent,
                               graph_axis(function, match->key.d)->extent);
}

/* Of the keys and values that would be kept of one image. */
static int64_t side_bytes(const Decode *decode, const Function *function) {
    int64_t elements = 0;
    for (NodeId id = 0; id < function->node_count; id++) {
        Match match;
        if (match_attention(function, id, &match) && is_shared(function, &match))
            elements += graph_elements(function, node_of(function, match.key.rename)) +
                        graph_elements(function, node_of(function, match.value.rename));
    }
    return elements / decode->options->images * HALF_BYTES;
}

static bool is_wanted(const Decode *decode, const Function *function, const Match *match) {
    return decode->options->absorb || is_shared(function, match);
}

/* --- the rewrite --- */

/* What the copy is made of; matches by node of the old function, of attention. */
typedef struct Absorb {
    const Decode *decode;
    Rewrite rewrite;
    Match *matches;
    bool *matched;
} Absorb;

static void add_attention(Absorb *absorb, NodeId id) {
    Rewrite *rewrite = &absorb->rewrite;
    const Match *match = &absorb->matches[id];
    Node node = rewrite_node(rewrite, id);
    NodeId *sources = arena_array(rewrite->to->arena, node.source_count, sizeof *sources);
    for (uint32_t i = 0; i < node.source_count; i++)
        sources[i] = node.sources[i];
    const Axes e = axes_of(&match->e, 1);
    const NodeId x =
        build_rename(rewrite->to, rewrite->map[match->key.x], match->key.n, match->key.m);
    sources[ATTENTION_SOURCE_QUERY] = build_contract(rewrite->to, sources[ATTENTION_SOURCE_QUERY],
                                                     rewrite->map[match->key.weights], &e);
    sources[ATTENTION_SOURCE_KEY] = sources[ATTENTION_SOURCE_VALUE] = x;
    node.sources = sources;
    node.attributes.axes.at[0] = match->key.d;
    rewrite->map[id] = graph_add(rewrite->to, node);
}

/* The output was that of the values. */
static void add_result(Absorb *absorb, NodeId id) {
    Rewrite *rewrite = &absorb->rewrite;
    const Node *node = node_of(rewrite->from, id);
    const Match *match = &absorb->matches[node->sources[0]];
    const NodeId sums = build_result(rewrite->to, rewrite->map[node->sources[0]], 0);
    const Axes d = axes_of(&match->value.d, 1);
    rewrite->map[id] =
        build_contract_as(rewrite->to, sums, rewrite->map[match->value.weights], &d, &node->axes);
}

static void add_node(Absorb *absorb, NodeId id) {
    Rewrite *rewrite = &absorb->rewrite;
    const NodeId first = rewrite->to->node_count;
    const Node *node = node_of(rewrite->from, id);
    absorb->matched[id] = match_attention(rewrite->from, id, &absorb->matches[id]) &&
                          is_wanted(absorb->decode, rewrite->from, &absorb->matches[id]);
    if (absorb->matched[id])
        add_attention(absorb, id);
    else if (node->op == OP_RESULT && absorb->matched[node->sources[0]] &&
             node->attributes.amount == 0)
        add_result(absorb, id);
    else
        rewrite_copy(rewrite, id);
    rewrite_place(rewrite, first, id);
}

void decode_absorb(Decode *decode) {
    const Function *from = decode->from;
    const bool is_faster =
        decode->options->precision == PRECISION_BF16 && side_bytes(decode, from) >= CACHE_BYTES;
    if (!decode->options->absorb && !is_faster)
        return;
    Absorb absorb = {.decode = decode, .rewrite = rewrite_begin(from, NULL)};
    absorb.matches = arena_array(from->arena, from->node_count, sizeof *absorb.matches);
    absorb.matched = arena_array(from->arena, from->node_count, sizeof *absorb.matched);
    for (NodeId id = 0; id < from->node_count; id++)
        add_node(&absorb, id);
    decode->from = rewrite_end(&absorb.rewrite);
    decode->origins = arena_array(from->arena, decode->from->node_count, sizeof *decode->origins);
    for (NodeId id = 0; id < decode->from->node_count; id++)
        decode->origins[id] = NODE_NONE;
    for (NodeId id = 0; id < from->node_count; id++)
        if (absorb.rewrite.map[id] != NODE_NONE)
            decode->origins[absorb.rewrite.map[id]] = id;
}
