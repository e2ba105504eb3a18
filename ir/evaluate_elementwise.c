/* Values of leaves and of elementwise ops. */
#include "ir/evaluate.h"
#include "ir/loop.h"
#include "ir/philox.h"

#include <string.h>

/* --- numbers --- */

static double wrap_i32(int64_t value) { return (double)(int32_t)(uint32_t)(uint64_t)value; }

static double truncate_of(double a) {
    if (isnan(a))
        return 0;
    return a >= INT32_MAX ? INT32_MAX : a <= INT32_MIN ? INT32_MIN : trunc(a);
}

static double minimum_of(double a, double b) {
    if (isnan(a) || isnan(b))
        return NAN;
    return b < a ? b : a;
}

double maximum_of(double a, double b) {
    if (isnan(a) || isnan(b))
        return NAN;
    return b > a ? b : a;
}

static int64_t floor_quotient(int64_t a, int64_t b) {
    if (b == 0)
        return 0;
    int64_t quotient = a / b;
    return quotient - (a % b != 0 && (a < 0) != (b < 0));
}

static double floor_div_of(double a, double b) {
    return wrap_i32(floor_quotient((int64_t)a, (int64_t)b));
}

static double mod_of(double a, double b) {
    if (b == 0)
        return 0;
    return a - (double)(floor_quotient((int64_t)a, (int64_t)b) * (int64_t)b);
}

static double negate_of(double a) { return -a; }
static double rsqrt_of(double a) { return 1 / sqrt(a); }
static double not_of(double a) { return a == 0; }
static double negate_i32(double a) { return wrap_i32(-(int64_t)a); }
static double abs_i32(double a) { return wrap_i32((int64_t)fabs(a)); }

/* In the form that does not overflow. */
static double sigmoid_of(double a) {
    double e = exp(-fabs(a));
    return a >= 0 ? 1 / (1 + e) : e / (1 + e);
}

static double add_of(double a, double b) { return a + b; }
static double sub_of(double a, double b) { return a - b; }
static double mul_of(double a, double b) { return a * b; }
static double div_of(double a, double b) { return a / b; }
static double add_i32(double a, double b) { return wrap_i32((int64_t)a + (int64_t)b); }
static double sub_i32(double a, double b) { return wrap_i32((int64_t)a - (int64_t)b); }
static double mul_i32(double a, double b) { return wrap_i32((int64_t)a * (int64_t)b); }
static double less_of(double a, double b) { return a < b; }
static double less_equal_of(double a, double b) { return a <= b; }
static double equal_of(double a, double b) { return a == b; }
static double and_of(double a, double b) { return a != 0 && b != 0; }
static double or_of(double a, double b) { return a != 0 || b != 0; }

/* --- loops --- */

static Loop elementwise_loop(const Evaluation *evaluation) {
    const Node *node = evaluation->node;
    Loop loop = loop_over(evaluation->function, &node->axes, &node->axes);
    loop_operand(&loop, 0, &node->axes);
    for (uint32_t i = 0; i < node->source_count; i++)
        loop_operand(&loop, i + 1, &evaluation_source(evaluation, i)->axes);
    return loop;
}

static void apply_unary(Evaluation *evaluation, double (*of)(double)) {
    Loop loop = elementwise_loop(evaluation);
    double *result = evaluation->results[0];
    const double *a = evaluation_value(evaluation, 0);
    do {
        for (int64_t i = 0; i < loop.inner; i++)
            result[loop.offsets[0] + i * loop.steps[0]] =
                of(a[loop.offsets[1] + i * loop.steps[1]]);
    } while (loop_next(&loop));
}

static void apply_binary(Evaluation *evaluation, double (*of)(double, double)) {
    Loop loop = elementwise_loop(evaluation);
    double *result = evaluation->results[0];
    const double *a = evaluation_value(evaluation, 0), *b = evaluation_value(evaluation, 1);
    do {
        for (int64_t i = 0; i < loop.inner; i++)
            result[loop.offsets[0] + i * loop.steps[0]] =
                of(a[loop.offsets[1] + i * loop.steps[1]], b[loop.offsets[2] + i * loop.steps[2]]);
    } while (loop_next(&loop));
}

