/* The command reproduce: trains a run's spec again, and says where the two differ first. Reads no
 * arguments. */
#ifndef SCANLINE_RUNTIME_COMMANDS_REPRODUCE_H
#define SCANLINE_RUNTIME_COMMANDS_REPRODUCE_H

#include "runtime/run/run_record.h"

#include <stdio.h>

typedef struct ReproduceCommand {
    const Program *program; /* of the run's spec.scan */
    RunVersions versions;   /* of this program */
    const char *command;    /* as it was given, for run.json */
    const char *folder;     /* of the run */
    const char *out;        /* where it is trained again, and left; NULL: in `reproduction` of the
                             * run's folder, which goes when there is no difference */
    int threads;
    bool json; /* the verdict as JSON */
    FILE *results;
    Log *log;
} ReproduceCommand;

/* EXIT_DONE or EXIT_DIFFERS after the verdict; EXIT_INPUT where the spec, the data, their split or
 * the target are not those of the run, so that equality can't be expected; or another code. */
ExitCode reproduce_command(const ReproduceCommand *command, RunError *error);

#endif
