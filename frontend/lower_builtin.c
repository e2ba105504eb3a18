/* The functions of the language that are not reductions, and index[...] and random[...]. */
#include "frontend/lowering.h"

#include <string.h>

/* --- one argument, elementwise --- */

static Value builtin_relu(Lowering *l, Value a) {
    return value_minimum(l, OP_MAX, a, value_number(l, 0, TYPE_INT));
}

static const struct {
    const char *name;
    OpCode op;
} unaries[] = {
    {"exp", OP_EXP},
    {"log", OP_LOG},
    {"sqrt", OP_SQRT},
    {"rsqrt", OP_RSQRT},
    {"sin", OP_SIN},
    {"cos", OP_COS},
    {"tanh", OP_TANH},
    {"sigmoid", OP_SIGMOID},
    {"abs", OP_ABS},
    {"floor", OP_FLOOR},
    {"stop_gradient", OP_STOP_GRADIENT},
};

static const char *const others[] = {"relu", "int",    "float", "min",
                                     "max",  "rename", "shift", "where"};

static bool call_unary(Lowering *l, const Expr *call, Value *result) {
    const char *name = call->call.callee.text;
    for (size_t i = 0; i < sizeof unaries / sizeof *unaries; i++) {
        if (strcmp(name, unaries[i].name) != 0)
            continue;
        *result = value_faulty;
        if (call_shape(l, call, 1, NULL))
            *result =
                value_unary(l, unaries[i].op, lower_expression(l, call->call.arguments[0].value));
        return true;
    }
    return false;
}

static Value call_convert(Lowering *l, const Expr *call) {
    if (!call_shape(l, call, 1, NULL))
        return value_faulty;
    Value value = lower_expression(l, call->call.arguments[0].value);
    const char *name = call->call.callee.text;
    if (value.kind == VALUE_UNKNOWN)
        return value;
    if (strcmp(name, "relu") == 0)
        return builtin_relu(l, value);
    return value_cast(l, value, strcmp(name, "int") == 0 ? TYPE_INT : TYPE_FLOAT);
}

/* --- several arguments, elementwise --- */

static Value call_extreme(Lowering *l, const Expr *call) {
    OpCode op = strcmp(call->call.callee.text, "max") == 0 ? OP_MAX : OP_MIN;
    uint32_t count = call->call.argument_count;
    if (!call_shape(l, call, count < 2 ? 2 : count, NULL))
        return value_faulty;
    Value result = lower_expression(l, call->call.arguments[0].value);
    for (uint32_t i = 1; i < count; i++)
        result = value_minimum(l, op, result, lower_expression(l, call->call.arguments[i].value));
    return result;
}

static Value call_where(Lowering *l, const Expr *call) {
    if (!call_shape(l, call, 3, NULL))
        return value_faulty;
    Value parts[3];
    for (uint32_t i = 0; i < 3; i++)
        parts[i] = lower_expression(l, call->call.arguments[i].value);
    if (parts[0].kind != VALUE_UNKNOWN && parts[0].type != TYPE_BOOL) {
        Diagnostic *d = diagnostics_error(l->diagnostics, "not-a-condition",
                                          call->call.arguments[0].value->span,
                                          "where() chooses by a condition (true or false)");
        diagnostic_label(d, "this is %s", type_name(parts[0].type));
        return value_faulty;
    }
    return lower_select(l, parts[0], parts[1], parts[2]);
}

/* --- rename(x, n -> m) --- */

static void fault_present(Lowering *l, const Expr *call, const Value *value, Name to) {
    const Expr *argument = call->call.arguments[0].value;
    Diagnostic *d = diagnostics_error(l->diagnostics, "axis-present", to.span,
                                      "the axis '%s' is there already", to.text);
    const char *text = fault_describe(l, argument, value);
    if (text)
        diagnostic_label(d, "%s", text);
}

static void fault_extents(Lowering *l, const Expr *arrow) {
    const SpecDim *from = spec_dim(l->spec, arrow->arrow.from.text);
    const SpecDim *to = spec_dim(l->spec, arrow->arrow.to.text);
    Diagnostic *d = diagnostics_error(
        l->diagnostics, "extents-differ", arrow->span,
        "an axis can only be renamed to one of the same extent: '%s' is %lld, '%s' is %lld",
        from->value.name, (long long)from->extent, to->value.name, (long long)to->extent);
    diagnostic_related(d, from->value.declared, "'%s' is declared here", from->value.name);
    diagnostic_related(d, to->value.declared, "'%s' is declared here", to->value.name);
}

