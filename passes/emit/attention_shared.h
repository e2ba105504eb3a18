/* Attention of some rows over the same keys, which are the values too, in bf16 and compressed: what
 * becomes of all heads of a step where only the source of keys and values is kept
 * (decode_absorb.c).
 */
#ifndef SCANLINE_PASSES_EMIT_ATTENTION_SHARED_H
#define SCANLINE_PASSES_EMIT_ATTENTION_SHARED_H

#include "passes/emit/attention_kernel.h"

/* Forward, without the log-sum-exp as a result. */
bool attention_shared_accepts(const AttentionShape *shape);

void attention_shared_measure(const AttentionShape *shape, KernelShape *kernel);

/* Of a kernel that was opened. */
void emit_attention_shared(AttentionKernel *kernel);

#endif
