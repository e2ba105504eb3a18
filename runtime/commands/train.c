#include "runtime/commands/train.h"

#include "runtime/baseline.h"
#include "runtime/data.h"
#include "runtime/profile_report.h"
#include "runtime/run_folder.h"
#include "runtime/training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double bits_a_nat = 1.4426950408889634;

/* --- the run's record --- */

static const char *state_of(ExitCode code, const TrainingResult *result) {
    switch (code) {
    case EXIT_DONE:
        return result->stopped_early ? "done early" : "done";
    case EXIT_STOPPED:
        return "stopped";
    case EXIT_DIVERGED:
        return "diverged";
    default:
        return "failed";
    }
}

static json_t *record_new(const TrainCommand *command, const char *folder, const DataSet *data) {
    const Experiment *experiment = command->program->experiment;
    const char *slash = strrchr(folder, '/');
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:n, s:[]}", "id",
                     slash ? slash + 1 : folder, "name", experiment->name, "state", "running",
                     "command", command->command, "version", command->version, "target",
                     command->program->plan->target, "precision", experiment->train.precision, "objective",
                     experiment->train.objective, "data", data->hash, "split", data->split_hash,
                     "parent", "test_reads");
}

static bool record_end(const char *folder, ExitCode code, const TrainingResult *result,
                       const RunError *reason, RunError *error) {
    FileError file_error;
    json_t *record = run_record_read(folder, &file_error);
    if (!record)
        return run_fail(error, EXIT_MACHINE, "%s", file_error.text);
    json_object_set_new(record, "state", json_string(state_of(code, result)));
    json_object_set_new(record, "steps", json_integer(result->step));
    json_object_set_new(record, "best_step", json_integer(result->best_step));
    if (isfinite(result->best_loss))
        json_object_set_new(record, "best_validation_loss", json_real(result->best_loss));
    if (code)
        json_object_set_new(record, "reason", json_string(reason->text));
    else
        json_object_del(record, "reason");
    bool written = run_record_write(folder, record, &file_error);
    json_decref(record);
    return written ? true : run_fail(error, EXIT_MACHINE, "%s", file_error.text);
}

/* --- the run's folder --- */

static char *folder_new(const TrainCommand *command, const DataSet *data, RunError *error) {
    const Experiment *experiment = command->program->experiment;
    FileError file_error = {"out of memory"};
    char *name = run_name(experiment);
    char *folder = name ? run_create(runs_root(), command->out, name, &file_error) : NULL;
    free(name);
    if (!folder) {
        run_fail(error, command->out ? EXIT_INPUT : EXIT_MACHINE, "%s", file_error.text);
        return NULL;
    }
    json_t *record = record_new(command, folder, data);
    char *spec = run_file(folder, "spec.scan");
    bool written = record && spec &&
                   file_write(spec, experiment->spec, strlen(experiment->spec), &file_error) &&
                   run_record_write(folder, record, &file_error);
    json_decref(record);
    free(spec);
    if (written)
        return folder;
    run_fail(error, EXIT_MACHINE, "%s", file_error.text);
    free(folder);
    return NULL;
}

/* A run goes on only as what it is: the spec that was read must be the one that it was trained by.
 */
static char *folder_again(const TrainCommand *command, RunError *error) {
    FileError file_error;
    json_t *record = run_record_read(command->resume, &file_error);
    if (!record) {
        run_fail(error, EXIT_INPUT, "%s", file_error.text);
        return NULL;
    }
    json_object_set_new(record, "state", json_string("running"));
    bool written = run_record_write(command->resume, record, &file_error);
    json_decref(record);
    if (!written) {
        run_fail(error, EXIT_MACHINE, "%s", file_error.text);
        return NULL;
    }
    char *folder = strdup(command->resume);
    if (!folder)
        run_no_memory(error, "a path");
    return folder;
}

/* --- what is printed --- */

