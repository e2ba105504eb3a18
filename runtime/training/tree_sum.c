#include "runtime/training/tree_sum.h"

#include <stddef.h>

bool tree_can_merge(const TreeStack *stack) {
    if (stack->depth < 2)
        return false;
    const TreeNode *top = &stack->nodes[stack->depth - 1], *below = top - 1;
    return top->level == below->level && below->index % 2 == 0 && top->index == below->index + 1;
}

void tree_merge(TreeStack *stack) {
    stack->depth--;
    TreeNode *node = &stack->nodes[stack->depth - 1];
    node->level++;
    node->index /= 2;
}

void tree_push(TreeStack *stack, TreeNode node) { stack->nodes[stack->depth++] = node; }

bool tree_can_add(const TreeStack *stack, int64_t leaf) {
    if (stack->depth < 1)
        return false;
    const TreeNode *top = &stack->nodes[stack->depth - 1];
    return top->level == 0 && top->index % 2 == 0 && leaf == top->index + 1;
}

void tree_add(TreeStack *stack) {
    TreeNode *node = &stack->nodes[stack->depth - 1];
    node->level++;
    node->index /= 2;
}

int tree_depth(int64_t first, int64_t last, bool adds) {
    TreeStack stack = {0};
    int most = 0;
    for (int64_t leaf = first; leaf < last; leaf++) {
        if (adds && tree_can_add(&stack, leaf))
            tree_add(&stack);
        else
            tree_push(&stack, (TreeNode){0, leaf, NULL});
        most = stack.depth > most ? stack.depth : most;
        while (tree_can_merge(&stack))
            tree_merge(&stack);
    }
    return most;
}
