/* Loss and gradients of a batch: `grad` for each of its chunks, summed by a tree over the chunks
 * (runtime/training/tree_sum.h), so that their bits do not depend on the number of threads. Where
 * the program has `grad_add`, every second chunk is added to the one before it by the kernels
 * themselves.
 *
 * With as many chunks as threads or more, workers own contiguous ranges of chunks; else the threads
 * work as a team on one chunk after another.
 *
 * Of several ranks each has a contiguous range of the chunks, as large as any other: a node of the
 * tree. What is above these nodes is added over the ranks, while the last chunk is under way
 * (runtime/training/rank_sum.h), and ends at each of them. */
#ifndef SCANLINE_RUNTIME_GRADIENT_H
#define SCANLINE_RUNTIME_GRADIENT_H

#include "runtime/execution/executor.h"
#include "runtime/model/chunk.h"
#include "runtime/model/model.h"
#include "runtime/ranks/ranks.h"
#include "runtime/run_error.h"

typedef struct Gradient Gradient;

/* Bytes of the sums, and of the workers' chunks, in a process alone. */
int64_t gradient_bytes(const Program *program, int threads);

/* How `grad` and `grad_add` are run. */
ExecutorMode gradient_mode(const Program *program, const Ranks *ranks, int threads);

/* The ranks (NULL: a process alone) must fit the chunks: ranks_fit. */
Gradient *gradient_create(const Program *program, const Model *model, Executor *executor,
                          Ranks *ranks, RunError *error);
void gradient_free(Gradient *gradient);

/* Fills chunk number `number` of a batch: everything but the seed, which is set. Called from
 * several threads, for chunks that are not the same. */
typedef void ChunkFill(void *user, int64_t number, Chunk *chunk);

/* Computes loss and gradients at the model's parameters. Returns whether all are finite; of several
 * ranks, whether those are that this one has looked at (and false where the ranks are lost). */
bool gradient_compute(Gradient *gradient, ChunkFill *fill, void *user);

float gradient_loss(const Gradient *gradient);

/* Adds "grad:PATH" of every parameter that has a gradient. False: no memory. */
bool gradient_slots(const Gradient *gradient, Slots *slots);

/* Runs chunk `number` again by one thread, with `watch` looking at every step. */
void gradient_watch(Gradient *gradient, int64_t number, ChunkFill *fill, void *user,
                    ExecutorWatch *watch, void *watcher);

#endif
