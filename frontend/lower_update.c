/* The update rule: its body is run once for each parameter, with w and g bound to that parameter
 * and its gradient.
 *
 * What depends on no tensor stays in the scalar program, and where it meets a tensor becomes an
 * input
 * `$scalar.I` of the function (lower_value.c); so learning rates and bias corrections are computed
 * in double precision, once a step for all parameters. */
#include "frontend/lowering.h"

#include <string.h>

typedef struct StateRecord {
    Name name;
    Local *local;
} StateRecord;

typedef struct UpdateContext {
    const UpdateDecl *rule;
    ParameterRecord *const *trained;
    uint32_t count;
    uint32_t current; /* count: none, the rule is run for its errors alone */
    NodeId *weights, *gradients;
    Scope *initial_scope; /* what initial values of states see */
    StateRecord *states;  /* of the current parameter */
    uint32_t state_count;
    Parameter *all_states;
    uint32_t all_count, all_capacity;
    Value norms[2]; /* global_norm of the weights, of the gradients; faulty: not built yet */
} UpdateContext;

/* --- names and functions of update rules --- */

static Value scheduled(Lowering *l, ScalarOp op, Value a, Value b) {
    return value_scalar(l, scalar_apply(l->scalars, op, a.scalar, b.scalar, 0), TYPE_FLOAT);
}

static Value step_value(Lowering *l) {
    return value_scalar(l, scalar_apply(l->scalars, SCALAR_STEP, 0, 0, 0), TYPE_INT);
}

bool update_name(Lowering *l, const Expr *name, Value *result) {
    if (!l->update)
        return false;
    if (strcmp(name->name, "step") == 0)
        *result = step_value(l);
    else if (strcmp(name->name, "steps") == 0)
        *result = value_number(l, (double)l->spec->train.steps, TYPE_INT);
    else
        return false;
    return true;
}

/* min(1, step / s) */
static Value call_warmup(Lowering *l, const Expr *call) {
    if (!call_shape(l, call, 1, NULL))
        return value_faulty;
    Value steps = lower_expression(l, call->call.arguments[0].value);
    if (steps.kind == VALUE_UNKNOWN)
        return steps;
    Value done = value_binary(l, BINARY_DIV, step_value(l), steps, call->span);
    return value_minimum(l, OP_MIN, value_number(l, 1, TYPE_FLOAT), done);
}

/* (1 + cos(pi (step - 1) / steps)) / 2 */
static Value call_cosine(Lowering *l, const Expr *call) {
    if (!call_shape(l, call, 0, NULL))
        return value_faulty;
    Value one = value_number(l, 1, TYPE_FLOAT);
    Value pi = value_number(l, 3.14159265358979323846, TYPE_FLOAT);
    Value steps = value_number(l, (double)l->spec->train.steps, TYPE_FLOAT);
    Value angle = scheduled(l, SCALAR_MUL, pi, scheduled(l, SCALAR_SUB, step_value(l), one));
    angle = scheduled(l, SCALAR_DIV, angle, steps);
    Value wave = scheduled(l, SCALAR_ADD, one, scheduled(l, SCALAR_COS, angle, angle));
    return scheduled(l, SCALAR_MUL, wave, value_number(l, 0.5, TYPE_FLOAT));
}

/* Which of the rule's tensors an argument names, as they came: 0 the weight, 1 the gradient; -1:
 * none. */
static int named_tensor(Lowering *l, const Expr *expr) {
    const UpdateContext *context = l->update;
    for (uint32_t i = 0; i < 2 && expr->kind == EXPR_NAME && context->rule; i++) {
        const Local *local = scope_find(l->scope, expr->name);
        if (strcmp(expr->name, context->rule->parameters[i].name.text) == 0 && local &&
            !local->assigned)
            return (int)i;
    }
    return -1;
}

static Value sum_of_squares(Lowering *l, NodeId node) {
    Value value = value_tensor(l, node);
    Value square = value_binary(l, BINARY_MUL, value, value, l->place);
    return reduce_value(l, REDUCE_SUM, square, &value.axes, NULL);
}

