#include "runtime/model/model.h"

int64_t model_bytes(const Experiment *experiment, bool states) {
    return tensors_bytes(experiment->parameters, experiment->parameter_count) +
           (states ? tensors_bytes(experiment->states, experiment->state_count) : 0);
}

bool model_create(Model *model, const Experiment *experiment, bool states, RunError *error) {
    *model = (Model){.experiment = experiment};
    if (tensors_create(&model->parameters, experiment->parameters, experiment->parameter_count) &&
        (!states || tensors_create(&model->states, experiment->states, experiment->state_count)))
        return true;
    model_free(model);
    return run_no_memory(error, "the parameters (`scanline check' says how much training takes)");
}

void model_free(Model *model) {
    tensors_free(&model->parameters);
    tensors_free(&model->states);
    *model = (Model){0};
}

static bool add_all(Slots *slots, const Parameter *tensors, uint32_t count, float *const *at) {
    for (uint32_t i = 0; i < count; i++)
        if (!slots_add(slots, tensors[i].path, PLAN_F32, tensors[i].elements, at[i]))
            return false;
    return true;
}

bool model_slots(const Model *model, Slots *slots) {
    const Experiment *experiment = model->experiment;
    return add_all(slots, experiment->parameters, experiment->parameter_count,
                   model->parameters.values) &&
           (!model->states.values ||
            add_all(slots, experiment->states, experiment->state_count, model->states.values));
}

/* Whether `init` gives all tensors. */
static bool gives_all(const PlanFunction *init, const Parameter *tensors, uint32_t count,
                      RunError *error) {
    for (uint32_t i = 0; i < count; i++)
        if (plan_find_output(init, tensors[i].path) < 0)
            return run_fail(error, EXIT_INPUT, "the program gives no initial value to %s",
                            tensors[i].path);
    return true;
}

bool model_init(Model *model, const Program *program, Executor *executor, RunError *error) {
    const Experiment *experiment = model->experiment;
    const PlanFunction *init = plan_function(program->plan, "init");
    if (!init)
        return run_fail(error, EXIT_INPUT, "the program has no function init");
    if (!gives_all(init, experiment->parameters, experiment->parameter_count, error) ||
        !gives_all(init, experiment->states, experiment->state_count, error))
        return false;
    _Alignas(PLAN_ALIGNMENT) int32_t seed = (int32_t)experiment->train.seed;
    Slots inputs = {0}, outputs = {0};
    Bound bound = {0};
    bool done = slots_add(&inputs, "$seed", PLAN_I32, 1, &seed) && model_slots(model, &outputs)
                    ? bound_create(&bound, init, &inputs, &outputs, error)
                    : run_no_memory(error, "the run's tables");
    if (done)
        executor_run(executor, init, bound.inputs, bound.outputs);
    bound_free(&bound);
    slots_free(&inputs);
    slots_free(&outputs);
    return done;
}

bool model_restart(Model *model, const Program *program, Executor *executor, RunError *error) {
    const PlanFunction *restart = plan_function(program->plan, "restart");
    if (!restart)
        return true;
    Slots slots = {0};
    Bound bound = {0};
    bool done = model_slots(model, &slots) ? bound_create(&bound, restart, &slots, &slots, error)
                                           : run_no_memory(error, "the run's tables");
    if (done)
        executor_run(executor, restart, bound.inputs, bound.outputs);
    bound_free(&bound);
    slots_free(&slots);
    return done;
}
