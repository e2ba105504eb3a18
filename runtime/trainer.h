/* Training steps: gradients of a batch, chunk by chunk, summed by a balanced binary tree; then the
 * update rule.
 *
 * A batch is divided into `chunks` (a power of two), each run through `grad` by itself. Gradients
 * and losses are added pairwise, neighbours first, like the leaves of a binary tree; which thread
 * computes which chunk changes nothing in that order, so the result has the same bits for any
 * number of threads. With as many chunks as threads or more, each thread runs chunks alone; with
 * fewer, all threads share each chunk's tiles. */
#ifndef SCANLINE_RUNTIME_TRAINER_H
#define SCANLINE_RUNTIME_TRAINER_H

#include "runtime/program.h"
#include "runtime/run_error.h"

/* Integer inputs of a batch of images, each [count, ...]. NULL for those that the program lacks. */
typedef struct Batch {
    int32_t *tokens, *labels;
    int32_t *images; /* index in the data set */
    float *weights;  /* 1 / number of images in the batch; 0 for images that only fill it up */
} Batch;

typedef struct Trainer Trainer;

/* Bytes that a Trainer takes: parameters, states, gradients, arenas, scratch and batches. */
int64_t trainer_bytes(const Program *program, int threads);

/* The program must have init, grad and update. NULL and `error`. Parameters and states are not set.
 */
Trainer *trainer_create(const Program *program, int threads, RunError *error);
void trainer_free(Trainer *trainer);

/* In the order of the Experiment; they may be written. */
float *const *trainer_parameters(const Trainer *trainer);
float *const *trainer_states(const Trainer *trainer);

/* What the next step trains on: experiment->train.batch images, to be filled in. */
Batch *trainer_batch(Trainer *trainer);

/* Parameters and states as the spec has them for this seed. */
void trainer_initialise(Trainer *trainer, int64_t seed);

/* The loss and its gradient on the batch, then the update. `step` counts from 1. The loss, which is
 * not finite when the training has diverged; the parameters are then as before. False: no memory.
 */
bool trainer_step(Trainer *trainer, int64_t seed, int64_t step, double *loss);

/* Runs the batch again, and names the first kernel that gave a NaN (or else an infinity). The text
 * lives as long as the program. "" when none did. */
const char *trainer_find_fault(Trainer *trainer, int64_t seed, int64_t step);

#endif
