/* Values and the operators on them: conversion of types, axes, and the choice between computing a
 * number now, leaving it to the schedule, and adding a node.
 *
 * A value may have axes that its node lacks: a scalar argument broadcast to its declared axes, for
 * one. Operators carry such axes along in name; only value_spread makes them real. */
#include "frontend/lowering.h"

#include <math.h>
#include <string.h>

const Value value_faulty = {0};

static const DType dtype_of[] = {
    [TYPE_BOOL] = DTYPE_BOOL, [TYPE_INT] = DTYPE_I32, [TYPE_FLOAT] = DTYPE_F32};

static ValueType type_of(DType dtype) {
    return dtype == DTYPE_BOOL ? TYPE_BOOL : dtype == DTYPE_I32 ? TYPE_INT : TYPE_FLOAT;
}

/* --- making values --- */

Value value_scalar(Lowering *l, ScalarId scalar, ValueType type) {
    return (Value){.kind = VALUE_SCALAR, .type = type, .graph = l->graph, .scalar = scalar};
}

Value value_number(Lowering *l, double number, ValueType type) {
    return value_scalar(l, scalar_constant(l->scalars, number), type);
}

Value value_tensor(const Lowering *l, NodeId node) {
    const Node *made = graph_node(lowering_function(l), node);
    return (Value){.kind = VALUE_TENSOR,
                   .type = type_of(made->dtype),
                   .graph = l->graph,
                   .node = node,
                   .axes = made->axes};
}

bool value_is_number(const Lowering *l, const Value *value, double *number) {
    return value->kind == VALUE_SCALAR && scalar_is_constant(l->scalars, value->scalar, number);
}

/* The place that nodes get now. Shared by all that one expression makes. */
static const SpanSet *current_spans(Lowering *l) {
    const char *path = l->scope && *l->scope->path ? l->scope->path : NULL;
    bool same = l->spans && l->place.source == l->spans_of.source &&
                l->place.offset == l->spans_of.offset && path == l->spans->at[0].call;
    if (!same) {
        Span place = source_place(l->spec->sources, l->place);
        place.call = path;
        l->spans = spans_one(l->arena, place);
        l->spans_of = l->place;
    }
    return l->spans;
}

Value lower_add(Lowering *l, Node node) {
    Function *function = lowering_function(l);
    node.spans = current_spans(l);
    Node checked = node;
    const char *fault = graph_check(function, &checked);
    if (fault) {
        diagnostics_error(l->diagnostics, "bad-tensor", l->place, "%s", fault);
        return value_faulty;
    }
    return value_tensor(l, graph_add(function, node));
}

static Value add_op(Lowering *l, OpCode op, const NodeId *sources, uint32_t count) {
    return lower_add(l, (Node){.op = op, .source_count = count, .sources = sources});
}

static bool join_axes(Lowering *l, Axes *into, const Axes *more) {
    for (int i = 0; i < more->count; i++) {
        if (axes_has(into, more->at[i]))
            continue;
        if (into->count == MAX_AXES) {
            diagnostics_error(l->diagnostics, "too-many-axes", l->place,
                              "this would have more than %d axes", MAX_AXES);
            return false;
        }
        axes_append(into, more->at[i]);
    }
    return true;
}

Value value_widen(Lowering *l, Value value, const Axes *axes) {
    if (value.kind == VALUE_UNKNOWN || !join_axes(l, &value.axes, axes))
        return value_faulty;
    return value;
}

/* --- scalars as nodes, and conversion --- */

static NodeId constant_node(Lowering *l, double number, ValueType type) {
    Value made = lower_add(
        l, (Node){.op = OP_CONST, .dtype = dtype_of[type], .attributes = {.value = number}});
    return made.kind == VALUE_UNKNOWN ? NODE_NONE : made.node;
}

