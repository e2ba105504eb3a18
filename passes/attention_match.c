/* From the contraction to the softmax; then from the score back through elementwise nodes to what
 * they read. One of these is the core, a contraction that brings the axis of the softmax by one
 * side alone. What depends on the core is the body. What else it reads is computed outside and
 * handed in as an extra, except for what is made of positions of rows or columns: that stays in the
 * body, so that masks can be told from their formula. */
#include "passes/attention_match.h"

#include "passes/autodiff.h"
#include "passes/rewrite.h"

#include <stdlib.h>

enum { MAX_BODY = 256 }; /* nodes; beyond that it is no mask */

/* What is known of a node that the search has seen. */
enum { SEEN = 1, HAS_CORE = 2, HAS_INDEX = 4, IN_BODY = 8, IS_EXTRA = 16 };

typedef struct Region {
    AttentionSearch *search;
    NodeId nodes[MAX_BODY]; /* in node order once collected */
    uint32_t count;
} Region;

AttentionSearch attention_search(const Function *function) {
    return (AttentionSearch){
        .function = function,
        .uses = function_uses(function, function_live(function)),
        .needed = autodiff_needed(function),
        .seen = arena_array(function->arena, function->node_count, sizeof(uint8_t)),
    };
}

static const Node *node_of(const AttentionSearch *search, NodeId id) {
    return graph_node(search->function, id);
}

static bool is_inner(const Node *node) { return op_is_elementwise(node->op); }

/* --- the nodes about the score --- */

static int by_id(const void *a, const void *b) {
    const NodeId left = *(const NodeId *)a, right = *(const NodeId *)b;
    return (left > right) - (left < right);
}

static bool region_add(Region *region, NodeId id) {
    if (region->search->seen[id])
        return true;
    if (region->count == MAX_BODY)
        return false;
    region->search->seen[id] = SEEN;
    region->nodes[region->count++] = id;
    return true;
}

/* The score, all that it is made of by elementwise ops, and what these read. */
static bool region_collect(Region *region, NodeId score) {
    if (!region_add(region, score))
        return false;
    for (uint32_t next = 0; next < region->count; next++) {
        const Node *node = node_of(region->search, region->nodes[next]);
        for (uint32_t i = 0; is_inner(node) && i < node->source_count; i++)
            if (!region_add(region, node->sources[i]))
                return false;
    }
    qsort(region->nodes, region->count, sizeof region->nodes[0], by_id);
    return true;
}

static void region_clear(Region *region) {
    for (uint32_t i = 0; i < region->count; i++)
        region->search->seen[region->nodes[i]] = 0;
}

/* --- the core --- */

/* A contraction of which one side alone has m. */
static bool is_core(const AttentionSearch *search, const Node *node, AxisId m) {
    return node->op == OP_CONTRACT && axes_has(&node->axes, m) &&
           axes_has(&node_of(search, node->sources[0])->axes, m) !=
               axes_has(&node_of(search, node->sources[1])->axes, m);
}

static bool find_core(const Region *region, AttentionMatch *match) {
    for (uint32_t i = 0; i < region->count; i++) {
        const Node *node = node_of(region->search, region->nodes[i]);
        if (!is_core(region->search, node, match->m))
            continue;
        const bool key_first = axes_has(&node_of(region->search, node->sources[0])->axes, match->m);
        match->core = region->nodes[i];
        match->e = node->attributes.axes.at[0];
        match->key = node->sources[key_first ? 0 : 1];
        match->query = node->sources[key_first ? 1 : 0];
        return true;
    }
    return false;
}

/* The axes that tell the rows of the score: those of the query that the key lacks. */
static Axes row_axes(const AttentionSearch *search, const AttentionMatch *match) {
    return axes_minus(&node_of(search, match->query)->axes, &node_of(search, match->key)->axes);
}

/* --- what is inside --- */

static void spread_facts(const Region *region, NodeId core) {
    uint8_t *seen = region->search->seen;
    for (uint32_t i = 0; i < region->count; i++) {
        const NodeId id = region->nodes[i];
        const Node *node = node_of(region->search, id);
        if (id == core)
            seen[id] |= HAS_CORE;
        if (node->op == OP_INDEX)
            seen[id] |= HAS_INDEX;
        for (uint32_t k = 0; is_inner(node) && k < node->source_count; k++)
            seen[id] |= seen[node->sources[k]] & (HAS_CORE | HAS_INDEX);
    }
}