static Value rename_axis(Lowering *l, const Expr *call, Value value, const Expr *arrow) {
    const Operand operand = {call->call.arguments[0].value, value};
    Name from = arrow->arrow.from, to = arrow->arrow.to;
    AxisId old = spec_dim(l->spec, from.text) ? lower_dim_axis(l, from) : AXIS_NONE;
    if (old == AXIS_NONE || !axes_has(&value.axes, old)) {
        fault_missing_axis(l, call, from, operand.expr, &operand, 1);
        return value_faulty;
    }
    AxisId new = lower_axis(l, to);
    if (new == AXIS_NONE || lower_axis_is_opaque(l, old, from.span))
        return value_faulty;
    if (axes_has(&value.axes, new)) {
        fault_present(l, call, &value, to);
        return value_faulty;
    }
    const Function *function = lowering_function(l);
    if (graph_axis(function, old)->extent != graph_axis(function, new)->extent) {
        fault_extents(l, arrow);
        return value_faulty;
    }
    Axes axes = value.axes;
    axes.at[axes_find(&axes, old)] = new;
    if (value.kind == VALUE_TENSOR && axes_has(&graph_node(function, value.node)->axes, old)) {
        const AxisId both[] = {old, new};
        value = lower_add(l, (Node){.op = OP_RENAME,
                                    .source_count = 1,
                                    .sources = &value.node,
                                    .attributes = {.axes = axes_of(both, 2)}});
    }
    value.axes = axes;
    return value;
}

static Value call_rename(Lowering *l, const Expr *call) {
    uint32_t count = call->call.argument_count;
    if (!call_shape(l, call, count < 2 ? 2 : count, NULL))
        return value_faulty;
    Value value = lower_expression(l, call->call.arguments[0].value);
    for (uint32_t i = 1; i < count && value.kind != VALUE_UNKNOWN; i++) {
        const Expr *arrow = call->call.arguments[i].value;
        if (arrow->kind != EXPR_ARROW) {
            diagnostics_error(l->diagnostics, "not-an-arrow", arrow->span,
                              "rename takes axes as 'old -> new'");
            return value_faulty;
        }
        value = rename_axis(l, call, value, arrow);
    }
    return value;
}

/* --- shift[n](x, 1, fill = 0) --- */

static bool shift_axis(Lowering *l, const Expr *call, const Value *value, AxisId *axis) {
    const Operand operand = {call->call.arguments[0].value, *value};
    Name name = call->call.axes.at[0];
    *axis = spec_dim(l->spec, name.text) ? lower_dim_axis(l, name) : AXIS_NONE;
    if (*axis != AXIS_NONE && axes_has(&value->axes, *axis))
        return !lower_axis_is_opaque(l, *axis, name.span);
    fault_missing_axis(l, call, name, operand.expr, &operand, 1);
    return false;
}

static Value shift_value(Lowering *l, Value value, Value fill, AxisId axis, int64_t amount) {
    ValueType type = value.type > fill.type ? value.type : fill.type;
    int64_t extent = graph_axis(lowering_function(l), axis)->extent;
    amount = amount > extent ? extent : amount < -extent ? -extent : amount;
    Value both = value_widen(l, value, &fill.axes);
    value = value_cast(l, value, type);
    if (value.kind == VALUE_SCALAR ||
        !axes_has(&graph_node(lowering_function(l), value.node)->axes, axis))
        value = value_spread(l, value, &value.axes);
    NodeId sources[2];
    if (both.kind == VALUE_UNKNOWN || value.kind == VALUE_UNKNOWN ||
        (sources[1] = value_node(l, &fill, type)) == NODE_NONE)
        return value_faulty;
    sources[0] = value.node;
    Value made = lower_add(l, (Node){.op = OP_SHIFT,
                                     .source_count = 2,
                                     .sources = sources,
                                     .attributes = {.amount = amount, .axes = axes_of(&axis, 1)}});
    return value_widen(l, made, &both.axes);
}

static Value call_shift(Lowering *l, const Expr *call) {
    if (!call_shape(l, call, 2, "fill"))
        return value_faulty;
    if (call->call.axes.count != 1) {
        diagnostics_error(l->diagnostics, "axis-count", call->call.callee.span,
                          "shift works along one axis: shift[axis](...)");
        return value_faulty;
    }
    const Expr *filling = call_argument(call, UINT32_MAX, "fill");
    Value value = lower_expression(l, call->call.arguments[0].value);
    Value fill = filling ? lower_expression(l, filling) : value_number(l, 0, TYPE_BOOL);
    int64_t amount;
    AxisId axis;
    if (!lower_integer(l, call->call.arguments[1].value, "the amount of a shift", &amount) ||
        value.kind == VALUE_UNKNOWN || fill.kind == VALUE_UNKNOWN ||
        !shift_axis(l, call, &value, &axis))
        return value_faulty;
    if (axes_has(&fill.axes, axis)) {
        Diagnostic *d = diagnostics_error(l->diagnostics, "axis-present", filling->span,
                                          "what fills a shift along '%s' must not have that axis",
                                          call->call.axes.at[0].text);
        diagnostic_label(d, "this is %s", fault_axes(l, &fill.axes));
        return value_faulty;
    }
    return shift_value(l, value, fill, axis, amount);
}

