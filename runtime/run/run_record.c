#include "runtime/run/run_record.h"

#include "runtime/files/hash.h"
#include "runtime/run/checkpoint.h"
#include "runtime/run/run_create.h"
#include "runtime/run/run_folder.h"
#include "runtime/run/run_libraries.h"
#include "runtime/run/run_lock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- made --- */

static json_t *record_new(const RunOrigin *origin, const Palette *palette, const char *state,
                          const char *folder) {
    const Experiment *experiment = origin->program->experiment;
    const Plan *plan = origin->program->plan;
    const DataSet *data = origin->data;
    const char *slash = strrchr(folder, '/');
    char hash[HASH_SIZE];
    hash_text(experiment->spec, hash);
    json_t *parent = origin->parent->record ? origin->parent->record : json_null();
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:s*, s:s*, s:s, s:s, s:s, s:s*, s:s*, s:s*, s:s*, "
        "s:s*, s:s?, s:O, s:o*, s:[]}",
        "id", slash ? slash + 1 : folder, "name", experiment->name, "state", state, "command",
        origin->command, "versions", "scanline", origin->versions.scanline, "llvm",
        origin->versions.llvm, "target", plan ? plan->target : NULL, "table",
        plan ? plan->table : NULL, "precision", experiment->train.precision, "objective",
        experiment->train.objective, "spec", hash, "source", data ? data->source : NULL, "images",
        data ? data->images_hash : NULL, "data", data ? data->hash : NULL, "split",
        data ? data->split_hash : NULL, "whole_split", data ? data->whole_split_hash : NULL,
        "palette", palette && *palette->hash ? palette->hash : NULL, "parent", parent, "libraries",
        run_libraries(origin->program), "test_reads");
}

/* The palette, for whoever wants to use the run's model: palette.npy. */
static bool keep_palette(const Palette *palette, const char *draft, FileError *fault) {
    if (!palette || !palette->centres)
        return true;
    char *path = file_path(draft, "palette.npy");
    const bool kept = path && palette_write(palette, path, fault);
    free(path);
    return kept;
}

/* spec.scan, run.json and the palette; takes the record. */
static bool write_texts(const RunOrigin *origin, const Palette *palette, const char *draft,
                        json_t *record, RunError *error) {
    const char *spec = origin->program->experiment->spec;
    FileError fault = {"no memory for run.json, or text in it that is not UTF-8"};
    char *path = file_path(draft, "spec.scan");
    bool written = path && record && file_write(path, spec, strlen(spec), &fault) &&
                   run_record_write(draft, record, &fault) && keep_palette(palette, draft, &fault);
    json_decref(record);
    free(path);
    return written || run_fail(error, EXIT_MACHINE, "%s", fault.text);
}

typedef struct Birth {
    const RunOrigin *origin;
    int lock;
} Birth;

static bool fill(void *user, const char *draft, const char *folder, RunError *error) {
    Birth *birth = user;
    birth->lock = run_lock(draft, error);
    if (birth->lock < 0 || !run_parent_keep(birth->origin->parent, draft, error))
        return false;
    const Palette *palette = &birth->origin->data->palette;
    return write_texts(birth->origin, palette, draft,
                       record_new(birth->origin, palette, "running", folder), error);
}

char *run_begin(const RunOrigin *origin, const char *out, int *lock, RunError *error) {
    Birth birth = {.origin = origin, .lock = -1};
    char *name = run_name(origin->program->experiment);
    char *folder = name ? run_create(runs_root(), out, name, fill, &birth, error) : NULL;
    if (!name)
        run_no_memory(error, "the run's name");
    free(name);
    if (!folder)
        run_unlock(birth.lock);
    *lock = folder ? birth.lock : -1;
    return folder;
}

/* --- imported --- */

static const char imported_state[] = "imported";

/* As after no step of a training, on images of which nothing is known. */
static bool write_checkpoint(const RunImport *import, const char *draft, RunError *error) {
    CheckpointState state = {.best_loss = INFINITY, .palette = import->palette};
    if (import->palette)
        strcpy(state.palette_hash, import->palette->hash);
    FileError fault = {"no memory for a path"};
    char *path = file_path(draft, "checkpoints/best.safetensors");
    bool written = path && checkpoint_write(path, import->origin.program->experiment,
                                            import->parameters, NULL, &state, &fault);
    free(path);
    return written || run_fail(error, EXIT_MACHINE, "%s", fault.text);
}

static bool fill_imported(void *user, const char *draft, const char *folder, RunError *error) {
    const RunImport *import = user;
    json_t *record = record_new(&import->origin, import->palette, imported_state, folder);
    json_t *imported = json_pack("{s:s, s:s}", "from", import->from, "map", import->map);
    if (record && (!imported || json_object_set(record, "imported", imported))) {
        json_decref(record);
        record = NULL;
    }
    json_decref(imported);
    return write_texts(&import->origin, import->palette, draft, record, error) &&
           write_checkpoint(import, draft, error);
}

char *run_import(const RunImport *import, const char *out, RunError *error) {
    char *name = run_name(import->origin.program->experiment);
    char *folder =
        name ? run_create(runs_root(), out, name, fill_imported, (void *)import, error) : NULL;
    if (!name)
        run_no_memory(error, "the run's name");
    free(name);
    return folder;
}

/* --- found again --- */

/* There is nothing to go on with where nothing was trained. */
static bool was_trained(const json_t *record, const char *purpose, RunError *error) {
    const char *state = json_string_value(json_object_get(record, "state"));
    return !state || strcmp(state, imported_state) != 0 ||
           run_fail(error, EXIT_INPUT,
                    "the run was imported, not trained here, so it cannot be %s; `train --from' "
                    "trains on from its parameters",
                    purpose);
}

