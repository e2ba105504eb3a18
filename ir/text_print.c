/* Functions are written one after the other into a growing text; a map remembers which, and under
 * what name. */
#include "ir/text_print.h"

#include "ir/external.h"
#include "ir/function_map.h"
#include "ir/names.h"
#include "ir/text_form.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPAN_COLUMN = 56, LONGEST_NUMBER = 40 };

typedef struct Printer {
    Arena *arena;
    const Module *module;   /* its functions are printed as such, */
    const Function *single; /* or this one; all others are bodies */
    bool bare;              /* without places */
    char *text;
    size_t length, capacity;
    FunctionMap *printed; /* function -> index in names */
    NameTable *taken;
    const char **names;
    uint32_t name_count, name_capacity;
    const External **externals; /* that were printed */
    const char **external_names;
    NameTable *external_taken;
    uint32_t external_count, external_capacity;
} Printer;

/* --- pieces --- */

static void put_bytes(Printer *printer, const char *bytes, size_t count) {
    if (printer->capacity - printer->length <= count) {
        size_t larger = (printer->capacity + count) * 2 + 1024;
        printer->text = arena_grow(printer->arena, printer->text, printer->length, larger);
        printer->capacity = larger;
    }
    memcpy(printer->text + printer->length, bytes, count);
    printer->length += count;
    printer->text[printer->length] = '\0';
}

static void put(Printer *printer, const char *text) { put_bytes(printer, text, strlen(text)); }

__attribute__((format(printf, 2, 3))) static void put_format(Printer *printer, const char *format,
                                                             ...) {
    va_list arguments;
    va_start(arguments, format);
    char number[LONGEST_NUMBER];
    vsnprintf(number, sizeof number, format, arguments);
    va_end(arguments);
    put(printer, number);
}

static void put_string(Printer *printer, const char *text) {
    put(printer, "\"");
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            put_format(printer, "\\%c", *text);
        else if (*text == '\n')
            put(printer, "\\n");
        else if ((unsigned char)*text < ' ' || *text == 0x7f)
            put_format(printer, "\\x%02x", (unsigned)*text);
        else
            put_bytes(printer, text, 1);
    }
    put(printer, "\"");
}

static void put_name(Printer *printer, const char *name) {
    bool plain = text_is_name_start(name[0]);
    for (const char *at = name; *at && plain; at++)
        plain = text_is_name_part(*at);
    if (plain)
        put(printer, name);
    else
        put_string(printer, name);
}

/* The shortest decimal that is read back as the same number. */
static void put_number(Printer *printer, double value) {
    char number[LONGEST_NUMBER] = "nan"; /* whatever its sign and payload */
    for (int digits = 1; digits <= 17 && !isnan(value); digits++) {
        snprintf(number, sizeof number, "%.*g", digits, value);
        if (strtod(number, NULL) == value)
            break;
    }
    put(printer, number);
}

static void put_axes(Printer *printer, const Function *function, const Axes *axes) {
    put(printer, "[");
    for (int i = 0; i < axes->count; i++) {
        if (i)
            put(printer, ", ");
        put_name(printer, graph_axis(function, axes->at[i])->name);
    }
    put(printer, "]");
}

static void put_file(Printer *printer, const char *file) {
    bool plain = file && *file;
    for (const char *at = file; plain && *at; at++)
        plain = text_is_file_part(*at);
    if (plain)
        put(printer, file);
    else
        put_string(printer, file ? file : "");
}

/* --- external functions --- */

static void put_type(Printer *printer, const ExternalType *type) {
    put(printer, dtype_name(type->dtype));
    for (uint32_t i = 0; i < type->axis_count; i++) {
        put(printer, i ? ", " : "[");
        put_name(printer, type->axes[i]);
    }
    put(printer, type->axis_count ? "]" : "");
}

/* Equal ones are one. */
static uint32_t find_external(const Printer *printer, const External *external) {
    uint32_t found = 0;
    while (found < printer->external_count && !external_equal(printer->externals[found], external))
        found++;
    return found;
}