static void print_baselines(const TrainCommand *command, const DataSet *data) {
    const Experiment *experiment = command->program->experiment;
    Baselines baselines;
    int64_t colours = data->colours;
    for (uint32_t i = 0; i < experiment->input_count; i++)
        if (strcmp(experiment->inputs[i].name, "tokens") == 0)
            colours = experiment->inputs[i].limit;
    if (!baseline_measure(data, colours, DATA_VALIDATION, &baselines))
        return;
    fprintf(stderr,
            "to be held against, in nats per token: uniform %.4f, colour histogram %.4f, histogram "
            "by position "
            "%.4f\n",
            baselines.uniform, baselines.histogram, baselines.positions);
}

static void print_profile(const TrainCommand *command, const Profile *profile) {
    if (profile && !command->json)
        profile_print(profile, profile_peak(profile), command->results);
}

static void print_result(const TrainCommand *command, const char *folder,
                         const TrainingResult *result, const Profile *profile) {
    if (command->json) {
        json_t *json =
            json_pack("{s:s, s:I, s:I, s:o, s:b}", "run", folder, "steps", (json_int_t)result->step,
                      "best_step", (json_int_t)result->best_step, "best_validation_loss",
                      isfinite(result->best_loss) ? json_real(result->best_loss) : json_null(),
                      "stopped_early", (int)result->stopped_early);
        if (json && profile)
            json_object_set_new(json, "profile", profile_json(profile, profile_peak(profile)));
        if (json)
            json_dumpf(json, command->results, JSON_INDENT(2));
        fputc('\n', command->results);
        json_decref(json);
        return;
    }
    fprintf(command->results, "%s\n", folder);
    if (!isfinite(result->best_loss)) {
        fprintf(command->results, "%lld steps; no validation split to judge them by\n",
                (long long)result->step);
        return;
    }
    fprintf(command->results,
            "best validation loss %.4f nats (%.4f bits) per token at step %lld of %lld%s\n",
            result->best_loss, result->best_loss * bits_a_nat, (long long)result->best_step,
            (long long)result->step, result->stopped_early ? ", where patience ended" : "");
}

/* --- the command --- */

static ExitCode train_in(const TrainCommand *command, const DataSet *data, const char *folder,
                         Profile *profile, RunError *error) {
    TrainingOptions options = {.folder = folder,
                               .resume = command->resume != NULL,
                               .threads = command->threads,
                               .profile = profile};
    TrainingResult result;
    RunError late = {0};
    fprintf(stderr, "%s %s\n", command->resume ? "going on with" : "run", folder);
    if (!command->resume)
        print_baselines(command, data);
    ExitCode code = training_run(command->program, data, &options, &result, error);
    if (!record_end(folder, code, &result, error, &late) && !code) {
        *error = late;
        code = late.code;
    }
    if (!code)
        print_result(command, folder, &result, profile);
    if (!code || code == EXIT_STOPPED)
        print_profile(command, profile);
    return code;
}

/* With a profile where one is asked for. */
static ExitCode train_profiled(const TrainCommand *command, const DataSet *data, const char *folder,
                               RunError *error) {
    if (!command->profile)
        return train_in(command, data, folder, NULL, error);
    Profile *profile = profile_create(command->program, command->threads);
    if (!profile)
        run_no_memory(error, "the profile");
    ExitCode code = profile ? train_in(command, data, folder, profile, error) : error->code;
    profile_free(profile);
    return code;
}

ExitCode train_command(const TrainCommand *command, RunError *error) {
    DataError data_error;
    DataSet *data = data_open(&command->program->experiment->data, &data_error);
    if (!data) {
        run_fail(error, EXIT_INPUT, "%s", data_error.text);
        return EXIT_INPUT;
    }
    const Experiment *experiment = command->program->experiment;
    ExitCode code = EXIT_DONE;
    char *folder = NULL;
    if (!data_fits(data, experiment->inputs, experiment->input_count, &data_error))
        run_fail(error, EXIT_INPUT, "%s", data_error.text);
    else
        folder = command->resume ? folder_again(command, error) : folder_new(command, data, error);
    code = folder ? train_profiled(command, data, folder, error) : error->code;
    free(folder);
    data_close(data);
    return code;
}
