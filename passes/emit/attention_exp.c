/* Fewer steps than math_exp: no argument is large, and what is small may be anything small. */
#include "passes/emit/attention_exp.h"

#include <math.h>
#include <string.h>

enum { NATIVE_LANES = 16 };

static const double log2_e = 0x1.715476p0;

static LLVMValueRef constant(Emitter *e, double value, LLVMValueRef like) {
    return emit_f32_lanes(e, value, emit_lanes(like));
}

/* 1 + f * P(f) for |f| <= 1/2, the relative error 2.6e-9 or 3.6e-6. Exact at 0, so that what is
 * clamped to -127 becomes 0 when the exponent is added: 1 has the exponent bits 127. */
static LLVMValueRef fraction_power(Emitter *e, LLVMValueRef f, bool coarse) {
    static const double fine[] = {0x1.62e432p-1, 0x1.ebfbe2p-3,  0x1.c6ae72p-5,
                                  0x1.3b270ep-7, 0x1.5f7276p-10, 0x1.470b4ap-13};
    static const double rough[] = {0x1.62dfcap-1, 0x1.ebf1b4p-3, 0x1.ca9008p-5, 0x1.409104p-7};
    const double *coefficients = coarse ? rough : fine;
    uint32_t count = coarse ? sizeof rough / sizeof rough[0] : sizeof fine / sizeof fine[0];
    LLVMValueRef sum = constant(e, coefficients[count - 1], f);
    for (uint32_t i = count - 1; i-- > 0;)
        sum = emit_fma(e, sum, f, constant(e, coefficients[i], f));
    return emit_fma(e, sum, f, constant(e, 1, f));
}

/* AVX-512 has both halves of the work as instructions: f, which is 0 of -inf, and p * 2^n, which is
 * 0 then. */
static bool is_native(const Emitter *e, uint32_t lanes) {
    return e->target->vector_bytes == 64 && lanes == NATIVE_LANES;
}

static LLVMValueRef call_native(Emitter *e, const char *name, LLVMValueRef *arguments,
                                uint32_t count) {
    LLVMValueRef function =
        LLVMGetIntrinsicDeclaration(e->module, LLVMLookupIntrinsicID(name, strlen(name)), NULL, 0);
    return LLVMBuildCall2(e->builder, LLVMGlobalGetValueType(function), function, arguments, count,
                          "");
}

static LLVMValueRef native_exp2(Emitter *e, LLVMValueRef x, bool coarse) {
    enum { TO_NEAREST = 8, CURRENT_ROUNDING = 4 };
    LLVMValueRef none = LLVMConstNull(LLVMTypeOf(x)), all = LLVMConstAllOnes(e->i16);
    LLVMValueRef rounding = emit_i32(e, CURRENT_ROUNDING);
    LLVMValueRef reduce[] = {x, emit_i32(e, TO_NEAREST), none, all, rounding};
    LLVMValueRef f = call_native(e, "llvm.x86.avx512.mask.reduce.ps.512", reduce, 5);
    LLVMValueRef n = LLVMBuildFSub(e->builder, x, f, "");
    LLVMValueRef scale[] = {fraction_power(e, f, coarse), n, none, all, rounding};
    return call_native(e, "llvm.x86.avx512.mask.scalef.ps.512", scale, 5);
}

/* x = n + f; adding 1.5 * 2^23 leaves n in the low bits of the sum. */
LLVMValueRef attention_exp2(Emitter *e, LLVMValueRef x, bool coarse) {
    uint32_t lanes = emit_lanes(x);
    if (is_native(e, lanes))
        return native_exp2(e, x, coarse);
    LLVMValueRef rounder = constant(e, 0x1.8p23, x);
    LLVMTypeRef bits = emit_vector_type(e, e->i32, lanes);
    x = emit_max_f32(e, constant(e, -127, x), x);
    LLVMValueRef shifted = LLVMBuildFAdd(e->builder, x, rounder, "");
    LLVMValueRef n = LLVMBuildFSub(e->builder, shifted, rounder, "");
    LLVMValueRef power = fraction_power(e, LLVMBuildFSub(e->builder, x, n, ""), coarse);
    LLVMValueRef exponent =
        LLVMBuildShl(e->builder, LLVMBuildBitCast(e->builder, shifted, bits, ""),
                     emit_i32_lanes(e, 23, lanes), "");
    LLVMValueRef sum =
        LLVMBuildAdd(e->builder, LLVMBuildBitCast(e->builder, power, bits, ""), exponent, "");
    return LLVMBuildBitCast(e->builder, sum, LLVMTypeOf(x), "");
}

LLVMValueRef attention_in_base_2(Emitter *e, LLVMValueRef x) {
    return LLVMBuildFMul(e->builder, x, constant(e, log2_e, x), "");
}

LLVMValueRef attention_weight(Emitter *e, LLVMValueRef score, LLVMValueRef offset, bool coarse) {
    LLVMValueRef x = emit_fma(e, score, constant(e, log2_e, score), offset);
    return attention_exp2(e, x, coarse);
}

static LLVMValueRef unless_equal(Emitter *e, LLVMValueRef value, double constant,
                                 LLVMValueRef otherwise) {
    LLVMValueRef equal = LLVMBuildFCmp(e->builder, LLVMRealOEQ, value, emit_f32(e, constant), "");
    return LLVMBuildSelect(e->builder, equal, emit_f32(e, 0), otherwise, "");
}

LLVMValueRef attention_offset(Emitter *e, LLVMValueRef largest) {
    LLVMValueRef base = unless_equal(e, largest, (double)-INFINITY, largest);
    return LLVMBuildFNeg(e->builder, attention_in_base_2(e, base), "");
}

LLVMValueRef attention_inverse(Emitter *e, LLVMValueRef sums) {
    LLVMValueRef sum = emit_sum_lanes(e, sums);
    return unless_equal(e, sum, 0, LLVMBuildFDiv(e->builder, emit_f32(e, 1), sum, ""));
}
