/* A data set as it is distributed becomes a data file (runtime/images/image_file.h).
 *
 * The source is gone through twice. First by names alone: which format it is, which classes there
 * are, how much there will be, and what it looked like, so that one that changes meanwhile is
 * noticed. Then images stream into the file, in the order of the source, whatever the number of
 * threads. An import that was killed goes on with the same call.
 *
 * Splits: what the source itself has for testing is that; without, a share is. Likewise validation.
 * Shares are taken by runtime/images/split.h from the rest. */
#ifndef SCANLINE_RUNTIME_IMPORT_H
#define SCANLINE_RUNTIME_IMPORT_H

#include "runtime/run_error.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ImportSettings {
    const char *const *sources; /* files and folders */
    int64_t source_count;
    const char *path;        /* of the data file */
    const char *format;      /* of format.c; NULL: by what is there */
    double validation, test; /* shares; below 0: the defaults */
    int64_t seed;            /* of the split */
    int64_t shorter;  /* sides are made smaller until the shorter has so many pixels; 0: not */
    bool grey;        /* one channel */
    bool coarse;      /* CIFAR-100's coarse labels */
    bool skip_broken; /* leave broken images out; otherwise they make it fail, at the end */
    int threads;
} ImportSettings;

/* What is told meanwhile, from one thread at a time. Any may be NULL. */
typedef struct ImportListener {
    void *user;
    void (*looking)(void *user, int64_t files); /* while it is gone through by names */
    void (*progress)(void *user, int64_t entries, int64_t bytes, int64_t all_bytes);
    void (*broken)(void *user, const char *name, const char *reason); /* printable */
    void (*note)(void *user, const char *text);
} ImportListener;

/* What was found, also where it fails. */
typedef struct ImportResult {
    const char *format; /* NULL: it did not get so far */
    int64_t entries;    /* images and what should have been one */
    int64_t broken;
    int64_t resumed; /* entries that an earlier import had done */
} ImportResult;

/* False and `error`; what was done is kept beside the path for the next call. */
bool import_run(const ImportSettings *settings, const ImportListener *listener,
                ImportResult *result, RunError *error);

#endif