static void name_external(Printer *printer, const External *external) {
    const uint32_t count = printer->external_count;
    const char *name = external->name;
    for (uint32_t number = 2; !name_table_add(printer->external_taken, name, count); number++)
        name = arena_printf(printer->arena, "%s.%u", external->name, number);
    if (count == printer->external_capacity) {
        const uint32_t larger = printer->external_capacity * 2 + 4;
        printer->externals = arena_grow(printer->arena, printer->externals,
                                        count * sizeof(External *), larger * sizeof(External *));
        printer->external_names = arena_grow(printer->arena, printer->external_names,
                                             count * sizeof(char *), larger * sizeof(char *));
        printer->external_capacity = larger;
    }
    printer->externals[count] = external;
    printer->external_names[count] = name;
    printer->external_count++;
}

static void put_external(Printer *printer, const External *external) {
    const uint32_t number = find_external(printer, external);
    if (number < printer->external_count)
        return;
    name_external(printer, external);
    put(printer, printer->length ? "\nextern @" : "extern @");
    put_name(printer, printer->external_names[number]);
    put(printer, " = ");
    put_string(printer, external->name);
    put(printer, " (");
    for (uint32_t i = 0; i < external->parameter_count; i++) {
        put(printer, i ? ", " : "");
        put_name(printer, external->parameters[i].name);
        put(printer, ": ");
        put_type(printer, &external->parameters[i].type);
    }
    put(printer, ") -> ");
    put_type(printer, &external->result);
    put(printer, " from ");
    /* Where a library lies is no part of what is computed. */
    put_string(printer, printer->bare ? basename(external->library) : external->library);
    if (external->gradient) {
        put(printer, " grad ");
        put_string(printer, external->gradient);
    }
    if (external->place.file && !printer->bare) {
        put(printer, " @");
        put_file(printer, external->place.file);
        put_format(printer, ":%u:%u", external->place.line, external->place.column);
    }
    put(printer, "\n");
}

/* --- nodes --- */

static void put_attributes(Printer *printer, const Function *function, const Node *node) {
    const TextForm form = text_form(node->op);
    const Attributes *attributes = &node->attributes;
    if (form.axes && attributes->axes.count)
        put_axes(printer, function, &attributes->axes);
    if (form.which)
        put_format(printer, "[%lld]", (long long)attributes->amount);
    if (form.body) {
        put(printer, " @");
        put_name(printer, printer->names[function_map_find(printer->printed, attributes->body)]);
    }
    if (form.external) {
        put(printer, " @");
        put_name(printer, printer->external_names[find_external(printer, attributes->external)]);
    }
    if (form.value) {
        put(printer, " ");
        put_number(printer, attributes->value);
    }
    if (form.name) {
        put(printer, " ");
        put_string(printer, attributes->name);
    }
    if (form.amount)
        put_format(printer, " by %lld", (long long)attributes->amount);
    if (form.key)
        put_format(printer, " key 0x%llx", (unsigned long long)attributes->key);
}

static void put_spans(Printer *printer, const SpanSet *spans, size_t line_start) {
    if (!spans || spans->count == 0)
        return;
    do
        put(printer, " ");
    while (printer->length - line_start < SPAN_COLUMN);
    for (uint32_t i = 0; i < spans->count; i++) {
        put(printer, " @");
        put_file(printer, spans->at[i].file);
        put_format(printer, ":%u:%u", spans->at[i].line, spans->at[i].column);
    }
}

/* Without its places. */
static void put_node(Printer *printer, const Function *function, NodeId id) {
    const Node *node = graph_node(function, id);
    put_format(printer, "%%%u", id);
    if (node->dtype != DTYPE_NONE) {
        put_format(printer, ": %s", dtype_name(node->dtype));
        put_axes(printer, function, &node->axes);
    }
    put(printer, " = ");
    put(printer, op_table[node->op].name);
    put_attributes(printer, function, node);
    for (uint32_t i = 0; i < node->source_count; i++)
        put_format(printer, "%s%%%u", i ? ", " : " ", node->sources[i]);
}

static void put_node_line(Printer *printer, const Function *function, NodeId id) {
    size_t line_start = printer->length;
    put(printer, "  ");
    put_node(printer, function, id);
    if (!printer->bare)
        put_spans(printer, graph_node(function, id)->spans, line_start);
    put(printer, "\n");
}

