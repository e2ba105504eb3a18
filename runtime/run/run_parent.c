#include "runtime/run/run_parent.h"

#include "runtime/files/hash.h"
#include "runtime/run/checkpoint.h"
#include "runtime/run/run_folder.h"

#include <stdlib.h>
#include <string.h>

static const char kept_name[] = "checkpoints/parent.safetensors";

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void run_parent_free(RunParent *parent) {
    free(parent->checkpoint);
    json_decref(parent->record);
    *parent = (RunParent){0};
}

/* --- choosing --- */

/* A file of another run would make the child's record a lie. */
static bool belongs(const char *checkpoint, const char *folder, RunError *error) {
    FileError fault = {"no memory for a path"};
    size_t size;
    char *path = file_path(folder, "spec.scan");
    char *spec = path ? file_read(path, SIZE_MAX, &size, &fault) : NULL;
    char *trained = spec ? checkpoint_spec(checkpoint, &fault) : NULL;
    bool same = trained && strcmp(spec, trained) == 0;
    if (!trained)
        run_fail(error, EXIT_INPUT, "%s", fault.text);
    else if (!same)
        run_fail(error, EXIT_INPUT, "%s is no checkpoint of %s: it was trained by another spec",
                 checkpoint, folder);
    free(path);
    free(spec);
    free(trained);
    return same;
}

/* Else the child would take one colour for another. */
static bool palettes_agree(const CheckpointState *state, const char *checkpoint, const char *folder,
                           const DataSet *data, RunError *error) {
    const char *then = state->palette_hash, *now = data->palette.hash;
    return !*then || !*now || strcmp(then, now) == 0 ||
           run_fail(error, EXIT_INPUT,
                    "%s was trained with the palette %s, and %s has the palette %s: the tokens "
                    "would be others; give the first, data.palette=%s/palette.npy",
                    checkpoint, then, data->source, now, folder);
}

static bool record_make(RunParent *parent, const char *folder, const DataSet *data,
                        RunError *error) {
    CheckpointState state;
    FileError fault;
    char hash[HASH_SIZE];
    json_t *record = NULL;
    if (!checkpoint_state(parent->checkpoint, &state, &fault) ||
        !hash_file(parent->checkpoint, hash, &fault) || !(record = run_record_read(folder, &fault)))
        return run_fail(error, EXIT_INPUT, "%s", fault.text);
    if (!palettes_agree(&state, parent->checkpoint, folder, data, error)) {
        json_decref(record);
        return false;
    }
    json_t *before = json_object_get(record, "parent");
    const char *id = run_record_text(record, "id");
    parent->record =
        json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:O}", "id",
                  *id ? id : base_name(folder), "checkpoint", base_name(parent->checkpoint), "step",
                  (json_int_t)state.step, "hash", hash, "source", run_record_text(record, "source"),
                  "images", state.images_hash, "data", state.data_hash, "split", state.split_hash,
                  "whole_split", state.whole_split_hash, "parent", before ? before : json_null());
    json_decref(record);
    return parent->record || run_no_memory(error, "the parent's record");
}

/* Records of older versions have `split` alone: there were no parts of it. */
static const char *whole_split_of(const json_t *record) {
    const char *whole = run_record_text(record, "whole_split");
    return *whole ? whole : run_record_text(record, "split");
}

/* Records of older versions have `data` alone, which is another at another resolution. */
static bool is_of_images(const json_t *record, const DataSet *data) {
    const char *images = run_record_text(record, "images");
    return *images ? strcmp(images, data->images_hash) == 0
                   : strcmp(run_record_text(record, "data"), data->hash) == 0;
}

bool run_parents_agree(const json_t *record, const DataSet *data, RunError *error) {
    for (; json_is_object(record); record = json_object_get(record, "parent"))
        if (is_of_images(record, data) &&
            strcmp(whole_split_of(record), data->whole_split_hash) != 0)
            return run_fail(error, EXIT_INPUT,
                            "%.100s was trained on other splits of the same images: some of those "
                            "that this run is judged by would have been trained on; keep "
                            "data.seed, data.validation and data.test as they are there",
                            run_record_text(record, "id"));
    return true;
}

