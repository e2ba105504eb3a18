/* Functions of users' shared libraries: what `extern fn` declares, and calls of it. */
#include "frontend/lowering.h"

#include "ir/external.h"

#include <string.h>

/* --- declarations --- */

static const char *const element_types[] = {"f32", "i32", "bool"};

/* DTYPE_NONE after reporting. */
static DType element_type(Lowering *l, Name name) {
    for (size_t i = 0; i < sizeof element_types / sizeof *element_types; i++)
        if (strcmp(name.text, element_types[i]) == 0)
            return dtype_by_name(name.text);
    Diagnostic *d = diagnostics_error(l->diagnostics, "bad-element-type", name.span,
                                      "a library cannot be given '%s'", name.text);
    diagnostic_hint(d, "the elements of a tensor are f32, i32 or bool");
    return DTYPE_NONE;
}

/* False after reporting; without a word where a dim lacks its value in a tentative lowering. */
static bool declare_type(Lowering *l, const ExternParameter *parameter, ExternalType *type) {
    Axes axes = {0};
    type->dtype = element_type(l, parameter->dtype);
    bool sound = type->dtype != DTYPE_NONE && lower_axes(l, &parameter->axes, &axes);
    for (int i = 0; sound && i < axes.count; i++)
        type->axes[type->axis_count++] = fault_axis_name(l, axes.at[i]);
    return sound;
}

static bool declare_parameters(Lowering *l, const ExternDecl *declaration, External *external) {
    ExternalParameter *parameters =
        arena_array(l->arena, declaration->parameter_count, sizeof *parameters);
    bool sound = true;
    for (uint32_t i = 0; i < declaration->parameter_count; i++) {
        parameters[i].name = declaration->parameters[i].name.text;
        sound = declare_type(l, &declaration->parameters[i], &parameters[i].type) && sound;
    }
    external->parameters = parameters;
    external->parameter_count = declaration->parameter_count;
    return declare_type(l, &declaration->result, &external->result) && sound;
}

/* As a function of the language, for its arguments. */
static const FunctionDecl *head_of(Lowering *l, const ExternDecl *declaration) {
    FunctionDecl *head = arena_alloc(l->arena, sizeof *head);
    *head = (FunctionDecl){
        .name = declaration->name,
        .parameters = arena_array(l->arena, declaration->parameter_count, sizeof *head->parameters),
        .parameter_count = declaration->parameter_count,
        .span = declaration->span,
    };
    for (uint32_t i = 0; i < declaration->parameter_count; i++) {
        const ExternParameter *parameter = &declaration->parameters[i];
        head->parameters[i] = (FormalParameter){
            .name = parameter->name, .axes = parameter->axes, .span = parameter->name.span};
    }
    return head;
}

const External *extern_declare(Lowering *l, const ExternDecl *declaration) {
    External *external = arena_alloc(l->arena, sizeof *external);
    *external = (External){
        .name = declaration->name.text,
        .library = spec_library(l->spec, declaration),
        .gradient = declaration->gradient.text,
        .place = source_place(l->spec->sources, declaration->name.span),
    };
    if (!*declaration->library.text) {
        diagnostics_error(l->diagnostics, "no-library", declaration->library.span,
                          "the name of the library is empty");
        return NULL;
    }
    Scope *scope = l->scope;
    Frame frame = {0}; /* its axes are the spec's: nothing is opaque to it */
    l->scope = scope_open(l, &frame, "", "");
    bool sound = declare_parameters(l, declaration, external);
    l->scope = scope;
    const char *fault = sound ? external_check(external, l->arena) : NULL;
    if (fault)
        diagnostics_error(l->diagnostics, "bad-extern", declaration->name.span, "%s: %s",
                          declaration->name.text, fault);
    return sound && !fault ? external : NULL;
}

/* --- arguments --- */

static const ValueType type_of[] = {
    [DTYPE_F32] = TYPE_FLOAT, [DTYPE_I32] = TYPE_INT, [DTYPE_BOOL] = TYPE_BOOL};

