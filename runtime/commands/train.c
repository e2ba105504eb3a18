#include "runtime/commands/train.h"

#include "runtime/commands/command.h"
#include "runtime/data/baseline.h"
#include "runtime/data/data.h"
#include "runtime/execution/profile_report.h"
#include "runtime/report/tensorboard.h"
#include "runtime/run/inherit.h"
#include "runtime/run/run_folder.h"
#include "runtime/run/run_lock.h"
#include "runtime/run/run_same.h"
#include "runtime/training/training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double bits_a_nat = 1.4426950408889634;

/* --- what is printed --- */

static void say_baselines(const TrainCommand *command, const DataSet *data) {
    const Experiment *experiment = command->program->experiment;
    Baselines baselines;
    int64_t colours = data->colours;
    for (uint32_t i = 0; i < experiment->input_count; i++)
        if (strcmp(experiment->inputs[i].name, "tokens") == 0)
            colours = experiment->inputs[i].limit;
    if (!baseline_measure(data, colours, DATA_VALIDATION, &baselines))
        return;
    log_say(command->log,
            "to be held against, in nats per token: uniform %.4f, colour histogram %.4f, histogram "
            "by position %.4f",
            baselines.uniform, baselines.histogram, baselines.positions);
}

static void say_warning(const TrainCommand *command, const DataSet *data) {
    char text[600];
    if (data_warning(data, command->threads, text, sizeof text) && *text)
        log_say(command->log, "warning: %s", text);
}

static void say_unlabelled(const TrainCommand *command, const DataSet *data) {
    char text[200];
    data_unlabelled_text(data, text, sizeof text);
    if (*text && command->program->experiment->data.labelled)
        log_say(command->log, "%s", text);
}

/* What the spec says of splits is for sources that have none. */
static void say_splits(const TrainCommand *command, const DataSet *data) {
    static const char *const keys[] = {"data.validation", "data.test", "data.seed"};
    const Experiment *experiment = command->program->experiment;
    char given[64] = "";
    for (uint32_t i = 0; data->has_splits && i < experiment->setting_count; i++)
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            if (strcmp(experiment->settings[i].key, keys[k]) == 0 &&
                strcmp(experiment->settings[i].origin, "default") != 0)
                snprintf(given + strlen(given), sizeof given - strlen(given), "%s%s",
                         *given ? ", " : "", keys[k]);
    if (*given)
        log_say(command->log, "note: %s has its own splits; %s do%s not change them", data->source,
                given, strchr(given, ',') ? "" : "es");
}

static void print_profile(const TrainCommand *command, const Profile *profile) {
    if (profile && !command->json && command->results)
        profile_print(profile, profile_peak(profile), command->results);
}

static void print_json(const TrainCommand *command, const char *folder,
                       const TrainingResult *result, const Profile *profile) {
    json_t *json =
        json_pack("{s:s, s:I, s:I, s:o, s:b}", "run", folder, "steps", (json_int_t)result->step,
                  "best_step", (json_int_t)result->best_step, "best_validation_loss",
                  isfinite(result->best_loss) ? json_real(result->best_loss) : json_null(),
                  "stopped_early", (int)result->stopped_early);
    if (json && result->best_accuracy >= 0)
        json_object_set_new(json, "best_validation_accuracy", json_real(result->best_accuracy));
    if (json && profile)
        json_object_set_new(json, "profile", profile_json(profile, profile_peak(profile)));
    command_print_json(json, command->results);
}

static void print_text(const TrainCommand *command, const char *folder,
                       const TrainingResult *result) {
    FILE *out = command->results;
    fprintf(out, "%s\n", folder);
    if (!isfinite(result->best_loss)) {
        fprintf(out, "%lld steps; no validation split to judge them by\n", (long long)result->step);
        return;
    }
    const bool by_accuracy = training_by_accuracy(&command->program->experiment->train);
    if (by_accuracy)
        fprintf(out, "best validation accuracy %.4f, with a loss of %.4f nats,",
                result->best_accuracy, result->best_loss);
    else
        fprintf(out, "best validation loss %.4f nats (%.4f bits) per token", result->best_loss,
                result->best_loss * bits_a_nat);
    fprintf(out, " at step %lld of %lld%s\n", (long long)result->best_step, (long long)result->step,
            result->stopped_early ? ", where patience ended" : "");
}

static void print_result(const TrainCommand *command, const char *folder,
                         const TrainingResult *result, const Profile *profile) {
    if (command->json && command->results)
        print_json(command, folder, result, profile);
    else if (command->results)
        print_text(command, folder, result);
}

static void note_end(Log *log, ExitCode code, const TrainingResult *result, const RunError *error) {
    char best[96] = "";
    if (isfinite(result->best_loss))
        snprintf(best, sizeof best, "; best validation loss %.4f nats at step %lld",
                 result->best_loss, (long long)result->best_step);
    if (code)
        log_note(log, "ended with exit code %d: %s", (int)code, error->text);
    else
        log_note(log, "done after step %lld%s%s", (long long)result->step,
                 result->stopped_early ? ", where patience ended" : "", best);
}

