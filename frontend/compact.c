/* Dead code leaves: what an objective computes and no output needs. Lowering adds nodes as it meets
 * expressions, so parameters and inputs that are named but not used end here. */
#include "frontend/lowering.h"

static bool *mark_needed(const Function *function) {
    bool *needed = arena_array(function->arena, function->node_count, sizeof(bool));
    for (uint32_t i = 0; i < function->output_count; i++)
        needed[function->outputs[i].node] = true;
    for (uint32_t i = function->node_count; i-- > 0;)
        for (uint32_t k = 0; needed[i] && k < function->nodes[i].source_count; k++)
            needed[function->nodes[i].sources[k]] = true;
    return needed;
}

static Axes copy_axes(const Function *from, Function *to, const Axes *axes) {
    Axes copy = {.count = axes->count};
    for (int i = 0; i < axes->count; i++) {
        const Axis *axis = graph_axis(from, axes->at[i]);
        copy.at[i] = function_axis(to, axis->name, axis->extent);
    }
    return copy;
}

Function *function_compact(const Function *function) {
    Function *compact = function_create(function->arena, function->name);
    const bool *needed = mark_needed(function);
    NodeId *place = arena_array(function->arena, function->node_count, sizeof(NodeId));
    for (uint32_t i = 0; i < function->node_count; i++) {
        if (!needed[i])
            continue;
        Node node = function->nodes[i];
        NodeId *sources = arena_array(function->arena, node.source_count, sizeof(NodeId));
        for (uint32_t k = 0; k < node.source_count; k++)
            sources[k] = place[node.sources[k]];
        node.sources = sources;
        node.axes = copy_axes(function, compact, &node.axes);
        node.attributes.axes = copy_axes(function, compact, &node.attributes.axes);
        place[i] = graph_add(compact, node);
    }
    for (uint32_t i = 0; i < function->output_count; i++) {
        const Output *output = &function->outputs[i];
        const char *donated = output->donated;
        if (donated && function_find_binding(compact, donated) == NODE_NONE)
            donated = NULL; /* nothing reads it: it is gone */
        function_output(compact, output->name, place[output->node], donated);
    }
    return compact;
}
