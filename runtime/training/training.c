/* The loop. Everything that a later step depends on is in the checkpoint, or a function of the
 * step: the images of a batch (runtime/data/shuffle.h), random draws, the schedule. So a run
 * that is stopped anywhere, or killed, goes on to the same bits. */
#include "runtime/training/training.h"

#include "runtime/run/checkpoint.h"
#include "runtime/run/inherit.h"
#include "runtime/run/metrics.h"
#include "runtime/run/progress.h"
#include "runtime/training/memory.h"
#include "runtime/training/signals.h"
#include "runtime/training/together.h"
#include "runtime/training/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Train losses in metrics.jsonl are thinned out to about so many. */
enum { TRAIN_LINES = 20000 };

typedef struct Training {
    const Program *program;
    const DataSet *data;
    const TrainingOptions *options;
    const TrainSettings *settings;
    Trainer *trainer;
    Metrics metrics;
    Progress progress;
    CheckpointState state;
    float loss; /* of the last step */
    RunError *error;
} Training;

int64_t training_bytes(const Program *program, int threads) {
    return program_memory(program, threads).peak;
}

bool training_by_accuracy(const TrainSettings *settings) {
    return settings->best && strcmp(settings->best, "accuracy") == 0;
}

bool training_check(const Program *program, const DataSet *data, RunError *error) {
    if (!training_by_accuracy(&program->experiment->train))
        return true;
    if (!evaluation_has_accuracy(program, data))
        return run_fail(error, EXIT_INPUT,
                        "train.best = accuracy: the objective %s has none on %s; it needs an "
                        "`output class` and labels (train.objective=ar.classify)",
                        program->experiment->train.objective, data->source);
    return data->splits[DATA_VALIDATION].count > 0 ||
           run_fail(error, EXIT_INPUT,
                    "train.best = accuracy: there is no validation split; give data.validation a "
                    "share");
}

/* --- checkpoints --- */

/* Parameters that are not finite are not kept: the next step would find them, with nothing to go
 * back to. */
static bool checkpoint_save(Training *training, const char *name, bool with_states) {
    if (!trainer_check(training->trainer, training->state.step, training->error))
        return false;
    if (!ranks_is_first(training->options->ranks))
        return true;
    FileError error = {{0}};
    const Model *model = trainer_model(training->trainer);
    char *path = file_path(training->options->folder, name);
    bool saved =
        path && metrics_sync(&training->metrics, &error) &&
        checkpoint_write(path, model->experiment, model->parameters.values,
                         with_states ? model->states.values : NULL, &training->state, &error);
    free(path);
    return saved ? true : run_fail(training->error, EXIT_MACHINE, "%s", error.text);
}

/* step-000500 and last are the same file under two names. */
static bool checkpoint_step(Training *training) {
    const TrainingOptions *options = training->options;
    char name[64];
    snprintf(name, sizeof name, "checkpoints/step-%06lld.safetensors",
             (long long)training->state.step);
    if (!checkpoint_save(training, name, true))
        return false;
    if (!ranks_is_first(options->ranks))
        return true;
    char *path = file_path(options->folder, name);
    char *last = file_path(options->folder, "checkpoints/last.safetensors");
    FileError error = {"no memory for a path"};
    bool kept = path && last && file_share(path, last, &error);
    free(path);
    free(last);
    if (!kept)
        return run_fail(training->error, EXIT_MACHINE, "cannot keep the last checkpoint: %s",
                        error.text);
    return !options->watch || options->watch(options->user, training->state.step, training->error);
}

/* A run goes on only as what it is. */
static bool same_origin(Training *training, const CheckpointState *found, const char *spec) {
    const CheckpointState *own = &training->state;
    if (strcmp(spec, training->program->experiment->spec) != 0)
        return run_fail(training->error, EXIT_INPUT,
                        "the spec is not the one that the run was trained by: --resume takes no "
                        "changes, begin a new run for them");
    if (strcmp(found->target, own->target) != 0)
        return run_fail(
            training->error, EXIT_INPUT,
            "the run was trained for %s, this is %s: going on would not give the same bits",
            found->target, own->target);
    if (*found->table && strcmp(found->table, own->table) != 0)
        return run_fail(training->error, EXIT_INPUT,
                        "the run was compiled by another table of choices (%s, this is %s): give "
                        "the --table that it was begun with",
                        found->table, own->table);
    if (strcmp(found->data_hash, own->data_hash) != 0 ||
        strcmp(found->split_hash, own->split_hash) != 0)
        return run_fail(training->error, EXIT_INPUT,
                        "the images or their split are not those that the run was trained on");
    return true;
}

