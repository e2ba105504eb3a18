/* The innermost loop of matrix products: a small block of sums in registers.
 *
 *     sums[row][vector] += left[row][depth] * right[depth][vector]      for each depth in turn
 *
 * Each sum is one chain of fused multiply-adds in the order of the depth. Sides of bf16 come in
 * pairs of neighbouring depths (bf16.h): a pair counts as one depth, and takes the room of an f32.
 */
#ifndef SCANLINE_PASSES_EMIT_PRODUCT_H
#define SCANLINE_PASSES_EMIT_PRODUCT_H

#include "passes/emit/compressed.h"

enum { PRODUCT_MAX_SUMS = 32, PRODUCT_UNROLL = 2 };

typedef struct Product {
    uint32_t height, vectors, lanes;
    uint32_t last_lanes;          /* of the last vector that are read; the others count as 0 */
    bool pairs;                   /* sides are of pairs of bf16, else of f32 */
    int64_t left_row, left_depth; /* from one to the next, in f32; in bf16 where there are pairs */
    int64_t right_depth;          /* f32 or pairs; vectors lie next to each other */
    bool right_halves;            /* pairs are made of rows of bf16 as they lie: so many elements */
    int64_t right_row;  /* from the even one to the odd one, and on to the next even one */
    int64_t depth_rest; /* what a depth may leave when divided by PRODUCT_UNROLL */
    bool depth_short;   /* it is always less than PRODUCT_UNROLL */
    int64_t ahead;      /* bytes of the right side, which lies depth by depth without gaps, that are
                           asked for ahead; 0: none */
} Product;

/* Registers that the target has for sums, cut for panels of `columns` columns at most. */
void product_choose(const Target *target, int64_t rows, int64_t columns, Product *product);

static inline uint32_t product_sums(const Product *product) {
    return product->height * product->vectors;
}

/* Goes on with `sums` (by row, then vector), from element pointers. `depth` counts f32 or pairs. */
void emit_products(Emitter *emitter, const Product *product, LLVMValueRef left, LLVMValueRef right,
                   LLVMValueRef depth, LLVMValueRef *sums);

/* The same over all of the depth, `depth` pairs, with one panel of the right side that is kept
 * compressed as a stretch: product_packs(depth, width) holds. */
void emit_products_packed(Emitter *emitter, const Product *product, LLVMValueRef left,
                          const Stretch *right, int64_t depth, LLVMValueRef *sums);

/* Whether blocks of a panel come out even: whole pairs of depths in some, or some in a pair. */
bool product_packs(int64_t depth, uint32_t width);

/* Zeros for all of them. */
void emit_product_zeros(Emitter *emitter, const Product *product, LLVMValueRef *sums);

#endif