/* --- event files --- */

/* They are made for watching: without them the training is the same, and goes on. */
static TensorBoard *board_open(const TrainCommand *command, const char *folder) {
    FileError error;
    if (!command->tensorboard && !(command->resume && tensorboard_has(folder)))
        return NULL;
    TensorBoard *board = tensorboard_open(folder, &error);
    if (board)
        log_say(command->log, "event files for TensorBoard are in %s/tensorboard", folder);
    else
        log_say(command->log, "warning: %s", error.text);
    return board;
}

static void board_close(const TrainCommand *command, TensorBoard *board) {
    FileError error;
    if (!tensorboard_close(board, &error))
        log_say(command->log, "warning: %s", error.text);
}

/* --- who is told of figures --- */

typedef struct Listeners {
    const TrainCommand *command;
    TensorBoard *board; /* NULL: none */
} Listeners;

static void tell(void *user, int64_t step, const char *split, const MetricsFigure *figures,
                 uint32_t count) {
    const Listeners *listeners = user;
    const TrainCommand *command = listeners->command;
    if (listeners->board)
        tensorboard_write(listeners->board, step, split, figures, count);
    if (command->figures)
        command->figures(command->figures_user, step, split, figures, count);
}

/* --- a run --- */

static void give_folder(const TrainCommand *command, const char *folder) {
    if (!command->folder)
        return;
    free(*command->folder);
    *command->folder = strdup(folder);
}

/* A training that came as far as it was to go, but not to its end, is one that was stopped. */
static ExitCode code_of(const TrainCommand *command, ExitCode code, const TrainingResult *result,
                        RunError *error) {
    const int64_t steps = command->program->experiment->train.steps;
    if (code || !command->until || result->stopped_early || result->step >= steps)
        return code;
    run_fail(error, EXIT_STOPPED, "stopped after step %lld, as it was to; go on with --resume",
             (long long)result->step);
    return EXIT_STOPPED;
}

static ExitCode train_in(const TrainCommand *command, const DataSet *data, const char *folder,
                         const RunParent *parent, Profile *profile, RunError *error) {
    TrainingOptions options = {
        .folder = folder,
        .resume = command->resume != NULL,
        .parent = parent->checkpoint,
        .until = command->until,
        .threads = command->threads,
        .ranks = command->ranks,
        .profile = profile,
        .log = command->log,
        .figures = tell,
    };
    TrainingResult result;
    Listeners listeners = {.command = command};
    RunError late = {0};
    give_folder(command, folder);
    log_open(command->log, folder);
    log_note(command->log, "%s (version %s, LLVM %s, %s, %d threads)", command->command,
             command->versions.scanline, command->versions.llvm, command->program->plan->target,
             command->threads);
    log_say(command->log, "%s %s", command->resume ? "going on with" : "run", folder);
    if (command->ranks)
        log_say(command->log, "%d ranks share each batch, %d threads here",
                ranks_count(command->ranks), command->threads);
    if (!command->resume) {
        say_warning(command, data);
        say_splits(command, data);
        say_unlabelled(command, data);
        say_baselines(command, data);
    }
    listeners.board = board_open(command, folder);
    options.figures_user = &listeners;
    ExitCode code = training_run(command->program, data, &options, &result, error);
    board_close(command, listeners.board);
    code = code_of(command, code, &result, error);
    if (!run_end(folder, code, &result, error, &late) && !code) {
        *error = late;
        code = late.code;
    }
    note_end(command->log, code, &result, error);
    log_close(command->log);
    if (!code)
        print_result(command, folder, &result, profile);
    if (!code || code == EXIT_STOPPED)
        print_profile(command, profile);
    return code;
}

/* With a profile where one is asked for. */
static ExitCode train_profiled(const TrainCommand *command, const DataSet *data, const char *folder,
                               const RunParent *parent, RunError *error) {
    if (!command->profile)
        return train_in(command, data, folder, parent, NULL, error);
    Profile *profile = profile_create(command->program, command->threads);
    if (!profile)
        run_no_memory(error, "the profile");
    ExitCode code = profile ? train_in(command, data, folder, parent, profile, error) : error->code;
    profile_free(profile);
    return code;
}

static void say_inherited(Log *log, const Inherited *inherited) {
    log_say(log, "taken over from it: %u parameters", inherited->taken);
    if (inherited->fresh)
        log_say(log, "new here, with initial values: %u: %s", inherited->fresh,
                inherited->fresh_paths);
    if (inherited->unused)
        log_say(log, "without a place here: %u: %s", inherited->unused, inherited->unused_paths);
}

static bool choose_parent(const TrainCommand *command, const DataSet *data, RunParent *parent,
                          Inherited *inherited, RunError *error) {
    *parent = (RunParent){0};
    if (!command->from)
        return true;
    if (!run_parent_choose(parent, command->from, command->checkpoint, data, error))
        return false;
    if (inherit_check(command->program, parent->checkpoint, inherited, error))
        return true;
    run_parent_free(parent);
    return false;
}

