/* One block of scores of the backward pass. */
#ifndef SCANLINE_PASSES_EMIT_ATTENTION_BLOCK_H
#define SCANLINE_PASSES_EMIT_ATTENTION_BLOCK_H

#include "passes/emit/attention_adder.h"
#include "passes/emit/attention_range.h"

/* What lies in scratch, in bytes from its start. */
typedef struct GradientPlan {
    /* Panels: of rows (left sides), of keys (right sides), and of columns over all rows or keys. */
    int64_t query_rows, d_output_rows, key_keys, value_keys;
    int64_t key_columns, query_columns, d_output_columns;
    int64_t offset, delta; /* by row: -lse in base 2, and minus the sum of d_output * output */
    /* Of a block, with the shape's stride. As f32: weights and slopes by row, and the slopes become
     * d_score. As pairs: weights and d_score in pairs of rows; the slopes are f32 for one panel of
     * rows, in whose place d_score goes as bf16, with twice the stride. */
    int64_t weights, slopes, d_scores;
    int64_t d_query, d_key, d_value; /* sums: [padded rows or keys][padded width or columns] */
    int64_t size;
} GradientPlan;

typedef struct Gradient {
    AttentionKernel kernel;
    GradientPlan plan;
    AttentionLeft query, d_output;
    AttentionPack key_keys, value_keys, key_columns, query_columns, d_output_columns;
    LLVMValueRef score, slope;
    Adder add_query, add_key, add_value;
} Gradient;

/* The functions of a block; the left sides are there. */
void emit_block_parts(Gradient *gradient);

/* Adds the share of a block to the gradients: rows that exist, keys in whole panels. */
void emit_block(const Gradient *gradient, const ScoreArea *block);

#endif
