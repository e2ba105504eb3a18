/* AVX512-BF16's instructions where the target has them and the lanes fill a register, else integer
 * arithmetic. */
#include "passes/emit/bf16.h"

#include <string.h>

enum { NATIVE_LANES = 16 };

static bool is_native(const Emitter *e, uint32_t lanes) {
    return e->target->has_bf16_dot && lanes == NATIVE_LANES;
}

static LLVMTypeRef i32_lanes(Emitter *e, uint32_t lanes) {
    return emit_vector_type(e, e->i32, lanes);
}

/* More lanes than a register has: in two halves. */
static LLVMValueRef halves_to_bf16(Emitter *e, LLVMValueRef value, uint32_t lanes) {
    uint32_t *numbers = arena_array(e->arena, lanes, sizeof *numbers);
    for (uint32_t i = 0; i < lanes; i++)
        numbers[i] = i;
    LLVMValueRef low = emit_shuffle(e, value, value, numbers, lanes / 2);
    LLVMValueRef high = emit_shuffle(e, value, value, numbers + lanes / 2, lanes / 2);
    return emit_shuffle(e, emit_to_bf16(e, low), emit_to_bf16(e, high), numbers, lanes);
}

/* LLVM 19 moves shuffles of what was bf16 to that type, and has no instruction for some of them
 * there (VPERM2X128). It does not look through a fence, which is no instruction. */
static LLVMValueRef fence(Emitter *e, LLVMValueRef rounded, uint32_t lanes) {
    LLVMTypeRef type = emit_vector_type(e, e->f32, lanes / 2);
    LLVMValueRef halves = LLVMBuildBitCast(e->builder, rounded, type, "");
    return emit_intrinsic(e, "llvm.arithmetic.fence", &halves, 1);
}

LLVMValueRef emit_to_bf16(Emitter *e, LLVMValueRef value) {
    uint32_t lanes = emit_lanes(value);
    if (lanes > NATIVE_LANES && is_native(e, NATIVE_LANES) && lanes % (2 * NATIVE_LANES) == 0)
        return halves_to_bf16(e, value, lanes);
    LLVMTypeRef narrow = emit_vector_type(e, e->i16, lanes);
    if (is_native(e, lanes)) {
        LLVMValueRef rounded =
            emit_instruction(e, "llvm.x86.avx512bf16.cvtneps2bf16.512", &value, 1);
        return LLVMBuildBitCast(e->builder, fence(e, rounded, lanes), narrow, "");
    }
    LLVMBuilderRef b = e->builder;
    LLVMValueRef bits = LLVMBuildBitCast(b, value, i32_lanes(e, lanes), "");
    LLVMValueRef upper = LLVMBuildLShr(b, bits, emit_i32_lanes(e, 16, lanes), "");
    LLVMValueRef odd = LLVMBuildAnd(b, upper, emit_i32_lanes(e, 1, lanes), "");
    LLVMValueRef half = LLVMBuildAdd(b, odd, emit_i32_lanes(e, 0x7fff, lanes), "");
    LLVMValueRef sum = LLVMBuildAdd(b, bits, half, "");
    LLVMValueRef rounded = LLVMBuildLShr(b, sum, emit_i32_lanes(e, 16, lanes), "");
    LLVMValueRef quiet = LLVMBuildOr(b, upper, emit_i32_lanes(e, 0x40, lanes), "");
    LLVMValueRef is_nan = LLVMBuildFCmp(b, LLVMRealUNO, value, value, "");
    return LLVMBuildTrunc(b, LLVMBuildSelect(b, is_nan, quiet, rounded, ""), narrow, "");
}

LLVMValueRef emit_from_bf16(Emitter *e, LLVMValueRef bits) {
    uint32_t lanes = emit_lanes(bits);
    LLVMValueRef wide = LLVMBuildZExt(e->builder, bits, i32_lanes(e, lanes), "");
    wide = LLVMBuildShl(e->builder, wide, emit_i32_lanes(e, 16, lanes), "");
    return LLVMBuildBitCast(e->builder, wide, emit_vector_type(e, e->f32, lanes), "");
}

LLVMValueRef emit_bf16_pair(Emitter *e, LLVMValueRef even, LLVMValueRef odd) {
    uint32_t lanes = emit_lanes(even);
    LLVMValueRef low = LLVMBuildZExt(e->builder, even, i32_lanes(e, lanes), "");
    LLVMValueRef high = LLVMBuildZExt(e->builder, odd, i32_lanes(e, lanes), "");
    high = LLVMBuildShl(e->builder, high, emit_i32_lanes(e, 16, lanes), "");
    return LLVMBuildOr(e->builder, low, high, "");
}

LLVMValueRef emit_bf16_bits(Emitter *e, LLVMValueRef value) {
    uint32_t lanes = emit_lanes(value);
    LLVMValueRef bits = LLVMBuildBitCast(e->builder, value, i32_lanes(e, lanes), "");
    LLVMValueRef upper = LLVMBuildLShr(e->builder, bits, emit_i32_lanes(e, 16, lanes), "");
    return LLVMBuildTrunc(e->builder, upper, emit_vector_type(e, e->i16, lanes), "");
}

/* One half of pairs as f32. */
static LLVMValueRef half_of(Emitter *e, LLVMValueRef pairs, bool odd) {
    uint32_t lanes = emit_lanes(pairs);
    LLVMValueRef bits =
        odd ? LLVMBuildAnd(e->builder, pairs, emit_i32_lanes(e, (int32_t)0xffff0000, lanes), "")
            : LLVMBuildShl(e->builder, pairs, emit_i32_lanes(e, 16, lanes), "");
    return LLVMBuildBitCast(e->builder, bits, emit_vector_type(e, e->f32, lanes), "");
}

LLVMValueRef emit_bf16_dot(Emitter *e, LLVMValueRef a, LLVMValueRef b, LLVMValueRef sum) {
    uint32_t lanes = emit_lanes(sum);
    if (is_native(e, lanes) && !target_bf16_dot_is_slow(e->target)) {
        LLVMTypeRef type = LLVMVectorType(LLVMBFloatTypeInContext(e->context), 2 * lanes);
        LLVMValueRef arguments[] = {sum, LLVMBuildBitCast(e->builder, a, type, ""),
                                    LLVMBuildBitCast(e->builder, b, type, "")};
        return emit_instruction(e, "llvm.x86.avx512bf16.dpbf16ps.512", arguments, 3);
    }
    for (int odd = 1; odd >= 0; odd--)
        sum = emit_fma(e, half_of(e, a, odd), half_of(e, b, odd), sum);
    return sum;
}
