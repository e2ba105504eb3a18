/* Expressions: names, operators, gathers, and who answers a call. */
#include "frontend/lowering.h"
#include "frontend/print.h"

#include <math.h>
#include <string.h>

/* --- limits --- */

bool lower_spend(Lowering *l, SourceSpan span) {
    if (l->stopped)
        return false;
    if (++l->work <= LOWER_MAX_WORK)
        return true;
    l->stopped = true;
    Diagnostic *d =
        diagnostics_error(l->diagnostics, "too-large", span,
                          "this spec unrolls to more than %d operations", LOWER_MAX_WORK);
    diagnostic_label(d, "the limit was reached here");
    return false;
}

static bool enter(Lowering *l, SourceSpan span) {
    if (!lower_spend(l, span))
        return false;
    if (l->depth < LOWER_MAX_DEPTH)
        return ++l->depth;
    l->stopped = true;
    diagnostics_error(l->diagnostics, "too-deep", span,
                      "calls and expressions are nested more than %d deep", LOWER_MAX_DEPTH);
    return false;
}

/* --- axes --- */

/* Axes are added to all three functions at once, so their ids agree. */
static AxisId axis_everywhere(Lowering *l, const char *name, int64_t extent, SourceSpan span) {
    AxisId axis = function_find_axis(l->functions[GRAPH_FORWARD], name);
    if (axis != AXIS_NONE)
        return axis;
    if (extent > INT32_MAX || l->functions[GRAPH_FORWARD]->axis_count >= LOWER_MAX_AXES) {
        diagnostics_error(l->diagnostics, "axis-too-large", span,
                          extent > INT32_MAX ? "the axis '%s' is too long: positions are 32 bits"
                                             : "'%s' is one axis too many",
                          name);
        return AXIS_NONE;
    }
    for (int i = 0; i < GRAPH_COUNT; i++)
        axis = function_axis(l->functions[i], name, extent);
    return axis;
}

int64_t lower_extent(Lowering *l, Name name) {
    const SpecDim *dim = spec_dim(l->spec, name.text);
    if (dim && (dim->extent || (l->tentative && dim->value.state == VALUE_MISSING)))
        return dim->extent;
    return spec_extent(l->spec, name, l->diagnostics);
}

AxisId lower_dim_axis(Lowering *l, Name name) {
    int64_t extent = lower_extent(l, name);
    return extent ? axis_everywhere(l, name.text, extent, name.span) : AXIS_NONE;
}

bool lower_axis_is_opaque(Lowering *l, AxisId axis, SourceSpan use) {
    const Frame *frame = l->scope->frame;
    if (!axes_has(&frame->opaque, axis))
        return false;
    const FunctionDecl *function = frame->function;
    const char *name = fault_axis_name(l, axis);
    for (uint32_t i = 0; i < function->parameter_count; i++) {
        const FormalParameter *formal = &function->parameters[i];
        if (!axes_has(&frame->arguments[i].axes, axis))
            continue;
        Diagnostic *d = diagnostics_error(
            l->diagnostics, "opaque-axis", frame->call,
            "%s works with the axis '%s', which its argument '%s' carries undeclared",
            function->name.text, name, formal->name.text);
        diagnostic_label(d, "%s is %s here", formal->name.text,
                         fault_axes(l, &frame->arguments[i].axes));
        diagnostic_related(d, formal->span, "declared here, without '%s'", name);
        diagnostic_related(d, use, "'%s' is named here", name);
        break;
    }
    return true;
}

AxisId lower_axis(Lowering *l, Name name) {
    AxisId axis = lower_dim_axis(l, name);
    return axis != AXIS_NONE && lower_axis_is_opaque(l, axis, name.span) ? AXIS_NONE : axis;
}

