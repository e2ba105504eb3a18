/* Conducts a sweep: claims trials, has each trained by a process of its own, so many side by side,
 * and notes in the database what came of them. Several conductors, on one machine, may share one
 * database: each trial is one conductor's, and what one leaves when it dies another takes over.
 *
 * Results depend neither on how many trials go side by side nor on the order. */
#ifndef SCANLINE_RUNTIME_CONDUCTOR_H
#define SCANLINE_RUNTIME_CONDUCTOR_H

#include "runtime/run/log.h"
#include "runtime/sweep/trials.h"
#include "runtime/sweep/worker.h"

/* A trial that is ready to be trained. */
typedef struct SweepTask {
    void *handle;          /* the preparer's own; NULL: there is nothing to let go */
    int64_t until;         /* given: the last step of this go; 0: to the end */
    int64_t steps;         /* the rest is found out: train.steps; 0: not known, and so below */
    const char *objective; /* these live until the task is released */
    const char *data;
} SweepTask;

typedef struct Conductor {
    Store *store;
    const SweepPlan *plan;
    int jobs; /* trials side by side */
    Log *log;
    /* Reads and compiles, in this process. False and `error`: the trial failed, unless the code is
     * EXIT_STOPPED. Uses no OpenMP (runtime/sweep/worker.h). */
    bool (*prepare)(void *user, const SweepTrial *trial, SweepTask *task, RunError *error);
    /* In the trial's process: trains it up to task->until. */
    ExitCode (*train)(void *user, const SweepTask *task, SweepReport *report, char **folder,
                      RunError *error);
    /* In this process, when the trial has a process of its own, or failed. */
    void (*release)(void *user, SweepTask *task);
    void *user;
} Conductor;

/* Until all trials have ended, failed or been dropped, by this process or others. EXIT_STOPPED
 * after a signal, when every trial under way has saved; EXIT_MACHINE or EXIT_INPUT where the
 * database fails. */
ExitCode conductor_run(const Conductor *conductor, RunError *error);

/* How many trials to train side by side that take `bytes` each, on so many cores: as many as cores,
 * where they are small and memory has room for them. Trials side by side lose nothing by waiting
 * for each other, in what is not shared among threads: the beginning, the update, the files. But
 * large ones would push each other out of the caches. `available` is memory, in bytes. */
int conductor_jobs(int64_t bytes, int cores, int64_t available);

/* Memory that the machine has to give, in bytes. */
int64_t conductor_available(void);

#endif
