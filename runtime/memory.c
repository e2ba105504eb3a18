#include "runtime/memory.h"

#include "runtime/evaluate.h"
#include "runtime/gradient.h"
#include "runtime/trainer.h"
#include "runtime/update.h"

MemoryUse program_memory(const Program *program, int threads) {
    const Experiment *experiment = program->experiment;
    ExecutorUse uses[TRAINER_USES];
    trainer_uses(program, threads, uses);
    MemoryUse use = {
        .parameters = model_bytes(experiment, false),
        .states = model_bytes(experiment, true) - model_bytes(experiment, false),
        .gradients = gradient_bytes(program, threads),
        .update = update_bytes(program),
        .evaluation = evaluation_bytes(program, threads),
        .temporaries = executor_bytes(program->plan, threads, uses, TRAINER_USES),
    };
    use.peak =
        use.parameters + use.states + use.gradients + use.update + use.evaluation + use.temporaries;
    return use;
}
