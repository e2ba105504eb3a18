/* The softmax of a panel of rows of scores, its statistics in vectors over the rows. */
#ifndef SCANLINE_PASSES_EMIT_ATTENTION_SOFTMAX_H
#define SCANLINE_PASSES_EMIT_ATTENTION_SOFTMAX_H

#include "passes/emit/attention_kernel.h"

typedef enum SoftmaxParameter {
    SOFTMAX_SCORES,  /* of the first row and key */
    SOFTMAX_WEIGHTS, /* where they go: the scores' place, or as bf16 with twice their stride */
    SOFTMAX_COUNT,   /* keys, a multiple of the lanes */
    SOFTMAX_ROW,
    SOFTMAX_INVERSE, /* what the weights are still to be multiplied by, for each row */
    SOFTMAX_LSE,     /* the result at the batch; not read where it is no output */
    SOFTMAX_PARAMETERS
} SoftmaxParameter;

/* An internal function. A row that is all -inf has the weights and the inverse 0. */
LLVMValueRef emit_softmax_function(const AttentionKernel *kernel, int64_t lse_result);

/* One vector (of the shape's row_lanes) from one for each row of a panel: their sums over lanes, as
 * trees. Lanes beyond the height have some row's. */
LLVMValueRef attention_sum_rows(const AttentionKernel *kernel, const LLVMValueRef *vectors);

/* The lanes of such a vector that have rows. */
LLVMValueRef attention_row_lanes(const AttentionKernel *kernel, LLVMValueRef rows);

#endif