/* The argument as the parameter's type: what is counted with becomes a number, and no number is
 * cut. */
static Value convert_argument(Lowering *l, const Expr *call, const FunctionDecl *head,
                              uint32_t which, DType dtype, Value value) {
    const ValueType type = type_of[dtype];
    if (value.kind == VALUE_UNKNOWN || value.type <= type)
        return value_cast(l, value, type);
    const FormalParameter *formal = &head->parameters[which];
    const Expr *given = call_argument(call, which, formal->name.text);
    Diagnostic *d =
        diagnostics_error(l->diagnostics, type == TYPE_INT ? "not-an-integer" : "not-a-condition",
                          given->span, "%s takes %s as its argument '%s', not %s", head->name.text,
                          type_name(type), formal->name.text, type_name(value.type));
    if (type == TYPE_INT)
        diagnostic_hint(d, "int(...) makes one, towards zero");
    diagnostic_related(d, formal->span, "declared here");
    return value_faulty;
}

/* What the node of a value has. */
static Axes real_axes(const Lowering *l, const Value *value) {
    return value->kind == VALUE_TENSOR ? graph_node(lowering_function(l), value->node)->axes
                                       : (Axes){0};
}

/* Its declared axes are there in memory; others may be in name. */
static NodeId argument_node(Lowering *l, const ExternalType *type, const Value *value) {
    Axes declared, order = real_axes(l, value);
    external_axes(lowering_function(l), type, &declared);
    order = axes_union(&order, &declared);
    Value whole = *value;
    whole.axes = order;
    whole = value_spread(l, whole, &order);
    return whole.kind == VALUE_UNKNOWN ? NODE_NONE : whole.node;
}

/* No argument carries an axis that the signature names elsewhere. */
static bool check_carried(Lowering *l, const Expr *call, const ExternDecl *declaration,
                          const External *external, const Value *arguments) {
    const char *dims[EXTERNAL_MAX_DIMS];
    const uint32_t dim_count = external_dims(external, dims);
    for (uint32_t i = 0; i < external->parameter_count; i++) {
        Axes declared;
        external_axes(lowering_function(l), &external->parameters[i].type, &declared);
        const Axes carried = axes_minus(&arguments[i].axes, &declared);
        for (uint32_t k = 0; k < dim_count; k++) {
            if (!axes_has(&carried, function_find_axis(lowering_function(l), dims[k])))
                continue;
            Diagnostic *d = diagnostics_error(
                l->diagnostics, "opaque-axis", call->span,
                "%s works with the axis '%s', which its argument '%s' carries undeclared",
                external->name, dims[k], external->parameters[i].name);
            diagnostic_label(d, "%s is %s here", external->parameters[i].name,
                             fault_axes(l, &arguments[i].axes));
            diagnostic_related(d, declaration->parameters[i].name.span,
                               "declared here, without '%s'", dims[k]);
            return false;
        }
    }
    return true;
}

/* --- calls --- */

static void note_call(Lowering *l, const Expr *call, const ExternDecl *declaration, NodeId node) {
    if (l->graph != GRAPH_FORWARD)
        return;
    ExternRecord *record = arena_alloc(l->arena, sizeof *record);
    *record = (ExternRecord){declaration, call->span, node, l->extern_calls};
    l->extern_calls = record;
}

