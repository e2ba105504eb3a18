#include "runtime/training/trainer.h"

#include "runtime/data/shuffle.h"
#include "runtime/model/worker.h"
#include "runtime/ranks/collective.h"
#include "runtime/training/diverged.h"
#include "runtime/training/gradient.h"
#include "runtime/training/signals.h"
#include "runtime/training/step.h"
#include "runtime/training/update.h"

#include <stdlib.h>

struct Trainer {
    const Program *program;
    const DataSet *data;
    DataAugmentation augmentation;
    Executor *executor;
    Model model;
    Step *whole; /* or else: */
    Gradient *gradient;
    Update *update;
    Evaluator *evaluator;
    Ranks *ranks; /* NULL: alone */
    int told;     /* the signal that any of them had noted by the last step */
    int64_t step; /* that trainer_step is in */
    bool is_spoilt;
};

void trainer_uses(const Program *program, const Ranks *ranks, int threads,
                  ExecutorUse uses[TRAINER_USES]) {
    const Plan *plan = program->plan;
    const ExecutorMode gradients = gradient_mode(program, ranks, threads);
    ExecutorMode mode = worker_mode(program->experiment->train.chunks, threads);
    const PlanFunction *step = step_function(program);
    uses[0] = (ExecutorUse){plan_function(plan, "init"), EXECUTOR_TEAM};
    uses[1] = (ExecutorUse){plan_function(plan, "restart"), EXECUTOR_TEAM};
    uses[2] = (ExecutorUse){plan_function(plan, "eval"), mode};
    uses[3] = (ExecutorUse){step, EXECUTOR_TEAM};
    uses[4] = (ExecutorUse){step ? NULL : plan_function(plan, "grad"), gradients};
    uses[5] = (ExecutorUse){step ? NULL : plan_function(plan, "grad_add"), gradients};
    uses[6] = (ExecutorUse){step ? NULL : plan_function(plan, "update"), EXECUTOR_TEAM};
}

static bool experiment_check(const Experiment *experiment, const DataSet *data, const Ranks *ranks,
                             RunError *error) {
    const TrainSettings *train = &experiment->train;
    if (train->batch < 1 || train->chunks < 1 || train->batch % train->chunks != 0)
        return run_fail(error, EXIT_INPUT, "train.chunks = %lld does not divide train.batch = %lld",
                        (long long)train->chunks, (long long)train->batch);
    if (!ranks_fit(ranks, train->chunks, error))
        return false;
    if (!data)
        return true;
    if (data->splits[DATA_TRAIN].count < 1)
        return run_fail(error, EXIT_INPUT, "%s leaves no image to train on", data->source);
    DataError fault;
    return data_fits(data, experiment->inputs, experiment->input_count, &fault) ||
           run_fail(error, EXIT_INPUT, "%s", fault.text);
}

/* What does a step. */
static bool stepping_prepare(Trainer *trainer, RunError *error) {
    const Program *program = trainer->program;
    const Model *model = &trainer->model;
    if (step_function(program))
        trainer->whole = step_create(program, model, trainer->executor, error);
    else
        trainer->gradient =
            gradient_create(program, model, trainer->executor, trainer->ranks, error);
    if (trainer->gradient)
        trainer->update =
            update_create(program, model, trainer->gradient, trainer->executor, error);
    return trainer->whole || trainer->update;
}

static bool trainer_prepare(Trainer *trainer, int threads, RunError *error) {
    const Program *program = trainer->program;
    const Experiment *experiment = program->experiment;
    if (!experiment_check(experiment, trainer->data, trainer->ranks, error))
        return false;
    ExecutorUse uses[TRAINER_USES];
    trainer_uses(program, trainer->ranks, threads, uses);
    trainer->executor = executor_create(program, threads, uses, TRAINER_USES);
    if (!trainer->executor)
        return run_no_memory(error, "the program's temporaries");
    if (!model_create(&trainer->model, experiment, true, error))
        return false;
    if (!stepping_prepare(trainer, error))
        return false;
    if (trainer->data)
        trainer->evaluator = evaluation_create(program, &trainer->model, trainer->executor, threads,
                                               trainer->data, error);
    if (trainer->evaluator)
        evaluation_share(trainer->evaluator, trainer->ranks);
    return trainer->evaluator || !trainer->data;
}

Trainer *trainer_create(const Program *program, const DataSet *data, int threads, RunError *error) {
    return trainer_create_ranked(program, data, threads, NULL, error);
}

Trainer *trainer_create_ranked(const Program *program, const DataSet *data, int threads,
                               Ranks *ranks, RunError *error) {
    Trainer *trainer = calloc(1, sizeof *trainer);
    if (!trainer) {
        run_no_memory(error, "training");
        return NULL;
    }
    const Experiment *experiment = program->experiment;
    *trainer = (Trainer){
        .program = program,
        .data = data,
        .ranks = ranks,
        .augmentation = data_augmentation(&experiment->data, experiment->train.seed),
    };
    if (trainer_prepare(trainer, threads, error))
        return trainer;
    trainer_free(trainer);
    return NULL;
}

void trainer_free(Trainer *trainer) {
    if (!trainer)
        return;
    evaluation_free(trainer->evaluator);
    step_free(trainer->whole);
    update_free(trainer->update);
    gradient_free(trainer->gradient);
    model_free(&trainer->model);
    executor_free(trainer->executor);
    free(trainer);
}

