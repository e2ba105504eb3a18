/* Blocks of scores: a panel of rows against a panel of keys, with the body applied in registers. */
#ifndef SCANLINE_PASSES_EMIT_ATTENTION_SCORE_H
#define SCANLINE_PASSES_EMIT_ATTENTION_SCORE_H

#include "passes/emit/attention_shape.h"
#include "passes/emit/emitter.h"
#include "passes/emit/product.h"

/* The parameters of the function; then the operands of the kernel follow. */
typedef enum ScoreParameter {
    SCORE_QUERY, /* packed: [width][height] */
    SCORE_KEY,   /* packed: [width][key_panel] */
    SCORE_TARGET,
    SCORE_STRIDE, /* elements from row to row of the target, and of the slope */
    SCORE_BATCH,  /* indices of the first element */
    SCORE_ROW,
    SCORE_FIRST_KEY,
    SCORE_LSE,   /* gradient: of the rows, from the first one of the panel on */
    SCORE_SLOPE, /* gradient: like the target */
    SCORE_OPERANDS
} ScoreParameter;

/* An internal function. Forward: target = the scores after the body, -inf beyond the last key.
 * Gradient: target = the weights e^(score - lse), 0 beyond the last key; slope = weight times the
 * derivative of the body by its score. Rows beyond the last are written too, with no meaning. */
LLVMValueRef emit_score_function(Emitter *emitter, const AttentionShape *shape, const char *symbol,
                                 uint32_t operand_count);

/* i1: a constant, or whether the body surely masks all of a panel of keys from `key` on for the
 * panel of rows from `row` on. */
LLVMValueRef emit_panel_masked(Emitter *emitter, const AttentionShape *shape, LLVMValueRef batch,
                               LLVMValueRef row, LLVMValueRef key);

/* The products of a panel of `height` rows, each `left_row` and `left_depth` elements apart, with a
 * packed panel of `width` columns. `depth`: what is known of the number of products. */
Product attention_product(const AttentionShape *shape, uint32_t height, uint32_t width,
                          int64_t left_row, int64_t left_depth, int64_t depth);

#endif