/* Whether a source of the body belongs to it. */
static bool belongs(const AttentionSearch *search, const AttentionMatch *match, NodeId id) {
    const Node *node = node_of(search, id);
    if (node->op == OP_CONST || (search->seen[id] & HAS_CORE))
        return true;
    const Axes rows = row_axes(search, match), its_rows = axes_intersection(&node->axes, &rows);
    const bool is_by_place = axes_has(&node->axes, match->m) || its_rows.count > 0;
    return (is_inner(node) || node->op == OP_INDEX) && (search->seen[id] & HAS_INDEX) &&
           is_by_place;
}

static void divide(const Region *region, AttentionMatch *match) {
    AttentionSearch *search = region->search;
    uint8_t *seen = search->seen;
    NodeId *extras = arena_array(search->function->arena, region->count, sizeof(NodeId));
    seen[match->score] |= IN_BODY;
    for (uint32_t i = region->count; i-- > 0;) {
        const NodeId id = region->nodes[i];
        const Node *node = node_of(search, id);
        for (uint32_t k = 0; (seen[id] & IN_BODY) && id != match->core && k < node->source_count;
             k++)
            seen[node->sources[k]] |= belongs(search, match, node->sources[k]) ? IN_BODY : IS_EXTRA;
    }
    for (uint32_t i = 0; i < region->count; i++) {
        const NodeId id = region->nodes[i];
        if (seen[id] & IS_EXTRA)
            extras[match->extra_count++] = id;
    }
    match->extras = extras;
}

/* --- what the op can't do --- */

/* Every axis of the key but e and m is one of the query; and what these two share, the value has.
 */
static bool shares_batch(const AttentionSearch *search, const AttentionMatch *match) {
    const AxisId inner[] = {match->e, match->m};
    const Axes within = axes_of(inner, 2);
    const Axes batch = axes_minus(&node_of(search, match->key)->axes, &within);
    return axes_subset(&batch, &node_of(search, match->query)->axes) &&
           axes_subset(&batch, &node_of(search, match->value)->axes);
}

static const char *why_not(const AttentionSearch *search, const AttentionMatch *match,
                           NodeId softmax) {
    const Node *core = node_of(search, match->core);
    if (search->uses[softmax] != 1)
        return "its weights are read elsewhere too";
    if (core->attributes.axes.count != 1)
        return "its score sums over more than one axis";
    if (!axes_same_set(&core->axes, &node_of(search, match->score)->axes))
        return "its score has an axis that query and key lack";
    const Axes rows = row_axes(search, match);
    const Axes by_row = axes_intersection(&node_of(search, match->value)->axes, &rows);
    if (by_row.count > 0)
        return "its values differ from row to row";
    if (!shares_batch(search, match))
        return "query, key and value do not share the axes that tell one attention from another";
    for (uint32_t i = 0; i < match->extra_count; i++)
        if (search->needed[match->extras[i]])
            return "what is added to its score needs a gradient";
    return NULL;
}

/* The softmax that a contraction over its axis reads. */
static NodeId find_softmax(const AttentionSearch *search, const Node *contract,
                           AttentionMatch *match) {
    for (uint32_t i = 0; i < 2; i++) {
        const Node *softmax = node_of(search, contract->sources[i]);
        if (softmax->op != OP_SOFTMAX ||
            !axes_equal(&softmax->attributes.axes, &contract->attributes.axes))
            continue;
        match->m = softmax->attributes.axes.at[0];
        match->score = softmax->sources[0];
        match->value = contract->sources[1 - i];
        return contract->sources[i];
    }
    return NODE_NONE;
}

bool attention_match(AttentionSearch *search, NodeId node, AttentionMatch *match,
                     const char **reason) {
    const Node *contract = node_of(search, node);
    *reason = NULL;
    *match = (AttentionMatch){.query = NODE_NONE};
    if (contract->op != OP_CONTRACT)
        return false;
    const NodeId softmax = find_softmax(search, contract, match);
    if (softmax == NODE_NONE)
        return false;
    Region region = {.search = search};
    bool found = region_collect(&region, match->score) && find_core(&region, match) &&
                 row_axes(search, match).count > 0;
    if (found) {
        spread_facts(&region, match->core);
        divide(&region, match);
        *reason = why_not(search, match, softmax);
        found = *reason == NULL;
    }
    region_clear(&region);
    return found;
}
