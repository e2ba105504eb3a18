#include "runtime/training/step.h"

#include "runtime/training/replacing.h"
#include "runtime/training/scalars.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct Step {
    const PlanFunction *function;
    Executor *executor;
    Chunk chunk;
    Scalars scalars;
    Replacing replacing;
    int64_t loss;   /* which output it is */
    uint32_t split; /* the first step of the plan's function that is of the update */
};

static const char fault_prefix[] = "$fault:";

const PlanFunction *step_function(const Program *program) {
    return program->experiment->train.chunks == 1 ? plan_function(program->plan, "step") : NULL;
}

int64_t step_bytes(const Program *program) {
    return replacing_bytes(step_function(program)) + scalars_bytes(program->experiment) +
           chunk_bytes(program->experiment);
}

/* --- making --- */

/* The output that operand number `operand` of a step of the plan is; -1: none. */
static int64_t output_of(const PlanFunction *function, const PlanStep *step, uint32_t operand) {
    const PlanBuffer *buffer = &function->buffers[step->operands[operand]];
    return buffer->storage == PLAN_OUTPUT ? buffer->binding : -1;
}

static bool writes(const PlanFunction *function, const PlanStep *step, int64_t output) {
    for (uint32_t i = 0; i < step->operand_count; i++)
        if (output_of(function, step, i) == output)
            return true;
    return false;
}

/* Whether a step of the plan writes an output that is not the loss. */
static bool is_update(const PlanFunction *function, const PlanStep *step, int64_t loss) {
    for (uint32_t i = 0; i < step->operand_count; i++) {
        const int64_t output = output_of(function, step, i);
        if (output >= 0 && output != loss)
            return true;
    }
    return false;
}

/* The loss must be there before anything is replaced. */
static bool find_split(Step *step, RunError *error) {
    const PlanFunction *function = step->function;
    bool known = false;
    step->loss = plan_find_output(function, "loss");
    if (step->loss < 0 || function->outputs[step->loss].type != PLAN_F32 ||
        function->outputs[step->loss].elements != 1)
        return run_fail(error, EXIT_INPUT, "the program's function step gives no loss");
    while (step->split < function->step_count &&
           !is_update(function, &function->steps[step->split], step->loss))
        known |= writes(function, &function->steps[step->split++], step->loss);
    return known || run_fail(error, EXIT_INPUT,
                             "the program's function step updates before it has the loss");
}

static bool step_prepare(Step *step, const Program *program, const Model *model, RunError *error) {
    Slots inputs = {0};
    if (!find_split(step, error) || !chunk_create(&step->chunk, program->experiment, error))
        return false;
    bool made = scalars_create(&step->scalars, program->experiment) &&
                scalars_slots(&step->scalars, &inputs) && chunk_slots(&step->chunk, &inputs);
    made = made ? replacing_create(&step->replacing, step->function, model, &inputs, error)
                : run_no_memory(error, "the training step");
    slots_free(&inputs);
    return made;
}

Step *step_create(const Program *program, const Model *model, Executor *executor, RunError *error) {
    Step *step = calloc(1, sizeof *step);
    if (!step) {
        run_no_memory(error, "the training step");
        return NULL;
    }
    *step = (Step){.function = step_function(program), .executor = executor};
    if (step_prepare(step, program, model, error))
        return step;
    step_free(step);
    return NULL;
}

void step_free(Step *step) {
    if (!step)
        return;
    chunk_free(&step->chunk);
    scalars_free(&step->scalars);
    replacing_free(&step->replacing);
    free(step);
}

/* --- running --- */

static void chunk_fill(Step *step, ChunkFill *fill, void *user) {
    Profile *profile = executor_profile(step->executor);
    uint32_t line = profile_enter(profile, PROFILE_BATCH);
    fill(user, 0, &step->chunk);
    profile_enter(profile, line);
}

static bool is_faulty(const Step *step, int64_t output) {
    const PlanBinding *binding = &step->function->outputs[output];
    const float *parts = step->replacing.bound.outputs[output];
    bool faulty = false;
    if (binding->type == PLAN_F32 &&
        strncmp(binding->name, fault_prefix, strlen(fault_prefix)) == 0)
        for (int64_t i = 0; i < binding->elements; i++)
            faulty |= parts[i] != 0;
    return faulty;
}

/* Whether all gradients are finite; else `error` names the parameter of the first that is not, in
 * the order in which they were computed. */
static bool gradients_check(const Step *step, int64_t number, RunError *error) {
    const PlanFunction *function = step->function;
    for (uint32_t i = step->split; i < function->step_count; i++)
        for (uint32_t k = 0; k < function->steps[i].operand_count; k++) {
            const int64_t output = output_of(function, &function->steps[i], k);
            if (output >= 0 && is_faulty(step, output))
                return run_fail(error, EXIT_DIVERGED, "step %lld: the gradient of %s is not finite",
                                (long long)number,
                                function->outputs[output].name + strlen(fault_prefix));
        }
    return true;
}

/* Steps first ... last - 1 of the plan's function. */
static void run_part(const Step *step, uint32_t first, uint32_t last) {
    const Bound *bound = &step->replacing.bound;
    executor_run_part(step->executor, step->function, first, last, bound->inputs, bound->outputs);
}

StepOutcome step_run(Step *step, int64_t number, ChunkFill *fill, void *user, float *loss,
                     RunError *error) {
    Profile *profile = executor_profile(step->executor);
    chunk_fill(step, fill, user);
    uint32_t line = profile_enter(profile, PROFILE_SCALARS);
    /* At the start: what of the update replaces nothing may come before the loss. */
    const bool computed = scalars_compute(&step->scalars, number, error);
    profile_enter(profile, line);
    if (!computed)
        return STEP_FAILED;
    run_part(step, 0, step->split);
    *loss = *(const float *)step->replacing.bound.outputs[step->loss];
    if (!isfinite(*loss))
        return STEP_LOSS;
    run_part(step, step->split, step->function->step_count);
    line = profile_enter(profile, PROFILE_SCALARS);
    replacing_settle(&step->replacing);
    profile_enter(profile, PROFILE_SUM);
    bool finite = gradients_check(step, number, error);
    profile_enter(profile, line);
    return finite ? STEP_DONE : STEP_GRADIENT;
}

typedef struct Watching {
    const Step *step;
    ExecutorWatch *watch;
    void *watcher;
} Watching;

static bool watch_gradient(void *user, const PlanStep *plan_step, const PlanKernel *kernel,
                           char *const *operands) {
    const Watching *watching = user;
    const Step *step = watching->step;
    return is_update(step->function, plan_step, step->loss) ||
           watching->watch(watching->watcher, plan_step, kernel, operands);
}

void step_watch(Step *step, bool whole, ChunkFill *fill, void *user, ExecutorWatch *watch,
                void *watcher) {
    const Bound *bound = &step->replacing.bound;
    Watching watching = {step, watch, watcher};
    chunk_fill(step, fill, user);
    executor_run_watched(step->executor, step->function,
                         whole ? step->function->step_count : step->split, bound->inputs,
                         bound->outputs, watch_gradient, &watching);
}
