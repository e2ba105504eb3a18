/* Calls of functions and models.
 *
 * A call runs the body in a scope of its own: its steps and parameters lie under the call's path.
 * What it returns is the value of the call. A model's path is the root, whoever calls it, so that
 * it has one set of parameters; random draws in it go by the path of the call all the same. */
#include "frontend/lowering.h"

#include <string.h>

enum { MAX_SEARCH = 200 }; /* calls of calls: deeper ones could not be lowered either */

/* --- what a function may do besides computing: it decides whether its calls need names --- */

typedef struct EffectRecord {
    unsigned effects;
    bool open; /* being computed: a recursion, which is reported where it is called */
} EffectRecord;

static unsigned block_effects(Lowering *l, const Block *block, uint32_t depth);
static unsigned function_effects(Lowering *l, const FunctionDecl *function, uint32_t depth);

static unsigned arguments_effects(Lowering *l, const Argument *arguments, uint32_t count,
                                  uint32_t depth);

static unsigned expression_effects(Lowering *l, const Expr *expr, uint32_t depth) {
    const Symbol *symbol;
    unsigned effects;
    switch (expr->kind) {
    case EXPR_UNARY:
        return expression_effects(l, expr->unary.operand, depth);
    case EXPR_BINARY:
        effects = expression_effects(l, expr->binary.left, depth);
        return effects | expression_effects(l, expr->binary.right, depth);
    case EXPR_CALL:
        effects = arguments_effects(l, expr->call.arguments, expr->call.argument_count, depth);
        symbol = spec_symbol(l->spec, expr->call.callee.text);
        if (symbol && symbol->kind == SYMBOL_FUNCTION)
            effects |= function_effects(l, symbol->function, depth + 1);
        return effects;
    case EXPR_INDEX:
        effects = arguments_effects(l, expr->index.items, expr->index.item_count, depth);
        if (expr->index.base->kind == EXPR_NAME && strcmp(expr->index.base->name, "random") == 0)
            return effects | EFFECT_RANDOM;
        return effects | expression_effects(l, expr->index.base, depth);
    default:
        return 0;
    }
}

static unsigned arguments_effects(Lowering *l, const Argument *arguments, uint32_t count,
                                  uint32_t depth) {
    unsigned effects = 0;
    for (uint32_t i = 0; i < count; i++)
        effects |= expression_effects(l, arguments[i].value, depth);
    return effects;
}

static unsigned block_effects(Lowering *l, const Block *block, uint32_t depth) {
    unsigned effects = 0;
    for (uint32_t i = 0; i < block->count; i++) {
        const Statement *statement = &block->at[i];
        if (statement->kind == STATEMENT_PARAM)
            effects |= EFFECT_PARAM;
        else if (statement->kind == STATEMENT_REPEAT)
            effects |= block_effects(l, &statement->repeat.body, depth);
        else if (statement->kind != STATEMENT_STATE)
            effects |= expression_effects(l, statement->assign.value, depth);
        if (statement->kind == STATEMENT_TAP)
            effects |= EFFECT_TAP;
    }
    return effects;
}

static unsigned function_effects(Lowering *l, const FunctionDecl *function, uint32_t depth) {
    EffectRecord *record = names_find(&l->shared->effects, function->name.text);
    if (record)
        return record->open ? 0 : record->effects;
    if (depth > MAX_SEARCH)
        return EFFECT_PARAM | EFFECT_TAP | EFFECT_RANDOM;
    record = arena_alloc(l->arena, sizeof *record);
    record->open = true;
    names_add(&l->shared->effects, l->arena, function->name.text, record);
    record->effects = function->value ? expression_effects(l, function->value, depth)
                                      : block_effects(l, &function->body, depth);
    record->open = false;
    return record->effects;
}

/* Whether calls in one scope must differ in name. A model's parameters are the same for all calls.
 */
static bool needs_name(Lowering *l, const FunctionDecl *function) {
    unsigned effects = function_effects(l, function, 0);
    return (function->model ? effects & (EFFECT_TAP | EFFECT_RANDOM) : effects) != 0;
}

/* --- arguments of builtins --- */

const Expr *call_argument(const Expr *call, uint32_t position, const char *keyword) {
    for (uint32_t i = 0; i < call->call.argument_count; i++) {
        const Argument *argument = &call->call.arguments[i];
        if (argument->keyword.text ? keyword && strcmp(argument->keyword.text, keyword) == 0
                                   : i == position)
            return argument->value;
    }
    return NULL;
}