/* An f32 input that the schedule computes once a step. */
static Value scheduled_tensor(Lowering *l, ScalarId scalar) {
    if (l->graph != GRAPH_UPDATE) {
        diagnostics_error(l->diagnostics, "tensor-here", l->place,
                          "an initial value cannot depend on the step");
        return value_faulty;
    }
    const char *name = arena_printf(l->arena, "$scalar.%u", scalar_output(l->scalars, scalar));
    NodeId found = function_find_binding(lowering_function(l), name);
    if (found != NODE_NONE)
        return value_tensor(l, found);
    return lower_add(l, (Node){.op = OP_INPUT, .dtype = DTYPE_F32, .attributes = {.name = name}});
}

static Value convert_tensor(Lowering *l, Value value, ValueType type) {
    if (value.kind == VALUE_UNKNOWN || value.type == type)
        return value;
    Value made;
    if (type == TYPE_BOOL) {
        const NodeId both[] = {value.node, constant_node(l, 0, value.type)};
        Value zero = add_op(l, OP_EQUAL, both, 2);
        made = zero.kind == VALUE_UNKNOWN ? zero : add_op(l, OP_NOT, &zero.node, 1);
    } else {
        made = add_op(l, type == TYPE_INT ? OP_CAST_I32 : OP_CAST_F32, &value.node, 1);
    }
    if (made.kind != VALUE_UNKNOWN)
        made.axes = value.axes;
    return made;
}

NodeId value_node(Lowering *l, const Value *value, ValueType type) {
    double number;
    if (value_is_number(l, value, &number))
        return constant_node(l, number, type);
    Value tensor = value->kind == VALUE_SCALAR ? scheduled_tensor(l, value->scalar) : *value;
    tensor = convert_tensor(l, tensor, type);
    return tensor.kind == VALUE_UNKNOWN ? NODE_NONE : tensor.node;
}

Value value_cast(Lowering *l, Value value, ValueType type) {
    if (value.kind != VALUE_SCALAR)
        return convert_tensor(l, value, type);
    if (type == TYPE_INT && value.type == TYPE_FLOAT) { /* towards zero */
        ScalarId zero = scalar_constant(l->scalars, 0), x = value.scalar;
        ScalarId negated = scalar_apply(l->scalars, SCALAR_NEGATE, x, 0, 0);
        ScalarId below = scalar_apply(l->scalars, SCALAR_FLOOR, negated, 0, 0);
        below = scalar_apply(l->scalars, SCALAR_NEGATE, below, 0, 0);
        value.scalar = scalar_apply(l->scalars, SCALAR_SELECT,
                                    scalar_apply(l->scalars, SCALAR_LESS, x, zero, 0), below,
                                    scalar_apply(l->scalars, SCALAR_FLOOR, x, 0, 0));
    }
    value.type = type;
    return value;
}

/* --- making axes real --- */

/* One more axis, by a choice that never falls on the other side. */
static Value add_axis(Lowering *l, Value value, AxisId axis, const Axes *order) {
    double number = 1;
    const Node *node = graph_node(lowering_function(l), value.node);
    if (node->op == OP_CONST)
        number = node->attributes.value;
    Value index = lower_add(l, (Node){.op = OP_INDEX, .attributes = {.axes = axes_of(&axis, 1)}});
    if (index.kind == VALUE_UNKNOWN)
        return index;
    const NodeId both[] = {index.node, constant_node(l, 0, TYPE_INT)};
    Value never = add_op(l, OP_LESS, both, 2);
    const NodeId sources[] = {never.node, constant_node(l, number == 0, value.type), value.node};
    return lower_add(l, (Node){.op = OP_SELECT,
                               .axes = order ? *order : (Axes){0},
                               .source_count = 3,
                               .sources = sources});
}

static Value reorder(Lowering *l, Value value, const Axes *order) {
    bool is_bool = value.type == TYPE_BOOL;
    const NodeId sources[] = {value.node, constant_node(l, 1, value.type)};
    return lower_add(l, (Node){.op = is_bool ? OP_AND : OP_MUL,
                               .axes = *order,
                               .source_count = 2,
                               .sources = sources});
}

