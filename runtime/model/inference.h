/* Running one of a model's functions (eval, features, sample) over any number of images, in chunks
 * of as many as it was compiled for. Workers own whole chunks, or all threads are a team on one
 * chunk after another, as in training (worker_mode); the results do not depend on how many there
 * are. */
#ifndef SCANLINE_RUNTIME_INFERENCE_H
#define SCANLINE_RUNTIME_INFERENCE_H

#include "runtime/execution/executor.h"
#include "runtime/model/chunk.h"
#include "runtime/model/model.h"

typedef struct Inference Inference;

/* The executor must serve the function in worker_mode; NULL: one is made for `threads`. It, the
 * program and the model must outlive the inference. NULL and `error`: there is no such function, it
 * reads what an image has not, or no memory. */
Inference *inference_create(const Program *program, const char *function, const Model *model,
                            Executor *executor, int threads, RunError *error);
void inference_free(Inference *inference);

/* Memory of the workers, without the executor's. */
int64_t inference_bytes(const Program *program, const char *function, int threads);

const PlanFunction *inference_function(const Inference *inference);

/* Which output has that name and is f32[chunk, ...]; its elements an image are *width. -1: none. */
int64_t inference_output(const Inference *inference, const char *name, int64_t *width);

/* Whether a run is to end before its next chunk. Called from several threads. */
typedef bool InferenceStop(void *user);

/* From now on every run asks; NULL: none does. */
void inference_stop_when(Inference *inference, InferenceStop *stop, void *user);

/* Fills image, tokens and label of a chunk with images first ... first + count - 1 of a run; what
 * is behind them may stay as it is. Called from several threads, for chunks that are not the same.
 */
typedef void InferenceFill(void *user, int64_t first, int64_t count, Chunk *chunk);

/* Takes the results of those images: outputs[i] is the function's i-th output. Called likewise. */
typedef void InferenceTake(void *user, int64_t first, int64_t count, void *const *outputs);

/* Random draws are those of the experiment's seed, of step 0 and of `draw`. False: it was stopped,
 * and not all results were taken. */
bool inference_run(Inference *inference, int64_t count, int32_t draw, InferenceFill *fill,
                   InferenceTake *take, void *user);

/* The same for images of a data set. */
bool inference_run_data(Inference *inference, const DataSet *data, const DataImages *images,
                        int32_t draw, InferenceTake *take, void *user);

#endif
