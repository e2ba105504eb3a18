/* The loop. Everything that a later step depends on is in the checkpoint, or a function of the
 * step: the images of a batch (runtime/shuffle.h), random draws, the schedule. So a run that is
 * stopped anywhere, or killed, goes on to the same bits. */
#include "runtime/training.h"

#include "runtime/checkpoint.h"
#include "runtime/evaluate.h"
#include "runtime/metrics.h"
#include "runtime/progress.h"
#include "runtime/run_folder.h"
#include "runtime/shuffle.h"
#include "runtime/trainer.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
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
    Evaluator *evaluator;
    Metrics metrics;
    Progress progress;
    CheckpointState state;
    double loss; /* of the last step */
    RunError *error;
} Training;

int64_t training_bytes(const Program *program, int threads) {
    return trainer_bytes(program, threads) + evaluation_bytes(program, threads);
}

/* --- signals --- */

/* The only state that a signal handler can reach. */
static volatile sig_atomic_t stop_signal;

static void note_signal(int number) { stop_signal = number; }

static const int stop_signals[] = {SIGINT, SIGTERM, SIGUSR1};
enum { STOP_SIGNALS = sizeof stop_signals / sizeof *stop_signals };

/* The first one is noted, and the second does what signals do: ends the process. */
static void signals_catch(struct sigaction before[STOP_SIGNALS]) {
    stop_signal = 0;
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = (int)SA_RESETHAND};
    for (int i = 0; i < STOP_SIGNALS; i++)
        sigaction(stop_signals[i], &action, &before[i]);
}

static void signals_restore(const struct sigaction before[STOP_SIGNALS]) {
    for (int i = 0; i < STOP_SIGNALS; i++)
        sigaction(stop_signals[i], &before[i], NULL);
}

/* --- batches --- */

static void batch_fill(Training *training, int64_t step) {
    const DataImages *images = &training->data->splits[DATA_TRAIN];
    const TrainSettings *settings = training->settings;
    Batch *batch = trainer_batch(training->trainer);
    for (int64_t i = 0; i < settings->batch; i++) {
        int64_t number = (step - 1) * settings->batch + i;
        int64_t place = shuffle_at(settings->seed, number / images->count, images->count,
                                   number % images->count);
        batch->images[i] = images->images[place];
        batch->weights[i] = 1 / (float)settings->batch;
    }
    DataAugmentation augmentation =
        data_augmentation(&training->program->experiment->data, settings->seed);
    data_batch(training->data, &augmentation, step, batch->images, settings->batch, batch->tokens,
               batch->labels);
}

/* --- checkpoints --- */

static bool checkpoint_save(Training *training, const char *name, bool with_states) {
    FileError error = {{0}};
    char *path = run_file(training->options->folder, name);
    bool saved =
        path && metrics_sync(&training->metrics, &error) &&
        checkpoint_write(path, training->program->experiment, trainer_parameters(training->trainer),
                         with_states ? trainer_states(training->trainer) : NULL, &training->state,
                         &error);
    free(path);
    return saved ? true : run_fail(training->error, EXIT_MACHINE, "%s", error.text);
}

/* step-000500 and last are the same file under two names. */
static bool checkpoint_step(Training *training) {
    char name[64];
    snprintf(name, sizeof name, "checkpoints/step-%06lld.safetensors",
             (long long)training->state.step);
    if (!checkpoint_save(training, name, true))
        return false;
    char *path = run_file(training->options->folder, name);
    char *last = run_file(training->options->folder, "checkpoints/last.safetensors");
    char *fresh = run_file(training->options->folder, "checkpoints/last.new");
    FileError error;
    bool linked = path && last && fresh && (unlink(fresh) == 0 || errno == ENOENT) &&
                  link(path, fresh) == 0 && rename(fresh, last) == 0 &&
                  (unlink(fresh) == 0 || errno == ENOENT) && file_sync_directory(last, &error);
    int reason = errno;
    free(path);
    free(last);
    free(fresh);
    return linked ? true
                  : run_fail(training->error, EXIT_MACHINE, "cannot keep the last checkpoint: %s",
                             strerror(reason));
}

