/* Products that are added up over blocks of scores: the gradients of query, key and value. */
#ifndef SCANLINE_PASSES_EMIT_ATTENTION_ADDER_H
#define SCANLINE_PASSES_EMIT_ATTENTION_ADDER_H

#include "passes/emit/attention_kernel.h"

/* A gradient: some rows of sums by all columns. */
typedef struct AdderShape {
    Product product; /* of scores with one panel of columns */
    int64_t result;
    const Axes *rows, *columns;
    int64_t padded_rows, padded_columns;
    int64_t depth; /* of a panel of the right side */
} AdderShape;

typedef struct Adder {
    LLVMValueRef function; /* NULL: the result is no output */
    AdderShape shape;
} Adder;

Adder emit_adder(const AttentionKernel *kernel, const char *part, const AdderShape *shape);

/* sums += left right. left: at the first of `count` depths; right: the panels, at that depth; row:
 * of the sums, which lie in scratch. Where there is a single block the sums are the result: they
 * are stored there, at the batch. */
void emit_adder_call(const AttentionKernel *kernel, const Adder *adder, LLVMValueRef left,
                     LLVMValueRef right, LLVMValueRef count, LLVMValueRef sums, LLVMValueRef row);

#endif