static bool checkpoint_load(Training *training, const char *path) {
    const Model *model = trainer_model(training->trainer);
    CheckpointState found = {0};
    FileError fault = {{0}};
    char *spec = checkpoint_spec(path, &fault);
    bool loaded = spec && checkpoint_read(path, model->experiment, model->parameters.values,
                                          model->states.values, &found, &fault);
    loaded = loaded ? same_origin(training, &found, spec)
                    : run_fail(training->error, EXIT_INPUT, "%s", fault.text);
    free(spec);
    if (loaded)
        found.palette = training->state.palette;
    training->state = found;
    return loaded;
}

/* --- where it begins --- */

/* Step 0: initial values, and over them what a parent has. */
static bool start(Training *training) {
    const char *parent = training->options->parent;
    return trainer_init(training->trainer, training->error) &&
           (!parent || (inherit_parameters(training->program, trainer_model(training->trainer),
                                           parent, training->error) &&
                        trainer_restart(training->trainer, training->error)));
}

/* From the last checkpoint; or, in a run that has none yet, from the start. */
static bool restore(Training *training) {
    char *path = file_path(training->options->folder, "checkpoints/last.safetensors");
    if (!path)
        return run_no_memory(training->error, "a path");
    bool there = access(path, F_OK) == 0;
    training->state.step = 0;
    bool restored = there ? checkpoint_load(training, path) : start(training);
    free(path);
    return restored;
}

/* A run that was killed may have no checkpoint. */
static bool resume(Training *training) {
    if (!restore(training))
        return false;
    log_say(training->options->log, "going on after step %lld", (long long)training->state.step);
    return true;
}

/* --- evaluation --- */

static void note_timing(Training *training) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    metrics_write_timing(&training->metrics, training->state.step,
                         progress_seconds(&training->progress),
                         progress_rate(&training->progress, training->state.step),
                         usage.ru_maxrss * 1024, training->options->threads);
}

/* By train.best; of equal accuracies the one of the lower loss. */
static bool is_better(const Training *training, double loss, double accuracy) {
    const CheckpointState *state = &training->state;
    if (training_by_accuracy(training->settings) && accuracy != state->best_accuracy)
        return accuracy > state->best_accuracy;
    return loss < state->best_loss;
}

/* Whether an evaluation is to end now. That of the last step that this process goes to is not left
 * out: who asked for so many steps judges by it. */
static bool is_told_to_end(void *user) {
    const Training *training = user;
    const int64_t until = training->options->until;
    return signals_noted() && (until <= 0 || training->state.step < until);
}

/* It takes long, so the run stops within it, and begins with it when it goes on. Always false. */
static bool leave_evaluation(Training *training) {
    CheckpointState *state = &training->state;
    state->evaluation_due = state->step > 0;
    if (state->evaluation_due && !checkpoint_step(training))
        return false;
    return run_fail(training->error, EXIT_STOPPED,
                    "stopped by signal %d in the evaluation after step %lld; go on with --resume",
                    signals_noted(), (long long)state->step);
}

/* The validation split, where there is one; keeps the best parameters. */
static bool evaluate_now(Training *training) {
    CheckpointState *state = &training->state;
    Evaluation evaluation;
    if (training->data->splits[DATA_VALIDATION].count == 0)
        return true;
    profile_gather(training->options->profile, PROFILE_EVALUATION);
    bool evaluated = evaluation_run(trainer_evaluator(training->trainer), DATA_VALIDATION,
                                    &evaluation, training->error);
    profile_gather(training->options->profile, PROFILE_PARTS);
    if (!evaluated)
        return training->error->code == EXIT_STOPPED && leave_evaluation(training);
    metrics_write(&training->metrics, state->step, "validation", evaluation.figures,
                  evaluation.figure_count);
    if (!isfinite(evaluation.loss))
        return run_fail(training->error, EXIT_DIVERGED,
                        "after step %lld the validation loss is not finite",
                        (long long)state->step);
    const double accuracy = evaluation_accuracy(&evaluation);
    bool best = is_better(training, evaluation.loss, accuracy);
    state->waited = best ? 0 : state->waited + 1;
    if (best) {
        state->best_loss = evaluation.loss;
        state->best_accuracy = accuracy;
        state->best_step = state->step;
    }
    progress_evaluation(&training->progress, state->step, evaluation.loss, accuracy, best);
    note_timing(training);
    return !best || checkpoint_save(training, "checkpoints/best.safetensors", false);
}

