#include "runtime/training/update.h"

#include "runtime/training/replacing.h"
#include "runtime/training/scalars.h"

#include <stdlib.h>

struct Update {
    Executor *executor;
    Scalars scalars;
    Replacing replacing;
};

int64_t update_bytes(const Program *program) {
    const PlanFunction *function = plan_function(program->plan, "update");
    return scalars_bytes(program->experiment) + (function ? replacing_bytes(function) : 0);
}

static bool update_prepare(Update *update, const Program *program, const Model *model,
                           const Gradient *gradient, RunError *error) {
    const PlanFunction *function = plan_function(program->plan, "update");
    if (!function)
        return run_fail(error, EXIT_INPUT, "the program has no function update");
    Slots inputs = {0};
    bool made = scalars_create(&update->scalars, program->experiment) &&
                scalars_slots(&update->scalars, &inputs) && gradient_slots(gradient, &inputs);
    made = made ? replacing_create(&update->replacing, function, model, &inputs, error)
                : run_no_memory(error, "the update rule");
    slots_free(&inputs);
    return made;
}

Update *update_create(const Program *program, const Model *model, const Gradient *gradient,
                      Executor *executor, RunError *error) {
    Update *update = calloc(1, sizeof *update);
    if (!update) {
        run_no_memory(error, "the update rule");
        return NULL;
    }
    update->executor = executor;
    if (update_prepare(update, program, model, gradient, error))
        return update;
    update_free(update);
    return NULL;
}

void update_free(Update *update) {
    if (!update)
        return;
    scalars_free(&update->scalars);
    replacing_free(&update->replacing);
    free(update);
}

bool update_run(Update *update, int64_t step, RunError *error) {
    Profile *profile = executor_profile(update->executor);
    uint32_t line = profile_enter(profile, PROFILE_SCALARS);
    if (!scalars_compute(&update->scalars, step, error))
        return false;
    const Bound *bound = &update->replacing.bound;
    executor_run(update->executor, bound->function, bound->inputs, bound->outputs);
    replacing_settle(&update->replacing);
    profile_enter(profile, line);
    return true;
}
