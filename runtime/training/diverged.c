/* -inf alone is no fault: attention scores are masked by it, and maxima begin with it. So kernels
 * are searched for NaN and +inf first, and for -inf only where there is neither. */
#include "runtime/training/diverged.h"

#include <math.h>
#include <string.h>

typedef struct Search {
    bool minus_infinity; /* counts too */
    const char *origin;  /* of what was found; NULL: nothing */
    const char *what;    /* "NaN", "inf", "-inf" */
} Search;

/* What is wrong with a value; NULL: nothing. */
static const char *fault_of(float value, bool minus_infinity) {
    if (isnan(value))
        return "NaN";
    if (isinf(value) && (value > 0 || minus_infinity))
        return value > 0 ? "inf" : "-inf";
    return NULL;
}

static float bf16_value(uint16_t bits) {
    uint32_t word = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &word, sizeof value);
    return value;
}

static const char *tensor_fault(const void *data, PlanType type, int64_t elements,
                                bool minus_infinity) {
    const char *fault = NULL;
    if (type == PLAN_F32)
        for (int64_t i = 0; i < elements && !fault; i++)
            fault = fault_of(((const float *)data)[i], minus_infinity);
    if (type == PLAN_BF16)
        for (int64_t i = 0; i < elements && !fault; i++)
            fault = fault_of(bf16_value(((const uint16_t *)data)[i]), minus_infinity);
    return fault;
}

static bool look(void *user, const PlanStep *step, const PlanKernel *kernel,
                 char *const *operands) {
    Search *search = user;
    for (uint32_t i = kernel->operand_count - kernel->output_count; i < kernel->operand_count;
         i++) {
        const PlanOperand *operand = &kernel->operands[i];
        search->what =
            tensor_fault(operands[i], operand->type, operand->elements, search->minus_infinity);
        if (search->what) {
            search->origin = step->origin;
            return false;
        }
    }
    return true;
}

/* The first parameter or state that is not finite; NULL: none. */
static const char *parameter_fault(const Model *model, const char **what) {
    const Experiment *experiment = model->experiment;
    for (uint32_t i = 0; i < experiment->parameter_count; i++) {
        const Parameter *parameter = &experiment->parameters[i];
        *what = tensor_fault(model->parameters.values[i], PLAN_F32, parameter->elements, true);
        if (*what)
            return parameter->path;
    }
    return NULL;
}

bool diverged_explain(const Divergence *divergence, RunError *error) {
    const char *what;
    long long step = divergence->step;
    const char *path = parameter_fault(divergence->model, &what);
    if (path) {
        const char *origin = update_origin(divergence->update, path);
        return run_fail(error, EXIT_DIVERGED, "step %lld: its update left %s in %s, in %s",
                        step - 1, what, path, origin ? origin : "update");
    }
    Search search = {0};
    for (int pass = 0; pass < 2 && !search.origin; pass++) {
        search.minus_infinity = pass == 1;
        for (int64_t number = 0; number < divergence->chunks && !search.origin; number++)
            gradient_watch(divergence->gradient, number, divergence->fill, divergence->user, look,
                           &search);
    }
    if (search.origin)
        return run_fail(error, EXIT_DIVERGED, "step %lld: %s first in %s", step, search.what,
                        search.origin);
    return run_fail(error, EXIT_DIVERGED,
                    "step %lld: the sum over the batch's chunks is not finite, though each is",
                    step);
}
