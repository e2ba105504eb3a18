/* The innermost loop of matrix products by tiles (amx.h): columns of bf16 are read
 * where they lie, a line of 32 depths at a time, and rows are packed to pairs. */
#ifndef SCANLINE_PASSES_EMIT_PRODUCT_AMX_H
#define SCANLINE_PASSES_EMIT_PRODUCT_AMX_H

#include "passes/emit/emitter.h"

typedef struct ProductAmx {
    uint32_t height;  /* of the panel of rows, 16 at most */
    uint32_t rows;    /* of which so many count */
    uint32_t vectors; /* columns in vectors of 16, two at most */
    int64_t depth;    /* elements, a multiple of AMX_DEPTH */
    int64_t stride;   /* from column to column, in elements */
} ProductAmx;

/* The tiles' sizes for so many rows; once in a kernel, which ends with emit_amx_end. */
void emit_product_amx_begin(Emitter *emitter, uint32_t height);

/* sums[row][vector], set: from the panel of rows, i32 [depth / 2, height], and the first column;
 * `ahead`: as many columns, which are asked for. */
void emit_products_amx(Emitter *emitter, const ProductAmx *product, LLVMValueRef left,
                       LLVMValueRef right, LLVMValueRef ahead, LLVMValueRef *sums);

#endif
