/* What a person sees while a training runs: one line an evaluation, and on a terminal one between
 * them that is written over. */
#ifndef SCANLINE_RUNTIME_PROGRESS_H
#define SCANLINE_RUNTIME_PROGRESS_H

#include "runtime/run/log.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct Progress {
    Log *log;
    int64_t steps, batch;
    int64_t first_step;     /* steps done before this process */
    double start, shown;    /* seconds, of a clock that only goes forward */
    double train_loss;      /* smoothed */
    double validation_loss; /* NaN: none yet */
    double accuracy;        /* on validation; -1: none */
} Progress;

void progress_begin(Progress *progress, Log *log, int64_t first_step, int64_t steps, int64_t batch);
void progress_step(Progress *progress, int64_t step, double loss);
/* accuracy: -1 where there is none. */
void progress_evaluation(Progress *progress, int64_t step, double loss, double accuracy, bool best);
void progress_end(Progress *progress);

/* Images a second since the beginning. */
double progress_rate(const Progress *progress, int64_t step);
double progress_seconds(const Progress *progress);

#endif
