/* The sides of attention's products, and where their sums go. */
#ifndef SCANLINE_PASSES_EMIT_ATTENTION_SIDES_H
#define SCANLINE_PASSES_EMIT_ATTENTION_SIDES_H

#include "passes/emit/attention_kernel.h"
#include "passes/emit/product.h"

/* How a source is packed: panels of `width` indices of the side. */
typedef struct AttentionPack {
    LLVMValueRef function;
    uint32_t source;
    int64_t depth; /* as attention_depth */
} AttentionPack;

/* Sources that lie the same way share a function. */
AttentionPack attention_emit_pack(AttentionKernel *kernel, const char *part, uint32_t source,
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

AttentionLeft attention_left(AttentionKernel *kernel, const char *part, uint32_t source,
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

/* Vectors of two rows, rounded to bf16: each by itself, and in pairs of the rows. */
typedef struct AttentionPairs {
    LLVMValueRef even, odd, pairs;
} AttentionPairs;

AttentionPairs attention_round_rows(const AttentionKernel *kernel, LLVMValueRef even,
                                    LLVMValueRef odd);

#endif
