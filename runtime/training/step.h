/* A whole training step as one function, `step`: gradients are among its temporaries, and each is
 * used up before the next are there. One chunk a batch, which all threads share.
 *
 * So nobody has all gradients to look at before the model is changed. What is known in time is the
 * loss: where that is not finite the model stays as it was. Where a gradient is not finite and the
 * loss is, that is known when the model has been changed. */
#ifndef SCANLINE_RUNTIME_STEP_H
#define SCANLINE_RUNTIME_STEP_H

#include "runtime/execution/executor.h"
#include "runtime/model/chunk.h"
#include "runtime/model/model.h"
#include "runtime/training/gradient.h"

typedef struct Step Step;

typedef enum StepOutcome {
    STEP_DONE,
    STEP_LOSS,     /* the loss is not finite; the model stays as it was */
    STEP_GRADIENT, /* a gradient is not finite, and `error` names its parameter (EXIT_DIVERGED); the
                      model is spoilt */
    STEP_FAILED,   /* a scalar is not finite (EXIT_DIVERGED), or no memory: see `error`; the model
                      stays as it was */
} StepOutcome;

/* The program's step, if it is to be trained by that; else NULL. */
const PlanFunction *step_function(const Program *program);

/* Bytes of what it cannot write in place, of the scalars and of the chunk. */
int64_t step_bytes(const Program *program);

Step *step_create(const Program *program, const Model *model, Executor *executor, RunError *error);
void step_free(Step *step);

/* Step number `number`, from 1. *loss is that before the update. */
StepOutcome step_run(Step *step, int64_t number, ChunkFill *fill, void *user, float *loss,
                     RunError *error);

/* Runs a step again by one thread, with `watch` looking at every kernel but the update's: those
 * before it alone, or (`whole`) all, which changes the model. */
void step_watch(Step *step, bool whole, ChunkFill *fill, void *user, ExecutorWatch *watch,
                void *watcher);

#endif
