/* One walk over the nodes in order: each form is an op on forms of its sources. */
#include "passes/decode_forms.h"

#include "ir/tiled.h"
#include "passes/emit/attention_shape.h"
#include "passes/rewrite.h"

static Axes without(const Axes *axes, AxisId axis) {
    const Axes one = axes_of(&axis, 1);
    return axes_minus(axes, &one);
}

/* --- positions --- */

/* The position that is at hand, so many back. */
static NodeId place(Decode *decode, int64_t delay) {
    if (delay == 0)
        return decode->position;
    for (const DecodeForm *known = decode->places; known; known = known->next)
        if (known->delay == delay)
            return known->node;
    DecodeForm *made = arena_alloc(decode->arena, sizeof *made);
    const NodeId back = build_const(decode->to, DTYPE_I32, (double)delay);
    *made = (DecodeForm){AXIS_NONE, delay, build_binary(decode->to, OP_SUB, decode->position, back),
                         decode->places};
    decode->places = made;
    return made->node;
}

static NodeId take_row(Decode *decode, NodeId whole, AxisId axis, int64_t delay) {
    return build_gather(decode->to, whole, place(decode, delay), axis);
}

/* --- sources --- */

/* Arithmetic hides what is behind a mask (0 * x) only where x is finite; what is not computed yet
 * is 0 in a cache, but may be anything in what is made of it. */
static NodeId hide_ahead(Decode *decode, const Node *user, NodeId id, NodeId source, NodeId value) {
    const OrderBound *of_user = &decode->bounds[id], *bound = &decode->bounds[source];
    const bool arithmetic = op_is_elementwise(user->op) || user->op == OP_CONTRACT;
    for (int i = 0; i < bound->axes.count; i++) {
        const AxisId axis = bound->axes.at[i];
        const bool is_left = axes_has(&graph_node(decode->to, value)->axes, axis);
        if (!arithmetic || user->op == OP_SELECT || !is_left || axes_has(&of_user->axes, axis) ||
            decode->caches[source] == value)
            continue;
        const NodeId last = place(decode, decode_delay(decode, source, axis));
        const NodeId known =
            build_binary(decode->to, OP_LESS_EQUAL, build_index(decode->to, axis), last);
        const NodeId zero = build_const(decode->to, graph_node(decode->to, value)->dtype, 0);
        value = build_select(decode->to, known, value, zero);
    }
    return value;
}

/* The op on forms of its sources. */
static NodeId apply(Decode *decode, NodeId id, AxisId axis, int64_t delay) {
    Node node = *graph_node(decode->from, id);
    NodeId *sources = arena_array(decode->arena, node.source_count, sizeof *sources);
    for (uint32_t i = 0; i < node.source_count; i++) {
        const NodeId source = node.sources[i];
        sources[i] =
            hide_ahead(decode, &node, id, source, decode_form(decode, source, axis, delay)->node);
    }
    node.sources = sources;
    node.axes = axis == AXIS_NONE ? node.axes : without(&node.axes, axis);
    return graph_add(decode->to, node);
}

/* --- rows --- */

static NodeId shift_row(Decode *decode, NodeId id, AxisId axis, int64_t delay) {
    Function *to = decode->to;
    const Node *node = graph_node(decode->from, id);
    if (node->attributes.axes.at[0] != axis)
        return apply(decode, id, axis, delay);
    const int64_t amount = node->attributes.amount;
    const NodeId fill = decode_form(decode, node->sources[1], axis, delay)->node;
    if (decode_shifts_all(decode, node))
        return fill;
    const NodeId moved = decode_form(decode, node->sources[0], axis, delay + amount)->node;
    const int64_t edge = amount > 0 ? amount : graph_axis(decode->from, axis)->extent + amount;
    const NodeId before =
        build_binary(to, OP_LESS, place(decode, delay), build_const(to, DTYPE_I32, (double)edge));
    return amount > 0 ? build_select(to, before, fill, moved)
                      : build_select(to, before, moved, fill);
}

static NodeId rename_row(Decode *decode, NodeId id, AxisId axis, int64_t delay) {
    const Node *node = graph_node(decode->from, id);
    const Axes *names = &node->attributes.axes;
    if (names->at[1] == axis)
        return decode_form(decode, node->sources[0], names->at[0], delay)->node;
    const NodeId source = decode_form(decode, node->sources[0], axis, delay)->node;
    return build_rename(decode->to, source, names->at[0], names->at[1]);
}

