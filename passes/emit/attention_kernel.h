/* What the kernels of attention and of its gradient share: their operands, scratch and packing. */
#ifndef SCANLINE_PASSES_EMIT_ATTENTION_KERNEL_H
#define SCANLINE_PASSES_EMIT_ATTENTION_KERNEL_H

#include "passes/emit/attention_shape.h"
#include "passes/emit/emitter.h"
#include "passes/emit/kernel.h"
#include "passes/emit/offsets.h"
#include "passes/emit/product.h"

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

/* DTYPE_NONE where it is no output. */
DType attention_result_type(const AttentionKernel *kernel, int64_t result);

/* The tensor at a batch. NULL for a result that is no output. */
LLVMValueRef attention_source(const AttentionKernel *kernel, uint32_t which, LLVMValueRef batch);
LLVMValueRef attention_result(const AttentionKernel *kernel, int64_t result, LLVMValueRef batch);

/* --- sides of products --- */

/* How a source is packed: panels of `width` indices of the side. */
typedef struct AttentionPack {
    LLVMValueRef function;
    uint32_t source;
    int64_t depth; /* as attention_depth */
} AttentionPack;

AttentionPack attention_emit_pack(const AttentionKernel *kernel, const char *part, uint32_t source,
                                  const Axes *side, const Axes *depth, uint32_t width);
/* `count` indices of the side from `first` on, with all of the depth, at a batch. */
void attention_call_pack(const AttentionKernel *kernel, const AttentionPack *pack,
                         LLVMValueRef target, LLVMValueRef batch, LLVMValueRef first,
                         LLVMValueRef count);

/* A left side of scores, query or d_output: read where it lies, or packed to panels of rows. */
typedef struct AttentionLeft {
    bool in_place;
    uint32_t source;
    int64_t row, depth; /* as in Product */
    int64_t scratch;    /* of the panels, in bytes */
    AttentionPack pack;
} AttentionLeft;

AttentionLeft attention_left(const AttentionKernel *kernel, const char *part, uint32_t source,
                             const Axes *depth, bool in_place, int64_t scratch);
/* Makes the panels of some rows, if they are needed; the first row is that of a panel. */
void attention_prepare_left(const AttentionKernel *kernel, const AttentionLeft *left,
                            LLVMValueRef batch, LLVMValueRef first, LLVMValueRef count);
/* The first row of a panel; `first`: as when it was prepared. */
LLVMValueRef attention_left_row(const AttentionKernel *kernel, const AttentionLeft *left,
                                LLVMValueRef batch, LLVMValueRef first, LLVMValueRef row);

/* The products of `height` rows, each `left_row` and `left_depth` apart, with a packed panel of
 * `width` columns. `depth`: what is known of the number of products. */
Product attention_product(const AttentionShape *shape, uint32_t height, uint32_t width,
                          int64_t left_row, int64_t left_depth, int64_t depth);

/* Where sums (by row, then vector) go in a result. What lies beyond its last row and column is left
 * out; `padded`: rows that stores may be asked for. */
typedef struct AttentionStore {
    LLVMValueRef base; /* of a batch */
    Offsets rows, columns;
    int64_t row_count, column_count;
    bool all_rows; /* exist */
    DType dtype;
} AttentionStore;

AttentionStore attention_store(const AttentionKernel *kernel, int64_t result, LLVMValueRef base,
                               const Axes *rows, int64_t padded, const Axes *columns);
void attention_store_sums(const AttentionKernel *kernel, const AttentionStore *store,
                          const Product *product, LLVMValueRef *sums, LLVMValueRef row,
                          LLVMValueRef column);

/* What one part of the work reads and writes, in bytes: each operand once. */
double attention_operand_bytes(const Function *body);

#endif