Value value_spread(Lowering *l, Value value, const Axes *order) {
    if (value.kind == VALUE_UNKNOWN)
        return value;
    NodeId node = value_node(l, &value, value.type);
    if (node == NODE_NONE)
        return value_faulty;
    Value spread = value_tensor(l, node);
    const Axes missing = axes_minus(order, &spread.axes);
    for (int i = 0; i < missing.count && spread.kind != VALUE_UNKNOWN; i++)
        spread = add_axis(l, spread, missing.at[i], i + 1 == missing.count ? order : NULL);
    if (spread.kind != VALUE_UNKNOWN && !axes_equal(&spread.axes, order))
        spread = reorder(l, spread, order);
    return spread;
}

/* --- operators --- */

/* The scalar program's op for a tensor's; SCALAR_CONST: it has none. */
static const ScalarOp scalar_ops[OP_COUNT] = {
    [OP_NEGATE] = SCALAR_NEGATE,
    [OP_ABS] = SCALAR_ABS,
    [OP_EXP] = SCALAR_EXP,
    [OP_LOG] = SCALAR_LOG,
    [OP_SQRT] = SCALAR_SQRT,
    [OP_SIN] = SCALAR_SIN,
    [OP_COS] = SCALAR_COS,
    [OP_TANH] = SCALAR_TANH,
    [OP_FLOOR] = SCALAR_FLOOR,
    [OP_NOT] = SCALAR_NOT,
    [OP_ADD] = SCALAR_ADD,
    [OP_SUB] = SCALAR_SUB,
    [OP_MUL] = SCALAR_MUL,
    [OP_DIV] = SCALAR_DIV,
    [OP_POW] = SCALAR_POW,
    [OP_MIN] = SCALAR_MIN,
    [OP_MAX] = SCALAR_MAX,
    [OP_LESS] = SCALAR_LESS,
    [OP_LESS_EQUAL] = SCALAR_LESS_EQUAL,
    [OP_EQUAL] = SCALAR_EQUAL,
    [OP_AND] = SCALAR_AND,
    [OP_OR] = SCALAR_OR,
    [OP_SELECT] = SCALAR_SELECT,
};

/* Applies an op whose sources are all of one type; the result's axes are the union of theirs. */
static Value apply(Lowering *l, OpCode op, const Value *sources, uint32_t count, ValueType type,
                   ValueType result) {
    Axes axes = {0};
    bool scalar = true;
    for (uint32_t i = 0; i < count; i++) {
        if (!join_axes(l, &axes, &sources[i].axes))
            return value_faulty;
        scalar = scalar && sources[i].kind == VALUE_SCALAR;
    }
    if (scalar) {
        Value made = value_scalar(l,
                                  scalar_apply(l->scalars, scalar_ops[op], sources[0].scalar,
                                               count > 1 ? sources[1].scalar : 0,
                                               count > 2 ? sources[2].scalar : 0),
                                  result);
        made.axes = axes;
        return made;
    }
    NodeId nodes[3];
    for (uint32_t i = 0; i < count; i++) {
        bool condition = op == OP_SELECT && i == 0;
        nodes[i] = value_node(l, &sources[i], condition ? TYPE_BOOL : type);
        if (nodes[i] == NODE_NONE)
            return value_faulty;
    }
    Value made = add_op(l, op, nodes, count);
    return value_widen(l, made, &axes);
}

static Value need_bool(Lowering *l, const Value *value) {
    diagnostics_error(l->diagnostics, "not-a-condition", l->place,
                      "a condition (true or false) is needed here, not %s",
                      value->type == TYPE_INT ? "an integer" : "a number");
    return value_faulty;
}