static bool is_integer(const Evaluation *evaluation) {
    return evaluation->node->dtype == DTYPE_I32;
}

/* --- leaves --- */

void evaluate_constant(Evaluation *evaluation) {
    evaluation->results[0][0] = evaluation->node->attributes.value;
}

void evaluate_binding(Evaluation *evaluation) {
    size_t count = (size_t)graph_elements(evaluation->function, evaluation->node);
    const double *values = evaluation->bindings[evaluation->bindings_read++];
    memcpy(evaluation->results[0], values, count * sizeof *values);
}

void evaluate_index(Evaluation *evaluation) {
    int64_t count = graph_elements(evaluation->function, evaluation->node);
    for (int64_t i = 0; i < count; i++)
        evaluation->results[0][i] = (double)i;
}

static uint32_t word_of(double value) { return (uint32_t)(int32_t)value; }

static void apply_random(Evaluation *evaluation, double (*of)(RandomPlace)) {
    const Node *node = evaluation->node;
    const double *image = evaluation_value(evaluation, 3);
    Loop loop = loop_over(evaluation->function, &node->axes, &node->axes);
    loop_operand(&loop, 0, &node->axes);
    loop_operand(&loop, 1, &evaluation_source(evaluation, 3)->axes);
    loop_operand(&loop, 2, &node->attributes.axes); /* the number of the element */
    RandomPlace place = {.key = node->attributes.key,
                         .seed = word_of(*evaluation_value(evaluation, 0)),
                         .draw = word_of(*evaluation_value(evaluation, 1)),
                         .step = word_of(*evaluation_value(evaluation, 2))};
    do {
        for (int64_t i = 0; i < loop.inner; i++) {
            place.image = word_of(image[loop.offsets[1] + i * loop.steps[1]]);
            place.element = (uint32_t)(loop.offsets[2] + i * loop.steps[2]);
            evaluation->results[0][loop.offsets[0] + i * loop.steps[0]] = of(place);
        }
    } while (loop_next(&loop));
}

void evaluate_random(Evaluation *evaluation) { apply_random(evaluation, random_uniform); }

void evaluate_random_normal(Evaluation *evaluation) { apply_random(evaluation, random_normal); }

/* --- one source --- */

static double identity_of(double a) { return a; }

void evaluate_identity(Evaluation *evaluation) { apply_unary(evaluation, identity_of); }

void evaluate_truncate(Evaluation *evaluation) { apply_unary(evaluation, truncate_of); }

void evaluate_negate(Evaluation *evaluation) {
    apply_unary(evaluation, is_integer(evaluation) ? negate_i32 : negate_of);
}

void evaluate_abs(Evaluation *evaluation) {
    apply_unary(evaluation, is_integer(evaluation) ? abs_i32 : fabs);
}

void evaluate_exp(Evaluation *evaluation) { apply_unary(evaluation, exp); }

void evaluate_log(Evaluation *evaluation) { apply_unary(evaluation, log); }

void evaluate_sqrt(Evaluation *evaluation) { apply_unary(evaluation, sqrt); }

void evaluate_rsqrt(Evaluation *evaluation) { apply_unary(evaluation, rsqrt_of); }

void evaluate_sin(Evaluation *evaluation) { apply_unary(evaluation, sin); }

void evaluate_cos(Evaluation *evaluation) { apply_unary(evaluation, cos); }

void evaluate_tanh(Evaluation *evaluation) { apply_unary(evaluation, tanh); }

void evaluate_sigmoid(Evaluation *evaluation) { apply_unary(evaluation, sigmoid_of); }

void evaluate_floor(Evaluation *evaluation) { apply_unary(evaluation, floor); }

