/* The products of attention of few rows (attention_row.h) in bf16, where keys and values lie one
 * after another and are read in groups: sixteen keys at once, by products of pairs. Of what is kept
 * compressed (ir/compressed.h) that is read. */
#ifndef SCANLINE_PASSES_EMIT_ATTENTION_PAIRS_H
#define SCANLINE_PASSES_EMIT_ATTENTION_PAIRS_H

#include "passes/emit/attention_kernel.h"

enum { ATTENTION_PAIRS_VECTORS = 8 }; /* of the output, at most */

/* Of a kernel that was opened. */
bool attention_pairs_accepts(const AttentionKernel *kernel);

/* What becomes of the scores of keys `key` and on: -inf in lanes that are masked off. */
typedef LLVMValueRef PairsBody(const void *user, LLVMValueRef key, LLVMValueRef scores,
                               LLVMValueRef mask);

/* One row of queries against the keys first, ..., last - 1. */
typedef struct PairsRow {
    const AttentionKernel *kernel;
    LLVMValueRef batch, next; /* the one that is computed after it, or itself */
    LLVMValueRef query;       /* bf16 */
    LLVMValueRef first, last;
    PairsBody *body;
    const void *user;
    LLVMValueRef scores;                 /* in scratch: f32, of key 0; whole groups */
    LLVMValueRef weights, mask, partial; /* in scratch: a group of bf16, of i16; half a group of
                                            vectors */
} PairsRow;

/* The body's scores of all keys, kept; by lane, the largest. */
LLVMValueRef emit_pairs_scores(const PairsRow *row);

typedef struct PairsSums {
    LLVMValueRef offset;                           /* of weights, as attention_weight takes it */
    LLVMValueRef weights;                          /* their sum, by lane */
    LLVMValueRef columns[ATTENTION_PAIRS_VECTORS]; /* sum of weight * value: vectors of f32 */
} PairsSums;

/* From scores and offset. */
void emit_pairs_values(const PairsRow *row, PairsSums *sums);

#endif
