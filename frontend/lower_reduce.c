/* Reductions: sum, mean, max, min, argmax, softmax, log_softmax, logsumexp over axes in brackets,
 * and cross_entropy along one.
 *
 * A value need not really have an axis (see lower_value.c): then a sum multiplies, and a mean or a
 * maximum leaves it as it is. With `where`, the value is first broadcast to the condition, and what
 * is not chosen is replaced by the reduction's neutral element; so an empty sum is 0, and an empty
 * mean too, because its count is taken as at least 1. */
#include "frontend/lowering.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *name;
    Reduction reduction;
} reductions[] = {
    {"sum", REDUCE_SUM},
    {"mean", REDUCE_MEAN},
    {"max", REDUCE_MAX},
    {"min", REDUCE_MIN},
    {"argmax", REDUCE_ARGMAX},
    {"softmax", REDUCE_SOFTMAX},
    {"logsumexp", REDUCE_LOGSUMEXP},
    {"log_softmax", REDUCE_LOG_SOFTMAX},
};

/* --- of values --- */

/* Those of `axes` that the node itself has. */
static Axes real_axes(const Lowering *l, const Value *value, const Axes *axes) {
    if (value->kind == VALUE_SCALAR)
        return (Axes){0};
    return axes_intersection(axes, &graph_node(lowering_function(l), value->node)->axes);
}

static double extent_product(const Lowering *l, const Axes *axes) {
    double product = 1;
    for (int i = 0; i < axes->count; i++)
        product *= (double)graph_axis(lowering_function(l), axes->at[i])->extent;
    return product;
}

static Value times(Lowering *l, Value value, double factor, ValueType type) {
    if (factor == 1)
        return value;
    return value_binary(l, BINARY_MUL, value, value_number(l, factor, type), l->place);
}

/* Adds `op` over those axes that are real; the others leave in name. */
static Value along(Lowering *l, OpCode op, Value value, const Axes *axes, bool keeps_axes) {
    const Axes real = real_axes(l, &value, axes);
    Axes left = keeps_axes ? value.axes : axes_minus(&value.axes, axes);
    if (real.count == 0) {
        value.axes = left;
        return value;
    }
    Value made = lower_add(
        l,
        (Node){.op = op, .source_count = 1, .sources = &value.node, .attributes = {.axes = real}});
    return value_widen(l, made, &left);
}

static Value reduce_sum(Lowering *l, Value value, const Axes *axes) {
    if (value.type == TYPE_BOOL)
        value = value_cast(l, value, TYPE_FLOAT);
    const Axes real = real_axes(l, &value, axes);
    const Axes unreal = axes_minus(axes, &real);
    Value sum = along(l, OP_SUM, value, axes, false);
    return times(l, sum, extent_product(l, &unreal), value.type);
}

static Value reduce_mean(Lowering *l, Value value, const Axes *axes) {
    value = value_cast(l, value, TYPE_FLOAT);
    const Axes real = real_axes(l, &value, axes);
    Value sum = along(l, OP_SUM, value, axes, false);
    return times(l, sum, 1 / extent_product(l, &real), TYPE_FLOAT);
}

static Value reduce_max(Lowering *l, Value value, const Axes *axes) {
    if (value.type == TYPE_BOOL)
        value = value_cast(l, value, TYPE_FLOAT);
    return along(l, OP_REDUCE_MAX, value, axes, false);
}

static Value reduce_min(Lowering *l, Value value, const Axes *axes) {
    Value negated = value_unary(l, OP_NEGATE, value);
    return value_unary(l, OP_NEGATE, reduce_max(l, negated, axes));
}

static Value reduce_argmax(Lowering *l, Value value, const Axes *axes) {
    if (value.type == TYPE_BOOL)
        value = value_cast(l, value, TYPE_INT);
    const Axes real = real_axes(l, &value, axes);
    if (real.count == 1)
        return along(l, OP_ARGMAX, value, axes, false);
    Value first = value_number(l, 0, TYPE_INT); /* all are equal: the first of them */
    first.axes = axes_minus(&value.axes, axes);
    return first;
}

