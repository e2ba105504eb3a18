/* Each node is given to its shape rule again, which must say what the node says. Bodies are checked
 * once each; that their depth falls is checked before they are entered, so this ends on any graph.
 */
#include "ir/verify.h"

#include "ir/function_map.h"
#include "ir/names.h"

#include <string.h>

typedef struct Verification {
    Arena *arena;
    FunctionMap *done;
} Verification;

static const char *verify_axes(const Function *function, Arena *arena) {
    for (uint32_t i = 0; i < function->axis_count; i++) {
        const Axis *axis = &function->axes[i];
        if (!axis->name || name_table_find(function->axis_names, axis->name) != i)
            return arena_printf(arena, "axis %u (%s) is not the one of its name", i,
                                axis->name ? axis->name : "no name");
        if (axis->extent < 1 || axis->extent > MAX_EXTENT)
            return arena_printf(arena, "axis %s is %lld", axis->name, (long long)axis->extent);
    }
    return NULL;
}

/* A function whose arena is another, so that faults are told there. */
static Function function_view(const Function *function, Arena *arena) {
    Function view = *function;
    view.arena = arena;
    return view;
}

static const char *verify_type(Function *view, const Node *node) {
    Node again = *node;
    const char *fault = graph_check(view, &again);
    if (fault)
        return fault;
    if (again.dtype == node->dtype && axes_equal(&again.axes, &node->axes))
        return NULL;
    return arena_printf(view->arena, "it is %s%s, which its rule says is %s%s",
                        dtype_name(node->dtype), axes_text(view->arena, view, &node->axes),
                        dtype_name(again.dtype), axes_text(view->arena, view, &again.axes));
}

static const char *verify_node(Function *view, NodeId id) {
    const Node *node = &view->nodes[id];
    if ((unsigned)node->op >= OP_COUNT || (unsigned)node->dtype > DTYPE_NONE)
        return "no such op or element type";
    for (uint32_t i = 0; i < node->source_count; i++)
        if (node->sources[i] >= id)
            return arena_printf(view->arena, "source %u, %%%u, does not come before it", i,
                                node->sources[i]);
    const Function *body = node->attributes.body;
    if (body && body->depth >= view->depth)
        return arena_printf(view->arena, "the body %s is as deep as the function", body->name);
    if ((node->op == OP_PARAM || node->op == OP_INPUT) && node->attributes.name &&
        name_table_find(view->binding_names, node->attributes.name) != id)
        return arena_printf(view->arena, "%s is bound twice", node->attributes.name);
    return verify_type(view, node);
}

static const char *verify_donation(const Function *function, const Output *output, Arena *arena) {
    if (!output->donated)
        return NULL;
    NodeId id = function_find_binding(function, output->donated);
    if (id == NODE_NONE)
        return arena_printf(arena, "%s, which it may take the place of, does not exist",
                            output->donated);
    const Node *giver = &function->nodes[id], *taker = &function->nodes[output->node];
    if (giver->dtype != taker->dtype || !axes_equal(&giver->axes, &taker->axes))
        return arena_printf(arena, "it is %s%s, but %s is %s%s", dtype_name(taker->dtype),
                            axes_text(arena, function, &taker->axes), output->donated,
                            dtype_name(giver->dtype), axes_text(arena, function, &giver->axes));
    return NULL;
}

static const char *verify_output(const Function *function, uint32_t which, NameTable *donated,
                                 Arena *arena) {
    const Output *output = &function->outputs[which];
    if (!output->name || name_table_find(function->output_names, output->name) != which)
        return "its name is not its own";
    if (output->node >= function->node_count)
        return "its node does not exist";
    if (function->nodes[output->node].dtype == DTYPE_NONE)
        return "its node has several results";
    if (output->donated && !name_table_add(donated, output->donated, which))
        return arena_printf(arena, "%s is donated twice", output->donated);
    return verify_donation(function, output, arena);
}

static const char *verify(const Function *function, Verification *verification) {
    Arena *arena = verification->arena;
    if (function_map_find(verification->done, function) != FUNCTION_ABSENT)
        return NULL;
    const char *fault = verify_axes(function, arena);
    if (fault)
        return arena_printf(arena, "%s: %s", function->name, fault);
    Function view = function_view(function, arena);
    uint32_t depth = 0;
    for (NodeId id = 0; id < function->node_count; id++) {
        const Function *body = function->nodes[id].attributes.body;
        fault = verify_node(&view, id);
        if (fault)
            return arena_printf(arena, "%s: %%%u: %s", function->name, id, fault);
        fault = body ? verify(body, verification) : NULL;
        if (fault)
            return fault;
        if (body && body->depth + 1 > depth)
            depth = body->depth + 1;
    }
    if (function->depth != depth)
        return arena_printf(arena, "%s: its bodies are %u deep, not %u", function->name, depth,
                            function->depth);
    NameTable *donated = name_table_create(arena);
    for (uint32_t i = 0; i < function->output_count; i++) {
        fault = verify_output(function, i, donated, arena);
        if (fault)
            return arena_printf(arena, "%s: output %s: %s", function->name,
                                function->outputs[i].name ? function->outputs[i].name : "no name",
                                fault);
    }
    function_map_add(verification->done, function, 0);
    return NULL;
}

const char *verify_function(const Function *function, Arena *arena) {
    Verification verification = {arena, function_map_create(arena)};
    return verify(function, &verification);
}

const char *verify_module(const Module *module, Arena *arena) {
    Verification verification = {arena, function_map_create(arena)};
    NameTable *names = name_table_create(arena);
    for (uint32_t i = 0; i < module->function_count; i++) {
        const Function *function = module->functions[i];
        if (!name_table_add(names, function->name, i))
            return arena_printf(arena, "two functions are called %s", function->name);
        const char *fault = verify(function, &verification);
        if (fault)
            return fault;
    }
    return NULL;
}
