/* Says what a data file holds; and imports one, which ends with the same. */
#ifndef SCANLINE_RUNTIME_COMMANDS_INSPECT_H
#define SCANLINE_RUNTIME_COMMANDS_INSPECT_H

#include "runtime/images/image_file.h"
#include "runtime/import/import.h"
#include "runtime/run/log.h"

#include <jansson.h>
#include <stdio.h>

typedef struct InspectOptions {
    const char *path;
    const char *sheet;  /* a PNG to draw; NULL: none */
    int64_t resolution; /* duplicates are looked for at it too; 0: as they are alone */
    bool verify;        /* all pixels against their sums */
    bool json;
    int threads;
} InspectOptions;

bool commands_inspect(const InspectOptions *options, Log *log, FILE *results, RunError *error);

bool commands_import(const ImportSettings *settings, bool json, Log *log, FILE *results,
                     RunError *error);

/* What an opened file is, its counts and its origin. */
json_t *inspect_json(const ImageFile *file, const char *path);
void inspect_print(FILE *out, const json_t *json);

#endif
