/* Gradients in portions, in the order in which the backward pass has them: what is sent to other
 * ranks while the rest is computed. The same portions for every rank, whatever its threads. */
#ifndef SCANLINE_RUNTIME_BUCKETS_H
#define SCANLINE_RUNTIME_BUCKETS_H

#include "runtime/execution/plan.h"
#include "runtime/run_error.h"

/* A stretch of the outputs of `grad`, as they lie in memory. */
typedef struct BucketPiece {
    int64_t first, count; /* floats */
} BucketPiece;

typedef struct Bucket {
    uint32_t first_piece, piece_count;
    int64_t floats;
    uint32_t ready[2]; /* the steps of `grad`, and of `grad_add`, after which it is not touched any
                          more; grows from one bucket to the next */
} Bucket;

typedef struct Buckets {
    Bucket *all;
    int count;
    BucketPiece *pieces;
    int64_t most_floats; /* of any */
} Buckets;

/* `adding`: NULL for none. offsets[i]: where output i of `grad` is, in bytes. */
bool buckets_create(Buckets *buckets, const PlanFunction *grad, const PlanFunction *adding,
                    const int64_t *offsets, RunError *error);
void buckets_free(Buckets *buckets);

#endif
