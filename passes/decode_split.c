/* A cut through the function: nodes that depend on parameters, and on nothing else that a caller
 * gives, on one side. What is cut through becomes outputs of one part and inputs of the other. */
#include "passes/decode.h"

#include "ir/build.h"
#include "passes/decode_panels.h"
#include "passes/rewrite.h"

/* A node that goes to the weights and is read by one that does not. */
typedef struct Crossing {
    bool is_there;
    bool in_panels; /* in which it is wanted in memory; else in an order of its axes */
    DecodePanels panels;
    bool packed; /* products read these compressed */
    Axes order;
} Crossing;

typedef struct Split {
    const Function *from;
    const struct Target *target;
    bool *constant; /* by node: it depends on parameters alone, and on one at least */
    Crossing *crossings;
} Split;

static bool is_binding(OpCode op) { return op == OP_PARAM || op == OP_INPUT; }

static void find_constant(Split *split) {
    const Function *from = split->from;
    bool *fixed = arena_array(from->arena, from->node_count, sizeof *fixed);
    for (NodeId id = 0; id < from->node_count; id++) {
        const Node *node = graph_node(from, id);
        fixed[id] = node->op == OP_PARAM || node->op == OP_CONST || node->op == OP_INDEX ||
                    (node->source_count > 0 && node->dtype != DTYPE_NONE);
        split->constant[id] = node->op == OP_PARAM;
        for (uint32_t i = 0; i < node->source_count; i++) {
            fixed[id] = fixed[id] && fixed[node->sources[i]];
            split->constant[id] |= split->constant[node->sources[i]];
        }
        split->constant[id] = split->constant[id] && fixed[id];
    }
}

/* Where a product would have to read source number `which` across memory, the order in which it
 * need not: what both sides have, then depth by depth, and in each the columns side by side. */
static Axes product_order(const Function *from, const Node *contract, uint32_t which) {
    const Axes *weight = &graph_node(from, contract->sources[which])->axes;
    const Axes *other = &graph_node(from, contract->sources[1 - which])->axes;
    const Axes *summed = &contract->attributes.axes;
    if (!axes_has(summed, weight->at[weight->count - 1]))
        return *weight;
    const Axes depth = axes_intersection(weight, summed), own = axes_minus(weight, summed);
    const Axes both = axes_intersection(&own, other), columns = axes_minus(&own, other);
    const Axes first = axes_union(&both, &depth);
    return axes_union(&first, &columns);
}

/* As the node wants its source number `which`. */
static void choose_order(const Split *split, const Node *user, uint32_t which, Crossing *crossing) {
    crossing->order = graph_node(split->from, user->sources[which])->axes;
    if (user->op != OP_CONTRACT)
        return;
    crossing->in_panels =
        decode_panels_find(split->from, user, which, split->target, &crossing->panels);
    crossing->packed = crossing->in_panels &&
                       graph_node(split->from, user->sources[which])->dtype == DTYPE_BF16 &&
                       decode_panels_pack(split->from, &crossing->panels, split->target);
    crossing->order = product_order(split->from, user, which);
}

/* A parameter that lies as its product wants it is read where it is. */
static void find_crossings(Split *split) {
    const Function *from = split->from;
    for (NodeId id = 0; id < from->node_count; id++) {
        const Node *user = graph_node(from, id);
        for (uint32_t i = 0; !split->constant[id] && i < user->source_count; i++) {
            const NodeId source = user->sources[i];
            Crossing *crossing = &split->crossings[source];
            const Node *node = graph_node(from, source);
            if (!split->constant[source] || crossing->is_there)
                continue;
            choose_order(split, user, i, crossing);
            crossing->is_there = graph_node(from, rename_source(from, source))->op != OP_PARAM ||
                                 crossing->in_panels || !axes_equal(&crossing->order, &node->axes);
        }
    }
}

static char *crossing_name(const Split *split, NodeId id) {
    return arena_printf(split->from->arena, "weights.%u", id);
}

static char *packed_name(const Split *split, NodeId id) {
    return arena_printf(split->from->arena, "weights.%u.compressed", id);
}

/* A parameter that is wanted in another order by a product may be read as it is by others. */
static NodeId source_of(const Split *split, const Rewrite *rewrite, const NodeId *crossed,
                        const Node *user, uint32_t i) {
    const NodeId source = user->sources[i];
    const bool is_param =
        graph_node(split->from, rename_source(split->from, source))->op == OP_PARAM;
    const bool wanted = split->crossings[source].is_there && (!is_param || user->op == OP_CONTRACT);
    return wanted ? crossed[source] : rewrite->map[source];
}

static Function *make_weights(const Split *split) {
    Rewrite rewrite = rewrite_begin(split->from, "decode_weights");
    for (NodeId id = 0; id < split->from->node_count; id++)
        if (!is_binding(graph_node(split->from, id)->op) || split->constant[id])
            if (split->constant[id] || graph_node(split->from, id)->source_count == 0)
                rewrite_copy(&rewrite, id);
    for (NodeId id = 0; id < split->from->node_count; id++)
        if (split->crossings[id].is_there) {
            const NodeId first = rewrite.to->node_count;
            const Crossing *crossing = &split->crossings[id];
            const NodeId made =
                crossing->in_panels
                    ? decode_panels_lay(rewrite.to, rewrite.map[id], &crossing->panels)
                    : build_reordered(rewrite.to, rewrite.map[id], &crossing->order);
            function_output(rewrite.to, crossing_name(split, id), made, NULL);
            if (crossing->packed)
                function_output(rewrite.to, packed_name(split, id),
                                decode_panels_compress(rewrite.to, made, &crossing->panels), NULL);
            rewrite_place(&rewrite, first, id);
        }
    return function_prune(rewrite.to);
}

static NodeId read_crossing(const Split *split, Function *to, NodeId id) {
    const Crossing *crossing = &split->crossings[id];
    const char *name = crossing_name(split, id);
    const DType dtype = graph_node(split->from, id)->dtype;
    const char *packed = crossing->packed ? packed_name(split, id) : NULL;
    return crossing->in_panels ? decode_panels_read(to, name, packed, dtype, &crossing->panels)
                               : build_param(to, name, dtype, &crossing->order);
}

static Function *make_rest(const Split *split) {
    const Function *from = split->from;
    Rewrite rewrite = rewrite_begin(from, NULL);
    NodeId *crossed = arena_array(from->arena, from->node_count, sizeof *crossed);
    for (NodeId id = 0; id < from->node_count; id++) {
        const NodeId first = rewrite.to->node_count;
        Node node = *graph_node(from, id);
        NodeId *sources = arena_array(from->arena, node.source_count, sizeof *sources);
        for (uint32_t i = 0; i < node.source_count; i++)
            sources[i] = source_of(split, &rewrite, crossed, graph_node(from, id), i);
        node.sources = sources;
        rewrite.map[id] = graph_add(rewrite.to, node);
        if (split->crossings[id].is_there)
            crossed[id] = read_crossing(split, rewrite.to, id);
        rewrite_place(&rewrite, first, id);
    }
    return function_prune(rewrite_end(&rewrite));
}

DecodeParts decode_split(const Function *decode, const struct Target *target) {
    Split split = {.from = decode, .target = target};
    split.constant = arena_array(decode->arena, decode->node_count, sizeof *split.constant);
    split.crossings = arena_array(decode->arena, decode->node_count, sizeof *split.crossings);
    find_constant(&split);
    find_crossings(&split);
    Function *weights = make_weights(&split);
    DecodeParts parts = {.weights = weights->output_count ? weights : NULL,
                         .decode = make_rest(&split)};
    return parts;
}
