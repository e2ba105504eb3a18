/* Each builder fills in a Node and adds it. */
#include "ir/build.h"

#include "ir/compressed.h"

NodeId build_const(Function *function, DType dtype, double value) {
    return graph_add(function,
                     (Node){.op = OP_CONST, .dtype = dtype, .attributes = {.value = value}});
}

static NodeId build_declared(Function *function, OpCode op, const char *name, DType dtype,
                             const Axes *axes) {
    return graph_add(function,
                     (Node){.op = op, .dtype = dtype, .axes = *axes, .attributes = {.name = name}});
}

NodeId build_param(Function *function, const char *name, DType dtype, const Axes *axes) {
    return build_declared(function, OP_PARAM, name, dtype, axes);
}

NodeId build_input(Function *function, const char *name, DType dtype, const Axes *axes) {
    return build_declared(function, OP_INPUT, name, dtype, axes);
}

NodeId build_index(Function *function, AxisId axis) {
    return graph_add(function, (Node){.op = OP_INDEX, .attributes = {.axes = axes_of(&axis, 1)}});
}

NodeId build_unary(Function *function, OpCode op, NodeId a) {
    return graph_add(function, (Node){.op = op, .source_count = 1, .sources = &a});
}

NodeId build_binary(Function *function, OpCode op, NodeId a, NodeId b) {
    const NodeId sources[] = {a, b};
    return graph_add(function, (Node){.op = op, .source_count = 2, .sources = sources});
}

NodeId build_select(Function *function, NodeId condition, NodeId yes, NodeId no) {
    const NodeId sources[] = {condition, yes, no};
    return graph_add(function, (Node){.op = OP_SELECT, .source_count = 3, .sources = sources});
}

NodeId build_along(Function *function, OpCode op, NodeId a, const Axes *axes) {
    if (op == OP_SUM && axes->count == 0)
        return a;
    return graph_add(
        function,
        (Node){.op = op, .source_count = 1, .sources = &a, .attributes = {.axes = *axes}});
}

NodeId build_contract_as(Function *function, NodeId a, NodeId b, const Axes *axes,
                         const Axes *order) {
    const NodeId sources[] = {a, b};
    return graph_add(function, (Node){.op = OP_CONTRACT,
                                      .axes = *order,
                                      .source_count = 2,
                                      .sources = sources,
                                      .attributes = {.axes = *axes}});
}

NodeId build_contract(Function *function, NodeId a, NodeId b, const Axes *axes) {
    const Axes natural = {0};
    return build_contract_as(function, a, b, axes, &natural);
}

/* An op with two sources and axes of its own. */
static NodeId build_pair(Function *function, OpCode op, NodeId a, NodeId b, const Axes *axes) {
    const NodeId sources[] = {a, b};
    return graph_add(
        function,
        (Node){.op = op, .source_count = 2, .sources = sources, .attributes = {.axes = *axes}});
}

NodeId build_cross_entropy(Function *function, NodeId logits, NodeId classes, AxisId axis) {
    const Axes axes = axes_of(&axis, 1);
    return build_pair(function, OP_CROSS_ENTROPY, logits, classes, &axes);
}

NodeId build_gather(Function *function, NodeId table, NodeId positions, AxisId axis) {
    if (axes_has(&graph_node(function, positions)->axes, axis)) {
        const Axis *old = graph_axis(function, axis);
        AxisId fresh = function_fresh_axis(function, old->name, old->extent);
        table = build_rename(function, table, axis, fresh);
        axis = fresh;
    }
    const Axes axes = axes_of(&axis, 1);
    return build_pair(function, OP_GATHER, table, positions, &axes);
}

NodeId build_scatter_add(Function *function, NodeId positions, NodeId updates, AxisId axis,
                         const Axes *over) {
    const Axes first = axes_of(&axis, 1);
    const Axes axes = axes_union(&first, over);
    return build_pair(function, OP_SCATTER_ADD, positions, updates, &axes);
}

