/* -inf alone is no fault: attention scores are masked by it, and maxima begin with it. So the first
 * NaN or +inf is what is looked for, and the first -inf counts only where there is neither. */
#include "runtime/training/diverged.h"

#include <math.h>
#include <string.h>

typedef struct Search {
    const char *origin; /* of the first NaN or +inf; NULL: none */
    const char *what;   /* "NaN", "inf" */
    const char *lowest; /* origin of the first -inf; NULL: none */
} Search;

static const char minus_infinity[] = "-inf";

/* What is wrong with a value; NULL: nothing. */
static const char *fault_of(float value) {
    if (isnan(value))
        return "NaN";
    if (isinf(value))
        return value > 0 ? "inf" : minus_infinity;
    return NULL;
}

static float bf16_value(uint16_t bits) {
    uint32_t word = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &word, sizeof value);
    return value;
}

/* The first NaN or +inf; or, without one, -inf; NULL: neither. */
static const char *tensor_fault(const void *data, PlanType type, int64_t elements) {
    const char *lowest = NULL;
    for (int64_t i = 0; i < elements && (type == PLAN_F32 || type == PLAN_BF16); i++) {
        const char *fault = fault_of(type == PLAN_F32 ? ((const float *)data)[i]
                                                      : bf16_value(((const uint16_t *)data)[i]));
        if (fault && fault != minus_infinity)
            return fault;
        lowest = fault ? fault : lowest;
    }
    return lowest;
}

static bool look(void *user, const PlanStep *step, const PlanKernel *kernel,
                 char *const *operands) {
    Search *search = user;
    for (uint32_t i = kernel->operand_count - kernel->output_count; i < kernel->operand_count;
         i++) {
        const PlanOperand *operand = &kernel->operands[i];
        const char *what = tensor_fault(operands[i], operand->type, operand->elements);
        if (what && what != minus_infinity) {
            search->what = what;
            search->origin = step->origin;
            return false;
        }
        if (what && !search->lowest)
            search->lowest = step->origin;
    }
    return true;
}

/* The origin of the step of a function that writes an output; NULL: none does. */
static const char *origin_of(const PlanFunction *function, const char *name) {
    int64_t output = plan_find_output(function, name);
    for (uint32_t i = 0; output >= 0 && i < function->step_count; i++) {
        const PlanStep *step = &function->steps[i];
        for (uint32_t operand = 0; operand < step->operand_count; operand++) {
            const PlanBuffer *buffer = &function->buffers[step->operands[operand]];
            if (buffer->storage == PLAN_OUTPUT && buffer->binding == output)
                return step->origin;
        }
    }
    return NULL;
}

bool diverged_check(const Model *model, const PlanFunction *writer, int64_t step, RunError *error) {
    const Experiment *experiment = model->experiment;
    for (uint32_t i = 0; i < experiment->parameter_count; i++) {
        const Parameter *parameter = &experiment->parameters[i];
        const char *what = tensor_fault(model->parameters.values[i], PLAN_F32, parameter->elements);
        if (!what)
            continue;
        const char *origin = origin_of(writer, parameter->path);
        return run_fail(error, EXIT_DIVERGED, "step %lld: its update left %s in %s, in %s",
                        (long long)step, what, parameter->path, origin ? origin : writer->name);
    }
    return true;
}

bool diverged_explain(const Divergence *divergence, RunError *error) {
    long long step = divergence->step;
    if (!diverged_check(divergence->model, divergence->writer, step - 1, error))
        return false;
    Search search = {0};
    for (int64_t number = 0; number < divergence->chunks && !search.origin; number++)
        divergence->run(divergence->user, number, look, &search);
    if (search.origin || search.lowest)
        return run_fail(error, EXIT_DIVERGED, "step %lld: %s first in %s", step,
                        search.origin ? search.what : minus_infinity,
                        search.origin ? search.origin : search.lowest);
    return run_fail(error, EXIT_DIVERGED,
                    "step %lld: the sum over the batch's chunks is not finite, though each is",
                    step);
}