/* The norm over all parameters, summed in their order. */
static Value call_global_norm(Lowering *l, const Expr *call) {
    UpdateContext *context = l->update;
    if (!call_shape(l, call, 1, NULL))
        return value_faulty;
    int which = named_tensor(l, call->call.arguments[0].value);
    if (which < 0) {
        diagnostics_error(l->diagnostics, "bad-norm", call->call.arguments[0].value->span,
                          "global_norm is of the rule's first or second argument, as it came");
        return value_faulty;
    }
    if (context->current == context->count || context->norms[which].kind != VALUE_UNKNOWN)
        return context->norms[which];
    const NodeId *nodes = which ? context->gradients : context->weights;
    Value total = sum_of_squares(l, nodes[0]);
    for (uint32_t i = 1; i < context->count; i++)
        total = value_binary(l, BINARY_ADD, total, sum_of_squares(l, nodes[i]), call->span);
    context->norms[which] = value_unary(l, OP_SQRT, total);
    return context->norms[which];
}

static Value call_rank(Lowering *l, const Expr *call) {
    if (!call_shape(l, call, 1, NULL))
        return value_faulty;
    Value value = lower_expression(l, call->call.arguments[0].value);
    if (value.kind == VALUE_UNKNOWN)
        return value;
    return value_number(l, value.axes.count, TYPE_INT);
}

static const struct {
    const char *name;
    Value (*call)(Lowering *l, const Expr *call);
} functions[] = {
    {"warmup", call_warmup},
    {"cosine", call_cosine},
    {"global_norm", call_global_norm},
    {"rank", call_rank},
};

enum { FUNCTION_COUNT = sizeof functions / sizeof *functions };

bool update_has_function(const char *name) {
    for (size_t i = 0; i < FUNCTION_COUNT; i++)
        if (strcmp(name, functions[i].name) == 0)
            return true;
    return false;
}

bool update_call(Lowering *l, const Expr *call, Value *result) {
    if (!l->update || call->call.axes.count)
        return false;
    for (size_t i = 0; i < FUNCTION_COUNT; i++) {
        if (strcmp(call->call.callee.text, functions[i].name) != 0)
            continue;
        *result = functions[i].call(l, call);
        return true;
    }
    return false;
}

/* '*' is any text, '?' any one byte. */
static bool glob_match(const char *pattern, const char *text) {
    const char *star = NULL, *resume = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            resume = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == 0;
}

bool update_match(Lowering *l, const Expr *match, Value *result) {
    const Expr *left = match->binary.left, *right = match->binary.right;
    UpdateContext *context = l->update;
    if (!context || left->kind != EXPR_CALL || strcmp(left->call.callee.text, "path") != 0 ||
        right->kind != EXPR_STRING)
        return false;
    *result = value_faulty;
    if (!call_shape(l, left, 1, NULL))
        return true;
    if (named_tensor(l, left->call.arguments[0].value) < 0)
        diagnostics_error(l->diagnostics, "bad-path", left->span,
                          "path is of the rule's first or second argument, as it came");
    else if (context->current < context->count)
        *result = value_number(
            l, glob_match(right->string, context->trained[context->current]->path), TYPE_BOOL);
    return true;
}

/* --- states --- */

static NodeId initial_state(Lowering *l, const StateVariable *state, const Axes *axes) {
    Scope *scope = l->scope;
    l->scope = l->update->initial_scope;
    l->graph = GRAPH_INIT;
    l->place = state->init->span;
    Value value = lower_expression(l, state->init);
    NodeId node = parameter_spread_initial(l, value, axes, state->init, state->name);
    l->graph = GRAPH_UPDATE;
    l->scope = scope;
    return node;
}

static Value make_state(Lowering *l, const StateVariable *state) {
    UpdateContext *context = l->update;
    bool pretend = context->current == context->count;
    const ParameterRecord *parameter = pretend ? NULL : context->trained[context->current];
    const Axes none = {0};
    NodeId initial = initial_state(l, state, parameter ? &parameter->axes : &none);
    if (!parameter || initial == NODE_NONE)
        return value_faulty;
    const char *path = arena_printf(l->arena, "%s:%s", parameter->path, state->name.text);
    function_output(l->functions[GRAPH_INIT], path, initial, NULL);
    if (context->all_count == context->all_capacity) {
        uint32_t larger = context->all_capacity ? context->all_capacity * 2 : 32;
        context->all_states =
            arena_grow(l->arena, context->all_states, context->all_count * sizeof(Parameter),
                       larger * sizeof(Parameter));
        context->all_capacity = larger;
    }
    context->all_states[context->all_count++] = experiment_parameter(l, path, &parameter->axes);
    l->place = state->name.span;
    return lower_add(l, (Node){.op = OP_INPUT,
                               .dtype = DTYPE_F32,
                               .axes = parameter->axes,
                               .attributes = {.name = path}});
}