static Value add_call(Lowering *l, const Expr *call, const ExternDecl *declaration,
                      const External *external, const Value *arguments) {
    Axes axes = {0}; /* that the result has in name, whoever has them in memory */
    NodeId *sources = arena_array(l->arena, external->parameter_count, sizeof *sources);
    for (uint32_t i = 0; i < external->parameter_count; i++) {
        Axes declared;
        external_axes(lowering_function(l), &external->parameters[i].type, &declared);
        const Axes carried = axes_minus(&arguments[i].axes, &declared);
        axes = axes_union(&axes, &carried);
        sources[i] = argument_node(l, &external->parameters[i].type, &arguments[i]);
        if (sources[i] == NODE_NONE)
            return value_faulty;
    }
    l->place = call->span;
    Value made = lower_add(l, (Node){.op = OP_CALL,
                                     .source_count = external->parameter_count,
                                     .sources = sources,
                                     .attributes.external = external});
    if (made.kind == VALUE_UNKNOWN)
        return made;
    note_call(l, call, declaration, made.node);
    return value_widen(l, made, &axes);
}

Value extern_call(Lowering *l, const Expr *call, const ExternDecl *declaration) {
    const FunctionDecl *head = head_of(l, declaration);
    const External *external = extern_declare(l, declaration);
    Value *arguments = arena_array(l->arena, head->parameter_count, sizeof *arguments);
    if (call->call.step.text)
        diagnostics_error(l->diagnostics, "no-step", call->call.step.span,
                          "'as' names a call of a fn or model: %s has nothing to be named",
                          head->name.text);
    if (!call_arguments(l, call, head, arguments) || !external)
        return value_faulty;
    bool sound = true;
    for (uint32_t i = 0; i < head->parameter_count; i++) {
        arguments[i] =
            convert_argument(l, call, head, i, external->parameters[i].type.dtype, arguments[i]);
        sound = sound && arguments[i].kind != VALUE_UNKNOWN;
    }
    if (!sound || !check_carried(l, call, declaration, external, arguments))
        return value_faulty;
    return add_call(l, call, declaration, external, arguments);
}

/* --- gradients --- */

static bool has_rule(OpCode op) {
    static const char *const rules[OP_COUNT] = {
#define OP(ID, name, arity, shape, gradient, ...) #gradient,
#include "ir/ops.def"
#undef OP
    };
    return strcmp(rules[op], "none") != 0;
}

/* By node: what a gradient of a parameter would go through, if libraries gave theirs. */
static bool *find_trained(const Function *forward) {
    bool *trained = arena_array(forward->arena, forward->node_count, sizeof *trained);
    for (NodeId id = 0; id < forward->node_count; id++) {
        const Node *node = graph_node(forward, id);
        trained[id] = node->op == OP_PARAM;
        for (uint32_t i = 0; i < node->source_count; i++)
            trained[id] |= has_rule(node->op) && trained[node->sources[i]];
        trained[id] = trained[id] && node->dtype == DTYPE_F32;
    }
    return trained;
}

/* By node: whether the loss depends on it through ops that have a gradient. */
static bool *find_needed(const Function *forward, NodeId loss) {
    bool *needed = arena_array(forward->arena, forward->node_count, sizeof *needed);
    needed[loss] = true;
    for (NodeId id = loss + 1; id-- > 0;) {
        const Node *node = graph_node(forward, id);
        for (uint32_t i = 0; needed[id] && has_rule(node->op) && i < node->source_count; i++)
            needed[node->sources[i]] = true;
    }
    return needed;
}

void extern_check_gradients(Lowering *l) {
    const Function *forward = l->functions[GRAPH_FORWARD];
    const NodeId loss = function_find_output(forward, "loss");
    if (!l->extern_calls || loss == NODE_NONE || !l->spec->update)
        return;
    const bool *trained = find_trained(forward), *needed = find_needed(forward, loss);
    for (const ExternRecord *record = l->extern_calls; record; record = record->next) {
        if (record->declaration->gradient.text || !trained[record->node] || !needed[record->node])
            continue;
        const char *name = record->declaration->name.text;
        Diagnostic *d =
            diagnostics_error(l->diagnostics, "extern-gradient", record->span,
                              "parameters are trained through %s, which has no gradient", name);
        diagnostic_hint(d, "declare it with 'grad NAME', or write stop_gradient(%s(...))", name);
        diagnostic_related(d, record->declaration->name.span, "declared here");
    }
}
