#include "runtime/run/run_same.h"

#include "runtime/files/hash.h"
#include "runtime/run/run_folder.h"
#include "runtime/run/run_libraries.h"

#include <stdlib.h>
#include <string.h>

static bool is(const json_t *record, const char *key, const char *text) {
    return strcmp(run_record_text(record, key), text) == 0;
}

/* Two runs without parents have the same: none. */
static bool same_parent(const json_t *record, const RunParent *parent) {
    const json_t *theirs = json_object_get(record, "parent"), *ours = parent->record;
    return strcmp(run_record_text(theirs, "hash"), run_record_text(ours, "hash")) == 0;
}

static bool is_same(const json_t *record, const RunOrigin *origin, const char *spec) {
    const Plan *plan = origin->program->plan;
    return is(record, "spec", spec) && is(record, "data", origin->data->hash) &&
           is(record, "split", origin->data->split_hash) && is(record, "target", plan->target) &&
           is(record, "table", plan->table) && run_libraries_same(record, origin->program) &&
           same_parent(record, origin->parent);
}

/* Takes a run that is the same, where it is better than what was found. */
static bool consider(RunSame *same, const char *folder, const json_t *record) {
    const bool diverged = is(record, "state", "diverged");
    const bool ended = diverged || is(record, "state", "done") || is(record, "state", "done early");
    if (same->folder && (same->ended || !ended))
        return true;
    run_same_free(same);
    *same = (RunSame){.folder = strdup(folder), .ended = ended};
    if (diverged)
        same->diverged = strdup(run_record_text(record, "reason"));
    return same->folder && (same->diverged || !diverged);
}

bool run_same_find(const char *root, const RunOrigin *origin, RunSame *same, RunError *error) {
    RunEntry *entries;
    FileError fault;
    char spec[HASH_SIZE];
    *same = (RunSame){0};
    const int64_t count = runs_list(root, &entries, &fault);
    if (count < 0)
        return run_fail(error, EXIT_MACHINE, "%s", fault.text);
    hash_text(origin->program->experiment->spec, spec);
    bool able = true;
    for (int64_t i = 0; i < count && able; i++) {
        char *folder = file_path(root, entries[i].name);
        json_t *record = folder ? run_record_read(folder, &fault) : NULL;
        able =
            folder && (!record || !is_same(record, origin, spec) || consider(same, folder, record));
        json_decref(record);
        free(folder);
    }
    runs_free(entries, count);
    if (able)
        return true;
    run_same_free(same);
    return run_no_memory(error, "the list of runs");
}

void run_same_free(RunSame *same) {
    free(same->folder);
    free(same->diverged);
    *same = (RunSame){0};
}
