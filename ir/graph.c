/* Functions and modules: growing arrays of nodes, axes and outputs, and tables of their names. */
#include "ir/graph.h"

#include "ir/external.h"
#include "ir/names.h"

#include <assert.h>
#include <string.h>

/* An array with room for one more element than `count`. */
static void *array_room(Arena *arena, void *array, uint32_t count, uint32_t *capacity,
                        size_t size) {
    if (count < *capacity)
        return array;
    uint32_t larger = *capacity ? *capacity * 2 : 8;
    void *moved = arena_grow(arena, array, count * size, larger * size);
    *capacity = larger;
    return moved;
}

static const char *copy_name(Arena *arena, const char *name) {
    return name ? arena_string(arena, name, strlen(name)) : NULL;
}

/* --- modules --- */

Module *module_create(Arena *arena) {
    Module *module = arena_alloc(arena, sizeof *module);
    module->arena = arena;
    return module;
}

Module *module_within(const Module *module, Arena *arena) {
    Module *same = module_create(arena);
    for (uint32_t i = 0; i < module->function_count; i++) {
        Function *function = arena_alloc(arena, sizeof *function);
        *function = *module->functions[i];
        function->arena = arena;
        module_add(same, function);
    }
    return same;
}

Function *module_function(const Module *module, const char *name) {
    for (uint32_t i = 0; i < module->function_count; i++)
        if (strcmp(module->functions[i]->name, name) == 0)
            return module->functions[i];
    return NULL;
}

void module_add(Module *module, Function *function) {
    module->functions = array_room(module->arena, module->functions, module->function_count,
                                   &module->function_capacity, sizeof(Function *));
    module->functions[module->function_count++] = function;
}

/* --- functions --- */

Function *function_create(Arena *arena, const char *name) {
    Function *function = arena_alloc(arena, sizeof *function);
    function->arena = arena;
    function->name = copy_name(arena, name);
    function->axis_names = name_table_create(arena);
    function->binding_names = name_table_create(arena);
    function->output_names = name_table_create(arena);
    return function;
}

static AxisId add_axis(Function *function, const char *name, int64_t extent) {
    assert(extent > 0 && extent <= MAX_EXTENT && function->axis_count < AXIS_NONE);
    function->axes = array_room(function->arena, function->axes, function->axis_count,
                                &function->axis_capacity, sizeof(Axis));
    const char *own = copy_name(function->arena, name);
    name_table_add(function->axis_names, own, function->axis_count);
    function->axes[function->axis_count] = (Axis){own, extent};
    return (AxisId)function->axis_count++;
}

AxisId function_find_axis(const Function *function, const char *name) {
    uint32_t found = name_table_find(function->axis_names, name);
    return found == NAME_ABSENT ? AXIS_NONE : (AxisId)found;
}

AxisId function_axis(Function *function, const char *name, int64_t extent) {
    AxisId found = function_find_axis(function, name);
    if (found == AXIS_NONE)
        return add_axis(function, name, extent);
    return function->axes[found].extent == extent ? found : AXIS_NONE;
}

AxisId function_fresh_axis(Function *function, const char *stem, int64_t extent) {
    for (uint32_t number = 1;; number++) {
        const char *name = arena_printf(function->arena, "%s.%u", stem, number);
        if (function_find_axis(function, name) == AXIS_NONE)
            return add_axis(function, name, extent);
    }
}

void function_copy_axes(Function *function, const Function *from) {
    assert(function->axis_count == 0);
    for (uint32_t i = 0; i < from->axis_count; i++)
        add_axis(function, from->axes[i].name, from->axes[i].extent);
}

void function_output(Function *function, const char *name, NodeId node, const char *donated) {
    assert(node < function->node_count && function->nodes[node].dtype != DTYPE_NONE);
    function->outputs = array_room(function->arena, function->outputs, function->output_count,
                                   &function->output_capacity, sizeof(Output));
    const char *own = copy_name(function->arena, name);
    bool is_new = name_table_add(function->output_names, own, function->output_count);
    assert(is_new);
    (void)is_new;
    function->outputs[function->output_count++] =
        (Output){own, node, copy_name(function->arena, donated)};
}

NodeId function_find_output(const Function *function, const char *name) {
    uint32_t found = name_table_find(function->output_names, name);
    return found == NAME_ABSENT ? NODE_NONE : function->outputs[found].node;
}

NodeId function_find_binding(const Function *function, const char *name) {
    uint32_t found = name_table_find(function->binding_names, name);
    return found == NAME_ABSENT ? NODE_NONE : found;
}