static bool same_origin(Training *training, const CheckpointState *found) {
    const CheckpointState *own = &training->state;
    if (strcmp(found->target, own->target) != 0)
        return run_fail(
            training->error, EXIT_INPUT,
            "the run was trained for %s, this is %s: going on would not give the same bits",
            found->target, own->target);
    if (strcmp(found->data_hash, own->data_hash) != 0 ||
        strcmp(found->split_hash, own->split_hash) != 0)
        return run_fail(training->error, EXIT_INPUT,
                        "the images or their split are not those that the run was trained on");
    return true;
}

static bool restore(Training *training) {
    char *path = run_file(training->options->folder, "checkpoints/last.safetensors");
    if (!path)
        return run_no_memory(training->error, "a path");
    CheckpointState found = {0};
    FileError error = {{0}};
    bool there = access(path, F_OK) == 0;
    bool read = there && checkpoint_read(path, training->program->experiment,
                                         trainer_parameters(training->trainer),
                                         trainer_states(training->trainer), &found, &error);
    free(path);
    if (!there) { /* killed before the first checkpoint: from the start, to the same bits */
        trainer_initialise(training->trainer, training->settings->seed);
        return true;
    }
    if (!read)
        return run_fail(training->error, EXIT_INPUT, "%s", error.text);
    if (!same_origin(training, &found))
        return false;
    training->state = found;
    return true;
}

/* --- evaluation --- */

static bool evaluate_now(Training *training, bool *patience_over) {
    const Experiment *experiment = training->program->experiment;
    Evaluation evaluation;
    if (!evaluate(training->evaluator, trainer_parameters(training->trainer),
                  training->settings->seed, 0, DATA_VALIDATION, &evaluation, training->error))
        return false;
    MetricsFigure figures[1 + EVALUATION_MAX_METRICS] = {{"loss", evaluation.loss}};
    uint32_t count = 1;
    for (uint32_t i = 0; i < experiment->metric_count && i < EVALUATION_MAX_METRICS; i++)
        figures[count++] = (MetricsFigure){experiment->metrics[i], evaluation.metrics[i]};
    metrics_write(&training->metrics, training->state.step, "validation", figures, count);
    bool best = evaluation.loss < training->state.best_loss;
    training->state.waited = best ? 0 : training->state.waited + 1;
    if (best) {
        training->state.best_loss = evaluation.loss;
        training->state.best_step = training->state.step;
    }
    progress_evaluation(&training->progress, training->state.step, evaluation.loss, best);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    metrics_write_timing(&training->metrics, training->state.step,
                         progress_seconds(&training->progress),
                         progress_rate(&training->progress, training->state.step),
                         usage.ru_maxrss * 1024, training->options->threads);
    *patience_over =
        training->settings->patience > 0 && training->state.waited >= training->settings->patience;
    return !best || checkpoint_save(training, "checkpoints/best.safetensors", false);
}

/* --- the loop --- */

static bool every(int64_t step, int64_t period) { return period > 0 && step % period == 0; }

static ExitCode diverged(Training *training, int64_t step) {
    const char *origin = trainer_find_fault(training->trainer, training->settings->seed, step);
    run_fail(training->error, EXIT_DIVERGED,
             "the loss of step %lld is not finite; %s%s. The run and its checkpoints are kept; a "
             "lower learning rate "
             "may help",
             (long long)step,
             *origin ? "the first value that is not came from " : "no single value was", origin);
    return EXIT_DIVERGED;
}