bool lower_axes(Lowering *l, const NameList *names, Axes *axes) {
    bool sound = true;
    *axes = (Axes){0};
    for (uint32_t i = 0; i < names->count; i++) {
        AxisId axis = lower_axis(l, names->at[i]);
        if (axis == AXIS_NONE) {
            sound = false;
        } else if (axes_has(axes, axis)) {
            Diagnostic *d = diagnostics_error(l->diagnostics, "axis-twice", names->at[i].span,
                                              "the axis '%s' is there twice", names->at[i].text);
            diagnostic_hint(d, "a second name for the same extent is another axis: dim m = n");
            sound = false;
        } else if (axes->count == MAX_AXES) {
            diagnostics_error(l->diagnostics, "too-many-axes", names->at[i].span,
                              "a tensor has at most %d axes", MAX_AXES);
            return false;
        } else {
            axes_append(axes, axis);
        }
    }
    return sound;
}

/* --- numbers known when compiling --- */

bool lower_number(Lowering *l, const Expr *expr, const char *what, double *number) {
    Value value = lower_expression(l, expr);
    if (value.kind == VALUE_UNKNOWN)
        return false;
    if (value_is_number(l, &value, number) && value.axes.count == 0)
        return true;
    diagnostics_error(l->diagnostics, "not-a-number", expr->span,
                      "%s must be a number that is known when compiling", what);
    return false;
}

bool lower_integer(Lowering *l, const Expr *expr, const char *what, int64_t *number) {
    double value;
    if (!lower_number(l, expr, what, &value))
        return false;
    *number = 0;
    if (value == floor(value) && fabs(value) <= 0x1p53) {
        *number = (int64_t)value;
        return true;
    }
    diagnostics_error(l->diagnostics, "not-an-integer", expr->span, "%s must be an integer, not %g",
                      what, value);
    return false;
}

/* --- names --- */

static Value unknown_name(Lowering *l, const Expr *expr) {
    Diagnostic *d = diagnostics_error(l->diagnostics, "unknown-name", expr->span,
                                      "'%s' is not known here", expr->name);
    if (names_find(&l->tap_names, expr->name)) {
        diagnostic_hint(d, "a tap is read as %s[0]", expr->name);
    } else if (strcmp(expr->name, "step") == 0 || strcmp(expr->name, "steps") == 0) {
        diagnostic_hint(d, "it is known in update rules alone");
    } else {
        Suggestion nearest = suggestion_begin(expr->name);
        scope_offer_names(l->scope, &nearest);
        fault_offer_symbols(l, &nearest);
        diagnostic_suggest(d, suggestion_end(&nearest));
    }
    return value_faulty;
}

/* A tensor of `forward` is named where another function is being built. */
static Value wrong_place(Lowering *l, const Expr *expr) {
    const char *where = l->graph == GRAPH_INIT ? "an initial value" : "an update rule";
    diagnostics_error(l->diagnostics, "tensor-here", expr->span, "%s cannot depend on '%s'", where,
                      expr->name);
    return value_faulty;
}

static Value input_value(Lowering *l, const InputDecl *input) {
    Value *known = names_find(&l->inputs, input->name.text);
    if (known)
        return *known;
    Frame frame = {0};
    Scope scope = {.frame = &frame, .path = "", .call_path = ""};
    Scope *inner = l->scope;
    Axes own, axes = axes_of(&l->batch, 1);
    l->scope = &scope; /* what is opaque to the body that runs is not so to the declaration */
    bool sound = lower_axes(l, &input->axes, &own);
    l->scope = inner;
    known = arena_alloc(l->arena, sizeof *known);
    if (sound)
        *known = lower_add(l, (Node){.op = OP_INPUT,
                                     .dtype = DTYPE_I32,
                                     .axes = axes_union(&axes, &own),
                                     .attributes = {.name = input->name.text}});
    names_add(&l->inputs, l->arena, input->name.text, known);
    return *known;
}

static Value symbol_number(Lowering *l, const Expr *expr, const SpecValue *value) {
    Constant number;
    if ((l->tentative && value->state == VALUE_MISSING) ||
        !spec_number(l->spec, (Name){expr->name, expr->span}, &number, l->diagnostics))
        return value_faulty;
    return value_number(l, number.value, number.integer ? TYPE_INT : TYPE_FLOAT);
}

