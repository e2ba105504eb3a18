/* What the kernels of attention and of its gradient share: their operands and scratch. */
#ifndef SCANLINE_PASSES_EMIT_ATTENTION_KERNEL_H
#define SCANLINE_PASSES_EMIT_ATTENTION_KERNEL_H

#include "passes/emit/attention_shape.h"
#include "passes/emit/compressed.h"
#include "passes/emit/emitter.h"
#include "passes/emit/kernel.h"
#include "passes/emit/pack.h"

enum { ATTENTION_MAX_PACKS = 8 };

/* A function that packs. */
typedef struct AttentionPacker {
    PackShape shape;
    LLVMValueRef function;
} AttentionPacker;

typedef struct AttentionKernel {
    Emitter *emitter;
    AttentionShape shape;
    KernelFrame frame;
    uint32_t operand_count, input_count;
    const char *symbol;
    AttentionPacker packers[ATTENTION_MAX_PACKS];
    uint32_t packer_count;
} AttentionKernel;

void attention_kernel_open(AttentionKernel *kernel, Emitter *emitter, const Function *body,
                           const char *symbol);
/* The frame of the kernel; all parts must have been emitted. */
void attention_kernel_begin(AttentionKernel *kernel);

/* The next place in scratch for so many floats, in bytes; *size grows. */
int64_t attention_place(int64_t *size, int64_t elements);

LLVMValueRef attention_scratch(const AttentionKernel *kernel, int64_t bytes);
LLVMValueRef attention_float(const AttentionKernel *kernel, LLVMValueRef base, LLVMValueRef index);
LLVMValueRef attention_element(const AttentionKernel *kernel, DType dtype, LLVMValueRef base,
                               LLVMValueRef index);

/* Offsets of source number `which`, and of the output that holds a result, along some axes. */
Offsets attention_source_offsets(const AttentionKernel *kernel, uint32_t which, const Axes *axes);
Offsets attention_result_offsets(const AttentionKernel *kernel, int64_t result, const Axes *axes);

/* DTYPE_NONE where it is no output. */
DType attention_result_type(const AttentionKernel *kernel, int64_t result);

/* The tensor at a batch. NULL for a result that is no output. */
LLVMValueRef attention_source(const AttentionKernel *kernel, uint32_t which, LLVMValueRef batch);
LLVMValueRef attention_result(const AttentionKernel *kernel, int64_t result, LLVMValueRef batch);

/* The tiles of a batch of a source that is `tiled`; each has so many values. */
LLVMValueRef attention_tiles(const AttentionKernel *kernel, uint32_t which, LLVMValueRef batch,
                             int64_t values);

/* The stretch of a batch of a source that is `compressed`; each has so many values. */
Stretch attention_stretch(const AttentionKernel *kernel, uint32_t which, LLVMValueRef batch,
                          int64_t values);

/* What one part of the work reads and writes, in bytes: each operand once. */
double attention_operand_bytes(const Function *body);

#endif
