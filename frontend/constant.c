#include "frontend/constant.h"

#include "frontend/print.h"
#include "frontend/suggest.h"

#include <math.h>
#include <string.h>

static const double LARGEST_INTEGER = 0x1p53;

typedef enum Operator {
    OPERATOR_ADD,
    OPERATOR_SUB,
    OPERATOR_MUL,
    OPERATOR_DIV,
    OPERATOR_FLOOR_DIV,
    OPERATOR_MOD,
    OPERATOR_POW,
    OPERATOR_MIN,
    OPERATOR_MAX,
} Operator;

static ConstantStatus fault(const ConstantScope *scope, const char *code, const Expr *expr,
                            const char *what) {
    diagnostics_error(scope->diagnostics, code, expr->span, "%s", what);
    return CONSTANT_FAULTY;
}

static ConstantStatus not_constant(const ConstantScope *scope, const Expr *expr, const char *what) {
    Diagnostic *d = diagnostics_error(scope->diagnostics, "not-constant", expr->span,
                                      "%s has no value when compiling", what);
    diagnostic_hint(d, "here stand numbers, dims and consts");
    return CONSTANT_FAULTY;
}

/* --- operators --- */

static void relate_operand(const ConstantScope *scope, const Expr *operand, Diagnostic *d) {
    if (scope->relate && operand->kind == EXPR_NAME)
        scope->relate(scope->context, operand->name, d);
}

/* Of two integers, b != 0; the remainder has the sign of b. */
static int64_t floor_divide(double a, double b, int64_t *remainder) {
    int64_t dividend = (int64_t)a, divisor = (int64_t)b, quotient = dividend / divisor;
    *remainder = dividend % divisor;
    if (*remainder && (*remainder < 0) != (divisor < 0)) {
        *remainder += divisor;
        quotient--;
    }
    return quotient;
}

static ConstantStatus divide_exactly(const ConstantScope *scope, const Expr *expr, Constant a,
                                     Constant b, Constant *result) {
    int64_t remainder, quotient;
    if (!a.integer || !b.integer)
        return fault(scope, "not-an-integer", expr, "a dim is made of integers alone");
    quotient = floor_divide(a.value, b.value, &remainder);
    *result = (Constant){(double)quotient, true};
    if (!remainder)
        return CONSTANT_KNOWN;
    Diagnostic *d = diagnostics_error(scope->diagnostics, "not-divisible", expr->span,
                                      "%s does not divide: %.0f / %.0f leaves %lld",
                                      print_expression(scope->arena, expr), a.value, b.value,
                                      (long long)remainder);
    if (expr->kind == EXPR_BINARY) {
        relate_operand(scope, expr->binary.left, d);
        relate_operand(scope, expr->binary.right, d);
    }
    return CONSTANT_FAULTY;
}

/* By squaring, so that no library's pow decides about bits. */
static double power(double base, double exponent) {
    double result = 1;
    for (double left = fabs(exponent); left > 0; left = floor(left / 2)) {
        if (fmod(left, 2) == 1)
            result *= base;
        base *= base;
    }
    return exponent < 0 ? 1 / result : result;
}

static ConstantStatus check(const ConstantScope *scope, const Expr *expr, const Constant *result) {
    if (isnan(result->value))
        return fault(scope, "not-a-number", expr, "this has no value");
    if (result->integer && fabs(result->value) > LARGEST_INTEGER)
        return fault(scope, "overflow", expr, "this is beyond 2^53, the largest integer");
    return CONSTANT_KNOWN;
}

static ConstantStatus combine(const ConstantScope *scope, const Expr *expr, Operator op, Constant a,
                              Constant b, Constant *result) {
    bool integers = a.integer && b.integer;
    int64_t remainder;
    if ((op == OPERATOR_DIV || op == OPERATOR_FLOOR_DIV || op == OPERATOR_MOD) && b.value == 0)
        return fault(scope, "division-by-zero", expr, "this divides by 0");
    if ((op == OPERATOR_FLOOR_DIV || op == OPERATOR_MOD) && !integers)
        return fault(scope, "not-an-integer", expr, "// and % take integers");
    switch (op) {
    case OPERATOR_ADD:
        *result = (Constant){a.value + b.value, integers};
        break;
    case OPERATOR_SUB:
        *result = (Constant){a.value - b.value, integers};
        break;
    case OPERATOR_MUL:
        *result = (Constant){a.value * b.value, integers};
        break;
    case OPERATOR_DIV:
        if (scope->exact)
            return divide_exactly(scope, expr, a, b, result);
        *result = (Constant){a.value / b.value, false};
        break;
    case OPERATOR_FLOOR_DIV:
        *result = (Constant){(double)floor_divide(a.value, b.value, &remainder), true};
        break;
    case OPERATOR_MOD:
        floor_divide(a.value, b.value, &remainder);
        *result = (Constant){(double)remainder, true};
        break;
    case OPERATOR_POW:
        if (!b.integer)
            return fault(scope, "not-an-integer", expr, "the exponent of a constant is an integer");
        *result = (Constant){power(a.value, b.value), integers && b.value >= 0};
        break;
    case OPERATOR_MIN:
        *result = (Constant){a.value < b.value ? a.value : b.value, integers};
        break;
    case OPERATOR_MAX:
        *result = (Constant){a.value > b.value ? a.value : b.value, integers};
        break;
    }
    return check(scope, expr, result);
}