static Value symbol_value(Lowering *l, const Expr *expr, const Symbol *symbol) {
    const ParameterRecord *parameter;
    switch (symbol->kind) {
    case SYMBOL_DIM:
        return symbol_number(l, expr, &symbol->dim->value);
    case SYMBOL_CONST:
        return symbol_number(l, expr, &symbol->constant->value);
    case SYMBOL_INPUT:
        return l->graph == GRAPH_FORWARD ? input_value(l, symbol->input) : wrong_place(l, expr);
    case SYMBOL_PARAM:
        if (l->graph != GRAPH_FORWARD)
            return wrong_place(l, expr);
        parameter = parameter_find(l, symbol->name);
        if (!parameter || parameter->node == NODE_NONE)
            return value_faulty;
        return value_tensor(l, parameter->node);
    case SYMBOL_FUNCTION:
    case SYMBOL_EXTERN:
        diagnostics_error(l->diagnostics, "not-a-value", expr->span,
                          "'%s' is a function: call it, %s(...)", expr->name, expr->name);
        return value_faulty;
    }
    return value_faulty;
}

static Value lower_name(Lowering *l, const Expr *expr) {
    const Local *local = scope_find(l->scope, expr->name);
    if (local) {
        bool elsewhere = local->value.kind == VALUE_TENSOR && local->value.graph != l->graph;
        return elsewhere ? wrong_place(l, expr) : local->value;
    }
    if (strcmp(expr->name, "true") == 0 || strcmp(expr->name, "false") == 0)
        return value_number(l, expr->name[0] == 't', TYPE_BOOL);
    if (strcmp(expr->name, "inf") == 0)
        return value_number(l, INFINITY, TYPE_FLOAT);
    Value value;
    if (update_name(l, expr, &value))
        return value;
    const Symbol *symbol = spec_symbol(l->spec, expr->name);
    return symbol ? symbol_value(l, expr, symbol) : unknown_name(l, expr);
}

/* --- gather: table[v = tokens] --- */

/* The table with the axis under another name, so that the positions may have it. */
static Value move_axis(Lowering *l, Value table, AxisId *axis, SourceSpan span) {
    const Axis *old = graph_axis(lowering_function(l), *axis);
    const char *name = arena_printf(l->arena, "%s.1", old->name);
    const AxisId both[] = {*axis, axis_everywhere(l, name, old->extent, span)};
    if (both[1] == AXIS_NONE)
        return value_faulty;
    *axis = both[1];
    return lower_add(l, (Node){.op = OP_RENAME,
                               .source_count = 1,
                               .sources = &table.node,
                               .attributes = {.axes = axes_of(both, 2)}});
}

static Value gather_along(Lowering *l, Value table, Value positions, AxisId axis, SourceSpan span) {
    const Axes gone = axes_of(&axis, 1);
    Value rest = table;
    rest.axes = axes_minus(&table.axes, &gone);
    rest = value_widen(l, rest, &positions.axes);
    bool real = table.kind == VALUE_TENSOR &&
                axes_has(&graph_node(lowering_function(l), table.node)->axes, axis);
    if (rest.kind == VALUE_UNKNOWN || !real)
        return rest;
    NodeId sources[2] = {NODE_NONE, value_node(l, &positions, TYPE_INT)};
    if (sources[1] == NODE_NONE)
        return value_faulty;
    if (axes_has(&graph_node(lowering_function(l), sources[1])->axes, axis))
        table = move_axis(l, table, &axis, span);
    if (table.kind == VALUE_UNKNOWN)
        return table;
    sources[0] = table.node;
    Value made = lower_add(l, (Node){.op = OP_GATHER,
                                     .source_count = 2,
                                     .sources = sources,
                                     .attributes = {.axes = axes_of(&axis, 1)}});
    return value_widen(l, made, &rest.axes);
}

