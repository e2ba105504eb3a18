/* Where the elements of a tensor lie when several axes are walked as one index.
 *
 * A composite index runs over a list of axes, outermost first, as over one axis of the product of
 * their extents. Its offset in a dense tensor is a sum of digits times strides; neighbouring axes
 * that lie in the tensor as one are one digit, so the usual composite has a single stride. */
#ifndef SCANLINE_PASSES_EMIT_OFFSETS_H
#define SCANLINE_PASSES_EMIT_OFFSETS_H

#include "passes/emit/emitter.h"

typedef struct OffsetDigit {
    int64_t extent;
    int64_t stride; /* elements; 0: the tensor lacks the axis */
} OffsetDigit;

typedef struct Offsets {
    uint32_t count;
    OffsetDigit digits[MAX_AXES]; /* outermost first */
} Offsets;

Offsets offsets_of(const Function *body, const Axes *composite, const Axes *tensor);

/* One stride serves the whole index. */
bool offsets_uniform(const Offsets *offsets);
/* From one index to the next, except where a run ends. */
int64_t offsets_stride(const Offsets *offsets);
/* Groups of `width` indices, from a multiple of `width` on, have that one stride. */
bool offsets_uniform_within(const Offsets *offsets, int64_t width);

/* The offset in elements, i64. */
LLVMValueRef emit_offset(Emitter *emitter, const Offsets *offsets, LLVMValueRef index);

/* A vector of f32 at the indices first, first + 1, ...; first is a multiple of its lanes. Lanes
 * from `extent` on are not touched, and load as 0; `whole` says that there are none. In memory it
 * is f32 or bf16. */
LLVMValueRef emit_load_composite(Emitter *emitter, DType dtype, LLVMValueRef base,
                                 const Offsets *offsets, LLVMValueRef first, int64_t extent,
                                 uint32_t lanes, bool whole);
void emit_store_composite(Emitter *emitter, DType dtype, LLVMValueRef value, LLVMValueRef base,
                          const Offsets *offsets, LLVMValueRef first, int64_t extent, bool whole);

#endif
