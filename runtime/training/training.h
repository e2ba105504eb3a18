/* A training from its first step, or from a checkpoint, to its last: batches, evaluation,
 * checkpoints, the record of it all in a run folder (runtime/README.md). */
#ifndef SCANLINE_RUNTIME_TRAINING_H
#define SCANLINE_RUNTIME_TRAINING_H

#include "runtime/data/data.h"
#include "runtime/execution/profile.h"
#include "runtime/execution/program.h"
#include "runtime/ranks/ranks.h"
#include "runtime/run/log.h"
#include "runtime/run/metrics.h"
#include "runtime/run/run_record.h"
#include "runtime/run_error.h"

typedef struct TrainingOptions {
    const char
        *folder; /* of the run: made, with spec.scan and run.json in it; NULL: not of rank 0 */
    bool resume; /* go on from its last checkpoint (from the start where there is none) */
    const char *parent; /* a checkpoint whose parameters it starts from; NULL: from initial ones */
    int64_t until;      /* leave, with a checkpoint, after this step; 0: when it has ended */
    bool leave_evaluation; /* ... and before the evaluation after it, as a signal in it would */
    int threads;
    Ranks *ranks; /* that train it together: rank 0 alone writes, and has a folder. They have met to
                     begin, and part where all come to one end. NULL: a process alone */
    Profile *profile; /* of the loop; for so many threads. NULL: none */
    Log *log;
    /* Called when a checkpoint was written, with all that came before it on the disk. False and an
     * error: the training ends. May be NULL. */
    bool (*watch)(void *user, int64_t step, RunError *error);
    void *user;
    MetricsVisit *figures; /* is told every line of metrics.jsonl. May be NULL */
    void *figures_user;
} TrainingOptions;

/* Memory of a training process beyond the program itself: what `check` prints as peak_bytes. */
int64_t training_bytes(const Program *program, int threads);

/* Whether evaluations are judged by the accuracy (train.best), and else by the loss. */
bool training_by_accuracy(const TrainSettings *settings);

/* Whether there is what evaluations are to be judged by. False and `error`: EXIT_INPUT. */
bool training_check(const Program *program, const DataSet *data, RunError *error);

/* EXIT_DONE, EXIT_STOPPED (a signal; resumable), EXIT_DIVERGED, or another code; `error` says why
 * unless it is done. */
ExitCode training_run(const Program *program, const DataSet *data, const TrainingOptions *options,
                      TrainingResult *result, RunError *error);

#endif