/* --- the table of them --- */

bool builtin_call(Lowering *l, const Expr *call, Value *result) {
    const char *name = call->call.callee.text;
    if (call_unary(l, call, result))
        return true;
    if (strcmp(name, "relu") == 0 || strcmp(name, "int") == 0 || strcmp(name, "float") == 0)
        *result = call_convert(l, call);
    else if (strcmp(name, "max") == 0 || strcmp(name, "min") == 0)
        *result = call_extreme(l, call);
    else if (strcmp(name, "where") == 0)
        *result = call_where(l, call);
    else if (strcmp(name, "rename") == 0)
        *result = call_rename(l, call);
    else if (strcmp(name, "shift") == 0)
        *result = call_shift(l, call);
    else
        return false;
    return true;
}

void builtin_offer_names(Suggestion *suggestion) {
    for (size_t i = 0; i < sizeof unaries / sizeof *unaries; i++)
        suggestion_offer(suggestion, unaries[i].name);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        suggestion_offer(suggestion, others[i]);
}

/* --- index[n], random[n] --- */

/* The names in the brackets; false after reporting that they are something else. */
static bool bracket_names(Lowering *l, const Expr *index, NameList *names) {
    *names = (NameList){arena_array(l->arena, index->index.item_count, sizeof(Name)), 0};
    for (uint32_t i = 0; i < index->index.item_count; i++) {
        const Argument *item = &index->index.items[i];
        if (item->keyword.text || item->value->kind != EXPR_NAME) {
            diagnostics_error(l->diagnostics, "not-an-axis", item->value->span,
                              "%s takes names of axes", index->index.base->name);
            return false;
        }
        names->at[names->count++] = (Name){item->value->name, item->value->span};
    }
    return true;
}

static Value lower_index(Lowering *l, const NameList *names, SourceSpan span) {
    if (names->count != 1) {
        diagnostics_error(l->diagnostics, "axis-count", span, "index takes one axis");
        return value_faulty;
    }
    for (const Scope *scope = l->scope; scope; scope = scope->outer)
        if (scope->round_dim && strcmp(scope->round_dim, names->at[0].text) == 0)
            return value_number(l, (double)scope->round, TYPE_INT);
    AxisId axis = lower_axis(l, names->at[0]);
    if (axis == AXIS_NONE)
        return value_faulty;
    return lower_add(l, (Node){.op = OP_INDEX, .attributes = {.axes = axes_of(&axis, 1)}});
}

NodeId builtin_control(Lowering *l, uint32_t which) {
    static const char *const names[] = {"$seed", "$draw", "$step", "$image"};
    NodeId *node = &l->controls[l->graph][which];
    if (*node != NODE_NONE)
        return *node;
    Node made = {.op = OP_INPUT, .dtype = DTYPE_I32, .attributes = {.name = names[which]}};
    if (which == 3)
        made.axes = axes_of(&l->batch, 1);
    if (l->graph == GRAPH_INIT && which > 0) /* parameters are drawn once, of no image */
        made = (Node){.op = OP_CONST, .dtype = DTYPE_I32};
    *node = lower_add(l, made).node;
    return *node;
}

static Value lower_random(Lowering *l, const Expr *index, const NameList *names) {
    Name step = index->index.step;
    if (!step.text)
        step = (Name){"random", index->span};
    if (l->graph != GRAPH_FORWARD) {
        diagnostics_error(l->diagnostics, "random-here", index->span,
                          l->graph == GRAPH_INIT
                              ? "an initial value is drawn by '~ normal(...)' or '~ uniform(...)'"
                              : "an update rule cannot draw random numbers");
        return value_faulty;
    }
    Axes axes;
    if (!lower_axes(l, names, &axes) || !scope_step(l, step, "random"))
        return value_faulty;
    const char *path = lower_join_path(l, l->scope->call_path, step.text);
    NodeId sources[4];
    for (uint32_t i = 0; i < 4; i++)
        sources[i] = builtin_control(l, i);
    return lower_add(l, (Node){.op = OP_RANDOM,
                               .source_count = 4,
                               .sources = sources,
                               .attributes = {.axes = axes, .key = parameter_key("random", path)}});
}

bool builtin_index(Lowering *l, const Expr *index, Value *result) {
    const Expr *base = index->index.base;
    if (base->kind != EXPR_NAME)
        return false;
    bool draws = strcmp(base->name, "random") == 0;
    if (!draws && strcmp(base->name, "index") != 0)
        return false;
    NameList names;
    *result = value_faulty;
    if (!bracket_names(l, index, &names))
        return true;
    *result = draws ? lower_random(l, index, &names) : lower_index(l, &names, index->span);
    return true;
}