void evaluate_not(Evaluation *evaluation) { apply_unary(evaluation, not_of); }

/* --- two and three sources --- */

void evaluate_add(Evaluation *evaluation) {
    apply_binary(evaluation, is_integer(evaluation) ? add_i32 : add_of);
}

void evaluate_sub(Evaluation *evaluation) {
    apply_binary(evaluation, is_integer(evaluation) ? sub_i32 : sub_of);
}

void evaluate_mul(Evaluation *evaluation) {
    apply_binary(evaluation, is_integer(evaluation) ? mul_i32 : mul_of);
}

void evaluate_div(Evaluation *evaluation) { apply_binary(evaluation, div_of); }

void evaluate_pow(Evaluation *evaluation) { apply_binary(evaluation, pow); }

void evaluate_min(Evaluation *evaluation) { apply_binary(evaluation, minimum_of); }

void evaluate_max(Evaluation *evaluation) { apply_binary(evaluation, maximum_of); }

void evaluate_floor_div(Evaluation *evaluation) { apply_binary(evaluation, floor_div_of); }

void evaluate_mod(Evaluation *evaluation) { apply_binary(evaluation, mod_of); }

void evaluate_less(Evaluation *evaluation) { apply_binary(evaluation, less_of); }

void evaluate_less_equal(Evaluation *evaluation) { apply_binary(evaluation, less_equal_of); }

void evaluate_equal(Evaluation *evaluation) { apply_binary(evaluation, equal_of); }

void evaluate_and(Evaluation *evaluation) { apply_binary(evaluation, and_of); }

void evaluate_or(Evaluation *evaluation) { apply_binary(evaluation, or_of); }

void evaluate_select(Evaluation *evaluation) {
    Loop loop = elementwise_loop(evaluation);
    double *result = evaluation->results[0];
    const double *condition = evaluation_value(evaluation, 0);
    const double *yes = evaluation_value(evaluation, 1), *no = evaluation_value(evaluation, 2);
    do {
        for (int64_t i = 0; i < loop.inner; i++) {
            bool chosen = condition[loop.offsets[1] + i * loop.steps[1]] != 0;
            result[loop.offsets[0] + i * loop.steps[0]] =
                chosen ? yes[loop.offsets[2] + i * loop.steps[2]]
                       : no[loop.offsets[3] + i * loop.steps[3]];
        }
    } while (loop_next(&loop));
}

/* --- derivatives --- */

static double sign_of(double a) { return (a > 0) - (a < 0); }

static double unary_partial(OpCode op, double a, double result) {
    switch (op) {
    case OP_CAST_F32:
        return 1;
    case OP_NEGATE:
        return -1;
    case OP_ABS:
        return sign_of(a);
    case OP_EXP:
        return result;
    case OP_LOG:
        return 1 / a;
    case OP_SQRT:
        return 0.5 / result;
    case OP_RSQRT:
        return -0.5 * result / a;
    case OP_SIN:
        return cos(a);
    case OP_COS:
        return -sin(a);
    case OP_TANH:
        return 1 - result * result;
    case OP_SIGMOID:
        return result * (1 - result);
    default:
        return 0;
    }
}

double elementwise_partial(OpCode op, uint32_t which, const double *sources, double result) {
    const double a = sources[0], b = sources[1];
    switch (op) {
    case OP_ADD:
        return 1;
    case OP_SUB:
        return which == 0 ? 1 : -1;
    case OP_MUL:
        return which == 0 ? b : a;
    case OP_DIV:
        return which == 0 ? 1 / b : -result / b;
    case OP_POW:
        return which == 0 ? b * pow(a, b - 1) : result * log(a);
    case OP_MIN:
        return (which == 0) == (a <= b);
    case OP_MAX:
        return (which == 0) == (a >= b);
    case OP_SELECT:
        return which == (a != 0 ? 1 : 2);
    default:
        return unary_partial(op, a, result);
    }
}
