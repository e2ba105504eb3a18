/* Each argument is brought to a small interval, where a minimax polynomial (Remez's exchange, for
 * the relative error) serves; no branches and no tables, so vectors need nothing else. */
#include "passes/emit/math.h"

#include <math.h>

static LLVMValueRef constant_like(Emitter *emitter, LLVMValueRef like, double value) {
    return emit_f32_lanes(emitter, value, emit_lanes(like));
}

/* c[0] + x * (c[1] + x * ...) by Horner's rule. */
static LLVMValueRef polynomial(Emitter *emitter, LLVMValueRef x, const double *coefficients,
                               uint32_t count) {
    LLVMValueRef sum = constant_like(emitter, x, coefficients[count - 1]);
    for (uint32_t i = count - 1; i-- > 0;)
        sum = emit_fma(emitter, sum, x, constant_like(emitter, x, coefficients[i]));
    return sum;
}

/* x = n ln 2 + r with |r| <= ln 2 / 2. Adding 1.5 * 2^23 leaves n in the low bits of the sum, from
 * where it is added to the exponent of e^r: that is exact, since at both ends of the range e^r lies
 * on the side of 1 that keeps the exponent valid. e^r = 1 + r + r^2 P(r), error of P 3.1e-9 of e^r.
 */
LLVMValueRef math_exp(Emitter *emitter, LLVMValueRef x) {
    static const double P[] = {0x1.fffffcp-2, 0x1.555492p-3, 0x1.5558f2p-5, 0x1.1239e2p-7,
                               0x1.6a2434p-10};
    const double rounder = 0x1.8p23, log2_e = 0x1.715476p0;
    const double ln2_high = 0x1.62e4p-1, ln2_low = 0x1.7f7d1cp-20; /* high: n * high is exact */
    const double largest = 0x1.62e42ep6, smallest = -0x1.5d589ep6;
    LLVMBuilderRef builder = emitter->builder;
    uint32_t lanes = emit_lanes(x);
    LLVMTypeRef bits_type = emit_vector_type(emitter, emitter->i32, lanes);

    LLVMValueRef shifted =
        emit_fma(emitter, x, constant_like(emitter, x, log2_e), constant_like(emitter, x, rounder));
    LLVMValueRef n = LLVMBuildFSub(builder, shifted, constant_like(emitter, x, rounder), "");
    LLVMValueRef r = emit_fma(emitter, n, constant_like(emitter, x, -ln2_high), x);
    r = emit_fma(emitter, n, constant_like(emitter, x, -ln2_low), r);
    LLVMValueRef square = LLVMBuildFMul(builder, r, r, "");
    LLVMValueRef p = polynomial(emitter, r, P, sizeof P / sizeof P[0]);
    LLVMValueRef y = emit_fma(emitter, p, square, r);
    y = LLVMBuildFAdd(builder, y, constant_like(emitter, x, 1), "");

    LLVMValueRef exponent = LLVMBuildShl(builder, LLVMBuildBitCast(builder, shifted, bits_type, ""),
                                         emit_i32_lanes(emitter, 23, lanes), "");
    LLVMValueRef sum =
        LLVMBuildAdd(builder, LLVMBuildBitCast(builder, y, bits_type, ""), exponent, "");
    LLVMValueRef scaled = LLVMBuildBitCast(builder, sum, LLVMTypeOf(x), "");

    LLVMValueRef overflow = LLVMBuildFMul(builder, x, constant_like(emitter, x, INFINITY), "");
    LLVMValueRef in_range =
        LLVMBuildFCmp(builder, LLVMRealOLE, x, constant_like(emitter, x, largest), "");
    LLVMValueRef result = LLVMBuildSelect(builder, in_range, scaled, overflow, "");
    LLVMValueRef tiny =
        LLVMBuildFCmp(builder, LLVMRealOLT, x, constant_like(emitter, x, smallest), "");
    return LLVMBuildSelect(builder, tiny, constant_like(emitter, x, 0), result, "");
}
