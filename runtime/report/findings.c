#include "runtime/report/findings.h"

#include "runtime/files/safetensors.h"
#include "runtime/integer.h"
#include "runtime/report/findings_read.h"
#include "runtime/report/listing.h"
#include "runtime/run/run_folder.h"
#include "runtime/run/run_lock.h"
#include "runtime/run/work.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_PICTURES = 64, SPEC_BYTES = 64 * 1024 * 1024, NOTE_SIZE = 1024 };

void findings_note(RunFindings *run, Pool *pool, const char *format, ...) {
    char text[NOTE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const char **larger = pool_grow(pool, run->notes, run->note_count, sizeof *run->notes);
    const char *note = larger ? pool_copy_clean(pool, text) : NULL;
    if (!note)
        return;
    run->notes = larger;
    larger[run->note_count++] = note;
}

/* --- run.json --- */

static const char *text_of(const json_t *record, const char *key, Pool *pool) {
    const char *text = json_string_value(json_object_get(record, key));
    const char *copy = text ? pool_copy_clean(pool, text) : "";
    return copy ? copy : "";
}

/* A run that says it is running, but that nobody trains, was killed. */
static const char *state_of(const json_t *record, const char *folder, Pool *pool) {
    const char *state = text_of(record, "state", pool);
    return strcmp(state, "running") == 0 && !run_is_locked(folder) ? "killed" : state;
}

/* "7" where that addresses it. */
static const char *address_of(const char *folder, const char *id, Pool *pool) {
    const char *end = id;
    int64_t number;
    const size_t root = strlen(runs_root());
    const bool numbered = integer_take(&end, &number) && *end == '-' && number > 0;
    if (numbered && strncmp(folder, runs_root(), root) == 0 && folder[root] == '/' &&
        strcmp(folder + root + 1, id) == 0)
        return pool_print(pool, "%lld", (long long)number);
    return pool_copy_clean(pool, folder);
}

static const char *id_of(const char *folder, Pool *pool) {
    char *copy = pool_copy_clean(pool, folder);
    for (char *end = copy ? strchr(copy, 0) : NULL; copy && end > copy + 1 && end[-1] == '/';)
        *--end = 0;
    const char *slash = copy ? strrchr(copy, '/') : NULL;
    return slash && slash[1] ? slash + 1 : copy;
}

/* NaN: it is none. */
static double share_of(const json_t *json) {
    const double value = json_is_number(json) ? json_number_value(json) : NAN;
    return value >= 0 && value <= 1 ? value : NAN;
}

static void take_record(RunFindings *run, const json_t *record, Pool *pool) {
    const json_t *steps = json_object_get(record, "steps");
    const json_t *best_step = json_object_get(record, "best_step");
    const json_t *loss = json_object_get(record, "best_validation_loss");
    const bool judged = json_is_number(loss) && isfinite(json_number_value(loss));
    run->name = text_of(record, "name", pool);
    run->objective = text_of(record, "objective", pool);
    run->state = state_of(record, run->folder, pool);
    run->precision = text_of(record, "precision", pool);
    run->data = text_of(record, "data", pool);
    run->split = text_of(record, "split", pool);
    run->parent = text_of(json_object_get(record, "parent"), "id", pool);
    run->best_accuracy = share_of(json_object_get(record, "best_validation_accuracy"));
    run->command = text_of(record, "command", pool);
    run->reason = text_of(record, "reason", pool);
    run->steps = json_integer_value(steps);
    run->best_loss = judged ? json_number_value(loss) : NAN;
    run->best_step = judged ? json_integer_value(best_step) : -1;
}

/* What stands in run.json, and whether it says how the run ended. */
static bool read_record(const char *folder, Pool *pool, RunFindings *run, bool *ended,
                        RunError *error) {
    FileError fault;
    *run = (RunFindings){.parameters = -1, .seed = -1, .spec = ""};
    run->folder = pool_copy(pool, folder);
    run->id = id_of(folder, pool);
    run->address = run->id ? address_of(folder, run->id, pool) : NULL;
    if (!run->folder || !run->address)
        return run_no_memory(error, "a run");
    json_t *record = run_record_read(folder, &fault);
    if (!record)
        return run_fail(error, EXIT_INPUT, "%s", fault.text);
    take_record(run, record, pool);
    *ended = json_is_integer(json_object_get(record, "steps")) &&
             strcmp(run->state, "running") != 0 && strcmp(run->state, "killed") != 0;
    json_decref(record);
    return true;
}

/* --- other files --- */

/* States of the update rule have a ':' in their names. */
static void count_parameters(RunFindings *run, Pool *pool) {
    FileError error;
    char *path = run_checkpoint(run->folder);
    Safetensors *file = path && access(path, F_OK) == 0 ? safetensors_open(path, &error) : NULL;
    if (path && access(path, F_OK) == 0 && !file)
        findings_note(run, pool, "%s", error.text);
    int64_t count = 0;
    for (uint32_t i = 0; file && i < safetensors_count(file); i++) {
        const Tensor *tensor = safetensors_at(file, i);
        if (!strchr(tensor->name, ':'))
            count += tensor->elements;
    }
    run->parameters = file ? count : -1;
    safetensors_close(file);
    free(path);
}

static bool is_picture(const char *name) {
    const size_t length = strlen(name);
    return length > 4 && *name != '.' && strcmp(name + length - 4, ".png") == 0;
}

static void find_pictures(RunFindings *run, Pool *pool) {
    const char *folder = pool_print(pool, "%s/samples", run->folder);
    if (!folder)
        return;
    run->picture_count = listing_read(folder, is_picture, MOST_PICTURES, pool, &run->pictures);
    for (uint32_t i = 0; i < run->picture_count; i++)
        run->pictures[i] = pool_print(pool, "%s/%s", folder, run->pictures[i]);
}

static void read_spec(RunFindings *run, Pool *pool) {
    FileError error = {"no memory for a path"};
    size_t size;
    char *path = file_path(run->folder, "spec.scan");
    char *text = path ? file_read(path, SPEC_BYTES, &size, &error) : NULL;
    const char *copy = text ? pool_copy(pool, text) : NULL;
    if (copy)
        run->spec = copy;
    if (!text)
        findings_note(run, pool, "%s", error.text);
    free(text);
    free(path);
}

/* --- whole --- */

static bool whole(const Pool *pool, RunError *error) {
    return !pool->failed || run_no_memory(error, "what was found in a run");
}

bool findings_read(const char *folder, Pool *pool, RunFindings *run, RunError *error) {
    bool ended;
    if (!read_record(folder, pool, run, &ended, error))
        return false;
    findings_read_curves(run, pool);
    findings_read_probes(run, true, pool);
    findings_read_test(run, pool);
    count_parameters(run, pool);
    find_pictures(run, pool);
    read_spec(run, pool);
    return whole(pool, error);
}

bool findings_read_summary(const char *folder, Pool *pool, RunFindings *run, RunError *error) {
    bool ended;
    if (!read_record(folder, pool, run, &ended, error))
        return false;
    if (!ended)
        findings_read_curves(run, pool);
    findings_read_probes(run, false, pool);
    return whole(pool, error);
}

static void set_settings(RunFindings *run, const FoundRun *found, Pool *pool) {
    run->settings = found->settings;
    run->setting_count = found->setting_count;
    if (!integer_read(findings_setting(run, "train.seed"), 0, INT64_MAX, &run->seed))
        run->seed = -1;
    if (!run->setting_count)
        findings_note(run, pool, "its settings: spec.scan is no sound spec");
}

bool findings_read_all(const FoundRun *found, uint32_t count, Log *log, Pool *pool,
                       RunFindings *runs, RunError *error) {
    Work work;
    bool read = true;
    work_begin(&work, log, "reading runs", count);
    for (uint32_t r = 0; read && r < count; r++) {
        read = findings_read(found[r].folder, pool, &runs[r], error);
        if (read)
            set_settings(&runs[r], &found[r], pool);
        work_advance(&work, 1);
    }
    work_end(&work);
    return read && whole(pool, error);
}

const char *findings_setting(const RunFindings *run, const char *key) {
    for (uint32_t i = 0; i < run->setting_count; i++)
        if (strcmp(run->settings[i].key, key) == 0)
            return run->settings[i].value;
    return NULL;
}
