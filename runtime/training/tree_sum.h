/* Sums over the chunks of a batch by a balanced binary tree over their index, whoever computes
 * which.
 *
 * The tree over n leaves is fixed: a node (level, index) covers leaves index * 2^level to
 * (index + 1) * 2^level - 1 and is the sum of its two halves; what is left over where n is no power
 * of two is added from the right. A worker goes through its range of leaves with a stack: it puts
 * each leaf on top and, as long as the upper two are the halves of a node, adds the top to the one
 * below. So it keeps about log2 of its leaves, and the stacks of all workers, one after another,
 * are merged by the same rule. A leaf whose other half is on top may be computed onto it at once:
 * addition commutes. */
#ifndef SCANLINE_RUNTIME_TREE_SUM_H
#define SCANLINE_RUNTIME_TREE_SUM_H

#include <stdbool.h>
#include <stdint.h>

enum { TREE_MAX_DEPTH = 128 }; /* a range of 64-bit indices leaves fewer nodes */

typedef struct TreeNode {
    int64_t level, index;
    float *sum; /* where the node's sum is */
} TreeNode;

typedef struct TreeStack {
    int depth;
    TreeNode nodes[TREE_MAX_DEPTH];
} TreeStack;

/* Whether the upper two are the halves of a node; then tree_merge makes them one: the caller adds
 * the upper's sum to the lower's. */
bool tree_can_merge(const TreeStack *stack);
void tree_merge(TreeStack *stack);

void tree_push(TreeStack *stack, TreeNode node);

/* Whether a leaf can be added to the top instead of being pushed; then tree_add does so: the caller
 * adds it to the top's sum. */
bool tree_can_add(const TreeStack *stack, int64_t leaf);
void tree_add(TreeStack *stack);

/* The most nodes that a worker holds at once for leaves first ... last - 1. `adds`: it adds those
 * leaves that it can. */
int tree_depth(int64_t first, int64_t last, bool adds);

#endif
