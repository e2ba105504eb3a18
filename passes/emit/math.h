/* Functions of f32 as polynomials, scalar or vector: the same bits for a lane wherever it stands.
 */
#ifndef SCANLINE_PASSES_EMIT_MATH_H
#define SCANLINE_PASSES_EMIT_MATH_H

#include "passes/emit/emitter.h"

/* e^x; inf above 88.7228, 0 below -87.3365 (no denormals), NaN of NaN. Within 1 ulp. */
LLVMValueRef math_exp(Emitter *emitter, LLVMValueRef x);

#endif