bool call_shape(Lowering *l, const Expr *call, uint32_t positional, const char *keyword) {
    const char *callee = call->call.callee.text;
    uint32_t found = 0, keywords = 0;
    for (uint32_t i = 0; i < call->call.argument_count; i++) {
        const Argument *argument = &call->call.arguments[i];
        if (!argument->keyword.text) {
            found++;
        } else if (!keyword || strcmp(argument->keyword.text, keyword) != 0) {
            Diagnostic *d =
                diagnostics_error(l->diagnostics, "unknown-argument", argument->keyword.span,
                                  "%s has no argument '%s'", callee, argument->keyword.text);
            if (keyword)
                diagnostic_hint(d, "it takes '%s'", keyword);
            return false;
        } else if (keywords++) {
            diagnostics_error(l->diagnostics, "argument-twice", argument->keyword.span,
                              "'%s' is given twice", keyword);
            return false;
        }
    }
    if (found == positional)
        return true;
    diagnostics_error(l->diagnostics, "argument-count", call->span,
                      "%s takes %u argument%s, not %u", callee, positional,
                      positional == 1 ? "" : "s", found);
    return false;
}

/* --- arguments of functions --- */

static int find_formal(const FunctionDecl *function, const char *name) {
    for (uint32_t i = 0; i < function->parameter_count; i++)
        if (strcmp(function->parameters[i].name.text, name) == 0)
            return (int)i;
    return -1;
}

static void fault_keyword(Lowering *l, const FunctionDecl *function, Name keyword) {
    Suggestion nearest = suggestion_begin(keyword.text);
    for (uint32_t i = 0; i < function->parameter_count; i++)
        suggestion_offer(&nearest, function->parameters[i].name.text);
    Diagnostic *d = diagnostics_error(l->diagnostics, "unknown-argument", keyword.span,
                                      "%s has no argument '%s'", function->name.text, keyword.text);
    diagnostic_suggest(d, suggestion_end(&nearest));
    diagnostic_related(d, function->name.span, "declared here");
}

static void fault_count(Lowering *l, const Expr *call, const FunctionDecl *function) {
    Diagnostic *d = diagnostics_error(
        l->diagnostics, "argument-count", call->span, "%s takes %u argument%s, not %u",
        function->name.text, function->parameter_count, function->parameter_count == 1 ? "" : "s",
        call->call.argument_count);
    diagnostic_related(d, function->name.span, "declared here");
}

/* Which written expression goes to which formal parameter; false after reporting. */
static bool match_arguments(Lowering *l, const Expr *call, const FunctionDecl *function,
                            const Expr **given) {
    bool sound = true;
    for (uint32_t i = 0; i < call->call.argument_count; i++) {
        const Argument *argument = &call->call.arguments[i];
        int formal =
            argument->keyword.text ? find_formal(function, argument->keyword.text) : (int)i;
        if (!argument->keyword.text && i >= function->parameter_count) {
            fault_count(l, call, function);
            return false;
        }
        if (formal < 0) {
            fault_keyword(l, function, argument->keyword);
            sound = false;
        } else if (given[formal]) {
            diagnostics_error(l->diagnostics, "argument-twice", argument->value->span,
                              "the argument '%s' is given twice",
                              function->parameters[formal].name.text);
            sound = false;
        } else {
            given[formal] = argument->value;
        }
    }
    for (uint32_t i = 0; i < function->parameter_count && sound; i++) {
        const FormalParameter *formal = &function->parameters[i];
        if (given[i] || formal->fallback)
            continue;
        Diagnostic *d =
            diagnostics_error(l->diagnostics, "missing-argument", call->span,
                              "%s lacks its argument '%s'", function->name.text, formal->name.text);
        diagnostic_related(d, formal->span, "declared here");
        sound = false;
    }
    return sound;
}

static bool has_own_axes(const Lowering *l, const Value *value) {
    const Axes batch = axes_of(&l->batch, 1);
    return axes_minus(&value->axes, &batch).count > 0;
}

static void fault_argument_axis(Lowering *l, const Expr *given, const FunctionDecl *function,
                                const FormalParameter *formal, const Value *value, Name axis) {
    Diagnostic *d = diagnostics_error(l->diagnostics, "missing-axis", given->span,
                                      "%s needs its argument '%s' to have the axis '%s'",
                                      function->name.text, formal->name.text, axis.text);
    const char *text = fault_describe(l, given, value);
    if (text)
        diagnostic_label(d, "%s", text);
    else
        diagnostic_label(d, "this is %s", fault_axes(l, &value->axes));
    diagnostic_related(d, formal->span, "declared here");
}

/* The declared axes must be there, or all be missing: then the value is the same along them. */
static Value check_argument(Lowering *l, const Expr *given, const FunctionDecl *function,
                            const FormalParameter *formal, Value value) {
    Axes declared = {0};
    for (uint32_t i = 0; i < formal->axes.count; i++) {
        Name name = formal->axes.at[i];
        AxisId axis = lower_dim_axis(l, name);
        if (axis == AXIS_NONE || value.kind == VALUE_UNKNOWN)
            return value_faulty;
        if (axes_has(&declared, axis) || declared.count == MAX_AXES) {
            diagnostics_error(l->diagnostics, "axis-twice", name.span,
                              "the axis '%s' is there twice", name.text);
            return value_faulty;
        }
        axes_append(&declared, axis);
    }
    if (!has_own_axes(l, &value))
        return value_widen(l, value, &declared);
    for (int i = 0; i < declared.count; i++)
        if (!axes_has(&value.axes, declared.at[i])) {
            fault_argument_axis(l, given, function, formal, &value, formal->axes.at[i]);
            return value_faulty;
        }
    return value;
}