/* The worse of two: a faulty operand before a missing one. */
static ConstantStatus worse(ConstantStatus a, ConstantStatus b) { return a > b ? a : b; }

static ConstantStatus evaluate_pair(const ConstantScope *scope, const Expr *expr, Operator op,
                                    const Expr *left, const Expr *right, Constant *result,
                                    Name *missing) {
    Constant a, b;
    ConstantStatus status = constant_evaluate(scope, left, &a, missing);
    status = worse(status, constant_evaluate(scope, right, &b, missing));
    return status == CONSTANT_KNOWN ? combine(scope, expr, op, a, b, result) : status;
}

static ConstantStatus evaluate_binary(const ConstantScope *scope, const Expr *expr,
                                      Constant *result, Name *missing) {
    static const struct {
        BinaryOp binary;
        Operator op;
    } operators[] = {
        {BINARY_ADD, OPERATOR_ADD}, {BINARY_SUB, OPERATOR_SUB},
        {BINARY_MUL, OPERATOR_MUL}, {BINARY_DIV, OPERATOR_DIV},
        {BINARY_MOD, OPERATOR_MOD}, {BINARY_FLOOR_DIV, OPERATOR_FLOOR_DIV},
        {BINARY_POW, OPERATOR_POW},
    };
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (operators[i].binary == expr->binary.op)
            return evaluate_pair(scope, expr, operators[i].op, expr->binary.left,
                                 expr->binary.right, result, missing);
    return not_constant(scope, expr, "a comparison");
}

/* --- functions --- */

static ConstantStatus apply(const ConstantScope *scope, const Expr *expr, Constant a,
                            Constant *result) {
    const char *name = expr->call.callee.text;
    if (!strcmp(name, "abs"))
        *result = (Constant){fabs(a.value), a.integer};
    else if (!strcmp(name, "floor"))
        *result = (Constant){floor(a.value), a.integer};
    else
        *result = (Constant){sqrt(a.value), false};
    return check(scope, expr, result);
}

static ConstantStatus evaluate_call(const ConstantScope *scope, const Expr *expr, Constant *result,
                                    Name *missing) {
    static const struct {
        const char *name;
        uint32_t arity;
    } functions[] = {{"sqrt", 1}, {"abs", 1}, {"floor", 1}, {"min", 2}, {"max", 2}};
    const char *name = expr->call.callee.text;
    const Argument *arguments = expr->call.arguments;
    Suggestion nearest = suggestion_begin(name);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        suggestion_offer(&nearest, functions[i].name);
        if (strcmp(functions[i].name, name))
            continue;
        uint32_t arity = functions[i].arity;
        bool keyword =
            expr->call.argument_count && arguments[expr->call.argument_count - 1].keyword.text;
        if (expr->call.argument_count != arity || keyword || expr->call.axes.count) {
            diagnostics_error(scope->diagnostics, "arguments", expr->span, "%s takes %s", name,
                              arity == 1 ? "one number" : "two numbers");
            return CONSTANT_FAULTY;
        }
        if (arity == 2)
            return evaluate_pair(scope, expr, strcmp(name, "min") ? OPERATOR_MAX : OPERATOR_MIN,
                                 arguments[0].value, arguments[1].value, result, missing);
        Constant a;
        ConstantStatus status = constant_evaluate(scope, arguments[0].value, &a, missing);
        return status == CONSTANT_KNOWN ? apply(scope, expr, a, result) : status;
    }
    Diagnostic *d = diagnostics_error(scope->diagnostics, "not-constant", expr->call.callee.span,
                                      "'%s' has no value when compiling", name);
    diagnostic_suggest(d, suggestion_end(&nearest));
    return CONSTANT_FAULTY;
}

static ConstantStatus evaluate_negation(const ConstantScope *scope, const Expr *expr,
                                        Constant *result, Name *missing) {
    if (expr->unary.op == UNARY_NOT)
        return not_constant(scope, expr, "a logical value");
    ConstantStatus status = constant_evaluate(scope, expr->unary.operand, result, missing);
    if (status == CONSTANT_KNOWN)
        result->value = result->integer ? 0 - result->value : -result->value; /* no integer is -0 */
    return status;
}

ConstantStatus constant_evaluate(const ConstantScope *scope, const Expr *expr, Constant *constant,
                                 Name *missing) {
    switch (expr->kind) {
    case EXPR_NUMBER:
        *constant = (Constant){expr->number.value, expr->number.integer};
        return CONSTANT_KNOWN;
    case EXPR_NAME:
        return scope->lookup(scope->context, (Name){expr->name, expr->span}, constant, missing);
    case EXPR_UNARY:
        return evaluate_negation(scope, expr, constant, missing);
    case EXPR_BINARY:
        return evaluate_binary(scope, expr, constant, missing);
    case EXPR_CALL:
        return evaluate_call(scope, expr, constant, missing);
    case EXPR_STRING:
        return not_constant(scope, expr, "a string");
    case EXPR_LIST:
        return not_constant(scope, expr, "a list");
    case EXPR_RANGE:
        return not_constant(scope, expr, "a range");
    case EXPR_ARROW:
        return not_constant(scope, expr, "an arrow");
    case EXPR_INDEX:
        return not_constant(scope, expr, "an element");
    }
    return CONSTANT_FAULTY;
}
