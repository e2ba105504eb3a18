#include "runtime/commands/probe_steps.h"

#include "runtime/commands/probe.h"
#include "runtime/files/hash.h"
#include "runtime/integer.h"
#include "runtime/run/metrics_series.h"
#include "runtime/run/run_folder.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 300 }; /* of a tap and its number */

typedef struct StepList {
    int64_t *at; /* ascending */
    size_t count;
} StepList;

typedef struct Probing {
    const Command *command;
    const ProbeSteps *asked;
    StepList steps; /* asked for */
    MetricsSeries losses;
    json_t *rows;             /* of steps.json, by step */
    char settings[HASH_SIZE]; /* of data and probe */
    ProbedPixels pixels;
} Probing;

/* --- which steps --- */

static bool list_add(StepList *list, int64_t step) {
    int64_t *larger = realloc(list->at, (list->count + 1) * sizeof *larger);
    if (!larger)
        return false;
    list->at = larger;
    list->at[list->count++] = step;
    return true;
}

static bool list_has(const StepList *list, int64_t step) {
    for (size_t i = 0; i < list->count; i++)
        if (list->at[i] == step)
            return true;
    return false;
}

static int ascending(const void *left, const void *right) {
    const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* The step of "step-000100.safetensors"; -1: it is no such name. */
static int64_t step_of(const char *name) {
    long long step;
    int length = 0;
    const bool read = sscanf(name, "step-%18lld.safetensors%n", &step, &length) == 1;
    return read && length && !name[length] && step >= 0 ? step : -1;
}

static bool list_checkpoints(const char *folder, StepList *list, RunError *error) {
    char *path = file_path(folder, "checkpoints");
    DIR *stream = path ? opendir(path) : NULL;
    bool listed = stream || run_fail(error, EXIT_INPUT, "cannot list the checkpoints in %s: %s",
                                     folder, strerror(path ? errno : ENOMEM));
    for (struct dirent *found; listed && (found = readdir(stream));) {
        const int64_t step = step_of(found->d_name);
        listed = step < 0 || list_add(list, step) || run_no_memory(error, "the list of steps");
    }
    if (stream)
        closedir(stream);
    free(path);
    if (listed && list->count)
        qsort(list->at, list->count, sizeof *list->at, ascending);
    return listed && (list->count ||
                      run_fail(error, EXIT_INPUT,
                               "%s has no checkpoints by step: train.checkpoint says how often "
                               "there is one",
                               folder));
}

/* "100,200,300" of those that there are. */
static bool choose_steps(const char *which, const StepList *there, StepList *chosen,
                         RunError *error) {
    for (const char *at = which;; at++) {
        int64_t step;
        if (!integer_take(&at, &step) || step < 0 || (*at && *at != ','))
            return run_fail(error, EXIT_USAGE, "--steps takes `all', or steps: 100,200; not '%s'",
                            which);
        if (!list_has(there, step))
            return run_fail(error, EXIT_INPUT,
                            "there is no checkpoint of step %lld; there are %zu, of steps %lld to "
                            "%lld (train.checkpoint)",
                            (long long)step, there->count, (long long)there->at[0],
                            (long long)there->at[there->count - 1]);
        if (!list_has(chosen, step) && !list_add(chosen, step))
            return run_no_memory(error, "the list of steps");
        if (!*at)
            break;
    }
    qsort(chosen->at, chosen->count, sizeof *chosen->at, ascending);
    return true;
}

static bool find_steps(Probing *probing, RunError *error) {
    StepList there = {0};
    bool found = list_checkpoints(probing->command->folder, &there, error);
    if (found && strcmp(probing->asked->which, "all") == 0) {
        probing->steps = there;
        return true;
    }
    found = found && choose_steps(probing->asked->which, &there, &probing->steps, error);
    free(there.at);
    return found;
}

/* --- what is there already --- */

/* A result belongs to the settings that it was found by. */
static bool hash_settings(Probing *probing, RunError *error) {
    const Experiment *experiment = probing->command->program->experiment;
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    for (uint32_t i = 0; stream && i < experiment->setting_count; i++) {
        const Setting *setting = &experiment->settings[i];
        if (strncmp(setting->key, "data.", 5) == 0 || strncmp(setting->key, "probe.", 6) == 0)
            fprintf(stream, "%s=%s\n", setting->key, setting->value);
    }
    const bool written = stream && fclose(stream) == 0;
    if (written)
        hash_text(text, probing->settings);
    free(text);
    return written || run_no_memory(error, "the settings");
}

static json_t *row_of(const Probing *probing, int64_t step) {
    size_t i;
    json_t *row;
    json_array_foreach(probing->rows, i, row) {
        if (json_integer_value(json_object_get(row, "step")) == step)
            return row;
    }
    return NULL;
}

/* The name of a tap, as it may be shown. */
static bool is_name(const json_t *json) {
    static const char usual[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_[]";
    const char *text = json_string_value(json);
    return text && strlen(text) < NAME_SIZE && !text[strspn(text, usual)];
}

/* What can't be read, or is of other settings, is as if it weren't there. */
static bool read_rows(Probing *probing, RunError *error) {
    char *path = command_path(probing->command, "probe/steps.json");
    json_t *file = path ? json_load_file(path, JSON_REJECT_DUPLICATES, NULL) : NULL;
    size_t i;
    json_t *row;
    probing->rows = json_array();
    json_array_foreach(json_object_get(file, "steps"), i, row) {
        const char *settings = json_string_value(json_object_get(row, "settings"));
        if (settings && strcmp(settings, probing->settings) == 0 &&
            json_is_integer(json_object_get(row, "step")) &&
            is_name(json_object_get(row, "best")) &&
            json_is_number(json_object_get(row, "validation_accuracy")) &&
            json_is_number(json_object_get(row, "test_accuracy")))
            json_array_append(probing->rows, row);
    }
    json_decref(file);
    free(path);
    return probing->rows || run_no_memory(error, "the steps");
}

/* --- one step --- */

static bool write_rows(const Probing *probing, RunError *error) {
    json_t *file = json_pack("{s:O}", "steps", probing->rows);
    char *text = file ? command_json_text(file) : NULL;
    const bool written = command_write_text(probing->command, "probe/steps.json", text, error);
    free(text);
    json_decref(file);
    return written;
}

/* The row's place is by step. */
static bool put_row(Probing *probing, int64_t step, json_t *row) {
    size_t at = 0;
    for (; at < json_array_size(probing->rows); at++) {
        const json_t *there = json_object_get(json_array_get(probing->rows, at), "step");
        if (json_integer_value(there) == step)
            return json_array_set_new(probing->rows, at, row) == 0;
        if (json_integer_value(there) > step)
            break;
    }
    return json_array_insert_new(probing->rows, at, row) == 0;
}

static json_t *number_of(const json_t *score, const char *key) {
    return json_incref(json_object_get(score, key));
}

static bool add_row(Probing *probing, const Command *one, int64_t step, RunError *error) {
    json_error_t reason = {.text = ""};
    char *path = command_path(one, "probe/probe.json");
    json_t *file = path ? json_load_file(path, 0, &reason) : NULL;
    const json_t *best = json_object_get(file, "best");
    const json_t *fit = json_object_get(best, "all_labels");
    const json_t *test = json_object_get(fit, "test");
    const double loss = metrics_series_at(&probing->losses, step);
    json_t *row = json_pack("{s:I, s:o, s:O, s:o, s:o, s:o, s:s}", "step", (json_int_t)step,
                            "validation_loss", isfinite(loss) ? json_real(loss) : json_null(),
                            "best", json_object_get(best, "features"), "validation_accuracy",
                            number_of(json_object_get(fit, "validation"), "accuracy"),
                            "test_accuracy", number_of(test, "accuracy"), "n", number_of(test, "n"),
                            "settings", probing->settings);
    const bool added = (row && put_row(probing, step, row)) ||
                       run_fail(error, EXIT_INPUT, "%s is not what a probe writes: %s",
                                path ? path : "probe.json", reason.text);
    json_decref(file);
    free(path);
    return added && write_rows(probing, error);
}

static bool probe_step(Probing *probing, int64_t step, FILE *nowhere, RunError *error) {
    const Command *command = probing->command;
    char name[64], *into, *checkpoint;
    snprintf(name, sizeof name, "checkpoints/step-%06lld.safetensors", (long long)step);
    checkpoint = file_path(command->folder, name);
    if (asprintf(&into, "%s/step-%06lld", command->into ? command->into : "probe",
                 (long long)step) < 0)
        into = NULL;
    Command one = *command;
    one.checkpoint = checkpoint;
    one.into = into;
    one.told = probing->pixels.known; /* at an earlier step */
    one.json = false;
    one.results = nowhere;
    const bool probed = ((checkpoint && into) || run_no_memory(error, "a path")) &&
                        commands_probe_sharing(&one, &probing->pixels, error) &&
                        add_row(probing, &one, step, error);
    free(checkpoint);
    free(into);
    return probed;
}

static bool probe_all(Probing *probing, RunError *error) {
    FILE *nowhere = fopen("/dev/null", "we"); /* a step's charts are in its folder */
    if (!nowhere)
        return run_fail(error, EXIT_MACHINE, "cannot open /dev/null: %s", strerror(errno));
    bool ok = true;
    for (size_t i = 0; ok && i < probing->steps.count; i++) {
        const int64_t step = probing->steps.at[i];
        const bool there = !probing->asked->again && row_of(probing, step);
        log_say(probing->command->log, "step %lld (%zu of %zu)%s", (long long)step, i + 1,
                probing->steps.count, there ? ": probed already" : "");
        ok = there || probe_step(probing, step, nowhere, error);
    }
    fclose(nowhere);
    return ok;
}

/* --- what is printed --- */

static bool print_json(const Probing *probing, RunError *error) {
    json_t *rows = json_array();
    for (size_t i = 0; i < probing->steps.count; i++)
        json_array_append(rows, row_of(probing, probing->steps.at[i]));
    json_t *json = json_pack("{s:o}", "steps", rows);
    char *text = json ? command_json_text(json) : NULL;
    if (text)
        fputs(text, probing->command->results);
    free(text);
    json_decref(json);
    return text || run_no_memory(error, "the results");
}

static bool print_table(const Probing *probing, RunError *error) {
    FILE *out = probing->command->results;
    fprintf(out, "    step  validation loss  best layer    validation      test\n");
    for (size_t i = 0; i < probing->steps.count; i++) {
        const json_t *row = row_of(probing, probing->steps.at[i]);
        const json_t *loss = json_object_get(row, "validation_loss");
        fprintf(out, "%8lld  ", (long long)probing->steps.at[i]);
        if (json_is_number(loss))
            fprintf(out, "%15.4f", json_number_value(loss));
        else
            fprintf(out, "%15s", "-");
        fprintf(out, "  %-12s  %8.1f %%  %6.1f %%\n",
                json_string_value(json_object_get(row, "best")),
                100 * json_number_value(json_object_get(row, "validation_accuracy")),
                100 * json_number_value(json_object_get(row, "test_accuracy")));
    }
    char *path = command_path(probing->command, "probe/steps.json");
    if (!path)
        return run_no_memory(error, "a path");
    fprintf(out, "%s\n", path);
    free(path);
    return true;
}

/* --- the command --- */

static bool steps_do(Probing *probing, RunError *error) {
    FileError fault;
    const Command *command = probing->command;
    return find_steps(probing, error) && hash_settings(probing, error) &&
           (metrics_series_read(command->folder, "validation", "loss", &probing->losses, &fault) ||
            run_fail(error, EXIT_INPUT, "%s", fault.text)) &&
           command_directory(command, "probe", error) && read_rows(probing, error) &&
           probe_all(probing, error) &&
           (command->json ? print_json(probing, error) : print_table(probing, error));
}

bool commands_probe_steps(const Command *command, const ProbeSteps *steps, RunError *error) {
    Probing probing = {.command = command, .asked = steps};
    const bool done = steps_do(&probing, error);
    metrics_series_free(&probing.losses);
    probe_result_free(&probing.pixels.result);
    json_decref(probing.rows);
    free(probing.steps.at);
    return done;
}
