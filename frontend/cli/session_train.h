/* From a spec to a training that has ended: what `train' does once, and what searches and protocols
 * do for each of their trials. */
#ifndef SCANLINE_FRONTEND_CLI_SESSION_TRAIN_H
#define SCANLINE_FRONTEND_CLI_SESSION_TRAIN_H

#include "frontend/cli/session.h"
#include "runtime/data/data.h"
#include "runtime/ranks/ranks.h"
#include "runtime/run/metrics.h"
#include "runtime/run_error.h"

#include <stdio.h>

typedef struct TrainRequest {
    const char *words;      /* the whole command, for run.json */
    const char *resume;     /* a run's folder; NULL: a new run */
    const char *from;       /* that of the run that a new one starts from; NULL: none */
    const char *checkpoint; /* of that; NULL: its best */
    bool once;              /* as in TrainCommand */
    bool profile, tensorboard;
    Ranks *ranks;  /* as in TrainCommand */
    FILE *results; /* NULL: nobody is told */
    int64_t until; /* as in TrainCommand, and so are these: */
    const DataSet *data;
    MetricsVisit *figures;
    void *figures_user;
} TrainRequest;

/* The folder of the run that an address means, malloc'ed; NULL for NULL. */
ExitCode session_find_run(const Session *session, const char *address, char **folder);

/* The spec that the options name, or RUN's with their settings where they name none. */
ExitCode session_read_new(Session *session, const char *from);

/* The parts of session_train, for who has machine code and data of another trial already: reads the
 * spec and settles the memory; and, with session->program complete, trains. */
ExitCode session_train_read(Session *session, const TrainRequest *request);
ExitCode session_train_compiled(Session *session, const TrainRequest *request, char **folder,
                                RunError *error);

/* Reads, compiles and trains. What is wrong with the spec has been said then; `error` is what there
 * was else, and has no text without it. `folder`: as in TrainCommand. */
ExitCode session_train(Session *session, const TrainRequest *request, char **folder,
                       RunError *error);

#endif