/* Ops that the scalar program lacks, by those that it has. */
static Value scalar_unary(Lowering *l, OpCode op, Value a) {
    Value one = value_number(l, 1, TYPE_FLOAT);
    if (op == OP_STOP_GRADIENT)
        return a;
    a = value_cast(l, a, TYPE_FLOAT);
    if (op == OP_RSQRT)
        return value_binary(l, BINARY_DIV, one, value_unary(l, OP_SQRT, a), l->place);
    Value small = value_unary(l, OP_EXP, value_unary(l, OP_NEGATE, a)); /* sigmoid */
    return value_binary(l, BINARY_DIV, one, value_binary(l, BINARY_ADD, one, small, l->place),
                        l->place);
}

Value value_unary(Lowering *l, OpCode op, Value a) {
    if (a.kind == VALUE_UNKNOWN)
        return a;
    if (op == OP_NOT)
        return a.type == TYPE_BOOL ? apply(l, op, &a, 1, TYPE_BOOL, TYPE_BOOL) : need_bool(l, &a);
    if ((op == OP_FLOOR || op == OP_STOP_GRADIENT) && a.type != TYPE_FLOAT)
        return a;
    if (a.kind == VALUE_SCALAR && scalar_ops[op] == SCALAR_CONST)
        return scalar_unary(l, op, a);
    bool keeps = (op == OP_NEGATE || op == OP_ABS) && a.type == TYPE_INT;
    ValueType type = keeps ? TYPE_INT : TYPE_FLOAT;
    return apply(l, op, &a, 1, type, type);
}

/* Bools that are counted with become floats; with an int they become ints. */
static ValueType number_type(ValueType a, ValueType b) {
    ValueType type = a > b ? a : b;
    return type == TYPE_BOOL ? TYPE_FLOAT : type;
}

static Value arithmetic(Lowering *l, OpCode op, Value a, Value b) {
    if (a.kind == VALUE_UNKNOWN || b.kind == VALUE_UNKNOWN)
        return value_faulty;
    const Value both[] = {a, b};
    ValueType type = op == OP_DIV || op == OP_POW ? TYPE_FLOAT : number_type(a.type, b.type);
    return apply(l, op, both, 2, type, type);
}

Value value_minimum(Lowering *l, OpCode min_or_max, Value a, Value b) {
    return arithmetic(l, min_or_max, a, b);
}

static Value compare(Lowering *l, OpCode op, Value a, Value b) {
    const Value both[] = {a, b};
    ValueType type = a.type > b.type ? a.type : b.type;
    return apply(l, op, both, 2, type == TYPE_BOOL ? TYPE_INT : type, TYPE_BOOL);
}

static Value logic(Lowering *l, OpCode op, Value a, Value b) {
    const Value both[] = {a, b};
    if (a.type != TYPE_BOOL || b.type != TYPE_BOOL)
        return need_bool(l, a.type != TYPE_BOOL ? &a : &b);
    return apply(l, op, both, 2, TYPE_BOOL, TYPE_BOOL);
}

/* a // b and a % b, on integers. */
static Value integer_division(Lowering *l, BinaryOp op, Value a, Value b, SourceSpan span) {
    double divisor;
    if (a.type == TYPE_FLOAT || b.type == TYPE_FLOAT) {
        Diagnostic *d = diagnostics_error(l->diagnostics, "not-an-integer", span,
                                          "'%s' is for integers", binary_op_text(op));
        diagnostic_hint(d, "write %s for other numbers",
                        op == BINARY_MOD ? "a - b * floor(a / b)" : "floor(a / b)");
        return value_faulty;
    }
    if (value_is_number(l, &b, &divisor) && divisor == 0) {
        diagnostics_error(l->diagnostics, "division-by-zero", span, "this divides by 0");
        return value_faulty;
    }
    if (a.kind == VALUE_TENSOR || b.kind == VALUE_TENSOR) {
        const Value both[] = {a, b};
        return apply(l, op == BINARY_MOD ? OP_MOD : OP_FLOOR_DIV, both, 2, TYPE_INT, TYPE_INT);
    }
    Value quotient = value_unary(l, OP_FLOOR, arithmetic(l, OP_DIV, a, b));
    Value result = quotient;
    if (op == BINARY_MOD)
        result = arithmetic(l, OP_SUB, a, arithmetic(l, OP_MUL, quotient, b));
    result.type = TYPE_INT;
    return result;
}

