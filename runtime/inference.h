/* Running a trained model's functions (features, sample, eval) over any number of images.
 *
 * A function takes as many images at once as it was compiled for, a chunk; the last chunk is filled
 * up with blank images. Threads own whole chunks, so the results do not depend on how many there
 * are. */
#ifndef SCANLINE_RUNTIME_INFERENCE_H
#define SCANLINE_RUNTIME_INFERENCE_H

#include "runtime/program.h"
#include "runtime/run_error.h"

typedef struct Inference Inference;

/* parameters[i] is experiment->parameters[i], 64-byte aligned; they and the program must outlive
 * it. NULL and `error`: there is no such function, it reads what an image has not, or no memory. */
Inference *inference_create(const Program *program, const char *function, float *const *parameters,
                            int threads, RunError *error);
void inference_free(Inference *inference);

const PlanFunction *inference_function(const Inference *inference);
int64_t inference_chunk(const Inference *inference);

typedef struct InferenceImages {
    int64_t count;
    const int32_t *tokens; /* [count, positions]; NULL: the function reads none */
    const int32_t *labels; /* [count]; NULL: the function reads none */
    const int32_t
        *images; /* [count]: their indices in the data set, for random draws; NULL: 0, 1, ... */
    int32_t seed, draw; /* for random draws; the step is 0 */
} InferenceImages;

/* Takes the results of images first ... first + count - 1: outputs[i] is the function's i-th
 * output, of which the first `count` images count. Called from several threads, for images that are
 * not the same. */
typedef void InferenceTake(void *user, int64_t first, int64_t count, void *const *outputs);

/* False: an input that the function reads is missing. */
bool inference_run(Inference *inference, const InferenceImages *images, InferenceTake *take,
                   void *user);

#endif
