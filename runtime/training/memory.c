#include "runtime/training/memory.h"

#include "runtime/study/evaluate.h"
#include "runtime/training/gradient.h"
#include "runtime/training/step.h"
#include "runtime/training/trainer.h"
#include "runtime/training/update.h"

MemoryUse program_memory(const Program *program, int threads) {
    const Experiment *experiment = program->experiment;
    ExecutorUse uses[TRAINER_USES];
    trainer_uses(program, NULL, threads, uses);
    const bool whole = step_function(program) != NULL;
    MemoryUse use = {
        .parameters = model_bytes(experiment, false),
        .states = model_bytes(experiment, true) - model_bytes(experiment, false),
        .gradients = whole ? 0 : gradient_bytes(program, threads),
        .update = whole ? step_bytes(program) : update_bytes(program),
        .evaluation = evaluation_bytes(program, threads),
        .temporaries = executor_bytes(program->plan, threads, uses, TRAINER_USES),
    };
    use.peak =
        use.parameters + use.states + use.gradients + use.update + use.evaluation + use.temporaries;
    return use;
}

/* Arenas and scratch with another arena for what computes gradients: `grad` and `grad_add`, or
 * `step`. */
static int64_t temporaries_with(const Program *program, int threads, int64_t arena_bytes) {
    const PlanFunction *step = step_function(program);
    const PlanFunction *functions[] = {step ? step : plan_function(program->plan, "grad"),
                                       step ? NULL : plan_function(program->plan, "grad_add")};
    PlanFunction others[2];
    ExecutorUse uses[TRAINER_USES];
    trainer_uses(program, NULL, threads, uses);
    for (int which = 0; which < 2 && functions[which]; which++) {
        others[which] = *functions[which];
        others[which].arena_bytes = arena_bytes;
        for (int i = 0; i < TRAINER_USES; i++)
            if (uses[i].function == functions[which])
                uses[i].function = &others[which];
    }
    return executor_bytes(program->plan, threads, uses, TRAINER_USES);
}

int64_t program_arena_limit(const Program *program, int threads, int64_t most) {
    if (!plan_function(program->plan, "grad") && !step_function(program))
        return 0;
    const MemoryUse use = program_memory(program, threads);
    const int64_t left = most - (use.peak - use.temporaries);
    int64_t fits = 0, above = most + 1;
    while (above - fits > 1) {
        int64_t middle = fits + (above - fits) / 2;
        if (temporaries_with(program, threads, middle) <= left)
            fits = middle;
        else
            above = middle;
    }
    return fits;
}
