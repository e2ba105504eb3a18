/* Blocks of scores: a panel of rows against panels of keys, with the body applied in registers. */
#ifndef SCANLINE_PASSES_EMIT_ATTENTION_SCORE_H
#define SCANLINE_PASSES_EMIT_ATTENTION_SCORE_H

#include "passes/emit/attention_kernel.h"
#include "passes/emit/product.h"

/* The parameters of the function; then the body's extra operands follow. */
typedef enum ScoreParameter {
    SCORE_QUERY,  /* of the first row: a left side (attention_kernel.h) */
    SCORE_KEY,    /* packed, of the first key: [panel][width][key_panel] */
    SCORE_TARGET, /* of the first row and key, with the shape's stride */
    SCORE_BATCH,
    SCORE_ROW,
    SCORE_FIRST_KEY, /* keys in whole panels */
    SCORE_LAST_KEY,
    SCORE_OFFSET, /* gradient: -lse of the rows in base 2, from the first one of the panel on */
    SCORE_SLOPE,  /* gradient: like the target */
    SCORE_EXTRAS
} ScoreParameter;

/* An internal function. Forward: target = the scores after the body, -inf beyond the last key.
 * Gradient: target = the weights e^(score - lse), 0 beyond the last key, in pairs of rows
 * (attention_grad.h) where the shape has pairs; slope = weight times the derivative of the body by
 * its score. Rows beyond the last are written too, with no meaning. */
LLVMValueRef emit_score_function(const AttentionKernel *kernel, const AttentionLeft *query);

/* The caller sets what comes before the extras. */
void emit_score_call(const AttentionKernel *kernel, LLVMValueRef function,
                     const LLVMValueRef parameters[SCORE_EXTRAS]);

#endif
