/* Fetching memory before it is needed. */
#ifndef SCANLINE_PASSES_EMIT_ATTENTION_AHEAD_H
#define SCANLINE_PASSES_EMIT_ATTENTION_AHEAD_H

#include "passes/emit/attention_kernel.h"

/* A tensor whose rows are fetched: a source for the next batch, or a result of this one; of the
 * kernel's type. */
typedef struct AttentionAhead {
    bool is_result;
    uint32_t number;
    const Axes *rows, *columns;
} AttentionAhead;

/* One batch after another is far apart in memory: what the next one reads is fetched during this
 * one, a panel of rows at a time. */
void attention_fetch_ahead(const AttentionKernel *kernel, const AttentionAhead *tensors,
                           uint32_t count, LLVMValueRef batch, LLVMValueRef row);

#endif