/* exp(value - largest) and its sum; several axes at once. A row that is all -inf gives zeros. */
static Value exponentials(Lowering *l, Value value, const Axes *axes, Value *largest) {
    Value most = reduce_max(l, value_unary(l, OP_STOP_GRADIENT, value), axes);
    Value bounded = value_minimum(l, OP_MAX, most, value_number(l, -3.0e38, TYPE_FLOAT));
    *largest = bounded;
    return value_unary(l, OP_EXP, value_binary(l, BINARY_SUB, value, bounded, l->place));
}

static Value reduce_softmax(Lowering *l, Value value, const Axes *axes) {
    value = value_cast(l, value, TYPE_FLOAT);
    const Axes real = real_axes(l, &value, axes);
    const Axes unreal = axes_minus(axes, &real);
    Value result;
    if (real.count == 1) {
        result = along(l, OP_SOFTMAX, value, axes, true);
    } else {
        Value largest, all = exponentials(l, value, &real, &largest);
        Value sum = reduce_sum(l, all, &real);
        Value safe = value_minimum(l, OP_MAX, sum, value_number(l, 1, TYPE_FLOAT));
        result = value_binary(l, BINARY_DIV, all, safe, l->place);
    }
    return times(l, result, 1 / extent_product(l, &unreal), TYPE_FLOAT);
}

static Value reduce_logsumexp(Lowering *l, Value value, const Axes *axes) {
    Value largest, all = exponentials(l, value_cast(l, value, TYPE_FLOAT), axes, &largest);
    Value sum = value_unary(l, OP_LOG, reduce_sum(l, all, axes));
    return value_binary(l, BINARY_ADD, sum, largest, l->place);
}

static Value reduce_plain(Lowering *l, Reduction reduction, Value value, const Axes *axes) {
    switch (reduction) {
    case REDUCE_SUM:
        return reduce_sum(l, value, axes);
    case REDUCE_MEAN:
        return reduce_mean(l, value, axes);
    case REDUCE_MAX:
        return reduce_max(l, value, axes);
    case REDUCE_MIN:
        return reduce_min(l, value, axes);
    case REDUCE_ARGMAX:
        return reduce_argmax(l, value, axes);
    case REDUCE_SOFTMAX:
        return reduce_softmax(l, value, axes);
    case REDUCE_LOGSUMEXP:
        return reduce_logsumexp(l, value, axes);
    case REDUCE_LOG_SOFTMAX:
        return value_binary(l, BINARY_SUB, value, reduce_logsumexp(l, value, axes), l->place);
    }
    return value_faulty;
}

/* What stands for a value that `where` leaves out. */
static Value neutral(Lowering *l, Reduction reduction, ValueType type) {
    if (reduction == REDUCE_SUM || reduction == REDUCE_MEAN)
        return value_number(l, 0, type);
    double least = type == TYPE_INT ? (double)INT32_MIN + 1 : -INFINITY;
    return value_number(l, reduction == REDUCE_MIN ? -least : least, type);
}

static Value count_of(Lowering *l, Value condition, const Axes *axes) {
    Value spread = value_widen(l, value_cast(l, condition, TYPE_FLOAT), axes);
    Value count = spread.kind == VALUE_UNKNOWN ? spread : reduce_sum(l, spread, axes);
    return value_minimum(l, OP_MAX, count, value_number(l, 1, TYPE_FLOAT));
}

Value reduce_value(Lowering *l, Reduction reduction, Value value, const Axes *axes,
                   const Value *where) {
    if (value.kind == VALUE_UNKNOWN || (where && where->kind == VALUE_UNKNOWN))
        return value_faulty;
    double always;
    if (!where || (value_is_number(l, where, &always) && always != 0))
        return reduce_plain(l, reduction, value, axes);
    bool exact = reduction == REDUCE_SUM || reduction == REDUCE_MAX || reduction == REDUCE_MIN ||
                 reduction == REDUCE_ARGMAX;
    value = value_cast(l, value, exact && value.type == TYPE_INT ? TYPE_INT : TYPE_FLOAT);
    Value chosen = lower_select(l, *where, value, neutral(l, reduction, value.type));
    if (chosen.kind == VALUE_UNKNOWN)
        return chosen;
    if (reduction != REDUCE_MEAN)
        return reduce_plain(l, reduction, chosen, axes);
    Value sum = reduce_sum(l, chosen, axes);
    return value_binary(l, BINARY_DIV, sum, count_of(l, *where, axes), l->place);
}

