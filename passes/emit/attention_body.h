/* The body of attention at places among few rows: its value for a vector of scores, and the keys
 * that it may leave. */
#ifndef SCANLINE_PASSES_EMIT_ATTENTION_BODY_H
#define SCANLINE_PASSES_EMIT_ATTENTION_BODY_H

#include "passes/emit/attention_kernel.h"
#include "passes/emit/site.h"

typedef struct AttentionBody {
    const AttentionKernel *kernel;
    const Function *body;
    Evaluator evaluator;
    LLVMValueRef *numbers; /* by NodeId of the body, as in ScoreArea */
} AttentionBody;

/* Of a kernel whose frame was begun. */
AttentionBody attention_body(const AttentionKernel *kernel);

/* For the scores of keys `key` and on; -inf in lanes that are masked off. */
LLVMValueRef attention_body_value(const AttentionBody *body, LLVMValueRef batch, LLVMValueRef row,
                                  LLVMValueRef key, LLVMValueRef scores, LLVMValueRef mask);

/* Keys first, ..., last - 1. */
typedef struct AttentionKeys {
    LLVMValueRef first, last;
} AttentionKeys;

/* Those that the mask may leave of some rows: to 2, from the body's formula (attention_range.h), in
 * which numbers from outside (the position that is drawn) are known now. */
AttentionKeys attention_body_keys(const AttentionBody *body, LLVMValueRef batch, LLVMValueRef row,
                                  int64_t rows);

#endif
