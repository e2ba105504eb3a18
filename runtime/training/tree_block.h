/* The end of a sum over chunks (runtime/training/tree_sum.h): what all workers hold, added in one
 * go. */
#ifndef SCANLINE_RUNTIME_TREE_BLOCK_H
#define SCANLINE_RUNTIME_TREE_BLOCK_H

#include "runtime/training/tree_sum.h"

/* The nodes, from left to right, become one: floats first ... last - 1 of its sum are written to
 * `sum`, which may be one of theirs. Returns whether these are finite. For several threads, each
 * with floats of its own. */
bool tree_block_sum(const TreeNode *nodes, int count, float *sum, int64_t first, int64_t last);

/* sum[i] += other[i]. */
void tree_block_add(float *sum, const float *other, int64_t count);

bool tree_block_is_finite(const float *floats, int64_t count);

#endif