/* --- functions --- */

/* A name that no function has yet, made from the function's own. */
static const char *choose_name(Printer *printer, const Function *function) {
    const char *name = function->name;
    for (uint32_t number = 2; !name_table_add(printer->taken, name, printer->name_count); number++)
        name = arena_printf(printer->arena, "%s.%u", function->name, number);
    if (printer->name_count == printer->name_capacity) {
        uint32_t larger = printer->name_capacity * 2 + 8;
        printer->names = arena_grow(printer->arena, printer->names,
                                    printer->name_count * sizeof(char *), larger * sizeof(char *));
        printer->name_capacity = larger;
    }
    return printer->names[printer->name_count++] = name;
}

static void put_axis_table(Printer *printer, const Function *function) {
    for (uint32_t i = 0; i < function->axis_count; i++) {
        put(printer, i ? ", " : "  axis ");
        put_name(printer, function->axes[i].name);
        put_format(printer, " = %lld", (long long)function->axes[i].extent);
    }
    if (function->axis_count)
        put(printer, "\n");
}

static void put_outputs(Printer *printer, const Function *function) {
    for (uint32_t i = 0; i < function->output_count; i++) {
        const Output *output = &function->outputs[i];
        put(printer, "  output ");
        put_string(printer, output->name);
        put_format(printer, " = %%%u", output->node);
        if (output->donated) {
            put(printer, " donates ");
            put_string(printer, output->donated);
        }
        put(printer, "\n");
    }
}

static bool is_listed(const Printer *printer, const Function *function) {
    for (uint32_t i = 0; printer->module && i < printer->module->function_count; i++)
        if (printer->module->functions[i] == function)
            return true;
    return printer->single == function;
}

static void put_function(Printer *printer, const Function *function) {
    if (function_map_find(printer->printed, function) != FUNCTION_ABSENT)
        return;
    for (NodeId id = 0; id < function->node_count; id++)
        if (function->nodes[id].attributes.body)
            put_function(printer, function->nodes[id].attributes.body);
    for (NodeId id = 0; id < function->node_count; id++)
        if (function->nodes[id].attributes.external)
            put_external(printer, function->nodes[id].attributes.external);
    function_map_add(printer->printed, function, printer->name_count);
    if (printer->length)
        put(printer, "\n");
    put(printer, is_listed(printer, function) ? "func @" : "body @");
    put_name(printer, choose_name(printer, function));
    put(printer, " {\n");
    put_axis_table(printer, function);
    for (NodeId id = 0; id < function->node_count; id++)
        put_node_line(printer, function, id);
    put_outputs(printer, function);
    put(printer, "}\n");
}

static Printer printer_create(Arena *arena) {
    return (Printer){.arena = arena,
                     .text = arena_alloc(arena, 1),
                     .printed = function_map_create(arena),
                     .taken = name_table_create(arena),
                     .external_taken = name_table_create(arena)};
}

static char *print_module(Printer *printer, const Module *module) {
    printer->module = module;
    for (uint32_t i = 0; i < module->function_count; i++)
        put_function(printer, module->functions[i]);
    return printer->text;
}

char *text_print_module(const Module *module, Arena *arena) {
    Printer printer = printer_create(arena);
    return print_module(&printer, module);
}

char *text_print_bare(const Module *module, Arena *arena) {
    Printer printer = printer_create(arena);
    printer.bare = true;
    return print_module(&printer, module);
}

char *text_print_function(const Function *function, Arena *arena) {
    Printer printer = printer_create(arena);
    printer.single = function;
    put_function(&printer, function);
    return printer.text;
}

char *text_print_node(const Function *function, NodeId id, Arena *arena) {
    Printer printer = printer_create(arena);
    const Attributes *attributes = &graph_node(function, id)->attributes;
    if (attributes->body) {
        function_map_add(printer.printed, attributes->body, 0);
        choose_name(&printer, attributes->body);
    }
    if (attributes->external)
        name_external(&printer, attributes->external);
    put_node(&printer, function, id);
    return printer.text;
}
