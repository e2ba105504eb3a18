/* Block by block: a block goes through what is left of the tree, and through the search for what is
 * not finite, while it is in L1. So every node is read from memory once, and the sum alone is
 * written. */
#include "runtime/training/tree_block.h"

#include <string.h>

enum {
    BLOCK = 1024,     /* floats */
    MOST_LEVELS = 66, /* of nodes that cannot be merged: each is smaller than the one before it */
};

/* Loops that wait for memory less where vectors are wide: which version runs is settled when the
 * program starts. The bits are the same. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define WIDE
#endif

WIDE static void add(float *sum, const float *left, const float *right, int64_t count) {
#pragma omp simd
    for (int64_t i = 0; i < count; i++)
        sum[i] = left[i] + right[i];
}

/* x - x is 0 for every finite x, and NaN for all others. */
WIDE static bool is_finite(const float *block, int64_t count) {
    int wrong = 0;
#pragma omp simd reduction(| : wrong)
    for (int64_t i = 0; i < count; i++)
        wrong |= !(block[i] - block[i] == 0);
    return !wrong;
}

void tree_block_add(float *sum, const float *other, int64_t count) { add(sum, sum, other, count); }

bool tree_block_is_finite(const float *floats, int64_t count) { return is_finite(floats, count); }

/* Nodes of which one block is looked at. */
typedef struct BlockStack {
    TreeStack tree; /* sums: where the block is */
    float sums[MOST_LEVELS][BLOCK];
} BlockStack;

static void merge(BlockStack *stack, int64_t count) {
    int below = stack->tree.depth - 2;
    TreeNode *nodes = &stack->tree.nodes[below];
    add(stack->sums[below], nodes[0].sum, nodes[1].sum, count);
    nodes[0].sum = stack->sums[below];
}

/* What is left over where the leaves are no power of two is added from the right. */
static const float *sum_up(BlockStack *stack, const TreeNode *nodes, int node_count, int64_t first,
                           int64_t count) {
    stack->tree.depth = 0;
    for (int i = 0; i < node_count; i++) {
        TreeNode node = nodes[i];
        node.sum += first;
        tree_push(&stack->tree, node);
        for (; tree_can_merge(&stack->tree); tree_merge(&stack->tree))
            merge(stack, count);
    }
    for (; stack->tree.depth > 1; stack->tree.depth--)
        merge(stack, count);
    return stack->tree.nodes[0].sum;
}

bool tree_block_sum(const TreeNode *nodes, int count, float *sum, int64_t first, int64_t last) {
    BlockStack stack;
    bool finite = true;
    for (; first < last; first += BLOCK) {
        int64_t length = last - first < BLOCK ? last - first : BLOCK;
        const float *block = sum_up(&stack, nodes, count, first, length);
        finite &= is_finite(block, length);
        if (block != sum + first)
            memcpy(sum + first, block, (size_t)length * sizeof *sum);
    }
    return finite;
}
