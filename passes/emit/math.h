/* Functions of f32 as polynomials, scalar or vector: the same bits for a lane wherever it stands.
 */
#ifndef SCANLINE_PASSES_EMIT_MATH_H
#define SCANLINE_PASSES_EMIT_MATH_H

#include "passes/emit/emitter.h"

/* e^x; inf above 88.7228, 0 below -87.3365 (no denormals), NaN of NaN. Within 1 ulp. */
LLVMValueRef math_exp(Emitter *emitter, LLVMValueRef x);

/* Natural logarithm; -inf of 0 and of denormals, NaN below. Within 2 ulp. */
LLVMValueRef math_log(Emitter *emitter, LLVMValueRef x);

/* 1 / (1 + e^-x), within 4 ulp; 0 where e^-x overflows. */
LLVMValueRef math_sigmoid(Emitter *emitter, LLVMValueRef x);

/* Within 2 ulp. */
LLVMValueRef math_tanh(Emitter *emitter, LLVMValueRef x);

/* Within 2 ulp for |x| <= 2^40; 0 and 1 beyond; NaN of infinity. */
LLVMValueRef math_sin(Emitter *emitter, LLVMValueRef x);
LLVMValueRef math_cos(Emitter *emitter, LLVMValueRef x);

/* cos(2 pi u) for 0 <= u <= 1. Within 2 ulp. */
LLVMValueRef math_cos_turns(Emitter *emitter, LLVMValueRef u);

/* x^y as C's pow, but results that are denormal are 0, and so are denormal x. Within 1 ulp. */
LLVMValueRef math_pow(Emitter *emitter, LLVMValueRef x, LLVMValueRef y);

#endif