static Value gather_item(Lowering *l, const Expr *expr, Value table, const Argument *item) {
    Value positions = lower_expression(l, item->value);
    if (table.kind == VALUE_UNKNOWN || positions.kind == VALUE_UNKNOWN)
        return value_faulty;
    Name name = item->keyword;
    AxisId axis = spec_dim(l->spec, name.text) ? lower_dim_axis(l, name) : AXIS_NONE;
    if (axis == AXIS_NONE || !axes_has(&table.axes, axis)) {
        const Operand operand = {expr->index.base, table};
        if (axis != AXIS_NONE || !spec_dim(l->spec, name.text))
            fault_missing_axis(l, expr, name, expr->index.base, &operand, 1);
        return value_faulty;
    }
    if (lower_axis_is_opaque(l, axis, name.span))
        return value_faulty;
    if (positions.type == TYPE_FLOAT) {
        Diagnostic *d = diagnostics_error(l->diagnostics, "not-an-integer", item->value->span,
                                          "a position along '%s' is an integer", name.text);
        diagnostic_hint(d, "int(...) makes one, towards zero");
        return value_faulty;
    }
    return gather_along(l, table, positions, axis, item->value->span);
}

static Value lower_gather(Lowering *l, const Expr *expr) {
    Value table = lower_expression(l, expr->index.base);
    for (uint32_t i = 0; i < expr->index.item_count; i++) {
        const Argument *item = &expr->index.items[i];
        if (!item->keyword.text) {
            Diagnostic *d = diagnostics_error(l->diagnostics, "no-axis-named", item->value->span,
                                              "a tensor is looked up along a named axis");
            diagnostic_hint(d, "write [axis = position]");
            return value_faulty;
        }
        table = gather_item(l, expr, table, item);
    }
    return table;
}

/* --- taps: feature[3] --- */

static bool reads_tap(const Lowering *l, const Expr *expr) {
    return expr->index.base->kind == EXPR_NAME && expr->index.item_count == 1 &&
           !expr->index.items[0].keyword.text && !scope_find(l->scope, expr->index.base->name) &&
           names_find(&l->tap_names, expr->index.base->name);
}

static Value lower_tap(Lowering *l, const Expr *expr) {
    const TapRecord *taps = names_find(&l->tap_names, expr->index.base->name);
    int64_t which;
    if (!lower_integer(l, expr->index.items[0].value, "which of the taps to read", &which))
        return value_faulty;
    if (which < 0 || which >= taps->count) {
        diagnostics_error(l->diagnostics, "no-such-tap", expr->span,
                          "there is no %s[%lld] yet: so far there %s %u, from 0", taps->name,
                          (long long)which, taps->count == 1 ? "is" : "are", taps->count);
        return value_faulty;
    }
    Value value = taps->values[which];
    return value.kind == VALUE_TENSOR && value.graph != l->graph ? wrong_place(l, expr->index.base)
                                                                 : value;
}

static Value lower_bracket(Lowering *l, const Expr *expr) {
    Value result;
    if (builtin_index(l, expr, &result))
        return result;
    if (expr->index.step.text)
        diagnostics_error(l->diagnostics, "no-step", expr->index.step.span,
                          "'as' names a call of a function, or a random draw");
    return reads_tap(l, expr) ? lower_tap(l, expr) : lower_gather(l, expr);
}

/* --- calls --- */

static Value unknown_function(Lowering *l, const Expr *expr) {
    Name callee = expr->call.callee;
    Suggestion nearest = suggestion_begin(callee.text);
    Diagnostic *d = diagnostics_error(l->diagnostics, "unknown-function", callee.span,
                                      "there is no function '%s'", callee.text);
    if (update_has_function(callee.text)) {
        diagnostic_hint(d, "it is known in update rules alone");
        return value_faulty;
    }
    builtin_offer_names(&nearest);
    reduce_offer_names(&nearest);
    fault_offer_symbols(l, &nearest);
    diagnostic_suggest(d, suggestion_end(&nearest));
    return value_faulty;
}