/* The evaluation after a step; or, where this process is to leave it, that it is due. */
static bool evaluate_step(Training *training) {
    const TrainingOptions *options = training->options;
    training->state.evaluation_due =
        options->leave_evaluation && training->state.step == options->until;
    return training->state.evaluation_due || evaluate_now(training);
}

/* --- what spoilt the model --- */

/* Steps `at` + 1 ... `step` - 1 once more. False: not all of them. */
static bool steps_again(Training *training, int64_t at, int64_t step) {
    float loss;
    while (++at < step) {
        if (signals_noted() || !trainer_step(training->trainer, at, &loss, training->error))
            return false;
        progress_step(&training->progress, at, loss);
    }
    return true;
}

/* A step that has spoilt the model can't be looked at any more. But those that led to it, from the
 * last checkpoint or the start, can be computed again, to the bit, and then that step is. Where
 * that can't be done it is left at what is known: the step and a parameter. Always false. */
static bool explain_spoilt(Training *training, int64_t step) {
    const CheckpointState reached = training->state;
    const RunError known = *training->error;
    log_say(training->options->log,
            "%s; computing again what led to it, to find where it arose (a signal ends this)",
            known.text);
    trainer_set_profile(training->trainer, NULL);
    const bool restored = restore(training);
    const int64_t from = training->state.step;
    training->state = reached;
    if (restored && steps_again(training, from, step))
        return trainer_explain(training->trainer, step, training->error);
    *training->error = known;
    return false;
}

/* --- the loop --- */

static bool every(int64_t step, int64_t period) { return period > 0 && step % period == 0; }

static bool patience_over(const Training *training) {
    return training->settings->patience > 0 &&
           training->state.waited >= training->settings->patience;
}

static bool finished(const Training *training) {
    return training->state.step >= training->settings->steps || patience_over(training);
}

/* For this process: it has ended, or come as far as it was to go. */
static bool over(const Training *training) {
    int64_t until = training->options->until;
    return finished(training) || (until > 0 && training->state.step >= until);
}

/* The ranks are lost, and the model is that after a whole step, with all that was due: rank 0 keeps
 * it. Always false. */
static bool keep_what_is_left(Training *training) {
    const int64_t step = training->state.step;
    const bool kept = step > 0 && checkpoint_step(training);
    return together_lost(training->options->ranks, step, kept, training->error);
}

/* One step and what is due after it. False: the run ends here. */
static bool step_once(Training *training) {
    const TrainSettings *settings = training->settings;
    int64_t step = training->state.step + 1;
    if (!trainer_step(training->trainer, step, &training->loss, training->error))
        return ranks_lost(training->options->ranks)
                   ? keep_what_is_left(training)
                   : trainer_is_spoilt(training->trainer) && explain_spoilt(training, step);
    training->state.step = step;
    if (every(step, 1 + settings->steps / TRAIN_LINES))
        metrics_write(&training->metrics, step, "train", &(MetricsFigure){"loss", training->loss},
                      1);
    progress_step(&training->progress, step, training->loss);
    if ((step == settings->steps || every(step, settings->evaluate)) && !evaluate_step(training))
        return false;
    if (ranks_lost(training->options->ranks))
        return keep_what_is_left(training);
    int stopped = trainer_signal(training->trainer);
    bool due = every(step, settings->checkpoint) || step == training->options->until;
    if ((finished(training) || stopped || due) && !checkpoint_step(training))
        return false;
    if (stopped && !over(training))
        return run_fail(training->error, EXIT_STOPPED,
                        "stopped by signal %d after step %lld; go on with --resume", stopped,
                        (long long)step);
    return true;
}

