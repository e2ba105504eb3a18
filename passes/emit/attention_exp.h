/* The exponential of attention's weights. */
#ifndef SCANLINE_PASSES_EMIT_ATTENTION_EXP_H
#define SCANLINE_PASSES_EMIT_ATTENTION_EXP_H

#include "passes/emit/emitter.h"

/* 2^x for x < 127, vectors too; of -inf exactly 0, and anything below 2^-125 for other x < -126.
 * Within 1 ulp; `coarse`: within 4e-6 of it, for what is rounded to bf16. NaN of NaN. */
LLVMValueRef attention_exp2(Emitter *emitter, LLVMValueRef x, bool coarse);

/* x * log2(e), rounded. */
LLVMValueRef attention_in_base_2(Emitter *emitter, LLVMValueRef x);

/* e^(score - base): 2^(score * log2(e) + offset), where offset is -base in base 2. */
LLVMValueRef attention_weight(Emitter *emitter, LLVMValueRef score, LLVMValueRef offset,
                              bool coarse);

/* Of weights, from the largest score: -base in base 2; 0 where all are masked. */
LLVMValueRef attention_offset(Emitter *emitter, LLVMValueRef largest);

/* Of the sum of weights, which is there by lane; 0 where all are masked. */
LLVMValueRef attention_inverse(Emitter *emitter, LLVMValueRef sums);

#endif