/* --- nodes --- */

const Node *graph_node(const Function *function, NodeId id) {
    assert(id < function->node_count);
    return &function->nodes[id];
}

const Axis *graph_axis(const Function *function, AxisId id) {
    assert(id < function->axis_count);
    return &function->axes[id];
}

int64_t graph_elements(const Function *function, const Node *node) {
    int64_t elements = 1;
    for (int i = 0; i < node->axes.count; i++)
        elements *= graph_axis(function, node->axes.at[i])->extent;
    return elements;
}

uint32_t graph_result_count(const Node *node) {
    switch (node->op) {
    case OP_ATTENTION:
        return 2;
    case OP_ATTENTION_GRAD:
        return 3;
    case OP_CALL_GRAD:
        return external_gradient_count(node->attributes.external);
    case OP_KERNEL:
        return node->attributes.body->output_count;
    default:
        return 1;
    }
}

NodeId graph_add(Function *function, Node node) {
    const char *fault = graph_check(function, &node);
    assert(!fault);
    (void)fault;
    function->nodes = array_room(function->arena, function->nodes, function->node_count,
                                 &function->node_capacity, sizeof(Node));
    NodeId *sources = arena_array(function->arena, node.source_count, sizeof(NodeId));
    if (node.source_count)
        memcpy(sources, node.sources, node.source_count * sizeof(NodeId));
    node.sources = sources;
    node.attributes.name = copy_name(function->arena, node.attributes.name);
    NodeId id = function->node_count;
    if (node.op == OP_PARAM || node.op == OP_INPUT) {
        bool is_new = name_table_add(function->binding_names, node.attributes.name, id);
        assert(is_new);
        (void)is_new;
    }
    const Function *body = node.attributes.body;
    if (body && body->depth + 1 > function->depth)
        function->depth = body->depth + 1;
    function->nodes[id] = node;
    function->node_count++;
    return id;
}

/* --- places --- */

const SpanSet *spans_one(Arena *arena, Span span) {
    SpanSet *set = arena_alloc(arena, sizeof(SpanSet) + sizeof(Span));
    set->count = 1;
    set->at[0] = span;
    return set;
}

static bool span_equal(const Span *a, const Span *b) {
    return a->line == b->line && a->column == b->column &&
           (a->file == b->file || (a->file && b->file && strcmp(a->file, b->file) == 0));
}

/* The same place in a set; NULL: it is not there. */
static const Span *spans_find(const SpanSet *set, const Span *span) {
    for (uint32_t i = 0; i < set->count; i++)
        if (span_equal(&set->at[i], span))
            return &set->at[i];
    return NULL;
}

static bool same_call(const Span *a, const Span *b) {
    return a->call == b->call || (a->call && b->call && strcmp(a->call, b->call) == 0);
}

const SpanSet *spans_union(Arena *arena, const SpanSet *a, const SpanSet *b) {
    if (!a || !b || a == b)
        return a ? a : b;
    uint32_t fresh = 0;
    bool same_calls = true;
    for (uint32_t i = 0; i < b->count; i++) {
        const Span *known = spans_find(a, &b->at[i]);
        fresh += !known;
        same_calls = same_calls && (!known || !known->call || same_call(known, &b->at[i]));
    }
    if (!fresh && same_calls)
        return a;
    SpanSet *set = arena_alloc(arena, sizeof(SpanSet) + (a->count + fresh) * sizeof(Span));
    memcpy(set->at, a->at, a->count * sizeof(Span));
    set->count = a->count;
    for (uint32_t i = 0; i < b->count; i++)
        if (!spans_find(a, &b->at[i]))
            set->at[set->count++] = b->at[i];
    for (uint32_t i = 0; i < a->count; i++) {
        const Span *other = spans_find(b, &a->at[i]);
        if (other && !same_call(&a->at[i], other))
            set->at[i].call = NULL;
    }
    return set;
}

int64_t axes_stride(const Function *function, const Axes *axes, AxisId axis) {
    int64_t stride = 1;
    for (int i = axes->count - 1; i >= 0; i--) {
        if (axes->at[i] == axis)
            return stride;
        stride *= graph_axis(function, axes->at[i])->extent;
    }
    return 0;
}

int64_t axes_elements(const Function *function, const Axes *axes) {
    int64_t elements = 1;
    for (int i = 0; i < axes->count; i++)
        elements *= graph_axis(function, axes->at[i])->extent;
    return elements;
}