/* Where the body asks for the query's position it comes as one more source. */
static NodeId attention_row(Decode *decode, NodeId id, AxisId axis, int64_t delay) {
    Node node = *graph_node(decode->from, id);
    const uint32_t count = node.source_count;
    NodeId *sources = arena_array(decode->arena, count + 1, sizeof *sources);
    for (uint32_t i = 0; i < count; i++)
        sources[i] = decode_form(decode, node.sources[i], axis, delay)->node;
    bool used;
    node.attributes.body =
        decode_body(decode, node.attributes.body, axis, count - ATTENTION_SOURCE_OUTPUT, &used);
    if (used)
        sources[count] = place(decode, delay);
    node.sources = sources;
    node.source_count = count + used;
    return graph_add(decode->to, node);
}

static NodeId result_of(Decode *decode, NodeId id, AxisId axis, int64_t delay) {
    const Node *node = graph_node(decode->from, id);
    return build_result(decode->to, decode_form(decode, node->sources[0], axis, delay)->node,
                        node->attributes.amount);
}

/* The token before the position. */
static NodeId token_row(Decode *decode, NodeId id, AxisId axis) {
    const Node *node = graph_node(decode->from, id);
    const Axes axes = without(&node->axes, axis);
    return build_input(decode->to, node->attributes.name, node->dtype, &axes);
}

static NodeId make_row(Decode *decode, NodeId id, AxisId axis, int64_t delay) {
    const Node *node = graph_node(decode->from, id);
    const bool depends = decode_depends(decode, id);
    const DecodeForm *whole = decode_form(decode, id, AXIS_NONE, 0);
    switch (node->op) {
    case OP_INDEX:
        return place(decode, delay);
    case OP_INPUT:
        return depends ? token_row(decode, id, axis) : take_row(decode, whole->node, axis, delay);
    case OP_SHIFT:
        return shift_row(decode, id, axis, delay);
    case OP_RENAME:
        return rename_row(decode, id, axis, delay);
    case OP_ATTENTION:
        return attention_row(decode, id, axis, delay);
    case OP_RESULT:
        return result_of(decode, id, axis, delay);
    default:
        return decode_is_pointwise(decode, node, axis) ? apply(decode, id, axis, delay)
                                                       : take_row(decode, whole->node, axis, delay);
    }
}

/* --- caches --- */

Axes decode_cache_axes(const Decode *decode, const Axes *row, AxisId axis) {
    const Axes batch = axes_of(&decode->batch, 1);
    const Axes images = axes_intersection(row, &batch), rest = axes_minus(row, &images);
    Axes order = images;
    for (int i = 0; i + 1 < rest.count; i++)
        axes_append(&order, rest.at[i]);
    axes_append(&order, axis);
    if (rest.count)
        axes_append(&order, rest.at[rest.count - 1]);
    return order;
}

/* Whether it is a key or value of attention, and nothing else. */
static bool is_attention_side(const Decode *decode, NodeId id) {
    bool is_side = true;
    for (NodeId user = id + 1; user < decode->from->node_count && is_side; user++) {
        const Node *node = graph_node(decode->from, user);
        for (uint32_t i = 0; decode->forms[user] && i < node->source_count; i++)
            if (node->sources[i] == id)
                is_side &= node->op == OP_ATTENTION &&
                           (i == ATTENTION_SOURCE_KEY || i == ATTENTION_SOURCE_VALUE);
    }
    return is_side;
}

DType decode_cache_dtype(const Decode *decode, NodeId node) {
    const DType dtype = graph_node(decode->from, node)->dtype;
    return dtype == DTYPE_F32 && decode->options->precision != PRECISION_FP32 &&
                   is_attention_side(decode, node)
               ? DTYPE_BF16
               : dtype;
}

static bool find_form(const Decode *decode, NodeId id, int64_t keys, int64_t width,
                      PackedForm *form) {
    const bool absorbed = decode->origins[id] == NODE_NONE;
    *form = absorbed && decode->options->tiles ? PACKED_TILED : PACKED_COMPRESSED;
    if (!absorbed)
        return attention_in_groups(keys, width);
    return attention_is_shared(ATTENTION_SHARED_ROWS, keys, width) &&
           (*form != PACKED_TILED || tiled_fits(keys, width));
}

