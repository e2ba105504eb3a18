/* What all ranks do together beside the sum of gradients (runtime/training/rank_sum.h). Each must
 * call it, in the same order; false: the ranks are lost. With NULL they do nothing. */
#ifndef SCANLINE_RUNTIME_COLLECTIVE_H
#define SCANLINE_RUNTIME_COLLECTIVE_H

#include "runtime/ranks/ranks.h"

/* Rank 0's bytes come to all others. */
bool ranks_broadcast(Ranks *ranks, void *bytes, int64_t count);

/* Every rank has some of the units of an array, those of halving_part(rank, all levels, units);
 * then all have the whole. The last unit may be shorter than the others: there are `bytes` in all.
 */
typedef struct RanksArray {
    void *data;
    int64_t units, unit_bytes, bytes;
} RanksArray;

bool ranks_gather(Ranks *ranks, const RanksArray *array);

/* What ranks must know of each other at every step; then all have the most of each figure. */
typedef struct RanksVerdict {
    int32_t not_finite; /* 1: a gradient that this rank has looked at */
    int32_t signal;     /* that it was told to stop by; 0: none */
} RanksVerdict;

bool ranks_agree(Ranks *ranks, RanksVerdict *verdict);

#endif
