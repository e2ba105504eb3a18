#include "runtime/commands/reproduce.h"

#include "runtime/commands/command.h"
#include "runtime/files/folder.h"
#include "runtime/run/run_compare.h"
#include "runtime/run/run_folder.h"
#include "runtime/run/run_lock.h"
#include "runtime/training/training.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A reproduction under way. */
typedef struct Reproduction {
    const ReproduceCommand *command;
    const json_t *record; /* of the run */
    const char *state;    /* how the run ended */
    char *folder;         /* of the reproduction */
    RunComparison comparison;
    TrainingResult result;
    char *warning; /* NULL: none */
    bool kept;
} Reproduction;

static bool is(const Reproduction *reproduction, const char *state) {
    return strcmp(reproduction->state, state) == 0;
}

/* --- the verdict --- */

/* How far the run goes, where that is not to its last step. */
static void say_extent(const Reproduction *reproduction, FILE *stream) {
    long long until = reproduction->comparison.until;
    if (is(reproduction, "done early"))
        fprintf(stream, "patience ended after step %lld, here too\n", until);
    else if (is(reproduction, "diverged"))
        fprintf(stream, "it diverged after step %lld, here too\n",
                (long long)json_integer_value(json_object_get(reproduction->record, "steps")));
    else if (is(reproduction, "stopped"))
        fprintf(stream, "it was stopped by a signal after step %lld: compared as far as it got\n",
                until);
    else if (!is(reproduction, "done"))
        fprintf(stream, "it has not ended: compared as far as it is kept, to step %lld\n", until);
}

static void print_text(const Reproduction *reproduction) {
    FILE *stream = reproduction->command->results;
    const char *run = reproduction->command->folder;
    const RunComparison *comparison = &reproduction->comparison;
    const RunDifference *difference = &comparison->difference;
    if (difference->found) {
        fprintf(stream,
                "%s differs: first after step %lld, in %s: %s is %s in the run and %s here\n", run,
                (long long)difference->step, difference->file, difference->what, difference->run,
                difference->reproduction);
    } else {
        fprintf(stream,
                "%s is reproduced, to step %lld: %lld lines of metrics.jsonl and %lld checkpoint%s "
                "are the same bytes\n",
                run, (long long)comparison->until, (long long)comparison->lines,
                (long long)comparison->checkpoints, comparison->checkpoints == 1 ? "" : "s");
        say_extent(reproduction, stream);
    }
    if (reproduction->kept)
        fprintf(stream, "what was trained here is in %s\n", reproduction->folder);
}

static json_t *difference_json(const RunDifference *difference) {
    if (!difference->found)
        return json_null();
    return json_pack("{s:I, s:s, s:s, s:s, s:s}", "step", (json_int_t)difference->step, "file",
                     difference->file, "what", difference->what, "run", difference->run,
                     "reproduction", difference->reproduction);
}

static void print_json(const Reproduction *reproduction) {
    const RunComparison *comparison = &reproduction->comparison;
    json_t *json = json_pack(
        "{s:s, s:s, s:b, s:I, s:I, s:I, s:o, s:s?, s:s?}", "run", reproduction->command->folder,
        "state", reproduction->state, "equal", (int)!comparison->difference.found, "steps",
        (json_int_t)comparison->until, "lines", (json_int_t)comparison->lines, "checkpoints",
        (json_int_t)comparison->checkpoints, "difference", difference_json(&comparison->difference),
        "folder", reproduction->kept ? reproduction->folder : NULL, "warning",
        reproduction->warning);
    command_print_json(json, reproduction->command->results);
}

static void print_verdict(const Reproduction *reproduction) {
    if (reproduction->command->json)
        print_json(reproduction);
    else
        print_text(reproduction);
}

/* --- training again --- */

/* Of what is the same one copy will do, unless the folder is to stay. */
static void forget_step(const Reproduction *reproduction, int64_t step) {
    char name[64];
    snprintf(name, sizeof name, "checkpoints/step-%06lld.safetensors", (long long)step);
    char *path = reproduction->command->out ? NULL : file_path(reproduction->folder, name);
    if (path)
        unlink(path);
    free(path);
}

/* Ends the training at the first difference. */
static bool watch(void *user, int64_t step, RunError *error) {
    Reproduction *reproduction = user;
    const RunDifference *difference = &reproduction->comparison.difference;
    if (!run_compare_step(&reproduction->comparison, step, error))
        return false;
    if (difference->found)
        return run_fail(error, EXIT_DIFFERS, "differs from the run after step %lld",
                        (long long)difference->step);
    forget_step(reproduction, step);
    return true;
}

static void print_divergence(char text[DIFFERENCE_TEXT], int64_t step) {
    if (step < 0)
        strcpy(text, "no divergence");
    else
        snprintf(text, DIFFERENCE_TEXT, "a divergence after step %lld", (long long)step);
}

/* A run that diverged must diverge again, after the same step; no other may. What was said of it is
 * not compared, as that names places of the spec, which is another file here. */
static void compare_ends(Reproduction *reproduction, const RunError *error) {
    RunDifference *difference = &reproduction->comparison.difference;
    int64_t then = is(reproduction, "diverged")
                       ? json_integer_value(json_object_get(reproduction->record, "steps"))
                       : -1;
    int64_t here = error->code == EXIT_DIVERGED ? reproduction->result.step : -1;
    if (difference->found || then == here)
        return;
    *difference = (RunDifference){.found = true,
                                  .step = then < 0 || (here >= 0 && here < then) ? here : then,
                                  .file = "run.json",
                                  .what = "the end"};
    print_divergence(difference->run, then);
    print_divergence(difference->reproduction, here);
}