void update_states(Lowering *l, const Statement *statement) {
    UpdateContext *context = l->update;
    uint32_t total = context->state_count + statement->state.count;
    context->states =
        arena_grow(l->arena, context->states, context->state_count * sizeof(StateRecord),
                   total * sizeof(StateRecord));
    for (uint32_t i = 0; i < statement->state.count; i++) {
        const StateVariable *state = &statement->state.at[i];
        const Local *taken = scope_find(l->scope, state->name.text);
        if (taken) {
            Diagnostic *d = diagnostics_error(l->diagnostics, "name-taken", state->name.span,
                                              "'%s' has a meaning here already", state->name.text);
            diagnostic_related(d, taken->place, "it is this");
            continue;
        }
        Local *local =
            scope_declare(l, state->name.text, LOCAL_STATE, make_state(l, state), state->name.span);
        context->states[context->state_count++] = (StateRecord){state->name, local};
    }
}

/* --- one parameter --- */

/* The new value of a weight or a state becomes an output in the place of the old one. */
static void emit(Lowering *l, Name name, const Local *local, const char *path, const Axes *axes) {
    if (!local->assigned) {
        diagnostics_error(l->diagnostics, "never-updated", name.span,
                          "'%s' is never given a new value", name.text);
        return;
    }
    if (local->value.kind == VALUE_UNKNOWN || !path)
        return;
    l->place = local->place;
    if (!axes_subset(&local->value.axes, axes)) {
        Diagnostic *d =
            diagnostics_error(l->diagnostics, "update-axes", local->place,
                              "the new value of '%s' has axes that the old one lacks", name.text);
        diagnostic_label(d, "it is %s, the parameter is %s", fault_axes(l, &local->value.axes),
                         fault_axes(l, axes));
        return;
    }
    Value made = value_spread(l, value_cast(l, local->value, TYPE_FLOAT), axes);
    if (made.kind != VALUE_UNKNOWN)
        function_output(lowering_function(l), path, made.node, path);
}

static bool check_rule(Lowering *l, const UpdateDecl *rule) {
    if (rule->parameter_count < 2)
        return false; /* reported with the declaration */
    for (uint32_t i = 0; i < rule->parameter_count; i++)
        if (rule->parameters[i].axes.count) {
            diagnostics_error(l->diagnostics, "update-arguments", rule->parameters[i].span,
                              "arguments of an update rule have the axes of the parameter, and "
                              "name none");
            return false;
        }
    return true;
}

/* The rule's further arguments: from the call (NULL: unknown), by keyword or position, or the
 * default. */
static Value rule_argument(Lowering *l, const UpdateDecl *rule, const Expr *call, uint32_t which) {
    const FormalParameter *formal = &rule->parameters[which];
    const Expr *given = call ? call_argument(call, which - 2, formal->name.text) : formal->fallback;
    if (!given)
        given = formal->fallback;
    if (given)
        return lower_expression(l, given);
    if (call)
        diagnostics_error(l->diagnostics, "missing-argument", call->span,
                          "%s lacks its argument '%s'", rule->name.text, formal->name.text);
    return value_faulty;
}

static const char *updated_path(const UpdateContext *context) {
    return context->current < context->count ? context->trained[context->current]->path : "";
}