static ExitCode train_begin(const TrainCommand *command, const RunOrigin *origin, RunParent *parent,
                            const Inherited *inherited, RunError *error) {
    int lock;
    if (parent->checkpoint) {
        run_parent_say(parent, origin->data, command->log);
        run_parents_warn(parent->record, origin->data, command->threads, command->log);
        say_inherited(command->log, inherited);
    }
    char *folder = run_begin(origin, command->out, &lock, error);
    bool begun = folder && run_parent_settle(parent, folder, error);
    ExitCode code =
        begun ? train_profiled(command, origin->data, folder, parent, error) : error->code;
    run_unlock(lock);
    free(folder);
    return code;
}

/* A run goes on only as what it is. */
static ExitCode train_locked(const TrainCommand *command, const RunOrigin *origin,
                             RunError *error) {
    json_t *record = run_record_of(command->resume, origin, "gone on with", error);
    if (!record)
        return error->code;
    char *warning = run_versions_differ(record, &command->versions);
    if (warning)
        log_say(command->log, "warning: %s", warning);
    free(warning);
    RunParent parent;
    bool able = run_parent_kept(&parent, command->resume, record, error) &&
                run_go_on(command->resume, error);
    ExitCode code =
        able ? train_profiled(command, origin->data, command->resume, &parent, error) : error->code;
    run_parent_free(&parent);
    json_decref(record);
    return code;
}

static ExitCode train_again(const TrainCommand *command, const RunOrigin *origin, RunError *error) {
    int lock = run_lock(command->resume, error);
    ExitCode code = lock >= 0 ? train_locked(command, origin, error) : error->code;
    run_unlock(lock);
    return code;
}

/* What there is already of this training. */
static ExitCode train_same(const TrainCommand *command, const RunOrigin *origin,
                           const RunSame *same, RunError *error) {
    TrainCommand again = *command;
    again.resume = same->folder;
    give_folder(command, same->folder);
    if (!same->ended)
        return train_again(&again, origin, error);
    log_say(command->log, "%s is there already, and %s", same->folder,
            same->diverged ? "diverged" : "done");
    if (same->diverged)
        run_fail(error, EXIT_DIVERGED, "%s", same->diverged);
    return same->diverged ? EXIT_DIVERGED : EXIT_DONE;
}

static ExitCode train_new(const TrainCommand *command, RunOrigin *origin, RunError *error) {
    RunParent parent;
    Inherited inherited;
    RunSame same = {0};
    if (!choose_parent(command, origin->data, &parent, &inherited, error))
        return error->code;
    origin->parent = &parent;
    ExitCode code;
    if (command->once && !run_same_find(runs_root(), origin, &same, error))
        code = error->code;
    else if (same.folder)
        code = train_same(command, origin, &same, error);
    else
        code = train_begin(command, origin, &parent, &inherited, error);
    run_same_free(&same);
    run_parent_free(&parent);
    return code;
}

/* --- ranks --- */

/* What another rank than the first does: it writes nothing. */
static ExitCode train_beside(const TrainCommand *command, const DataSet *data, RunError *error) {
    const TrainingOptions options = {.threads = command->threads, .ranks = command->ranks};
    TrainingResult result;
    return training_run(command->program, data, &options, &result, error);
}

/* Before anything is written: whether all ranks can train, and the same. */
static bool ranks_begin(const TrainCommand *command, const DataSet *data, const RunError *own,
                        RunError *error) {
    const Program *program = command->program;
    const RanksFact facts[] = {
        {"version", command->versions.scanline},
        {"version of LLVM", command->versions.llvm},
        {"spec", program->experiment->spec},
        {"target (--target names one)", program->plan->target},
        {"table of choices", program->plan->table},
        {"data set", data ? data->hash : ""},
        {"split of its data", data ? data->split_hash : ""},
        {"palette", data ? data->palette.hash : ""},
    };
    return ranks_meet(command->ranks, own, facts, sizeof facts / sizeof *facts, error);
}

/* --- the command --- */

static bool train_check(const TrainCommand *command, const DataSet *data, DataError *fault,
                        RunError *error) {
    const Experiment *experiment = command->program->experiment;
    if (!data || !data_fits(data, experiment->inputs, experiment->input_count, fault))
        return run_fail(error, EXIT_INPUT, "%s", fault->text);
    return ranks_fit(command->ranks, experiment->train.chunks, error) &&
           training_check(command->program, data, error);
}

ExitCode train_command(const TrainCommand *command, RunError *error) {
    DataError fault;
    DataSet *opened = command->data ? NULL : data_open(&command->program->experiment->data, &fault);
    const DataSet *data = command->data ? command->data : opened;
    RunOrigin origin = {command->program, data, command->versions, command->command, NULL};
    RunError own = {0};
    ExitCode code;
    if (command->folder)
        *command->folder = NULL;
    train_check(command, data, &fault, &own);
    if (!ranks_begin(command, data, &own, error))
        code = error->code;
    else if (!ranks_is_first(command->ranks))
        code = train_beside(command, data, error);
    else
        code = command->resume ? train_again(command, &origin, error)
                               : train_new(command, &origin, error);
    data_close(opened);
    return code;
}
