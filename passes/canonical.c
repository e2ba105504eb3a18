#include "passes/canonical.h"

#include "ir/external.h"

#include <string.h>

typedef struct Writer {
    Arena *arena;
    const Function *function;
    unsigned char *bytes;
    size_t length, capacity;
    uint32_t *axis_number; /* by AxisId; UINT32_MAX: not met yet */
    uint32_t axes_met;
} Writer;

static void write_bytes(Writer *writer, const void *bytes, size_t length) {
    if (writer->capacity - writer->length < length) {
        size_t capacity = 2 * writer->capacity + length + 256;
        writer->bytes = arena_grow(writer->arena, writer->bytes, writer->length, capacity);
        writer->capacity = capacity;
    }
    memcpy(writer->bytes + writer->length, bytes, length);
    writer->length += length;
}

static void write_number(Writer *writer, int64_t number) {
    write_bytes(writer, &number, sizeof number);
}

static void write_axes(Writer *writer, const Axes *axes) {
    write_number(writer, axes->count);
    for (int i = 0; i < axes->count; i++) {
        AxisId axis = axes->at[i];
        bool first = writer->axis_number[axis] == UINT32_MAX;
        if (first)
            writer->axis_number[axis] = writer->axes_met++;
        write_number(writer, writer->axis_number[axis]);
        if (first)
            write_number(writer, writer->function->axes[axis].extent);
    }
}

static void write_function(Writer *writer);

/* The axes of a nested body are its caller's by name, so which is which belongs to the form: for
 * each, in the order of first use, the caller's number for it. */
static void write_nested(Writer *writer, const Function *body) {
    Writer nested = {.arena = writer->arena, .function = body};
    write_function(&nested);
    write_number(writer, (int64_t)nested.length);
    write_bytes(writer, nested.bytes, nested.length);
    for (uint32_t number = 0; number < nested.axes_met; number++)
        for (uint32_t i = 0; i < body->axis_count; i++)
            if (nested.axis_number[i] == number) {
                Axes outer = {0};
                AxisId axis = function_find_axis(writer->function, body->axes[i].name);
                if (axis != AXIS_NONE)
                    axes_append(&outer, axis);
                write_axes(writer, &outer);
            }
}

static void write_text(Writer *writer, const char *text) {
    write_number(writer, text ? (int64_t)strlen(text) : -1);
    write_bytes(writer, text ? text : "", text ? strlen(text) : 0);
}

/* The function, and which of the axes here are those that its signature names. */
static void write_external(Writer *writer, const External *external) {
    write_text(writer, external->library);
    write_text(writer, external->gradient);
    write_text(writer, external_signature(external, writer->arena));
    for (uint32_t i = 0; i <= external->parameter_count; i++) {
        Axes axes;
        external_axes(writer->function, external_source_type(external, i), &axes);
        write_axes(writer, &axes);
    }
}

static void write_node(Writer *writer, const Node *node) {
    write_number(writer, node->op);
    write_number(writer, node->dtype);
    write_axes(writer, &node->axes);
    write_axes(writer, &node->attributes.axes);
    write_bytes(writer, &node->attributes.value, sizeof node->attributes.value);
    write_number(writer, node->attributes.amount);
    write_number(writer, node->source_count);
    write_bytes(writer, node->sources, node->source_count * sizeof *node->sources);
    if (node->attributes.body)
        write_nested(writer, node->attributes.body);
    if (node->attributes.external)
        write_external(writer, node->attributes.external);
}

static void write_function(Writer *writer) {
    const Function *function = writer->function;
    writer->axis_number =
        arena_array(writer->arena, function->axis_count, sizeof *writer->axis_number);
    for (uint32_t i = 0; i < function->axis_count; i++)
        writer->axis_number[i] = UINT32_MAX;
    write_number(writer, function->node_count);
    for (uint32_t i = 0; i < function->node_count; i++)
        write_node(writer, &function->nodes[i]);
    write_number(writer, function->output_count);
    for (uint32_t i = 0; i < function->output_count; i++)
        write_number(writer, function->outputs[i].node);
}

CanonicalForm canonical_form(Arena *arena, const Function *function) {
    Writer writer = {.arena = arena, .function = function};
    write_function(&writer);
    return (CanonicalForm){writer.bytes, writer.length};
}

uint32_t canonical_keys(Arena *arena, const Function *body, int64_t **keys) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < body->node_count; i++)
        count += body->nodes[i].op == OP_RANDOM || body->nodes[i].op == OP_RANDOM_NORMAL;
    *keys = arena_array(arena, count, sizeof **keys);
    uint32_t next = 0;
    for (uint32_t i = 0; i < body->node_count; i++)
        if (body->nodes[i].op == OP_RANDOM || body->nodes[i].op == OP_RANDOM_NORMAL)
            (*keys)[next++] = (int64_t)body->nodes[i].attributes.key;
    return count;
}
