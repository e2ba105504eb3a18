/* Every node before the logits gets the forms in which the step needs it (decode_forms.h). What
 * makes that sound is the bound on the tokens that each node depends on (ir/order.h): it is
 * followed through the whole function first, and the node that loses it is the one at fault. */
#include "passes/decode_forms.h"

#include "ir/build.h"
#include "ir/external.h"
#include "passes/rewrite.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- what is known of nodes --- */

bool decode_fail(Decode *decode, NodeId node, const char *format, ...) {
    const SpanSet *spans = graph_node(decode->from, node)->spans;
    if (spans && spans->count)
        decode->fault->place = spans->at[0];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(decode->fault->text, sizeof decode->fault->text, format, arguments);
    va_end(arguments);
    return false;
}

bool decode_depends(const Decode *decode, NodeId node) {
    return decode->bounds[node].axes.count > 0;
}

int64_t decode_delay(const Decode *decode, NodeId node, AxisId axis) {
    const int64_t reach = order_reach(&decode->bounds[node], axis);
    return reach == INT64_MIN ? 0 : reach + 1;
}

bool decode_has_axis(const Decode *decode, NodeId id, AxisId axis) {
    const Node *node = graph_node(decode->from, id);
    bool has = axes_has(&node->axes, axis);
    for (uint32_t i = 0; node->dtype == DTYPE_NONE && i < node->source_count; i++)
        has |= axes_has(&graph_node(decode->from, node->sources[i])->axes, axis);
    return has;
}

DecodeForm *decode_form(const Decode *decode, NodeId node, AxisId axis, int64_t delay) {
    if (axis != AXIS_NONE && !decode_has_axis(decode, node, axis))
        axis = AXIS_NONE;
    for (DecodeForm *form = decode->forms[node]; form; form = form->next)
        if (form->axis == axis && (axis == AXIS_NONE || form->delay == delay))
            return form;
    return NULL;
}

/* Whether the function that is called works along the axis. */
static bool is_taken(const Function *function, const Node *call, AxisId axis) {
    const char *dims[EXTERNAL_MAX_DIMS];
    const uint32_t count = external_dims(call->attributes.external, dims);
    bool taken = false;
    for (uint32_t i = 0; i < count; i++)
        taken |= strcmp(dims[i], graph_axis(function, axis)->name) == 0;
    return taken;
}

bool decode_is_pointwise(const Decode *decode, const Node *node, AxisId axis) {
    switch (node->op) {
    case OP_SUM:
    case OP_REDUCE_MAX:
    case OP_ARGMAX:
    case OP_SOFTMAX:
    case OP_CONTRACT:
    case OP_CROSS_ENTROPY:
    case OP_GATHER:
        return !axes_has(&node->attributes.axes, axis);
    case OP_CALL:
        return !is_taken(decode->from, node, axis);
    default:
        return op_is_elementwise(node->op);
    }
}

bool decode_shifts_all(const Decode *decode, const Node *shift) {
    const int64_t extent = graph_axis(decode->from, shift->attributes.axes.at[0])->extent;
    return shift->attributes.amount >= extent || shift->attributes.amount <= -extent;
}

/* --- soundness --- */

static bool fail_order(Decode *decode, NodeId id) {
    const Node *node = graph_node(decode->from, id);
    const char *over = axes_text(decode->arena, decode->from, &node->attributes.axes);
    switch (node->op) {
    case OP_ATTENTION:
        return decode_fail(decode, id,
                           "this attention looks at positions along '%s' that are not drawn yet",
                           graph_axis(decode->from, node->attributes.axes.at[1])->name);
    case OP_SUM:
    case OP_REDUCE_MAX:
    case OP_CONTRACT:
    case OP_SOFTMAX:
        return decode_fail(
            decode, id, "this reduction over %s takes in positions that are not drawn yet", over);
    default:
        return decode_fail(decode, id, "this may depend on positions that are not drawn yet (%s)",
                           op_table[node->op].name);
    }
}

/* The first node that the logits need whose bound is lost. */
static bool check_order(Decode *decode) {
    const bool *live = function_live(decode->from);
    for (NodeId id = 0; id < decode->from->node_count; id++)
        if (live[id] && decode->bounds[id].all)
            return fail_order(decode, id);
    return true;
}

/* --- the functions --- */

/* The same function for another number of images. */
static Function *with_images(Decode *decode, const Function *sample) {
    Rewrite rewrite = rewrite_begin(sample, "prefill");
    decode->batch = function_find_axis(sample, decode->options->batch);
    decode->from = sample; /* whose names of axes decode_body asks for */
    if (decode->batch == AXIS_NONE)
        return NULL;
    rewrite.to->axes[decode->batch].extent = decode->options->images;
    for (NodeId id = 0; id < sample->node_count; id++) {
        Node node = rewrite_node(&rewrite, id);
        bool used;
        if (node.attributes.body)
            node.attributes.body = decode_body(decode, node.attributes.body, AXIS_NONE, 0, &used);
        rewrite.map[id] = graph_add(rewrite.to, node);
    }
    return rewrite_end(&rewrite);
}

