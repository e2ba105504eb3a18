/* What a worker needs to run a function over chunks of images: the chunk's inputs and the outputs
 * in memory of its own, bound to the function beside the model, which all workers share. Training,
 * evaluation, features and sampling run their functions by workers. */
#ifndef SCANLINE_RUNTIME_WORKER_H
#define SCANLINE_RUNTIME_WORKER_H

#include "runtime/execution/executor.h"
#include "runtime/model/chunk.h"
#include "runtime/model/model.h"

/* How functions over so many chunks of a batch are run. */
ExecutorMode worker_mode(int64_t chunks, int threads);

/* Workers that run chunks by themselves: threads, or 1 where they are a team. */
int worker_count(int64_t chunks, int threads);

typedef struct Worker {
    Chunk chunk;
    PageBlock outputs; /* copies of all outputs, one after another */
    Bound bound;
} Worker;

/* Bytes of one copy of a function's outputs. */
int64_t worker_copy_bytes(const PlanFunction *function);

/* With room for so many copies of the outputs; the first is bound. */
bool worker_create(Worker *worker, const PlanFunction *function, const Model *model, int64_t copies,
                   RunError *error);
void worker_free(Worker *worker);

/* Binds the outputs to another copy; returns its memory. */
char *worker_use_copy(Worker *worker, int64_t copy);

/* Memory of an output in the first copy. */
void *worker_first_output(const Worker *worker, int64_t output);

#endif
