/* The process that trains one trial. It is forked from the one that conducts the sweep, so it has
 * its machine code, its data and its palette, and what it breaks is its own: memory that runs out,
 * or a crash, ends the trial and nothing else. It tells how far it is through a pipe.
 *
 * Whoever forks must not have used OpenMP's threads, which are not there in the child. The child is
 * in a process group of its own, so that Ctrl-C asks the sweep alone, which passes it on; and it is
 * asked to stop (SIGTERM) when the process that forked it is gone. */
#ifndef SCANLINE_RUNTIME_WORKER_H
#define SCANLINE_RUNTIME_WORKER_H

#include "runtime/run/metrics.h"
#include "runtime/run_error.h"

#include <limits.h>
#include <sys/types.h>

typedef struct SweepReport SweepReport; /* the child's end of the pipe */

/* What the child does: `report` is for worker_report, `folder` gets the run's, malloc'ed. */
typedef ExitCode SweepTrain(void *user, SweepReport *report, char **folder, RunError *error);

typedef struct SweepWorker {
    pid_t process; /* 0: there is none */
    int pipe;
    double began; /* clock_seconds */
    int64_t first_step, step;
    double loss, validation; /* NaN: none yet */
    bool told;               /* how it ended, and not only that it did: */
    ExitCode code;
    char reason[sizeof((RunError *)0)->text];
    char folder[PATH_MAX]; /* "": none */
    size_t pending;        /* bytes of a message that is not whole yet */
    unsigned char *message;
} SweepWorker;

/* Forks. `closed`: files of this process that are none of the child's. False and `error`. */
bool worker_begin(SweepWorker *worker, SweepTrain *train, void *user, const int *closed,
                  size_t closed_count, RunError *error);

/* A MetricsVisit with the report as its user: tells the parent of lines of metrics.jsonl, of
 * training ten times a second at most. */
void worker_report(void *report, int64_t step, const char *split, const MetricsFigure *figures,
                   uint32_t count);

/* Takes in what there is to be read. True: it has ended, and `code` and `reason` say how; the
 * process is gone. */
bool worker_listen(SweepWorker *worker);

/* Asks it to stop. */
void worker_stop(const SweepWorker *worker);

#endif
