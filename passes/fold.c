/* Constants are kept in double precision and folded in it; machine code rounds what is left to the
 * node's type. */
#include "passes/fold.h"

#include <math.h>

enum { LARGEST_POWER = 4 };

bool fold_is_small_power(double exponent) {
    return exponent >= 1 && exponent <= LARGEST_POWER && exponent == floor(exponent);
}

static double power(double base, double exponent) {
    double product = base;
    for (int i = 1; i < (int)exponent; i++)
        product *= base;
    return product;
}

/* b = 0 gives 0; the quotient is rounded towards minus infinity. */
static double divide_integers(double a, double b) { return b == 0 ? 0 : floor(a / b); }

static double smaller(double a, double b) {
    if (isnan(a) || isnan(b))
        return NAN;
    return b < a ? b : a;
}

static double larger(double a, double b) {
    if (isnan(a) || isnan(b))
        return NAN;
    return a < b ? b : a;
}

static bool fold_unary(OpCode op, double a, double *value) {
    switch (op) {
    case OP_CAST_F32:
    case OP_STOP_GRADIENT:
        *value = a;
        return true;
    case OP_CAST_I32:
        *value = trunc(a);
        return true;
    case OP_NEGATE:
        *value = -a;
        return true;
    case OP_ABS:
        *value = fabs(a);
        return true;
    case OP_SQRT:
        *value = sqrt(a);
        return true;
    case OP_RSQRT:
        *value = 1 / sqrt(a);
        return true;
    case OP_FLOOR:
        *value = floor(a);
        return true;
    case OP_NOT:
        *value = a == 0;
        return true;
    default:
        return false;
    }
}

static bool fold_arithmetic(OpCode op, double a, double b, double *value) {
    switch (op) {
    case OP_ADD:
        *value = a + b;
        return true;
    case OP_SUB:
        *value = a - b;
        return true;
    case OP_MUL:
        *value = a * b;
        return true;
    case OP_DIV:
        *value = a / b;
        return true;
    case OP_POW:
        *value = power(a, b);
        return fold_is_small_power(b);
    case OP_MIN:
        *value = smaller(a, b);
        return true;
    case OP_MAX:
        *value = larger(a, b);
        return true;
    case OP_FLOOR_DIV:
        *value = divide_integers(a, b);
        return true;
    case OP_MOD:
        *value = a - b * divide_integers(a, b);
        return b != 0;
    default:
        return false;
    }
}

static bool fold_logic(OpCode op, double a, double b, double *value) {
    switch (op) {
    case OP_LESS:
        *value = a < b;
        return true;
    case OP_LESS_EQUAL:
        *value = a <= b;
        return true;
    case OP_EQUAL:
        *value = a == b;
        return true;
    case OP_AND:
        *value = a != 0 && b != 0;
        return true;
    case OP_OR:
        *value = a != 0 || b != 0;
        return true;
    default:
        return false;
    }
}

static bool fits(DType dtype, double value) {
    return dtype != DTYPE_I32 || (value >= INT32_MIN && value <= INT32_MAX);
}

bool fold_constants(const Function *function, const Node *node, double *value) {
    double operands[3];
    if (!op_is_elementwise(node->op))
        return false;
    for (uint32_t i = 0; i < node->source_count; i++) {
        const Node *source = graph_node(function, node->sources[i]);
        if (source->op != OP_CONST)
            return false;
        operands[i] = source->attributes.value;
    }
    bool folded = false;
    if (node->source_count == 1)
        folded = fold_unary(node->op, operands[0], value);
    else if (node->source_count == 2)
        folded = fold_arithmetic(node->op, operands[0], operands[1], value) ||
                 fold_logic(node->op, operands[0], operands[1], value);
    else if (node->op == OP_SELECT) {
        *value = operands[0] != 0 ? operands[1] : operands[2];
        folded = true;
    }
    return folded && fits(node->dtype, *value);
}
