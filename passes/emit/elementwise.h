/* The elementwise ops as machine code: from the values of the sources to the value of the node. */
#ifndef SCANLINE_PASSES_EMIT_ELEMENTWISE_H
#define SCANLINE_PASSES_EMIT_ELEMENTWISE_H

#include "passes/emit/emitter.h"

/* Sources are all scalars or all vectors of one length (see site.h for their types); `dtype` is the
 * type of the first. */
LLVMValueRef emit_elementwise(Emitter *emitter, OpCode op, DType dtype,
                              const LLVMValueRef *sources);

/* The larger; NaN if either is. f32 or i32. */
LLVMValueRef emit_maximum(Emitter *emitter, LLVMValueRef a, LLVMValueRef b);

#endif
