/* Training, step by step: the batch of a step, its gradients, the update. What a step does is a
 * function of the model before it and of its number, so training can go on from any step. */
#ifndef SCANLINE_RUNTIME_TRAINER_H
#define SCANLINE_RUNTIME_TRAINER_H

#include "runtime/data/data.h"
#include "runtime/model/model.h"
#include "runtime/ranks/ranks.h"
#include "runtime/study/evaluate.h"
#include "runtime/training/gradient.h"

typedef struct Trainer Trainer;

/* The functions that training runs, and how. */
enum { TRAINER_USES = 7 };
void trainer_uses(const Program *program, const Ranks *ranks, int threads,
                  ExecutorUse uses[TRAINER_USES]);

/* The program, the data and what they point at must outlive it. The model is there, but neither
 * initialised nor loaded. Without data (NULL) there is no evaluator, and no trainer_step. NULL and
 * `error`. */
Trainer *trainer_create(const Program *program, const DataSet *data, int threads, RunError *error);

/* The same for one of several ranks (NULL: alone), which must outlive it too: each step and each
 * evaluation needs all of them, and gives all the same. */
Trainer *trainer_create_ranked(const Program *program, const DataSet *data, int threads,
                               Ranks *ranks, RunError *error);
void trainer_free(Trainer *trainer);

Model *trainer_model(Trainer *trainer);
Evaluator *trainer_evaluator(Trainer *trainer);

/* From now on what is done is measured; NULL: nothing is. It must be for as many threads. */
void trainer_set_profile(Trainer *trainer, Profile *profile);

/* Sets the model to its initial values. */
bool trainer_init(Trainer *trainer, RunError *error);

/* After parameters were put in the place of the initial ones. */
bool trainer_restart(Trainer *trainer, RunError *error);

/* Step number `step`, from 1. *loss is the mean over the batch before the update. Where the loss or
 * a gradient is not finite the model stays as it was, and `error` (EXIT_DIVERGED) names the step
 * and what first gave a value that is not finite (rank 0 does; others know no more than that).
 * Where the ranks are lost it stays as it was too. Unless the model is then spoilt: where gradients
 * are used up one by one (runtime/training/step.h) and the loss is finite, `error` names the step
 * and a parameter. */
bool trainer_step(Trainer *trainer, int64_t step, float *loss, RunError *error);

/* The signal by which this process was told to stop (runtime/training/signals.h); of several ranks,
 * what any was told before the last step: the same for all. 0: none. */
int trainer_signal(const Trainer *trainer);

/* Whether a step that failed left the model neither as it was nor as it should be. */
bool trainer_is_spoilt(const Trainer *trainer);

/* On a model as it was before step number `step`, which has spoilt it: what trainer_step would have
 * said. Always false; the model is of no use then. */
bool trainer_explain(Trainer *trainer, int64_t step, RunError *error);

/* Whether all parameters are finite after step number `step`; else `error` (EXIT_DIVERGED) names
 * what left them so. */
bool trainer_check(const Trainer *trainer, int64_t step, RunError *error);

/* trainer_step on a batch of the caller's, filled chunk by chunk. */
bool trainer_step_on(Trainer *trainer, int64_t step, ChunkFill *fill, void *user, float *loss,
                     RunError *error);

#endif