static Value evaluate_argument(Lowering *l, const FunctionDecl *function, uint32_t which,
                               const Expr *given) {
    const FormalParameter *formal = &function->parameters[which];
    if (given)
        return check_argument(l, given, function, formal, lower_expression(l, given));
    Frame frame = {0}; /* a default sees the spec's own names, nothing else */
    Scope *caller = l->scope;
    l->scope = scope_open(l, &frame, "", "");
    Value value = lower_expression(l, formal->fallback);
    value = check_argument(l, formal->fallback, function, formal, value);
    l->scope = caller;
    return value;
}

/* --- the call --- */

static bool is_recursive(Lowering *l, const Expr *call, const FunctionDecl *function) {
    for (const Frame *frame = l->scope->frame; frame; frame = frame->caller) {
        if (frame->function != function)
            continue;
        Diagnostic *d = diagnostics_error(l->diagnostics, "recursion", call->span,
                                          "%s calls itself", function->name.text);
        diagnostic_hint(d, "calls are unrolled: use repeat");
        diagnostic_related(d, function->name.span, "declared here");
        return true;
    }
    return false;
}

static void mark_called(Lowering *l, const FunctionDecl *function) {
    if (!names_find(&l->shared->called, function->name.text))
        names_add(&l->shared->called, l->arena, function->name.text, (void *)function);
}

/* Axes of the arguments that their declarations do not name. */
static Axes opaque_axes(const Lowering *l, const FunctionDecl *function, const Value *arguments) {
    Axes opaque = {0};
    for (uint32_t i = 0; i < function->parameter_count; i++) {
        const NameList *declared = &function->parameters[i].axes;
        for (int k = 0; k < arguments[i].axes.count; k++) {
            AxisId axis = arguments[i].axes.at[k];
            bool named = axis == l->batch || axes_has(&opaque, axis);
            for (uint32_t j = 0; j < declared->count && !named; j++)
                named = strcmp(declared->at[j].text, fault_axis_name(l, axis)) == 0;
            if (!named && opaque.count < MAX_AXES)
                axes_append(&opaque, axis);
        }
    }
    return opaque;
}

static Value run_body(Lowering *l, Frame *frame, Scope *scope) {
    const FunctionDecl *function = frame->function;
    Scope *caller = l->scope;
    l->scope = scope;
    for (uint32_t i = 0; i < function->parameter_count; i++)
        scope_declare(l, function->parameters[i].name.text, LOCAL_ARGUMENT, frame->arguments[i],
                      function->parameters[i].span);
    if (function->value) {
        frame->result = lower_expression(l, function->value);
    } else {
        lower_block(l, &function->body);
        if (!frame->returned && !l->stopped)
            diagnostics_error(l->diagnostics, "no-return", function->name.span,
                              "%s returns no value", function->name.text);
    }
    l->scope = caller;
    return frame->result;
}

bool call_arguments(Lowering *l, const Expr *call, const FunctionDecl *function, Value *arguments) {
    const Expr **given = arena_array(l->arena, function->parameter_count, sizeof(const Expr *));
    if (!match_arguments(l, call, function, given))
        return false;
    for (uint32_t i = 0; i < function->parameter_count; i++)
        arguments[i] = evaluate_argument(l, function, i, given[i]);
    return true;
}

Value call_function(Lowering *l, const Expr *call, const FunctionDecl *function) {
    Name step = call->call.step;
    if (!step.text)
        step = (Name){function->name.text, call->call.callee.span};
    Value *arguments = arena_array(l->arena, function->parameter_count, sizeof(Value));
    mark_called(l, function);
    if (is_recursive(l, call, function) || !call_arguments(l, call, function, arguments))
        return value_faulty;
    if (needs_name(l, function) &&
        !scope_step(l, step, arena_printf(l->arena, "%s(...)", function->name.text)))
        return value_faulty;
    Frame frame = {.caller = l->scope->frame,
                   .function = function,
                   .owner = function->model ? function : l->scope->frame->owner,
                   .call = call->span,
                   .arguments = arguments,
                   .opaque = opaque_axes(l, function, arguments)};
    const char *path = function->model ? "" : lower_join_path(l, l->scope->path, step.text);
    const char *call_path = lower_join_path(l, l->scope->call_path, step.text);
    return run_body(l, &frame, scope_open(l, &frame, path, call_path));
}

void call_for_errors(Lowering *l, const FunctionDecl *function) {
    Frame frame = {.function = function,
                   .call = function->name.span,
                   .arguments = arena_array(l->arena, function->parameter_count, sizeof(Value))};
    if (function->model)
        frame.owner = function;
    mark_called(l, function);
    run_body(l, &frame, scope_open(l, &frame, function->name.text, function->name.text));
}