static ExitCode train_again(Reproduction *reproduction, const DataSet *data,
                            const RunParent *parent, RunError *error) {
    const ReproduceCommand *command = reproduction->command;
    RunComparison *comparison = &reproduction->comparison;
    bool whole = is(reproduction, "done") || is(reproduction, "done early") ||
                 is(reproduction, "diverged"); /* it ends by itself where the run did */
    int64_t until = comparison->until > 0 ? comparison->until : 1;
    const TrainingOptions options = {
        .folder = reproduction->folder,
        .parent = parent->checkpoint,
        .until = whole ? 0 : until,
        .leave_evaluation = comparison->evaluation_due,
        .threads = command->threads,
        .log = command->log,
        .watch = watch,
        .user = reproduction,
    };
    RunError late;
    log_open(command->log, reproduction->folder);
    log_say(command->log, "training %s again, in %s", command->folder, reproduction->folder);
    if (reproduction->warning)
        log_say(command->log, "warning: %s", reproduction->warning);
    ExitCode code = training_run(command->program, data, &options, &reproduction->result, error);
    if (code == EXIT_STOPPED)
        run_fail(error, code,
                 "stopped by a signal after step %lld: nothing differed up to its last checkpoint; "
                 "a reproduction is not resumed, it begins anew",
                 (long long)reproduction->result.step);
    bool noted = run_end(reproduction->folder, code, &reproduction->result, error, &late);
    log_close(command->log);
    if (code && code != EXIT_DIVERGED && code != EXIT_DIFFERS)
        return code;
    if (!noted) {
        *error = late;
        return late.code;
    }
    if (!comparison->difference.found && !run_compare_end(comparison, error))
        return error->code;
    compare_ends(reproduction, error);
    return comparison->difference.found ? EXIT_DIFFERS : EXIT_DONE;
}

/* What no one asked to be kept is kept where it shows a difference. */
static ExitCode tidy(Reproduction *reproduction, ExitCode code, RunError *error) {
    FileError fault;
    reproduction->kept = reproduction->command->out || code == EXIT_DIFFERS;
    if (reproduction->kept || folder_remove(reproduction->folder, &fault))
        return code;
    if (code)
        return code;
    run_fail(error, EXIT_MACHINE, "%s", fault.text);
    return EXIT_MACHINE;
}

/* In a folder that is a run's too; one that an earlier reproduction left in its place goes. */
static ExitCode reproduce_in(Reproduction *reproduction, const RunOrigin *origin,
                             const char *folder, RunError *error) {
    FileError fault;
    int lock;
    if (!reproduction->command->out && !folder_remove(folder, &fault)) {
        run_fail(error, EXIT_MACHINE, "%s", fault.text);
        return EXIT_MACHINE;
    }
    reproduction->folder = run_begin(origin, folder, &lock, error);
    if (!reproduction->folder)
        return error->code;
    reproduction->comparison.reproduction = reproduction->folder;
    ExitCode code = train_again(reproduction, origin->data, origin->parent, error);
    code = tidy(reproduction, code, error);
    run_unlock(lock);
    if (code == EXIT_DONE || code == EXIT_DIFFERS)
        print_verdict(reproduction);
    free(reproduction->folder);
    return code;
}

/* --- what is reproduced --- */

static bool has_ended(const Reproduction *reproduction) {
    return is(reproduction, "done") || is(reproduction, "done early") ||
           is(reproduction, "stopped") || is(reproduction, "diverged");
}

static ExitCode reproduce_record(const ReproduceCommand *command, RunOrigin *origin,
                                 const json_t *record, RunError *error) {
    Reproduction reproduction = {
        .command = command, .record = record, .state = run_record_text(record, "state")};
    RunParent parent;
    ExitCode code = EXIT_MACHINE;
    if (!run_compare_begin(&reproduction.comparison, command->folder, has_ended(&reproduction),
                           error) ||
        !run_parent_kept(&parent, command->folder, record, error))
        return error->code;
    char *folder = command->out ? strdup(command->out) : file_path(command->folder, "reproduction");
    origin->parent = &parent;
    reproduction.warning = run_versions_differ(record, &command->versions);
    if (folder)
        code = reproduce_in(&reproduction, origin, folder, error);
    else
        run_no_memory(error, "a path");
    free(folder);
    free(reproduction.warning);
    run_parent_free(&parent);
    return code;
}

static ExitCode reproduce_locked(const ReproduceCommand *command, const DataSet *data,
                                 RunError *error) {
    RunOrigin origin = {command->program, data, command->versions, command->command, NULL};
    json_t *record = run_record_of(command->folder, &origin, "reproduced", error);
    if (!record)
        return error->code;
    ExitCode code = reproduce_record(command, &origin, record, error);
    json_decref(record);
    return code;
}

ExitCode reproduce_command(const ReproduceCommand *command, RunError *error) {
    const Experiment *experiment = command->program->experiment;
    DataError fault;
    DataSet *data = data_open(&experiment->data, &fault);
    int lock = -1;
    ExitCode code = EXIT_INPUT;
    if (!data || !data_fits(data, experiment->inputs, experiment->input_count, &fault))
        run_fail(error, code, "%s", fault.text);
    else if ((lock = run_lock(command->folder, error)) < 0)
        code = error->code;
    else
        code = reproduce_locked(command, data, error);
    run_unlock(lock);
    data_close(data);
    return code;
}
