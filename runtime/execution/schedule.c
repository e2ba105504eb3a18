#include "runtime/execution/schedule.h"

#include "runtime/execution/scalar_math.h"

#include <math.h>
#include <stdlib.h>

static double instruction_value(const ScalarInstruction *instruction, const double *values,
                                int64_t step) {
    double a = values[instruction->a], b = values[instruction->b], c = values[instruction->c];
    switch (instruction->op) {
    case SCALAR_CONST:
        return instruction->value;
    case SCALAR_STEP:
        return (double)step;
    case SCALAR_NEGATE:
        return -a;
    case SCALAR_ABS:
        return fabs(a);
    case SCALAR_EXP:
        return scalar_exp(a);
    case SCALAR_LOG:
        return scalar_log(a);
    case SCALAR_SQRT:
        return sqrt(a);
    case SCALAR_SIN:
        return scalar_sin(a);
    case SCALAR_COS:
        return scalar_cos(a);
    case SCALAR_TANH:
        return scalar_tanh(a);
    case SCALAR_FLOOR:
        return floor(a);
    case SCALAR_NOT:
        return a == 0;
    case SCALAR_ADD:
        return a + b;
    case SCALAR_SUB:
        return a - b;
    case SCALAR_MUL:
        return a * b;
    case SCALAR_DIV:
        return a / b;
    case SCALAR_POW:
        return scalar_pow(a, b);
    case SCALAR_MIN:
        return a < b || isnan(a) ? a : b;
    case SCALAR_MAX:
        return a > b || isnan(a) ? a : b;
    case SCALAR_LESS:
        return a < b;
    case SCALAR_LESS_EQUAL:
        return a <= b;
    case SCALAR_EQUAL:
        return a == b;
    case SCALAR_AND:
        return a != 0 && b != 0;
    case SCALAR_OR:
        return a != 0 || b != 0;
    case SCALAR_SELECT:
        return a != 0 ? b : c;
    case SCALAR_OP_COUNT:
        break;
    }
    return NAN;
}

int schedule_evaluate(const Schedule *schedule, int64_t step, double *values) {
    double *results = calloc(schedule->count ? schedule->count : 1, sizeof *results);
    if (!results)
        return -1;
    for (uint32_t i = 0; i < schedule->count; i++)
        results[i] = instruction_value(&schedule->instructions[i], results, step);
    for (uint32_t i = 0; i < schedule->output_count; i++)
        values[i] = results[schedule->outputs[i]];
    free(results);
    return 0;
}