/* `what` is in the record as `key`; of runs of older versions it may not be there. */
static bool agrees(const json_t *record, const char *key, const char *here, const char *what,
                   const char *purpose, RunError *error) {
    const char *then = json_string_value(json_object_get(record, key));
    if (!then || strcmp(then, here) == 0)
        return true;
    return run_fail(error, EXIT_INPUT,
                    "%s of the run is %.100s, and here it is %.100s: the bits cannot be the same, "
                    "so it cannot be %s",
                    what, then, here, purpose);
}

/* Products have the same bits whatever their blocks; gradients of attention need not. */
static bool table_agrees(const json_t *record, const char *here, const char *purpose,
                         RunError *error) {
    const char *then = json_string_value(json_object_get(record, "table"));
    if (!then || strcmp(then, here) == 0)
        return true;
    return run_fail(error, EXIT_INPUT,
                    "the table of choices of the run is %.40s, and here it is %.40s: the bits may "
                    "be others, so it cannot be %s; give the --table that it was begun with, or "
                    "none where it had none",
                    then, here, purpose);
}

static bool palette_agrees(const json_t *record, const char *here, const char *folder,
                           const char *purpose, RunError *error) {
    const char *then = json_string_value(json_object_get(record, "palette"));
    if (!then || strcmp(then, here) == 0)
        return true;
    return run_fail(error, EXIT_INPUT,
                    "the palette of the run is %.40s, and here it is %.40s: the tokens would be "
                    "others, so it cannot be %s. Put the first back (%s/palette.npy) by `scanline "
                    "data palette FILE --palette', or as the file that data.palette names",
                    then, *here ? here : "none", purpose, folder);
}

json_t *run_record_of(const char *folder, const RunOrigin *origin, const char *purpose,
                      RunError *error) {
    FileError fault;
    char hash[HASH_SIZE];
    json_t *record = run_record_read(folder, &fault);
    if (!record) {
        run_fail(error, EXIT_INPUT, "%s", fault.text);
        return NULL;
    }
    hash_text(origin->program->experiment->spec, hash);
    if (was_trained(record, purpose, error) &&
        agrees(record, "spec", hash, "the hash of spec.scan", purpose, error) &&
        agrees(record, "target", origin->program->plan->target, "the target", purpose, error) &&
        table_agrees(record, origin->program->plan->table, purpose, error) &&
        run_libraries_agree(record, origin->program, purpose, error) &&
        palette_agrees(record, origin->data->palette.hash, folder, purpose, error) &&
        agrees(record, "data", origin->data->hash, "the hash of the images", purpose, error) &&
        agrees(record, "split", origin->data->split_hash, "the hash of their split", purpose,
               error))
        return record;
    json_decref(record);
    return NULL;
}

char *run_versions_differ(const json_t *record, const RunVersions *versions) {
    const json_t *then = json_object_get(record, "versions");
    const char *scanline = json_string_value(json_object_get(then, "scanline"));
    const char *llvm = json_string_value(json_object_get(then, "llvm"));
    char *text;
    if (!scanline || !llvm ||
        (strcmp(scanline, versions->scanline) == 0 && strcmp(llvm, versions->llvm) == 0))
        return NULL;
    if (asprintf(&text,
                 "the run was begun by scanline %.40s with LLVM %.40s; this is scanline %s with "
                 "LLVM %s, and the bits may be others",
                 scanline, llvm, versions->scanline, versions->llvm) < 0)
        return NULL;
    return text;
}

/* --- gone on with, ended --- */

static void set_running(json_t *record, void *user) {
    (void)user;
    json_object_set_new(record, "state", json_string("running"));
    json_object_del(record, "reason");
}

bool run_go_on(const char *folder, RunError *error) {
    FileError fault;
    return run_record_change(folder, set_running, NULL, &fault) ||
           run_fail(error, EXIT_MACHINE, "%s", fault.text);
}

typedef struct Ending {
    ExitCode code;
    const TrainingResult *result;
    const RunError *reason;
} Ending;

static const char *state_of(const Ending *ending) {
    switch (ending->code) {
    case EXIT_DONE:
        return ending->result->stopped_early ? "done early" : "done";
    case EXIT_STOPPED:
        return "stopped";
    case EXIT_DIVERGED:
        return "diverged";
    default:
        return "failed";
    }
}

static void set_ended(json_t *record, void *user) {
    const Ending *ending = user;
    const TrainingResult *result = ending->result;
    json_object_set_new(record, "state", json_string(state_of(ending)));
    json_object_set_new(record, "steps", json_integer(result->step));
    json_object_set_new(record, "best_step", json_integer(result->best_step));
    if (isfinite(result->best_loss))
        json_object_set_new(record, "best_validation_loss", json_real(result->best_loss));
    if (isfinite(result->best_loss) && result->best_accuracy >= 0)
        json_object_set_new(record, "best_validation_accuracy", json_real(result->best_accuracy));
    if (ending->code)
        json_object_set_new(record, "reason", json_string(ending->reason->text));
    else
        json_object_del(record, "reason");
}

bool run_end(const char *folder, ExitCode code, const TrainingResult *result,
             const RunError *reason, RunError *error) {
    Ending ending = {code, result, reason};
    FileError fault;
    return run_record_change(folder, set_ended, &ending, &fault) ||
           run_fail(error, EXIT_MACHINE, "%s", fault.text);
}
