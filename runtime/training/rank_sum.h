/* The sum of gradients over all ranks, beside the backward pass that computes them: a thread of its
 * own takes a bucket as soon as every worker of this rank is past it, adds up what they have, and
 * exchanges that with the other ranks (rank_exchange.h), a few buckets at a time. */
#ifndef SCANLINE_RUNTIME_RANK_SUM_H
#define SCANLINE_RUNTIME_RANK_SUM_H

#include "runtime/ranks/ranks.h"
#include "runtime/training/buckets.h"

typedef struct RankSum RankSum;

/* What a rank has of a bucket, and where the sum of all goes. Called from the thread. */
typedef struct RankSumPlaces {
    void (*take)(void *user, const Bucket *bucket, float *sum);
    void (*put)(void *user, const Bucket *bucket, const float *sum);
    void *user;
} RankSumPlaces;

/* What a rank needs for buckets of at most so many floats. */
int64_t rank_sum_bytes(const Buckets *buckets);

/* Ranks and buckets must outlive it. Until rank_sum_end has returned nobody else may use the ranks.
 * NULL and `error`. */
RankSum *rank_sum_create(Ranks *ranks, const Buckets *buckets, int workers,
                         const RankSumPlaces *places, RunError *error);
void rank_sum_free(RankSum *sum);

/* A step begins; no worker is past any bucket. */
void rank_sum_begin(RankSum *sum);

/* A worker is past the first `count` buckets. */
void rank_sum_pass(RankSum *sum, int worker, int count);

/* Waits until the sums of all buckets are where they go; whether the part of them that this rank
 * has made is finite. False too where the ranks are lost. */
bool rank_sum_end(RankSum *sum);

#endif
