/* A chunk of a batch as functions read it: the data inputs and control inputs of
 * runtime/execution/plan.h, in memory that one worker fills again for each chunk that it computes.
 */
#ifndef SCANLINE_RUNTIME_CHUNK_H
#define SCANLINE_RUNTIME_CHUNK_H

#include "runtime/data/data.h"
#include "runtime/execution/block.h"
#include "runtime/execution/slots.h"
#include "runtime/run_error.h"

typedef struct Chunk {
    int64_t size; /* images */
    PageBlock block;
    int32_t *tokens; /* [size, positions]; NULL: the experiment has no such input */
    int32_t *label;  /* [size]; NULL: as above */
    int32_t *image;  /* [size]: indices in the data set */
    float *weight;   /* [size] */
    int32_t *seed, *step, *draw;
    int64_t positions; /* tokens an image */
} Chunk;

/* Images in one invocation of a function: batch / chunks. */
int64_t chunk_size(const Experiment *experiment);
int64_t chunk_bytes(const Experiment *experiment);

bool chunk_create(Chunk *chunk, const Experiment *experiment, RunError *error);
void chunk_free(Chunk *chunk);
bool chunk_slots(const Chunk *chunk, Slots *slots); /* false: no memory */

/* Reads tokens and labels of chunk->image. */
void chunk_read(Chunk *chunk, const DataSet *data, const DataAugmentation *augmentation,
                int64_t step);

#endif
