/* What the kernels of attention and of its gradient share: their operands, scratch and packing. */
#ifndef SCANLINE_PASSES_EMIT_ATTENTION_KERNEL_H
#define SCANLINE_PASSES_EMIT_ATTENTION_KERNEL_H

#include "passes/emit/attention_shape.h"
#include "passes/emit/emitter.h"
#include "passes/emit/kernel.h"
#include "passes/emit/offsets.h"

typedef struct AttentionKernel {
    Emitter *emitter;
    AttentionShape shape;
    KernelFrame frame;
    uint32_t operand_count, input_count;
    const char *symbol;
} AttentionKernel;

void attention_kernel_open(AttentionKernel *kernel, Emitter *emitter, const Function *body,
                           const char *symbol);
/* The frame of the kernel; all parts must have been emitted. */
void attention_kernel_begin(AttentionKernel *kernel);

/* The next place in scratch for so many floats, in bytes; *size grows. */
int64_t attention_place(int64_t *size, int64_t elements);

LLVMValueRef attention_scratch(const AttentionKernel *kernel, int64_t bytes);
LLVMValueRef attention_float(const AttentionKernel *kernel, LLVMValueRef base, LLVMValueRef index);

/* Offsets of source number `which`, and of the output that holds a result, along some axes. */
Offsets attention_source_offsets(const AttentionKernel *kernel, uint32_t which, const Axes *axes);
Offsets attention_result_offsets(const AttentionKernel *kernel, int64_t result, const Axes *axes);

/* The tensor at a batch. NULL for a result that is no output. */
LLVMValueRef attention_source(const AttentionKernel *kernel, uint32_t which, LLVMValueRef batch);
LLVMValueRef attention_result(const AttentionKernel *kernel, int64_t result, LLVMValueRef batch);

/* How a source is packed: panels of `width` indices of the side. */
typedef struct AttentionPack {
    LLVMValueRef function;
    uint32_t source;
    int64_t depth;
} AttentionPack;

AttentionPack attention_emit_pack(const AttentionKernel *kernel, const char *part, uint32_t source,
                                  const Axes *side, const Axes *depth, uint32_t width);
/* `count` indices of the side from `first` on, with all of the depth, at a batch. */
void attention_call_pack(const AttentionKernel *kernel, const AttentionPack *pack,
                         LLVMValueRef target, LLVMValueRef batch, LLVMValueRef first,
                         LLVMValueRef count);

/* What one part of the work reads and writes, in bytes: each operand once. */
double attention_operand_bytes(const Function *body);

#endif