static Value call_symbol(Lowering *l, const Expr *expr, const Symbol *symbol) {
    Name callee = expr->call.callee;
    if (symbol->kind == SYMBOL_FUNCTION && expr->call.axes.count == 0)
        return call_function(l, expr, symbol->function);
    if (symbol->kind == SYMBOL_EXTERN && expr->call.axes.count == 0)
        return extern_call(l, expr, symbol->external);
    if (symbol->kind == SYMBOL_FUNCTION || symbol->kind == SYMBOL_EXTERN) {
        diagnostics_error(l->diagnostics, "axis-count", callee.span, "%s takes no axes in brackets",
                          callee.text);
    } else {
        Diagnostic *d = diagnostics_error(l->diagnostics, "not-a-function", callee.span,
                                          "'%s' is not a function", callee.text);
        diagnostic_related(d, symbol->declared, "declared here");
    }
    return value_faulty;
}

static Value lower_call(Lowering *l, const Expr *expr) {
    const Symbol *symbol = spec_symbol(l->spec, expr->call.callee.text);
    bool is_function = symbol && (symbol->kind == SYMBOL_FUNCTION || symbol->kind == SYMBOL_EXTERN);
    Value result;
    if (is_function)
        return call_symbol(l, expr, symbol);
    if (update_call(l, expr, &result) || reduce_call(l, expr, &result) ||
        builtin_call(l, expr, &result)) {
        if (expr->call.step.text)
            diagnostics_error(l->diagnostics, "no-step", expr->call.step.span,
                              "'as' names a call of a fn or model: %s has nothing to be named",
                              expr->call.callee.text);
        return result;
    }
    return symbol ? call_symbol(l, expr, symbol) : unknown_function(l, expr);
}

/* --- all of them --- */

static Value out_of_place(Lowering *l, const Expr *expr, const char *what) {
    diagnostics_error(l->diagnostics, "not-a-value", expr->span, "%s is not a value", what);
    return value_faulty;
}

static Value lower_unary(Lowering *l, const Expr *expr) {
    Value operand = lower_expression(l, expr->unary.operand);
    return value_unary(l, expr->unary.op == UNARY_NOT ? OP_NOT : OP_NEGATE, operand);
}

static Value lower_binary(Lowering *l, const Expr *expr) {
    Value match;
    if (expr->binary.op == BINARY_MATCH)
        return update_match(l, expr, &match) ? match
                                             : out_of_place(l, expr, "a comparison of text");
    Value left = lower_expression(l, expr->binary.left);
    Value right = lower_expression(l, expr->binary.right);
    return value_binary(l, expr->binary.op, left, right, expr->span);
}

static Value lower_kind(Lowering *l, const Expr *expr) {
    switch (expr->kind) {
    case EXPR_NUMBER:
        return value_number(l, expr->number.value, expr->number.integer ? TYPE_INT : TYPE_FLOAT);
    case EXPR_NAME:
        return lower_name(l, expr);
    case EXPR_UNARY:
        return lower_unary(l, expr);
    case EXPR_BINARY:
        return lower_binary(l, expr);
    case EXPR_CALL:
        return lower_call(l, expr);
    case EXPR_INDEX:
        return lower_bracket(l, expr);
    case EXPR_STRING:
        return out_of_place(l, expr, "a text");
    case EXPR_LIST:
        return out_of_place(l, expr, "a list");
    case EXPR_RANGE:
        return out_of_place(l, expr, "a range");
    case EXPR_ARROW:
        return out_of_place(l, expr, "'->', outside of rename(...),");
    }
    return value_faulty;
}

/* What the schedule calls a scalar: by its name, or as it is written where it is computed first. */
static void label_scalar(Lowering *l, const Expr *expr, const Value *value) {
    double number;
    if (!l->update || value->kind != VALUE_SCALAR || value_is_number(l, value, &number))
        return;
    if (expr->kind == EXPR_NAME)
        scalar_label(l->scalars, value->scalar, expr->name, true);
    else if (!scalar_has_label(l->scalars, value->scalar))
        scalar_label(l->scalars, value->scalar, print_expression(l->arena, expr), false);
}

Value lower_expression(Lowering *l, const Expr *expr) {
    if (!enter(l, expr->span))
        return value_faulty;
    SourceSpan place = l->place;
    l->place = expr->span;
    Value value = lower_kind(l, expr);
    label_scalar(l, expr, &value);
    l->place = place;
    l->depth--;
    return value;
}