NodeId build_shift(Function *function, NodeId a, NodeId fill, AxisId axis, int64_t amount) {
    const NodeId sources[] = {a, fill};
    return graph_add(function, (Node){.op = OP_SHIFT,
                                      .source_count = 2,
                                      .sources = sources,
                                      .attributes = {.amount = amount, .axes = axes_of(&axis, 1)}});
}

NodeId build_update_slice(Function *function, NodeId a, NodeId position, NodeId slice,
                          AxisId axis) {
    const NodeId sources[] = {a, position, slice};
    return graph_add(function, (Node){.op = OP_UPDATE_SLICE,
                                      .source_count = 3,
                                      .sources = sources,
                                      .attributes = {.axes = axes_of(&axis, 1)}});
}

NodeId build_rename(Function *function, NodeId a, AxisId from, AxisId to) {
    const AxisId axes[] = {from, to};
    return graph_add(function, (Node){.op = OP_RENAME,
                                      .source_count = 1,
                                      .sources = &a,
                                      .attributes = {.axes = axes_of(axes, 2)}});
}

NodeId build_split_as(Function *function, NodeId a, AxisId axis, AxisId outer, AxisId inner,
                      const Axes *order) {
    const AxisId axes[] = {axis, outer, inner};
    return graph_add(function, (Node){.op = OP_SPLIT,
                                      .axes = *order,
                                      .source_count = 1,
                                      .sources = &a,
                                      .attributes = {.axes = axes_of(axes, 3)}});
}

NodeId build_merge(Function *function, NodeId a, AxisId outer, AxisId inner, AxisId axis) {
    const AxisId axes[] = {outer, inner, axis};
    return graph_add(function, (Node){.op = OP_MERGE,
                                      .source_count = 1,
                                      .sources = &a,
                                      .attributes = {.axes = axes_of(axes, 3)}});
}

AxisId build_words(Function *function, PackedForm form, const Axes *along) {
    static const char *const names[] = {"words", "pairs"};
    const int64_t values = axes_elements(function, along);
    return function_axis(function,
                         arena_printf(function->arena, "%s.%lld", names[form], (long long)values),
                         form == PACKED_TILED ? values / 2 : compressed_elements(values));
}

/* What lies innermost, and the axis of words. */
static Axes packed_axes(const Axes *along, AxisId words) {
    Axes axes = *along;
    axes_append(&axes, words);
    return axes;
}

NodeId build_pack(Function *function, PackedForm form, NodeId a, const Axes *along, AxisId words) {
    static const OpCode ops[] = {OP_COMPRESS, OP_TILE};
    return graph_add(function, (Node){.op = ops[form],
                                      .source_count = 1,
                                      .sources = &a,
                                      .attributes = {.axes = packed_axes(along, words)}});
}

NodeId build_pack_slice(Function *function, PackedForm form, NodeId packed, NodeId position,
                        NodeId a, const Axes *along, AxisId words) {
    static const OpCode ops[] = {OP_COMPRESS_SLICE, OP_TILE_SLICE};
    const NodeId sources[] = {packed, position, a};
    return graph_add(function, (Node){.op = ops[form],
                                      .source_count = 3,
                                      .sources = sources,
                                      .attributes = {.axes = packed_axes(along, words)}});
}

NodeId build_packed(Function *function, PackedForm form, NodeId a, NodeId packed, const Axes *along,
                    AxisId words) {
    static const OpCode ops[] = {OP_COMPRESSED, OP_TILED};
    const NodeId sources[] = {a, packed};
    return graph_add(function, (Node){.op = ops[form],
                                      .source_count = 2,
                                      .sources = sources,
                                      .attributes = {.axes = packed_axes(along, words)}});
}

NodeId build_result(Function *function, NodeId several, int64_t which) {
    return graph_add(function, (Node){.op = OP_RESULT,
                                      .source_count = 1,
                                      .sources = &several,
                                      .attributes = {.amount = which}});
}
