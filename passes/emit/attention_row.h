/* Attention of few rows, as decoding has it: one query a head against all keys so far. Nothing is
 * packed: each key and value that the mask may leave is read once, where it lies. */
#ifndef SCANLINE_PASSES_EMIT_ATTENTION_ROW_H
#define SCANLINE_PASSES_EMIT_ATTENTION_ROW_H

#include "passes/emit/attention_kernel.h"

/* Forward, without the log-sum-exp as a result; few rows; queries, keys, values and results have
 * their innermost axis side by side. */
bool attention_row_accepts(const AttentionShape *shape);

void attention_row_measure(const AttentionShape *shape, KernelShape *kernel);

/* Of a kernel that was opened. */
void emit_attention_row(AttentionKernel *kernel);

#endif
