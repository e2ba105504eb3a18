/* A call stays within its operands: each argument's blocks lie in what its operand is, whatever the
 * tile; results are blocks one after the other, so that no two tiles write one place and all of the
 * result is written. */
#include "runtime/execution/plan_check.h"

#include <stdio.h>

static bool fail(PlanError *error, const PlanKernel *kernel, const char *what) {
    snprintf(error->text, sizeof error->text, "plan: call \"%.100s\" of kernel \"%.100s\" %s",
             kernel->call->symbol, kernel->symbol, what);
    return false;
}

/* As many tiles as there are positions along the carried axes. */
static bool check_tiles(const PlanKernel *kernel, PlanError *error) {
    int64_t tiles = 1;
    for (uint32_t i = 0; i < kernel->call->carried_count; i++)
        if (__builtin_mul_overflow(tiles, kernel->call->carried[i], &tiles))
            return fail(error, kernel, "has too many tiles");
    return tiles == kernel->tiles || fail(error, kernel, "has other tiles than its axes");
}

/* Whether the last block ends within the operand. */
static bool stays_within(const PlanCall *call, const PlanCallArgument *argument, int64_t elements) {
    int64_t last = argument->elements;
    for (uint32_t i = 0; i < call->carried_count; i++) {
        int64_t step;
        if (__builtin_mul_overflow(argument->strides[i], call->carried[i] - 1, &step) ||
            __builtin_add_overflow(last, step, &last))
            return false;
    }
    return last <= elements;
}

/* Blocks one after the other, from the first element of the operand to its last. */
static bool is_dense(const PlanCall *call, const PlanCallArgument *argument, int64_t elements) {
    int64_t stride = argument->elements;
    for (uint32_t i = call->carried_count; i-- > 0;) {
        if (argument->strides[i] != stride ||
            __builtin_mul_overflow(stride, call->carried[i], &stride))
            return false;
    }
    return stride == elements;
}

static bool check_argument(const PlanKernel *kernel, const PlanCallArgument *argument,
                           PlanError *error) {
    const uint32_t inputs = kernel->operand_count - kernel->output_count;
    const bool is_written = argument->operand < 0 || argument->operand >= inputs;
    if (argument->elements < 1 || argument->elements > PLAN_MAX_BYTES)
        return fail(error, kernel, "has an argument without a size");
    if (argument->is_value && (argument->elements != 1 || is_written))
        return fail(error, kernel, "has a value that is none");
    if (argument->type == PLAN_BF16)
        return fail(error, kernel, "has an argument of bf16");
    if (argument->operand < 0)
        return true;
    if (argument->operand >= kernel->operand_count)
        return fail(error, kernel, "has no such operand");
    const PlanOperand *operand = &kernel->operands[argument->operand];
    if (operand->type != argument->type)
        return fail(error, kernel, "takes an operand of another type");
    if (!stays_within(kernel->call, argument, operand->elements))
        return fail(error, kernel, "leaves its operand");
    return !is_written || is_dense(kernel->call, argument, operand->elements) ||
           fail(error, kernel, "does not write all of its result once");
}

/* Each output of the kernel is that of one argument. */
static bool check_written(const PlanKernel *kernel, PlanError *error) {
    for (uint32_t output = kernel->operand_count - kernel->output_count;
         output < kernel->operand_count; output++) {
        uint32_t writers = 0;
        for (uint32_t i = 0; i < kernel->call->argument_count; i++)
            writers += kernel->call->arguments[i].operand == output;
        if (writers != 1)
            return fail(error, kernel, "does not write each result once");
    }
    return true;
}

bool plan_check_call(const PlanKernel *kernel, PlanError *error) {
    const PlanCall *call = kernel->call;
    if (!call->library[0] || !call->name[0] || !call->symbol[0] || kernel->immediate_count)
        return fail(error, kernel, "is malformed");
    if (!check_tiles(kernel, error))
        return false;
    for (uint32_t i = 0; i < call->argument_count; i++)
        if (!check_argument(kernel, &call->arguments[i], error))
            return false;
    if (kernel->scratch_bytes < plan_call_scratch_bytes(call))
        return fail(error, kernel, "has not the scratch for its unread results");
    return check_written(kernel, error);
}
