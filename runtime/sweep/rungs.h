/* Successive halving (Jamieson, Talwalkar: "Non-stochastic Best Arm Identification and
 * Hyperparameter Optimization", 2016): all trials train up to a first step, the best of them go on
 * to a second, and so on, to the last, which is train.steps.
 *
 * A trial that goes on is the same run going on, whose schedule was for all steps from the
 * beginning: so its bits are those of a training that nobody had stopped. Which go on is known when
 * all of a rung have come to it, and depends on nothing else. */
#ifndef SCANLINE_RUNTIME_RUNGS_H
#define SCANLINE_RUNTIME_RUNGS_H

#include "runtime/run_error.h"

#include <stdint.h>

enum { SWEEP_MOST_RUNGS = 16 };

typedef struct SweepRungs {
    uint32_t count;                  /* 1: nothing is halved */
    int64_t steps[SWEEP_MOST_RUNGS]; /* that a trial of the rung trains up to; of the last, and so
                                        where nothing is halved, 0: to its end */
    int64_t keep;                    /* one in so many goes on */
} SweepRungs;

/* Rungs of a training of `steps` that is evaluated every `evaluate` steps: each has `keep` times
 * the steps of the one before it, rounded up to an evaluation; those that would be the same are
 * one. False and `error` (EXIT_INPUT) where fewer than two are left. */
bool rungs_make(SweepRungs *rungs, int64_t steps, int64_t evaluate, int64_t keep, uint32_t count,
                RunError *error);

/* How many of `count` trials of a rung go on: at least one. */
int64_t rungs_kept(const SweepRungs *rungs, int64_t count);

#endif