/* --- of calls --- */

enum { MAX_OPERANDS = 8 };

/* Evaluates an argument; where it is a product (or a sum), its operands too, for messages. */
typedef struct Operands {
    Operand at[MAX_OPERANDS];
    uint32_t count;
} Operands;

static Value evaluate_operands(Lowering *l, const Expr *expr, BinaryOp op, Operands *operands) {
    if (expr->kind != EXPR_BINARY || expr->binary.op != op) {
        Value value = lower_expression(l, expr);
        if (operands->count < MAX_OPERANDS)
            operands->at[operands->count++] = (Operand){expr, value};
        return value;
    }
    Value left = evaluate_operands(l, expr->binary.left, op, operands);
    Value right = evaluate_operands(l, expr->binary.right, op, operands);
    SourceSpan place = l->place;
    l->place = expr->span;
    Value made = value_binary(l, op, left, right, expr->binary.op_span);
    l->place = place;
    return made;
}

static Value evaluate_argument(Lowering *l, const Expr *expr, Operands *operands) {
    bool chain = expr->kind == EXPR_BINARY &&
                 (expr->binary.op == BINARY_MUL || expr->binary.op == BINARY_ADD);
    return evaluate_operands(l, expr, chain ? expr->binary.op : BINARY_MATCH, operands);
}

/* Of a value that is not known, at least the names of the axes can be checked. */
static void check_axes(Lowering *l, const Expr *call) {
    for (uint32_t i = 0; i < call->call.axes.count; i++)
        lower_dim_axis(l, call->call.axes.at[i]);
}

/* The axes in the call's brackets, which the value must have. */
static bool find_axes(Lowering *l, const Expr *call, const Expr *argument, const Value *value,
                      const Operands *operands, Axes *axes) {
    bool sound = true;
    *axes = (Axes){0};
    for (uint32_t i = 0; i < call->call.axes.count; i++) {
        Name name = call->call.axes.at[i];
        AxisId axis = spec_dim(l->spec, name.text) ? lower_dim_axis(l, name) : AXIS_NONE;
        if (axis == AXIS_NONE || !axes_has(&value->axes, axis)) {
            bool reported = axis == AXIS_NONE && spec_dim(l->spec, name.text);
            if (!reported)
                fault_missing_axis(l, call, name, argument, operands->at, operands->count);
            sound = false;
        } else if (lower_axis_is_opaque(l, axis, name.span)) {
            sound = false;
        } else if (axes_has(axes, axis)) {
            diagnostics_error(l->diagnostics, "axis-twice", name.span,
                              "the axis '%s' is named twice", name.text);
            sound = false;
        } else {
            axes_append(axes, axis);
        }
    }
    return sound;
}

static bool one_axis(Lowering *l, const Expr *call) {
    if (call->call.axes.count == 1)
        return true;
    diagnostics_error(l->diagnostics, "axis-count", call->span, "%s works along one axis, not %u",
                      call->call.callee.text, call->call.axes.count);
    return false;
}