static NodeId *each_itself(const Function *function) {
    NodeId *ids = arena_array(function->arena, function->node_count, sizeof *ids);
    for (NodeId id = 0; id < function->node_count; id++)
        ids[id] = id;
    return ids;
}

/* As decode reads it. */
static void add_packed(const Decode *decode, Function *to, const CachePacking *packing,
                       const char *cache, NodeId whole) {
    function_output(to, decode_packed_name(decode->arena, cache, packing->form),
                    build_pack(to, packing->form, whole, &packing->along, packing->words), NULL);
}

/* What `from` has at a node, of nodes that prefill has: what is new renames one of those. */
static NodeId whole_of(const Decode *decode, Rewrite *rewrite, NodeId id) {
    const Node *node = graph_node(decode->from, id);
    if (decode->origins[id] != NODE_NONE)
        return rewrite->map[decode->origins[id]];
    return build_rename(rewrite->to, whole_of(decode, rewrite, node->sources[0]),
                        node->attributes.axes.at[0], node->attributes.axes.at[1]);
}

/* What the caches hold once all positions are known, and only that. */
static Function *build_prefill(const Decode *decode) {
    Rewrite rewrite = rewrite_all(decode->whole, "prefill");
    uint32_t number = 0;
    for (NodeId id = 0; id < decode->from->node_count; id++) {
        const AxisId axis = decode->cached[id];
        if (axis == AXIS_NONE)
            continue;
        const NodeId row = decode_form(decode, id, axis, decode_delay(decode, id, axis))->node;
        const Axes order = decode_cache_axes(decode, &graph_node(decode->to, row)->axes, axis);
        NodeId whole = build_broadcast(rewrite.to, whole_of(decode, &rewrite, id), &order);
        const DType dtype = decode_cache_dtype(decode, id);
        if (dtype == DTYPE_BF16)
            whole = build_unary(rewrite.to, OP_CAST_BF16, whole);
        const char *name = arena_printf(decode->arena, "cache.%u", number++);
        function_output(rewrite.to, name, whole, NULL);
        const CachePacking packing = decode_cache_packing(decode, id, rewrite.to, &order);
        if (packing.is_there)
            add_packed(decode, rewrite.to, &packing, name, whole);
    }
    return number ? function_prune(rewrite.to) : NULL;
}

static bool find_positions(Decode *decode, const char *tokens) {
    const NodeId input = function_find_binding(decode->from, tokens);
    if (input == NODE_NONE || graph_node(decode->from, input)->axes.count != 2) {
        snprintf(decode->fault->text, sizeof decode->fault->text,
                 "the logits do not depend on the tokens along one axis");
        return false;
    }
    const Axes *axes = &graph_node(decode->from, input)->axes;
    decode->positions = axes->at[axes->at[0] == decode->batch];
    return true;
}

static bool build_decode(Decode *decode) {
    const Function *from = decode->from;
    const size_t nodes = from->node_count;
    if (!find_positions(decode, "tokens"))
        return false;
    decode->bounds =
        order_bounds(decode->arena, from, "tokens", graph_axis(from, decode->positions)->name, -1);
    decode->forms = arena_array(decode->arena, nodes, sizeof(DecodeForm *));
    decode->cached = arena_array(decode->arena, nodes, sizeof *decode->cached);
    decode->caches = arena_array(decode->arena, nodes, sizeof *decode->caches);
    for (size_t i = 0; i < nodes; i++) {
        decode->cached[i] = AXIS_NONE;
        decode->caches[i] = NODE_NONE;
    }
    const NodeId logits = from->outputs[0].node;
    if (!check_order(decode) || !decode_demand(decode, logits))
        return false;
    decode_build(decode);
    const Axes batch = axes_of(&decode->batch, 1);
    NodeId row = decode_form(decode, logits, decode->positions, 0)->node;
    const Axes axes = graph_node(decode->to, row)->axes, order = axes_union(&batch, &axes);
    row = build_broadcast(decode->to, row, &order);
    function_output(decode->to, "logits", row, NULL);
    return true;
}

bool decode_has(const char *name) {
    static const char *const functions[] = {"prefill", "decode", "decode_weights"};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strcmp(functions[i], name) == 0)
            return true;
    return false;
}

bool decode_is_step(const Function *function) { return strcmp(function->name, "decode") == 0; }

Module *derive_decode(const Module *module, const DecodeOptions *options, DecodeFault *fault) {
    const Function *sample = module_function(module, "sample");
    Decode decode = {.arena = module->arena, .options = options, .fault = fault};
    *fault = (DecodeFault){.text = "the objective has no logits to draw from"};
    if (!sample)
        return NULL;
    decode.whole = decode.from = with_images(&decode, sample);
    if (!decode.whole)
        return NULL;
    decode.origins = each_itself(decode.whole);
    decode_absorb(&decode);
    decode.to = function_create(module->arena, "decode");
    function_copy_axes(decode.to, decode.from);
    if (!build_decode(&decode))
        return NULL;
    Module *made = module_create(module->arena);
    module_add(made, function_prune(decode.to));
    Function *prefill = build_prefill(&decode);
    if (prefill)
        module_add(made, prefill);
    return made;
}
