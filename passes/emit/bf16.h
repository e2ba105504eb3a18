/* bf16: the upper half of an f32. In memory and in registers its 16 bits are an i16; two of
 * neighbouring depths, the even one in the lower half, are a pair: an i32. */
#ifndef SCANLINE_PASSES_EMIT_BF16_H
#define SCANLINE_PASSES_EMIT_BF16_H

#include "passes/emit/emitter.h"

/* f32 to bits and back, scalars and vectors: to nearest, ties to even; a NaN stays one. */
LLVMValueRef emit_to_bf16(Emitter *emitter, LLVMValueRef value);
LLVMValueRef emit_from_bf16(Emitter *emitter, LLVMValueRef bits);

/* The bits of an f32 that is a bf16 already: without rounding once more. */
LLVMValueRef emit_bf16_bits(Emitter *emitter, LLVMValueRef value);

/* Pairs from the bits of their halves. */
LLVMValueRef emit_bf16_pair(Emitter *emitter, LLVMValueRef even, LLVMValueRef odd);

/* sum + a.even * b.even + a.odd * b.odd, all f32 lanes of one number; a and b are pairs. One
 * instruction where the target has it and it is the faster way, else two multiply-adds, the odd one
 * first: across targets the bits differ. */
LLVMValueRef emit_bf16_dot(Emitter *emitter, LLVMValueRef a, LLVMValueRef b, LLVMValueRef sum);

#endif