Model *trainer_model(Trainer *trainer) { return &trainer->model; }
Evaluator *trainer_evaluator(Trainer *trainer) { return trainer->evaluator; }

void trainer_set_profile(Trainer *trainer, Profile *profile) {
    executor_set_profile(trainer->executor, profile);
}

bool trainer_init(Trainer *trainer, RunError *error) {
    return model_init(&trainer->model, trainer->program, trainer->executor, error);
}

bool trainer_restart(Trainer *trainer, RunError *error) {
    return model_restart(&trainer->model, trainer->program, trainer->executor, error);
}

/* The batch of a step is `batch` positions of a counter that runs through all epochs; a batch may
 * end one epoch and begin the next. */
static void batch_fill(void *user, int64_t number, Chunk *chunk) {
    const Trainer *trainer = user;
    const TrainSettings *train = &trainer->program->experiment->train;
    const DataImages *images = &trainer->data->splits[DATA_TRAIN];
    int64_t first = (trainer->step - 1) * train->batch + number * chunk->size;
    for (int64_t i = 0; i < chunk->size; i++) {
        int64_t epoch = (first + i) / images->count, at = (first + i) % images->count;
        chunk->image[i] = images->images[shuffle_at(train->seed, epoch, images->count, at)];
        chunk->weight[i] = (float)(1.0 / (double)train->batch);
    }
    *chunk->step = (int32_t)trainer->step;
    *chunk->draw = 0;
    chunk_read(chunk, trainer->data, &trainer->augmentation, trainer->step);
}

/* --- steps --- */

/* A batch that is computed again. */
typedef struct Replay {
    Trainer *trainer;
    bool whole; /* of a step in one: not only its forward part */
    ChunkFill *fill;
    void *user;
} Replay;

static void replay(void *user, int64_t number, ExecutorWatch *watch, void *watcher) {
    const Replay *batch = user;
    if (batch->trainer->whole)
        step_watch(batch->trainer->whole, batch->whole, batch->fill, batch->user, watch, watcher);
    else
        gradient_watch(batch->trainer->gradient, number, batch->fill, batch->user, watch, watcher);
}

/* The function that writes parameters. */
static const PlanFunction *writer(const Trainer *trainer) {
    const PlanFunction *step = step_function(trainer->program);
    return step ? step : plan_function(trainer->program->plan, "update");
}

static bool explain(Trainer *trainer, int64_t step, Replay *batch, RunError *error) {
    const Divergence divergence = {
        .model = &trainer->model,
        .writer = writer(trainer),
        .chunks = trainer->program->experiment->train.chunks,
        .step = step,
        .run = replay,
        .user = batch,
    };
    return diverged_explain(&divergence, error);
}

bool trainer_step(Trainer *trainer, int64_t step, float *loss, RunError *error) {
    trainer->step = step;
    return trainer_step_on(trainer, step, batch_fill, trainer, loss, error);
}

int trainer_signal(const Trainer *trainer) {
    return trainer->ranks ? trainer->told : signals_noted();
}

/* What all ranks have found, of which each has looked at a part. */
static bool agree(Trainer *trainer, bool *finite, RunError *error) {
    RanksVerdict verdict = {!*finite, signals_noted()};
    if (ranks_lost(trainer->ranks) || !ranks_agree(trainer->ranks, &verdict))
        return run_fail(error, EXIT_MACHINE, "%s", ranks_fault(trainer->ranks));
    *finite = !verdict.not_finite;
    trainer->told = verdict.signal;
    return true;
}

/* What first was not finite is found by one rank, which can compute all chunks. */
static bool explain_ranked(Trainer *trainer, int64_t step, Replay *batch, RunError *error) {
    return ranks_is_first(trainer->ranks)
               ? explain(trainer, step, batch, error)
               : run_fail(error, EXIT_DIVERGED, "step %lld is not finite", (long long)step);
}

bool trainer_step_on(Trainer *trainer, int64_t step, ChunkFill *fill, void *user, float *loss,
                     RunError *error) {
    Replay batch = {trainer, false, fill, user};
    if (trainer->whole) {
        const StepOutcome outcome = step_run(trainer->whole, step, fill, user, loss, error);
        trainer->is_spoilt = outcome == STEP_GRADIENT;
        if (outcome == STEP_DONE)
            profile_step(executor_profile(trainer->executor));
        return outcome == STEP_LOSS ? explain(trainer, step, &batch, error) : outcome == STEP_DONE;
    }
    bool finite = gradient_compute(trainer->gradient, fill, user);
    if (trainer->ranks && !agree(trainer, &finite, error))
        return false;
    *loss = gradient_loss(trainer->gradient);
    if (!finite)
        return explain_ranked(trainer, step, &batch, error);
    profile_step(executor_profile(trainer->executor));
    return update_run(trainer->update, step, error);
}

bool trainer_is_spoilt(const Trainer *trainer) { return trainer->is_spoilt; }

bool trainer_explain(Trainer *trainer, int64_t step, RunError *error) {
    Replay batch = {trainer, true, batch_fill, trainer};
    trainer->step = step;
    return explain(trainer, step, &batch, error);
}

bool trainer_check(const Trainer *trainer, int64_t step, RunError *error) {
    return diverged_check(&trainer->model, writer(trainer), step, error);
}