/* One step and what is due after it. EXIT_DONE: go on, unless *finished. */
static ExitCode step_once(Training *training, bool *finished, TrainingResult *result) {
    const TrainSettings *settings = training->settings;
    int64_t step = training->state.step + 1;
    batch_fill(training, step);
    if (!trainer_step(training->trainer, settings->seed, step, &training->loss)) {
        run_no_memory(training->error, "a step");
        return EXIT_MACHINE;
    }
    if (!isfinite(training->loss))
        return diverged(training, step);
    training->state.step = step;
    if (every(step, 1 + settings->steps / TRAIN_LINES))
        metrics_write(&training->metrics, step, "train", &(MetricsFigure){"loss", training->loss},
                      1);
    progress_step(&training->progress, step, training->loss);
    bool last = step == settings->steps, patience_over = false;
    if ((last || every(step, settings->evaluate)) && !evaluate_now(training, &patience_over))
        return training->error->code;
    result->stopped_early = patience_over && !last;
    *finished = last || patience_over;
    if ((*finished || stop_signal || every(step, settings->checkpoint)) &&
        !checkpoint_step(training))
        return training->error->code;
    return EXIT_DONE;
}

static ExitCode loop(Training *training, TrainingResult *result) {
    const TrainSettings *settings = training->settings;
    bool finished = training->state.step >= settings->steps ||
                    (settings->patience > 0 && training->state.waited >= settings->patience);
    bool patience_over;
    if (training->state.step == 0 && !evaluate_now(training, &patience_over))
        return training->error->code;
    while (!finished) {
        ExitCode code = step_once(training, &finished, result);
        if (code)
            return code;
        if (stop_signal && !finished) {
            run_fail(training->error, EXIT_STOPPED,
                     "stopped by signal %d after step %lld; go on with --resume", (int)stop_signal,
                     (long long)training->state.step);
            return EXIT_STOPPED;
        }
    }
    return EXIT_DONE;
}

static bool training_open(Training *training) {
    const DataImages *images = &training->data->splits[DATA_TRAIN];
    const Experiment *experiment = training->program->experiment;
    DataError data_error;
    FileError file_error;
    if (!data_fits(training->data, experiment->inputs, experiment->input_count, &data_error))
        return run_fail(training->error, EXIT_INPUT, "%s", data_error.text);
    if (images->count == 0)
        return run_fail(training->error, EXIT_INPUT, "no image is left for training");
    snprintf(training->state.target, sizeof training->state.target, "%s",
             training->program->plan->target);
    snprintf(training->state.data_hash, sizeof training->state.data_hash, "%s",
             training->data->hash);
    snprintf(training->state.split_hash, sizeof training->state.split_hash, "%s",
             training->data->split_hash);
    training->trainer =
        trainer_create(training->program, training->options->threads, training->error);
    training->evaluator = training->trainer
                              ? evaluation_create(training->program, training->data,
                                                  training->options->threads, training->error)
                              : NULL;
    if (!training->evaluator)
        return false;
    if (!training->options->resume)
        trainer_initialise(training->trainer, training->settings->seed);
    else if (!restore(training))
        return false;
    int64_t keep = training->state.step > 0 ? training->state.step : -1;
    if (metrics_open(&training->metrics, training->options->folder, keep, &file_error))
        return true;
    return run_fail(training->error, EXIT_MACHINE, "%s", file_error.text);
}

ExitCode training_run(const Program *program, const DataSet *data, const TrainingOptions *options,
                      TrainingResult *result, RunError *error) {
    Training training = {
        .program = program,
        .data = data,
        .options = options,
        .settings = &program->experiment->train,
        .state = {.best_loss = INFINITY},
        .error = error,
    };
    struct sigaction before[STOP_SIGNALS];
    *result = (TrainingResult){0};
    *error = (RunError){0};
    signals_catch(before);
    ExitCode code = training_open(&training) ? EXIT_DONE : error->code;
    if (!code) {
        progress_begin(&training.progress, training.state.step, training.settings->steps,
                       training.settings->batch, options->quiet);
        code = loop(&training, result);
        progress_end(&training.progress);
        FileError file_error;
        if (!metrics_sync(&training.metrics, &file_error) && !code)
            code = (run_fail(error, EXIT_MACHINE, "%s", file_error.text), EXIT_MACHINE);
    }
    result->step = training.state.step;
    result->best_step = training.state.best_step;
    result->best_loss = training.state.best_loss;
    result->last_loss = training.loss;
    metrics_close(&training.metrics);
    evaluation_free(training.evaluator);
    trainer_free(training.trainer);
    signals_restore(before);
    return code;
}
