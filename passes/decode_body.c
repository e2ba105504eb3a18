/* The position of the query was an axis of the scores; now it is a number from outside. */
#include "passes/decode_forms.h"

#include "ir/build.h"

static Axes without(const Axes *axes, AxisId axis) {
    const Axes one = axes_of(&axis, axis != AXIS_NONE);
    return axes_minus(axes, &one);
}

/* Within the axis, so that whoever bounds it knows how far it goes; before the first position
 * nothing that is computed counts. */
static NodeId body_position(const Decode *decode, Function *to, uint32_t extra, int64_t extent) {
    const Axes none = {0};
    const NodeId input =
        build_input(to, arena_printf(decode->arena, "x%u", extra), DTYPE_I32, &none);
    const NodeId above = build_binary(to, OP_MAX, input, build_const(to, DTYPE_I32, 0));
    return build_binary(to, OP_MIN, above, build_const(to, DTYPE_I32, (double)(extent - 1)));
}

static const Function *make(const Decode *decode, const Function *body, AxisId axis, uint32_t extra,
                            bool *used) {
    Function *to = function_create(decode->arena, body->name);
    function_copy_axes(to, body);
    const AxisId batch = function_find_axis(body, graph_axis(decode->from, decode->batch)->name);
    if (batch != AXIS_NONE)
        to->axes[batch].extent = decode->options->images;
    const AxisId gone = axis == AXIS_NONE
                            ? AXIS_NONE
                            : function_find_axis(body, graph_axis(decode->from, axis)->name);
    NodeId *map = arena_array(decode->arena, body->node_count, sizeof *map);
    NodeId position = NODE_NONE;
    for (NodeId id = 0; id < body->node_count; id++) {
        Node node = *graph_node(body, id);
        if (node.op == OP_INDEX && node.attributes.axes.at[0] == gone) {
            if (position == NODE_NONE)
                position = body_position(decode, to, extra, graph_axis(body, gone)->extent);
            map[id] = position;
            continue;
        }
        NodeId *sources = arena_array(decode->arena, node.source_count, sizeof *sources);
        for (uint32_t i = 0; i < node.source_count; i++)
            sources[i] = map[node.sources[i]];
        node.sources = sources;
        node.axes = without(&node.axes, gone);
        map[id] = graph_add(to, node);
    }
    function_output(to, body->outputs[0].name, map[body->outputs[0].node], NULL);
    *used = position != NODE_NONE;
    return to;
}

const Function *decode_body(Decode *decode, const Function *body, AxisId axis, uint32_t extra,
                            bool *used) {
    const DecodedBody *last = &decode->body;
    if (last->of != body || last->from != decode->from || last->axis != axis ||
        last->extra != extra) {
        decode->body =
            (DecodedBody){.of = body, .from = decode->from, .axis = axis, .extra = extra};
        decode->body.function = make(decode, body, axis, extra, &decode->body.used);
    }
    *used = last->used;
    return last->function;
}