/* Whether a record before `end`, of those that begin with `first`, is of the same images. */
static bool is_repeated(const json_t *first, const json_t *end) {
    for (; first != end; first = json_object_get(first, "parent"))
        if (strcmp(run_record_text(first, "images"), run_record_text(end, "images")) == 0)
            return true;
    return false;
}

void run_parents_warn(const json_t *record, const DataSet *data, int threads, Log *log) {
    const json_t *first = record;
    char text[700];
    for (; json_is_object(record); record = json_object_get(record, "parent")) {
        const DataSeen seen = {run_record_text(record, "source"),
                               run_record_text(record, "images")};
        if (*seen.source && *seen.images_hash && !is_of_images(record, data) &&
            !is_repeated(first, record) &&
            data_seen_warning(data, &seen, threads, text, sizeof text) && *text)
            log_say(log, "warning: %s", text);
    }
}

bool run_parent_choose(RunParent *parent, const char *folder, const char *checkpoint,
                       const DataSet *data, RunError *error) {
    *parent = (RunParent){.checkpoint = checkpoint ? strdup(checkpoint) : run_checkpoint(folder)};
    bool chosen = (parent->checkpoint || run_no_memory(error, "a path")) &&
                  belongs(parent->checkpoint, folder, error) &&
                  record_make(parent, folder, data, error) &&
                  run_parents_agree(parent->record, data, error);
    if (!chosen)
        run_parent_free(parent);
    return chosen;
}

/* --- what is kept --- */

bool run_parent_keep(const RunParent *parent, const char *folder, RunError *error) {
    if (!parent->checkpoint)
        return true;
    FileError fault = {"no memory for a path"};
    char hash[HASH_SIZE];
    char *path = file_path(folder, kept_name);
    bool kept =
        path && file_share(parent->checkpoint, path, &fault) && hash_file(path, hash, &fault);
    free(path);
    if (!kept)
        return run_fail(error, EXIT_MACHINE, "%s", fault.text);
    return strcmp(hash, run_record_text(parent->record, "hash")) == 0 ||
           run_fail(error, EXIT_INPUT,
                    "%s was replaced while it was read: its run is being trained; try again",
                    parent->checkpoint);
}

bool run_parent_settle(RunParent *parent, const char *folder, RunError *error) {
    if (!parent->checkpoint)
        return true;
    free(parent->checkpoint);
    parent->checkpoint = file_path(folder, kept_name);
    return parent->checkpoint || run_no_memory(error, "a path");
}

bool run_parent_kept(RunParent *parent, const char *folder, const json_t *record, RunError *error) {
    json_t *entry = json_object_get(record, "parent");
    *parent = (RunParent){0};
    if (!json_is_object(entry))
        return true;
    FileError fault = {"no memory for a path"};
    char hash[HASH_SIZE] = "";
    *parent = (RunParent){file_path(folder, kept_name), json_incref(entry)};
    bool read = parent->checkpoint && hash_file(parent->checkpoint, hash, &fault);
    bool kept = read && strcmp(hash, run_record_text(entry, "hash")) == 0;
    if (!read)
        run_fail(error, EXIT_INPUT, "%s", fault.text);
    else if (!kept)
        run_fail(error, EXIT_INPUT,
                 "%s is not the file that the run started from (%.100s, %.100s): put that back",
                 parent->checkpoint, run_record_text(entry, "id"),
                 run_record_text(entry, "checkpoint"));
    if (!kept)
        run_parent_free(parent);
    return kept;
}

void run_parent_say(const RunParent *parent, const DataSet *data, Log *log) {
    if (!parent->record)
        return;
    log_say(log, "a child of %.100s: its parameters after step %lld (%.100s)",
            run_record_text(parent->record, "id"),
            (long long)json_integer_value(json_object_get(parent->record, "step")),
            run_record_text(parent->record, "checkpoint"));
    if (!is_of_images(parent->record, data))
        log_say(log, "a transfer: it was trained on other images than %s", data->source);
    else if (strcmp(run_record_text(parent->record, "data"), data->hash) != 0)
        log_say(log, "it was trained on the images of %s as other tokens: at another resolution",
                data->source);
}