/* Runs the body for the current parameter. `weight` and `gradient` are values in `update`. */
static void run_rule(Lowering *l, const Expr *call, Value weight, Value gradient, Value initial) {
    UpdateContext *context = l->update;
    const UpdateDecl *rule = context->rule;
    Frame outside = {0}, frame = {.update = rule, .call = rule->name.span};
    Scope *plain = scope_open(l, &outside, "", "");
    Scope *body = scope_open(l, &frame, updated_path(context), ""); /* for the places of nodes */
    context->initial_scope = scope_open(l, &outside, "", "");
    context->state_count = 0;
    context->states = NULL;
    for (uint32_t i = 0; i < rule->parameter_count; i++) {
        const FormalParameter *formal = &rule->parameters[i];
        l->scope = plain;
        l->place = formal->span;
        Value value = i == 0 ? weight : i == 1 ? gradient : rule_argument(l, rule, call, i);
        l->scope = body;
        scope_declare(l, formal->name.text, LOCAL_ARGUMENT, value, formal->span);
        l->scope = context->initial_scope;
        scope_declare(l, formal->name.text, LOCAL_ARGUMENT, i == 0 ? initial : value, formal->span);
    }
    l->scope = body;
    lower_block(l, &rule->body);
    bool pretend = context->current == context->count;
    const ParameterRecord *parameter = pretend ? NULL : context->trained[context->current];
    Name first = rule->parameters[0].name;
    const Axes none = {0}, *axes = parameter ? &parameter->axes : &none;
    if (!l->stopped)
        emit(l, first, scope_find(body, first.text), parameter ? parameter->path : NULL, axes);
    for (uint32_t i = 0; i < context->state_count && !l->stopped; i++) {
        const StateRecord *state = &context->states[i];
        emit(l, state->name, state->local,
             parameter ? arena_printf(l->arena, "%s:%s", parameter->path, state->name.text) : NULL,
             axes);
    }
    l->scope = NULL;
}

/* --- all parameters --- */

/* "block.3.attn" of "block.3.attn.wq". */
static const char *owner_path(Lowering *l, const char *path) {
    const char *dot = strrchr(path, '.');
    return dot ? arena_string(l->arena, path, (size_t)(dot - path)) : "";
}

/* Bindings of a weight and its gradient; all exist before the first rule runs, for global_norm. */
static void bind_tensors(Lowering *l, UpdateContext *context) {
    Frame outside = {0};
    context->weights = arena_array(l->arena, context->count, sizeof(NodeId));
    context->gradients = arena_array(l->arena, context->count, sizeof(NodeId));
    for (uint32_t i = 0; i < context->count; i++) {
        const ParameterRecord *record = context->trained[i];
        Node node = {.op = OP_PARAM,
                     .dtype = DTYPE_F32,
                     .axes = record->axes,
                     .attributes = {.name = record->path}};
        l->place = record->tensor->name.span;
        l->scope = scope_open(l, &outside, owner_path(l, record->path), "");
        context->weights[i] = lower_add(l, node).node;
        node.op = OP_INPUT;
        node.attributes.name = arena_printf(l->arena, "grad:%s", record->path);
        context->gradients[i] = lower_add(l, node).node;
    }
    l->scope = NULL; /* what its frame was is gone */
}

uint32_t update_lower(Lowering *l, const Expr *call, ParameterRecord *const *trained,
                      uint32_t count, Parameter **states) {
    const UpdateDecl *rule = spec_update(l->spec, call->call.callee.text);
    UpdateContext context = {.rule = rule, .trained = trained, .count = count};
    *states = NULL;
    if (!rule || !check_rule(l, rule))
        return 0;
    l->graph = GRAPH_UPDATE;
    l->update = &context;
    bind_tensors(l, &context);
    uint32_t errors = diagnostics_error_count(l->diagnostics);
    for (uint32_t i = 0; i < count && diagnostics_error_count(l->diagnostics) == errors; i++) {
        context.current = i;
        l->graph = GRAPH_INIT;
        Value initial =
            trained[i]->initial == NODE_NONE ? value_faulty : value_tensor(l, trained[i]->initial);
        l->graph = GRAPH_UPDATE;
        run_rule(l, call, value_tensor(l, context.weights[i]),
                 value_tensor(l, context.gradients[i]), initial);
    }
    l->update = NULL;
    l->graph = GRAPH_FORWARD;
    *states = context.all_states;
    return context.all_count;
}

void update_for_errors(Lowering *l, const UpdateDecl *rule, const Expr *call) {
    UpdateContext context = {.rule = rule};
    if (!check_rule(l, rule))
        return;
    l->graph = GRAPH_UPDATE;
    l->update = &context;
    run_rule(l, call, value_faulty, value_faulty, value_faulty);
    l->update = NULL;
    l->graph = GRAPH_FORWARD;
}