static Value call_reduction(Lowering *l, const Expr *call, Reduction reduction) {
    if (!call_shape(l, call, 1, "where") || (reduction == REDUCE_ARGMAX && !one_axis(l, call)))
        return value_faulty;
    const Expr *argument = call->call.arguments[0].value;
    const Expr *condition = call_argument(call, UINT32_MAX, "where");
    Operands operands = {.count = 0};
    Value value = evaluate_argument(l, argument, &operands);
    Value where = condition ? lower_expression(l, condition) : value_faulty;
    if (value.kind == VALUE_UNKNOWN)
        check_axes(l, call);
    if (value.kind == VALUE_UNKNOWN || (condition && where.kind == VALUE_UNKNOWN))
        return value_faulty;
    Value both = condition ? value_widen(l, value, &where.axes) : value;
    Axes axes;
    if (both.kind == VALUE_UNKNOWN || !find_axes(l, call, argument, &both, &operands, &axes))
        return value_faulty;
    return reduce_value(l, reduction, both, &axes, condition ? &where : NULL);
}

static Value call_cross_entropy(Lowering *l, const Expr *call) {
    if (!call_shape(l, call, 2, NULL) || !one_axis(l, call))
        return value_faulty;
    const Expr *argument = call->call.arguments[0].value;
    Operands operands = {.count = 0};
    Value logits = evaluate_argument(l, argument, &operands);
    Value classes = lower_expression(l, call->call.arguments[1].value);
    Axes axes;
    if (logits.kind == VALUE_UNKNOWN || classes.kind == VALUE_UNKNOWN ||
        !find_axes(l, call, argument, &logits, &operands, &axes))
        return value_faulty;
    SourceSpan second = call->call.arguments[1].value->span;
    if (classes.type == TYPE_FLOAT || axes_has(&classes.axes, axes.at[0])) {
        Diagnostic *d =
            diagnostics_error(l->diagnostics, "bad-classes", second,
                              "cross_entropy takes the number of the class, an integer without "
                              "the axis '%s'",
                              call->call.axes.at[0].text);
        diagnostic_label(d, "this is %s, %s", type_name(classes.type),
                         fault_axes(l, &classes.axes));
        return value_faulty;
    }
    Value both = value_widen(l, logits, &classes.axes);
    const Axes left = axes_minus(&both.axes, &axes);
    logits = value_cast(l, logits, TYPE_FLOAT);
    if (real_axes(l, &logits, &axes).count == 0)
        logits = value_spread(l, logits, &logits.axes);
    NodeId sources[2];
    if (logits.kind == VALUE_UNKNOWN || both.kind == VALUE_UNKNOWN ||
        (sources[1] = value_node(l, &classes, TYPE_INT)) == NODE_NONE)
        return value_faulty;
    sources[0] = logits.node;
    Value made = lower_add(l, (Node){.op = OP_CROSS_ENTROPY,
                                     .source_count = 2,
                                     .sources = sources,
                                     .attributes = {.axes = axes}});
    return value_widen(l, made, &left);
}

static Value without_axes(Lowering *l, const Expr *call) {
    const char *name = call->call.callee.text;
    Diagnostic *d = diagnostics_error(l->diagnostics, "axis-count", call->call.callee.span,
                                      "%s needs the axes that it works along", name);
    diagnostic_hint(d, "write %s[axis](...)", name);
    return value_faulty;
}

/* max(a, b) and min(a, b) are other functions. */
static bool is_elementwise(const Expr *call) {
    const char *name = call->call.callee.text;
    return call->call.axes.count == 0 && (strcmp(name, "max") == 0 || strcmp(name, "min") == 0);
}

bool reduce_call(Lowering *l, const Expr *call, Value *result) {
    const char *name = call->call.callee.text;
    bool axes = call->call.axes.count > 0;
    if (strcmp(name, "cross_entropy") == 0) {
        *result = axes ? call_cross_entropy(l, call) : without_axes(l, call);
        return true;
    }
    for (size_t i = 0; i < sizeof reductions / sizeof *reductions; i++) {
        if (strcmp(name, reductions[i].name) != 0 || is_elementwise(call))
            continue;
        *result = axes ? call_reduction(l, call, reductions[i].reduction) : without_axes(l, call);
        return true;
    }
    return false;
}

void reduce_offer_names(Suggestion *suggestion) {
    suggestion_offer(suggestion, "cross_entropy");
    for (size_t i = 0; i < sizeof reductions / sizeof *reductions; i++)
        suggestion_offer(suggestion, reductions[i].name);
}
