/* The life of a plan and the look-ups in it. Names are compared only when a caller binds, so linear
 * search is enough: a function has some hundreds of bindings and is bound once. */
#include "runtime/execution/plan.h"

#include <stdlib.h>
#include <string.h>

static void bindings_free(PlanBinding *bindings, uint32_t count) {
    for (uint32_t i = 0; bindings && i < count; i++) {
        free(bindings[i].name);
        for (uint32_t axis = 0; axis < PLAN_MAX_AXES; axis++)
            free(bindings[i].axes[axis]);
    }
    free(bindings);
}

static void function_free(PlanFunction *function) {
    free(function->name);
    bindings_free(function->inputs, function->input_count);
    bindings_free(function->outputs, function->output_count);
    free(function->buffers);
    for (uint32_t i = 0; function->steps && i < function->step_count; i++) {
        free(function->steps[i].operands);
        free(function->steps[i].immediates);
        free(function->steps[i].origin);
        for (uint32_t j = 0; function->steps[i].places && j < function->steps[i].place_count; j++)
            free(function->steps[i].places[j].file);
        free(function->steps[i].places);
    }
    free(function->steps);
}

static void call_free(PlanCall *call) {
    if (!call)
        return;
    free(call->library);
    free(call->name);
    free(call->symbol);
    free(call->signature);
    free(call->place.file);
    free(call->arguments);
    free(call);
}

void plan_free(Plan *plan) {
    if (!plan)
        return;
    free(plan->target);
    free(plan->table);
    for (uint32_t i = 0; plan->kernels && i < plan->kernel_count; i++) {
        free(plan->kernels[i].symbol);
        free(plan->kernels[i].operands);
        call_free(plan->kernels[i].call);
    }
    free(plan->kernels);
    for (uint32_t i = 0; plan->functions && i < plan->function_count; i++)
        function_free(&plan->functions[i]);
    free(plan->functions);
    free(plan);
}

const PlanFunction *plan_function(const Plan *plan, const char *name) {
    for (uint32_t i = 0; i < plan->function_count; i++)
        if (strcmp(plan->functions[i].name, name) == 0)
            return &plan->functions[i];
    return NULL;
}

static int64_t find(const PlanBinding *bindings, uint32_t count, const char *name) {
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(bindings[i].name, name) == 0)
            return i;
    return -1;
}

const PlanFunction *plan_gradients(const Plan *plan) {
    const PlanFunction *step = plan_function(plan, "step");
    return step ? step : plan_function(plan, "grad");
}

int64_t plan_find_input(const PlanFunction *function, const char *name) {
    return find(function->inputs, function->input_count, name);
}

int64_t plan_find_output(const PlanFunction *function, const char *name) {
    return find(function->outputs, function->output_count, name);
}

size_t plan_type_size(PlanType type) {
    switch (type) {
    case PLAN_F32:
    case PLAN_I32:
        return 4;
    case PLAN_BF16:
        return 2;
    case PLAN_BOOL:
        return 1;
    }
    return 0;
}

bool plan_is_temporary(PlanStorage storage) { return storage == PLAN_ARENA || storage == PLAN_OWN; }

bool plan_has_calls(const Plan *plan) {
    for (uint32_t i = 0; i < plan->kernel_count; i++)
        if (plan->kernels[i].call)
            return true;
    return false;
}

int64_t plan_call_scratch_bytes(const PlanCall *call) {
    int64_t bytes = 0;
    for (uint32_t i = 0; i < call->argument_count; i++) {
        const PlanCallArgument *argument = &call->arguments[i];
        const int64_t own = argument->elements * (int64_t)plan_type_size(argument->type);
        if (argument->operand < 0)
            bytes += (own + PLAN_ALIGNMENT - 1) / PLAN_ALIGNMENT * PLAN_ALIGNMENT;
    }
    return bytes;
}

bool plan_step_is_own(const PlanFunction *function, const PlanStep *step) {
    const uint32_t last = step->operands[step->operand_count - 1];
    return function->buffers[last].storage == PLAN_OWN;
}

int64_t plan_scratch_bytes(const Plan *plan, const PlanFunction *function) {
    int64_t most = 0;
    for (uint32_t i = 0; i < function->step_count; i++) {
        int64_t bytes = plan->kernels[function->steps[i].kernel].scratch_bytes;
        most = bytes > most ? bytes : most;
    }
    return most;
}
