/* The pass precision: where training is to be in bf16, matrix products and attention read bf16.
 *
 * What they read is rounded where it is made (a rename is rounded before it is renamed, so that all
 * names share one rounding), so that whoever makes it writes half the bytes; parameters are rounded
 * as they are read. Sums of products, and everything else, stay f32: norms, softmax, losses, the
 * residual stream, gradients of parameters, and the functions that make parameters and states
 * (init, restart, update). Attention gives what its sources are; that is bf16 already, where a
 * product reads it. */
#include "passes/precision.h"

#include "ir/build.h"
#include "passes/emit/attention_shape.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

#include <string.h>

static const char *const words[] = {
    [PRECISION_FP32] = "fp32",
    [PRECISION_BF16] = "bf16",
    [PRECISION_BF16_EMULATED] = "bf16_emulated",
};
enum { WORDS = sizeof words / sizeof *words };

Precision precision_of(const char *word) {
    for (int i = 0; i < WORDS && word; i++)
        if (strcmp(words[i], word) == 0)
            return (Precision)i;
    return PRECISION_FP32;
}

const char *precision_fault(Arena *arena, Precision precision, const Target *target) {
    if (precision != PRECISION_BF16 || target->has_bf16_dot)
        return NULL;
    return arena_printf(arena,
                        "precision bf16: the target %s has no products of bf16 (AVX512-BF16); "
                        "train.precision=bf16_emulated computes them in f32, more slowly than fp32 "
                        "itself",
                        target->name);
}

/* Parameters and states are made in f32. */
static bool makes_parameters(const Function *function) {
    static const char *const names[] = {"init", "restart", "update"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(function->name, names[i]) == 0)
            return true;
    return false;
}

/* Whether an op reads its source number `which` in bf16. */
static bool reads_bf16(OpCode op, uint32_t which) {
    switch (op) {
    case OP_CONTRACT:
        return true;
    case OP_ATTENTION:
        return which < ATTENTION_SOURCE_OUTPUT;
    case OP_ATTENTION_GRAD:
        return which < ATTENTION_SOURCE_GRAD_EXTRA && which != ATTENTION_SOURCE_LSE;
    default:
        return false;
    }
}

/* By node: whether it is read in bf16. */
static bool *find_rounded(const Function *function) {
    bool *rounded = arena_array(function->arena, function->node_count, sizeof *rounded);
    for (NodeId id = function->node_count; id-- > 0;) {
        const Node *node = graph_node(function, id);
        for (uint32_t i = 0; i < node->source_count; i++)
            if (reads_bf16(node->op, i) || (node->op == OP_RENAME && rounded[id]))
                rounded[node->sources[i]] = true;
    }
    return rounded;
}

/* A node of the new function in bf16; `halves` are those of old nodes. */
static NodeId round_node(Rewrite *rewrite, NodeId old, const NodeId *halves) {
    const Node *node = graph_node(rewrite->from, old);
    const Node *made = graph_node(rewrite->to, rewrite->map[old]);
    if (made->dtype == DTYPE_BF16)
        return rewrite->map[old];
    if (made->op == OP_CAST_F32 && graph_node(rewrite->to, made->sources[0])->dtype == DTYPE_BF16)
        return made->sources[0];
    if (node->op == OP_RENAME)
        return build_rename(rewrite->to, halves[node->sources[0]], node->attributes.axes.at[0],
                            node->attributes.axes.at[1]);
    return build_unary(rewrite->to, OP_CAST_BF16, rewrite->map[old]);
}

/* The old node; a result that is bf16 now is f32 again for its other readers. */
static NodeId copy_node(Rewrite *rewrite, NodeId old, const NodeId *halves) {
    const Node *before = graph_node(rewrite->from, old);
    Node node = rewrite_node(rewrite, old);
    NodeId *sources = arena_array(rewrite->to->arena, node.source_count, sizeof *sources);
    for (uint32_t i = 0; i < node.source_count; i++)
        sources[i] = reads_bf16(node.op, i) ? halves[before->sources[i]] : node.sources[i];
    node.sources = sources;
    NodeId copy = graph_add(rewrite->to, node);
    bool was_f32 = before->op == OP_RESULT && before->dtype == DTYPE_F32;
    return was_f32 && graph_node(rewrite->to, copy)->dtype == DTYPE_BF16
               ? build_unary(rewrite->to, OP_CAST_F32, copy)
               : copy;
}

Function *pass_precision(const Function *function, PassContext *context) {
    if (context->precision == PRECISION_FP32 || makes_parameters(function)) {
        Rewrite same = rewrite_all(function, NULL);
        return rewrite_end(&same);
    }
    Rewrite rewrite = rewrite_begin(function, NULL);
    const bool *rounded = find_rounded(function);
    NodeId *halves = arena_array(function->arena, function->node_count, sizeof *halves);
    for (NodeId id = 0; id < function->node_count; id++) {
        const NodeId first = rewrite.to->node_count;
        const Node *node = graph_node(function, id);
        /* What the function rounds itself is rounded once. */
        const bool is_made = node->op == OP_CAST_BF16 && rounded[node->sources[0]];
        rewrite.map[id] = is_made ? halves[node->sources[0]] : copy_node(&rewrite, id, halves);
        if (rounded[id])
            halves[id] = round_node(&rewrite, id, halves);
        rewrite_place(&rewrite, first, id);
    }
    return function_prune(rewrite_end(&rewrite));
}
