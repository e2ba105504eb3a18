/* An output that took its donor's place is bound to the parameter itself. One that could not is
 * written beside and copied when the function is done. A parameter that has no output stays. */
#include "runtime/training/update.h"

#include "runtime/training/schedule.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct Update {
    const Program *program;
    const PlanFunction *function;
    Executor *executor;
    Bound bound;
    Slots model;       /* parameters and states: where copies go */
    PageBlock scalars; /* one aligned float each */
    PageBlock beside;  /* outputs that are not in place */
    double *values;    /* of the schedule */
    char (*names)[32]; /* "$scalar.I" */
};

static int64_t output_bytes(const PlanBinding *output) {
    return block_aligned(output->elements * (int64_t)plan_type_size(output->type));
}

/* Outputs take the place of the donated input where that has their name. */
static bool in_place(const PlanFunction *function, uint32_t output) {
    const PlanBinding *binding = &function->outputs[output];
    return binding->donated >= 0 &&
           strcmp(function->inputs[binding->donated].name, binding->name) == 0;
}

static int64_t beside_bytes(const PlanFunction *function) {
    int64_t bytes = 0;
    for (uint32_t i = 0; i < function->output_count; i++)
        bytes += in_place(function, i) ? 0 : output_bytes(&function->outputs[i]);
    return bytes;
}

static int64_t scalar_bytes(const Program *program) {
    return (int64_t)program->experiment->schedule.output_count * PLAN_ALIGNMENT;
}

int64_t update_bytes(const Program *program) {
    const PlanFunction *function = plan_function(program->plan, "update");
    return scalar_bytes(program) + (function ? beside_bytes(function) : 0);
}

/* --- binding --- */

static bool scalars_add(Update *update, Slots *slots) {
    for (uint32_t i = 0; i < update->program->experiment->schedule.output_count; i++) {
        snprintf(update->names[i], sizeof update->names[i], "$scalar.%u", i);
        if (!slots_add(slots, update->names[i], PLAN_F32, 1,
                       update->scalars.bytes + i * PLAN_ALIGNMENT))
            return false;
    }
    return true;
}

static bool outputs_add(const Update *update, Slots *slots) {
    char *beside = update->beside.bytes;
    for (uint32_t i = 0; i < update->function->output_count; i++) {
        const PlanBinding *output = &update->function->outputs[i];
        const Slot *slot = slots_find(&update->model, output->name);
        if (!slot)
            continue; /* bound_create names it */
        if (!slots_add(slots, output->name, slot->type, slot->elements,
                       in_place(update->function, i) ? slot->data : beside))
            return false;
        beside += in_place(update->function, i) ? 0 : output_bytes(output);
    }
    return true;
}

static bool update_prepare(Update *update, const Model *model, const Gradient *gradient,
                           RunError *error) {
    const Program *program = update->program;
    if (!update->function)
        return run_fail(error, EXIT_INPUT, "the program has no function update");
    uint32_t scalars = program->experiment->schedule.output_count;
    update->values = calloc(scalars + 1, sizeof *update->values);
    update->names = calloc(scalars + 1, sizeof *update->names);
    Slots inputs = {0}, outputs = {0};
    bool made = update->values && update->names &&
                block_create(&update->scalars, scalar_bytes(program)) &&
                block_create(&update->beside, beside_bytes(update->function)) &&
                model_slots(model, &update->model) && slots_add_all(&inputs, &update->model) &&
                gradient_slots(gradient, &inputs) && scalars_add(update, &inputs) &&
                outputs_add(update, &outputs);
    made = made ? bound_create(&update->bound, update->function, &inputs, &outputs, error)
                : run_no_memory(error, "the update rule");
    slots_free(&inputs);
    slots_free(&outputs);
    return made;
}

Update *update_create(const Program *program, const Model *model, const Gradient *gradient,
                      Executor *executor, RunError *error) {
    Update *update = calloc(1, sizeof *update);
    if (!update) {
        run_no_memory(error, "the update rule");
        return NULL;
    }
    *update = (Update){.program = program,
                       .function = plan_function(program->plan, "update"),
                       .executor = executor};
    if (update_prepare(update, model, gradient, error))
        return update;
    update_free(update);
    return NULL;
}

void update_free(Update *update) {
    if (!update)
        return;
    bound_free(&update->bound);
    slots_free(&update->model);
    block_free(&update->scalars);
    block_free(&update->beside);
    free(update->values);
    free(update->names);
    free(update);
}

/* --- running --- */

static bool scalars_compute(Update *update, int64_t step, RunError *error) {
    const Schedule *schedule = &update->program->experiment->schedule;
    if (schedule_evaluate(schedule, step, update->values))
        return run_no_memory(error, "the schedule");
    for (uint32_t i = 0; i < schedule->output_count; i++) {
        if (!isfinite(update->values[i]))
            return run_fail(error, EXIT_DIVERGED, "step %lld: the update rule's scalar %s is %g",
                            (long long)step,
                            schedule->names && schedule->names[i] ? schedule->names[i]
                                                                  : update->names[i],
                            update->values[i]);
        *(float *)(void *)(update->scalars.bytes + i * PLAN_ALIGNMENT) = (float)update->values[i];
    }
    return true;
}

bool update_run(Update *update, int64_t step, RunError *error) {
    Profile *profile = executor_profile(update->executor);
    uint32_t line = profile_enter(profile, PROFILE_SCALARS);
    if (!scalars_compute(update, step, error))
        return false;
    const PlanFunction *function = update->function;
    executor_run(update->executor, function, update->bound.inputs, update->bound.outputs);
    for (uint32_t i = 0; i < function->output_count; i++) {
        const PlanBinding *output = &function->outputs[i];
        if (!in_place(function, i))
            memcpy(slots_find(&update->model, output->name)->data, update->bound.outputs[i],
                   (size_t)output->elements * plan_type_size(output->type));
    }
    profile_enter(profile, line);
    return true;
}

const char *update_origin(const Update *update, const char *path) {
    const PlanFunction *function = update->function;
    int64_t output = plan_find_output(function, path);
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
