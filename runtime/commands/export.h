/* The command export: a run's checkpoint in the form of another program. Reads no arguments;
 * results go to `results`. */
#ifndef SCANLINE_RUNTIME_COMMANDS_EXPORT_H
#define SCANLINE_RUNTIME_COMMANDS_EXPORT_H

#include "runtime/execution/experiment.h"
#include "runtime/interchange/map.h"
#include "runtime/run/log.h"
#include "runtime/run_error.h"

#include <stdio.h>

typedef struct ExportCommand {
    const Experiment *experiment;
    const Map *map;
    const char *folder;     /* of the run */
    const char *checkpoint; /* of it; NULL: its best, or else its last */
    const char *out;        /* the folder to make: config.json, model.safetensors */
    FILE *results;
    Log *log; /* for how far it is; NULL: nobody listens */
} ExportCommand;

bool export_command(const ExportCommand *command, RunError *error);

#endif