/* At the start; and where the run was stopped in an evaluation. */
static bool evaluate_first(Training *training) {
    const bool was_due = training->state.evaluation_due;
    if (training->state.step > 0 && !was_due)
        return true;
    training->state.evaluation_due = false;
    return evaluate_now(training) && (!was_due || checkpoint_step(training));
}

static bool loop(Training *training) {
    if (!evaluate_first(training))
        return false;
    while (!over(training))
        if (!step_once(training))
            return false;
    return true;
}

/* The model and the record, where this process is the one that has them. */
static bool begin(Training *training) {
    const TrainingOptions *options = training->options;
    if (!ranks_is_first(options->ranks))
        return true;
    if (options->resume ? !resume(training) : !start(training))
        return false;
    FileError fault;
    if (!metrics_open(&training->metrics, options->folder,
                      training->state.step > 0 ? training->state.step : -1, &fault))
        return run_fail(training->error, EXIT_MACHINE, "%s", fault.text);
    training->metrics.watch = options->figures;
    training->metrics.user = options->figures_user;
    return true;
}

static bool training_open(Training *training) {
    const TrainingOptions *options = training->options;
    const DataSet *data = training->data;
    CheckpointState *state = &training->state;
    snprintf(state->target, sizeof state->target, "%s", training->program->plan->target);
    snprintf(state->table, sizeof state->table, "%s", training->program->plan->table);
    snprintf(state->data_hash, sizeof state->data_hash, "%s", data->hash);
    snprintf(state->split_hash, sizeof state->split_hash, "%s", data->split_hash);
    snprintf(state->palette_hash, sizeof state->palette_hash, "%s", data->palette.hash);
    state->palette = data->palette.centres ? &data->palette : NULL;
    snprintf(state->whole_split_hash, sizeof state->whole_split_hash, "%s", data->whole_split_hash);
    snprintf(state->images_hash, sizeof state->images_hash, "%s", data->images_hash);
    training->trainer = trainer_create_ranked(training->program, data, options->threads,
                                              options->ranks, training->error);
    if (training->trainer)
        evaluation_tell(trainer_evaluator(training->trainer), options->log);
    if (training->trainer && !options->ranks)
        evaluation_stop_when(trainer_evaluator(training->trainer), is_told_to_end, training);
    const bool begun = training->trainer && begin(training);
    if (!options->ranks)
        return begun;
    const RunError own = *training->error;
    Model *model = training->trainer ? trainer_model(training->trainer) : NULL;
    return together_begin(options->ranks, &own, model, state, training->error);
}

static bool training_do(Training *training) {
    if (!training_open(training))
        return false;
    int64_t steps =
        training->options->until > 0 ? training->options->until : training->settings->steps;
    progress_begin(&training->progress, training->options->log, training->state.step, steps,
                   training->settings->batch);
    trainer_set_profile(training->trainer, training->options->profile);
    profile_start(training->options->profile);
    bool done = loop(training);
    profile_stop(training->options->profile);
    progress_end(&training->progress);
    FileError fault;
    bool synced = metrics_sync(&training->metrics, &fault);
    return done && (synced || run_fail(training->error, EXIT_MACHINE, "%s", fault.text));
}

ExitCode training_run(const Program *program, const DataSet *data, const TrainingOptions *options,
                      TrainingResult *result, RunError *error) {
    Training training = {
        .program = program,
        .data = data,
        .options = options,
        .settings = &program->experiment->train,
        .state = {.best_loss = INFINITY, .best_accuracy = -1},
        .error = error,
    };
    Signals signals;
    *error = (RunError){0};
    signals_catch(&signals);
    bool done = training_do(&training);
    *result = (TrainingResult){
        .step = training.state.step,
        .best_step = training.state.best_step,
        .best_loss = training.state.best_loss,
        .best_accuracy = training.state.best_accuracy,
        .stopped_early =
            done && patience_over(&training) && training.state.step < training.settings->steps,
    };
    together_end(options->ranks, done ? EXIT_DONE : error->code);
    metrics_close(&training.metrics);
    trainer_free(training.trainer);
    signals_restore(&signals);
    return done ? EXIT_DONE : error->code;
}