CachePacking decode_cache_packing(const Decode *decode, NodeId id, Function *function,
                                  const Axes *axes) {
    const int last = axes->count - 1;
    CachePacking packing = {0};
    if (decode_cache_dtype(decode, id) != DTYPE_BF16 ||
        decode->options->precision != PRECISION_BF16 || last == 0)
        return packing;
    packing.is_there = find_form(decode, id, graph_axis(decode->to, axes->at[last - 1])->extent,
                                 graph_axis(decode->to, axes->at[last])->extent, &packing.form);
    if (!packing.is_there)
        return packing;
    packing.along = axes_of(axes->at + last - 1, 2);
    packing.words = build_words(function, packing.form, &packing.along);
    packing.axes = axes_of(axes->at, last - 1);
    axes_append(&packing.axes, packing.words);
    return packing;
}

const char *decode_packed_name(Arena *arena, const char *cache, PackedForm form) {
    return arena_printf(arena, "%s.%s", cache, form == PACKED_TILED ? "tiled" : "compressed");
}

/* The cache as attention reads it, which is brought up to date with the row too. */
static NodeId pack_cache(Decode *decode, const CachePacking *packing, const char *cache,
                         NodeId after, NodeId position) {
    Function *to = decode->to;
    const char *name = decode_packed_name(decode->arena, cache, packing->form);
    const NodeId before = build_input(to, name, DTYPE_I32, &packing->axes);
    const NodeId packed = build_pack_slice(to, packing->form, before, position, after,
                                           &packing->along, packing->words);
    function_output(to, name, packed, name);
    return build_packed(to, packing->form, after, packed, &packing->along, packing->words);
}

/* The row of this step goes to its place before anybody reads the cache. */
static void make_cache(Decode *decode, NodeId id) {
    Function *to = decode->to;
    const AxisId axis = decode->cached[id];
    const int64_t delay = decode_delay(decode, id, axis);
    const DType dtype = decode_cache_dtype(decode, id);
    NodeId row = decode_form(decode, id, axis, delay)->node;
    const Axes axes = decode_cache_axes(decode, &graph_node(to, row)->axes, axis);
    const char *name = arena_printf(decode->arena, "cache.%u", decode->cache_count++);
    const NodeId cache = build_input(to, name, dtype, &axes);
    if (graph_node(to, row)->dtype != dtype)
        row = build_unary(to, OP_CAST_BF16, row);
    NodeId after = build_update_slice(to, cache, place(decode, delay), row, axis);
    function_output(to, name, after, name);
    const CachePacking packing = decode_cache_packing(decode, id, to, &axes);
    if (packing.is_there)
        after = pack_cache(decode, &packing, name, after, place(decode, delay));
    decode->caches[id] = dtype == DTYPE_BF16 ? build_unary(to, OP_CAST_F32, after) : after;
}

/* --- all nodes --- */

static bool is_history(const Decode *decode, NodeId id, const DecodeForm *form) {
    return decode_depends(decode, id) &&
           (form->axis == AXIS_NONE || form->delay > decode_delay(decode, id, form->axis));
}

static void build_node(Decode *decode, NodeId id) {
    DecodeForm *whole = decode_form(decode, id, AXIS_NONE, 0);
    if (whole && !decode_depends(decode, id))
        whole->node = apply(decode, id, AXIS_NONE, 0);
    for (DecodeForm *form = decode->forms[id]; form; form = form->next)
        if (form->axis != AXIS_NONE && !is_history(decode, id, form))
            form->node = make_row(decode, id, form->axis, form->delay);
    if (decode->cached[id] != AXIS_NONE)
        make_cache(decode, id);
    for (DecodeForm *form = decode->forms[id]; form; form = form->next)
        if (is_history(decode, id, form))
            form->node = form->axis == AXIS_NONE
                             ? decode->caches[id]
                             : take_row(decode, decode->caches[id], form->axis, form->delay);
}

void decode_build(Decode *decode) {
    Rewrite places = {.from = decode->from, .to = decode->to};
    const Axes none = {0};
    decode->position = build_input(decode->to, "$position", DTYPE_I32, &none);
    for (NodeId id = 0; id < decode->from->node_count; id++) {
        const NodeId first = decode->to->node_count;
        build_node(decode, id);
        rewrite_place(&places, first, id);
    }
}
