/* The command import: a run whose parameters are of another program's checkpoint. Reads no
 * arguments; results go to `results`. */
#ifndef SCANLINE_RUNTIME_COMMANDS_IMPORT_H
#define SCANLINE_RUNTIME_COMMANDS_IMPORT_H

#include "runtime/images/palette.h"
#include "runtime/interchange/map.h"
#include "runtime/interchange/weights.h"
#include "runtime/run/run_record.h"

#include <stdio.h>

typedef struct ImportCommand {
    const Experiment *experiment;
    const Map *map;
    const Weights *weights;
    const json_t *config;   /* what stands beside them; NULL: nothing */
    const Palette *palette; /* the palette of its tokens; without centres: none is known */
    RunVersions versions;   /* of this program, for run.json */
    const char *command;    /* as it was given, for run.json */
    const char *out;        /* the run's folder; NULL: the next number in the folder of runs */
    bool json;              /* the result as JSON */
    FILE *results;
    Log *log;
} ImportCommand;

ExitCode import_command(const ImportCommand *command, RunError *error);

#endif
