/* The command train: a new run, a child of another, or a run that goes on. Reads no arguments;
 * results go to `results`. */
#ifndef SCANLINE_RUNTIME_COMMANDS_TRAIN_H
#define SCANLINE_RUNTIME_COMMANDS_TRAIN_H

#include "runtime/ranks/ranks.h"
#include "runtime/run/metrics.h"
#include "runtime/run/run_record.h"

#include <stdio.h>

typedef struct TrainCommand {
    const Program *program;
    RunVersions versions;   /* of this program, for run.json */
    const char *command;    /* as it was given, for run.json */
    const char *resume;     /* a run's folder; NULL: a new run */
    const char *from;       /* the folder of the run that a new one starts from; NULL: none */
    const char *checkpoint; /* of that run; NULL: its best */
    const char *out;        /* the new run's folder; NULL: the next number in the folder of runs */
    int threads;
    Ranks *ranks; /* that train it together, each by a call of its own; NULL: a process alone. Rank
                     0 makes the folder and is the one that says something */
    bool once; /* where the folder of runs has the very same training already, go on with that, or
                  leave it as it ended: for trials of which there are many */
    bool json; /* the result as JSON */
    bool tensorboard; /* event files in the run's folder; a run that has some goes on with them */
    bool profile;     /* measure where the time goes, and print it after the result */
    int64_t until;    /* stop after this step, as a signal would have it; 0: when it has ended */
    const DataSet *data;   /* what the settings of data open, where it is open already; or NULL */
    MetricsVisit *figures; /* is told every line of metrics.jsonl; may be NULL */
    void *figures_user;
    FILE *results; /* NULL: nobody is told */
    Log *log;
    char **folder; /* gets the run's folder, malloc'ed, however it ended; or NULL where there is
                      none, or no memory. May be NULL */
} TrainCommand;

/* `error` says why unless it is done. */
ExitCode train_command(const TrainCommand *command, RunError *error);

#endif
