/* Parameters: declared where a body runs, found by their path, with their initial values in `init`.
 */
#include "frontend/lowering.h"

#include <string.h>
#include <xxhash.h>

ParameterRecord *parameter_find(const Lowering *l, const char *path) {
    return names_find(&l->parameter_paths, path);
}

uint64_t parameter_key(const char *purpose, const char *path) {
    return XXH64(path, strlen(path), XXH64(purpose, strlen(purpose), 0));
}

static ParameterRecord *record_parameter(Lowering *l, const char *path, const TensorName *tensor) {
    ParameterRecord *record = arena_alloc(l->arena, sizeof *record);
    *record = (ParameterRecord){.path = path,
                                .tensor = tensor,
                                .owner = l->scope->frame->owner,
                                .node = NODE_NONE,
                                .initial = NODE_NONE};
    names_add(&l->parameter_paths, l->arena, path, record);
    if (l->parameter_count == l->parameter_capacity) {
        uint32_t larger = l->parameter_capacity ? l->parameter_capacity * 2 : 32;
        l->parameters =
            arena_grow(l->arena, l->parameters, l->parameter_count * sizeof(ParameterRecord *),
                       larger * sizeof(ParameterRecord *));
        l->parameter_capacity = larger;
    }
    l->parameters[l->parameter_count++] = record;
    return record;
}

/* --- initial values --- */

/* normal(std) or uniform(low, high), over the parameter's axes. */
static Value draw(Lowering *l, const ParameterRecord *record, const Expr *init) {
    const char *name = init->kind == EXPR_CALL ? init->call.callee.text : "";
    bool normal = strcmp(name, "normal") == 0;
    if (!normal && strcmp(name, "uniform") != 0) {
        diagnostics_error(l->diagnostics, "bad-distribution", init->span,
                          "a parameter is drawn from normal(std) or uniform(low, high)");
        return value_faulty;
    }
    if (!call_shape(l, init, normal ? 1 : 2, NULL))
        return value_faulty;
    Value first = lower_expression(l, init->call.arguments[0].value);
    Value second = normal ? first : lower_expression(l, init->call.arguments[1].value);
    NodeId sources[4];
    for (uint32_t i = 0; i < 4; i++)
        sources[i] = builtin_control(l, i);
    Value drawn = lower_add(l, (Node){.op = normal ? OP_RANDOM_NORMAL : OP_RANDOM,
                                      .source_count = 4,
                                      .sources = sources,
                                      .attributes = {.axes = record->axes,
                                                     .key = parameter_key("param", record->path)}});
    if (normal)
        return value_binary(l, BINARY_MUL, drawn, first, init->span);
    Value width = value_binary(l, BINARY_SUB, second, first, init->span);
    return value_binary(l, BINARY_ADD, first, value_binary(l, BINARY_MUL, width, drawn, init->span),
                        init->span);
}

/* The node in `init` of an initial value, spread over the axes of what it initialises. */
NodeId parameter_spread_initial(Lowering *l, Value value, const Axes *axes, const Expr *init,
                                Name of) {
    if (value.kind == VALUE_UNKNOWN)
        return NODE_NONE;
    if (!axes_subset(&value.axes, axes)) {
        Diagnostic *d = diagnostics_error(l->diagnostics, "initial-axes", init->span,
                                          "this initial value has axes that '%s' lacks", of.text);
        diagnostic_label(d, "it is %s, %s is %s", fault_axes(l, &value.axes), of.text,
                         fault_axes(l, axes));
        diagnostic_related(d, of.span, "declared here");
        return NODE_NONE;
    }
    Value spread = value_spread(l, value_cast(l, value, TYPE_FLOAT), axes);
    return spread.kind == VALUE_UNKNOWN ? NODE_NONE : spread.node;
}

static void initialise(Lowering *l, ParameterRecord *record, const ParamDecl *declaration) {
    GraphKind graph = l->graph;
    SourceSpan place = l->place;
    l->graph = GRAPH_INIT;
    l->place = declaration->init->span;
    Value value = declaration->drawn ? draw(l, record, declaration->init)
                                     : lower_expression(l, declaration->init);
    record->initial =
        parameter_spread_initial(l, value, &record->axes, declaration->init, record->tensor->name);
    l->graph = graph;
    l->place = place;
}

/* --- declarations --- */

static void fault_same_path(Lowering *l, const ParameterRecord *first, const TensorName *tensor) {
    Diagnostic *d = diagnostics_error(l->diagnostics, "parameter-twice", tensor->name.span,
                                      "there are two parameters called '%s'", first->path);
    diagnostic_hint(d, "a step's name (as NAME) goes before those of its parameters");
    diagnostic_related(d, first->tensor->name.span, "the first is declared here");
}

static bool name_is_free(Lowering *l, const TensorName *tensor) {
    const Local *taken = scope_find(l->scope, tensor->name.text);
    if (!taken)
        return true;
    Diagnostic *d = diagnostics_error(l->diagnostics, "name-taken", tensor->name.span,
                                      "'%s' has a meaning here already", tensor->name.text);
    diagnostic_related(d, taken->place, "it is this");
    return false;
}

/* The parameter at the path, made if it is new; NULL after a fault. */
static ParameterRecord *obtain(Lowering *l, const ParamDecl *declaration,
                               const TensorName *tensor) {
    const char *path = lower_join_path(l, l->scope->path, tensor->name.text);
    ParameterRecord *record = parameter_find(l, path);
    if (record && record->tensor == tensor && record->owner &&
        record->owner == l->scope->frame->owner)
        return record;
    if (record) {
        fault_same_path(l, record, tensor);
        return NULL;
    }
    record = record_parameter(l, path, tensor);
    l->place = tensor->name.span;
    if (!lower_axes(l, &tensor->axes, &record->axes))
        return record;
    Value made = lower_add(l, (Node){.op = OP_PARAM,
                                     .dtype = DTYPE_F32,
                                     .axes = record->axes,
                                     .attributes = {.name = path}});
    if (made.kind == VALUE_UNKNOWN)
        return record;
    record->node = made.node;
    initialise(l, record, declaration);
    return record;
}

void parameter_declare(Lowering *l, const ParamDecl *declaration, bool global) {
    SourceSpan place = l->place;
    for (uint32_t i = 0; i < declaration->tensor_count; i++) {
        const TensorName *tensor = &declaration->tensors[i];
        if (!global && !name_is_free(l, tensor))
            continue;
        const ParameterRecord *record = obtain(l, declaration, tensor);
        Value value =
            record && record->node != NODE_NONE ? value_tensor(l, record->node) : value_faulty;
        if (!global)
            scope_declare(l, tensor->name.text, LOCAL_PARAM, value, tensor->name.span);
    }
    l->place = place;
}