/* x^k for k >= 1 by squaring. */
static Value integer_power(Lowering *l, Value x, int k) {
    Value result = x, square = x;
    for (bool started = false;; k >>= 1) {
        if (k & 1) {
            result = started ? arithmetic(l, OP_MUL, result, square) : square;
            started = true;
        }
        if (k == 1)
            return result;
        square = arithmetic(l, OP_MUL, square, square);
    }
}

static Value power(Lowering *l, Value a, Value b) {
    double exponent;
    if (!value_is_number(l, &b, &exponent))
        return arithmetic(l, OP_POW, a, b);
    if (a.type == TYPE_BOOL)
        a = value_cast(l, a, TYPE_INT);
    a = value_widen(l, a, &b.axes);
    if (exponent == 0) {
        Value one = value_number(l, 1, a.type);
        return value_widen(l, one, &a.axes);
    }
    if (exponent == 0.5)
        return value_unary(l, OP_SQRT, a);
    if (exponent == -0.5)
        return value_unary(l, OP_RSQRT, a);
    if (exponent != floor(exponent) || fabs(exponent) > LOWER_MAX_POWER)
        return arithmetic(l, OP_POW, a, b);
    if (exponent > 0)
        return integer_power(l, a, (int)exponent);
    return value_binary(l, BINARY_DIV, value_number(l, 1, TYPE_FLOAT),
                        integer_power(l, a, (int)-exponent), l->place);
}

Value value_binary(Lowering *l, BinaryOp op, Value a, Value b, SourceSpan span) {
    if (a.kind == VALUE_UNKNOWN || b.kind == VALUE_UNKNOWN)
        return value_faulty;
    switch (op) {
    case BINARY_OR:
        return logic(l, OP_OR, a, b);
    case BINARY_AND:
        return logic(l, OP_AND, a, b);
    case BINARY_LESS:
        return compare(l, OP_LESS, a, b);
    case BINARY_LESS_EQUAL:
        return compare(l, OP_LESS_EQUAL, a, b);
    case BINARY_GREATER:
        return compare(l, OP_LESS, b, a);
    case BINARY_GREATER_EQUAL:
        return compare(l, OP_LESS_EQUAL, b, a);
    case BINARY_EQUAL:
        return compare(l, OP_EQUAL, a, b);
    case BINARY_NOT_EQUAL:
        return value_unary(l, OP_NOT, compare(l, OP_EQUAL, a, b));
    case BINARY_ADD:
        return arithmetic(l, OP_ADD, a, b);
    case BINARY_SUB:
        return arithmetic(l, OP_SUB, a, b);
    case BINARY_MUL:
        return arithmetic(l, OP_MUL, a, b);
    case BINARY_DIV:
        return arithmetic(l, OP_DIV, a, b);
    case BINARY_FLOOR_DIV:
    case BINARY_MOD:
        return integer_division(l, op, a, b, span);
    case BINARY_POW:
        return power(l, a, b);
    case BINARY_MATCH:
        break; /* of strings: see lower_expression.c */
    }
    return value_faulty;
}

Value lower_select(Lowering *l, Value condition, Value yes, Value no) {
    double number;
    if (condition.kind == VALUE_UNKNOWN || yes.kind == VALUE_UNKNOWN || no.kind == VALUE_UNKNOWN)
        return value_faulty;
    if (condition.type != TYPE_BOOL)
        return need_bool(l, &condition);
    ValueType type = yes.type > no.type ? yes.type : no.type;
    if (value_is_number(l, &condition, &number)) {
        Value chosen = value_cast(l, number != 0 ? yes : no, type);
        const Value *other = number != 0 ? &no : &yes;
        return value_widen(l, value_widen(l, chosen, &other->axes), &condition.axes);
    }
    const Value all[] = {condition, yes, no};
    return apply(l, OP_SELECT, all, 3, type, type);
}
