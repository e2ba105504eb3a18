/* Run folders: a run says everything about itself in one folder, runs/0007-digits-ar-d128-s1/
 * (runtime/README.md).
 *
 * This is about those that are there; run_create makes them. */
#ifndef SCANLINE_RUNTIME_RUN_FOLDER_H
#define SCANLINE_RUNTIME_RUN_FOLDER_H

#include "runtime/execution/experiment.h"
#include "runtime/files/file.h"

#include <jansson.h>

/* $SCANLINE_RUNS, or "runs". */
const char *runs_root(void);

/* "digits-ar-d128-s1": the spec, the objective, what the command line changed, the seed; at most 80
 * bytes of letters, digits, '.', '_' and '-'. malloc'ed; NULL: no memory. */
char *run_name(const Experiment *experiment);

/* The folder that "7", "@last" or a path addresses. malloc'ed; NULL and `error`, which names those
 * there are. */
char *run_find(const char *root, const char *address, FileError *error);

/* The checkpoint that a run is known by: its best, or else its last. malloc'ed; NULL: no memory. */
char *run_checkpoint(const char *folder);

/* run.json: an object, read whole and replaced whole. The caller's to json_decref. */
json_t *run_record_read(const char *folder, FileError *error);
/* A text of it, which lives as long as it does; "" where there is none. */
const char *run_record_text(const json_t *record, const char *key);
bool run_record_write(const char *folder, const json_t *record, FileError *error);

/* Reads, changes and writes it; what several processes change at once is all in it. */
typedef void RunChange(json_t *record, void *user);
bool run_record_change(const char *folder, RunChange *change, void *user, FileError *error);

/* Adds one to the record's count of reads of the test split, and says in `by` what read it. */
bool run_count_test_read(const char *folder, const char *by, FileError *error);

/* A numbered folder of `root`. */
typedef struct RunEntry {
    int64_t number;
    char *name; /* "0007-digits-ar-d128-s1" */
} RunEntry;

/* By number. malloc'ed (runs_free); an absent root has no runs. -1 and `error` when it can't be
 * read. */
int64_t runs_list(const char *root, RunEntry **entries, FileError *error);
void runs_free(RunEntry *entries, int64_t count);

#endif
