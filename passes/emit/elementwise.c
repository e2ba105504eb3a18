/* One rule for each name in the `emit` column of ir/ops.def that is elementwise; the others have
 * none (0) and are emitted by whoever knows their loops. Comparisons are ordered, minima and maxima
 * hand NaN on, and integers wrap. */
#include "passes/emit/elementwise.h"

#include "passes/emit/bf16.h"
#include "passes/emit/math.h"

#include <assert.h>
#include <math.h>

typedef LLVMValueRef ElementRule(Emitter *emitter, DType dtype, const LLVMValueRef *s);

static LLVMValueRef like_f32(Emitter *emitter, LLVMValueRef like, double value) {
    return emit_f32_lanes(emitter, value, emit_lanes(like));
}

static LLVMValueRef like_i32(Emitter *emitter, LLVMValueRef like, int32_t value) {
    return emit_i32_lanes(emitter, value, emit_lanes(like));
}

static LLVMTypeRef type_like(Emitter *emitter, LLVMTypeRef element, LLVMValueRef like) {
    return emit_vector_type(emitter, element, emit_lanes(like));
}

static LLVMValueRef pick(Emitter *emitter, LLVMValueRef condition, LLVMValueRef yes,
                         LLVMValueRef no) {
    return LLVMBuildSelect(emitter->builder, condition, yes, no, "");
}

/* --- one source --- */

/* Towards zero; NaN gives 0, what is too large the nearest i32. */
static LLVMValueRef truncate_saturated(Emitter *emitter, LLVMValueRef value, LLVMTypeRef type) {
    static const char name[] = "llvm.fptosi.sat";
    LLVMTypeRef overloads[] = {type, LLVMTypeOf(value)};
    unsigned id = LLVMLookupIntrinsicID(name, sizeof name - 1);
    LLVMValueRef function = LLVMGetIntrinsicDeclaration(emitter->module, id, overloads, 2);
    return LLVMBuildCall2(emitter->builder, LLVMGlobalGetValueType(function), function, &value, 1,
                          "");
}

static LLVMValueRef element_cast_f32(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    LLVMTypeRef type = type_like(emitter, emitter->f32, s[0]);
    if (dtype == DTYPE_I32)
        return LLVMBuildSIToFP(emitter->builder, s[0], type, "");
    return dtype == DTYPE_BOOL ? LLVMBuildUIToFP(emitter->builder, s[0], type, "") : s[0];
}

/* A float whose lower half is 0. */
static LLVMValueRef element_cast_bf16(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    (void)dtype;
    return emit_from_bf16(emitter, emit_to_bf16(emitter, s[0]));
}

static LLVMValueRef element_cast_i32(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    LLVMTypeRef type = type_like(emitter, emitter->i32, s[0]);
    if (dtype == DTYPE_BOOL)
        return LLVMBuildZExt(emitter->builder, s[0], type, "");
    return dtype == DTYPE_I32 ? s[0] : truncate_saturated(emitter, s[0], type);
}

static LLVMValueRef element_negate(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    return dtype == DTYPE_I32 ? LLVMBuildNeg(emitter->builder, s[0], "")
                              : LLVMBuildFNeg(emitter->builder, s[0], "");
}

static LLVMValueRef element_abs(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    if (dtype != DTYPE_I32)
        return emit_intrinsic(emitter, "llvm.fabs", s, 1);
    LLVMValueRef negative =
        LLVMBuildICmp(emitter->builder, LLVMIntSLT, s[0], like_i32(emitter, s[0], 0), "");
    return pick(emitter, negative, LLVMBuildNeg(emitter->builder, s[0], ""), s[0]);
}

static LLVMValueRef element_exp(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    (void)dtype;
    return math_exp(emitter, s[0]);
}

static LLVMValueRef element_log(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    (void)dtype;
    return math_log(emitter, s[0]);
}

static LLVMValueRef element_sqrt(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    (void)dtype;
    return emit_intrinsic(emitter, "llvm.sqrt", s, 1);
}

static LLVMValueRef element_rsqrt(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    LLVMValueRef root = element_sqrt(emitter, dtype, s);
    return LLVMBuildFDiv(emitter->builder, like_f32(emitter, root, 1), root, "");
}

static LLVMValueRef element_sin(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    (void)dtype;
    return math_sin(emitter, s[0]);
}

static LLVMValueRef element_cos(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    (void)dtype;
    return math_cos(emitter, s[0]);
}

static LLVMValueRef element_tanh(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    (void)dtype;
    return math_tanh(emitter, s[0]);
}

static LLVMValueRef element_sigmoid(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    (void)dtype;
    return math_sigmoid(emitter, s[0]);
}

static LLVMValueRef element_floor(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    (void)dtype;
    return emit_intrinsic(emitter, "llvm.floor", s, 1);
}

static LLVMValueRef element_not(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    (void)dtype;
    return LLVMBuildNot(emitter->builder, s[0], "");
}

static LLVMValueRef element_identity(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    (void)emitter, (void)dtype;
    return s[0];
}

/* --- two sources --- */

static LLVMValueRef element_add(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    return dtype == DTYPE_I32 ? LLVMBuildAdd(emitter->builder, s[0], s[1], "")
                              : LLVMBuildFAdd(emitter->builder, s[0], s[1], "");
}

static LLVMValueRef element_sub(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    return dtype == DTYPE_I32 ? LLVMBuildSub(emitter->builder, s[0], s[1], "")
                              : LLVMBuildFSub(emitter->builder, s[0], s[1], "");
}

static LLVMValueRef element_mul(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    return dtype == DTYPE_I32 ? LLVMBuildMul(emitter->builder, s[0], s[1], "")
                              : LLVMBuildFMul(emitter->builder, s[0], s[1], "");
}

static LLVMValueRef element_div(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    (void)dtype;
    return LLVMBuildFDiv(emitter->builder, s[0], s[1], "");
}

/* Whether every lane of a value is this constant. */
static bool is_constant(LLVMValueRef value, double wanted) {
    if (!LLVMIsConstant(value))
        return false;
    uint32_t lanes = emit_lanes(value);
    for (uint32_t i = 0; i < lanes; i++) {
        LLVMValueRef lane = lanes == 1 ? value : LLVMGetAggregateElement(value, i);
        LLVMBool lossy;
        if (!lane || !LLVMIsAConstantFP(lane) || LLVMConstRealGetDouble(lane, &lossy) != wanted)
            return false;
    }
    return true;
}

static LLVMValueRef element_pow(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    (void)dtype;
    LLVMBuilderRef builder = emitter->builder;
    if (is_constant(s[1], 2))
        return LLVMBuildFMul(builder, s[0], s[0], "");
    if (is_constant(s[1], 3))
        return LLVMBuildFMul(builder, LLVMBuildFMul(builder, s[0], s[0], ""), s[0], "");
    if (is_constant(s[1], -1))
        return LLVMBuildFDiv(builder, like_f32(emitter, s[0], 1), s[0], "");
    return math_pow(emitter, s[0], s[1]);
}

static LLVMValueRef compare(Emitter *emitter, DType dtype, LLVMRealPredicate real,
                            LLVMIntPredicate integer, LLVMValueRef a, LLVMValueRef b) {
    return dtype == DTYPE_I32 ? LLVMBuildICmp(emitter->builder, integer, a, b, "")
                              : LLVMBuildFCmp(emitter->builder, real, a, b, "");
}

static LLVMValueRef nan_or(Emitter *emitter, LLVMValueRef nan, LLVMValueRef value) {
    LLVMValueRef is_nan = LLVMBuildFCmp(emitter->builder, LLVMRealUNO, nan, nan, "");
    return pick(emitter, is_nan, nan, value);
}

/* The comparison is false where either is NaN, and gives b then: what is left is an a that is NaN.
 */
static LLVMValueRef element_min(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    LLVMValueRef less = compare(emitter, dtype, LLVMRealOLT, LLVMIntSLT, s[0], s[1]);
    LLVMValueRef smaller = pick(emitter, less, s[0], s[1]);
    return dtype == DTYPE_I32 ? smaller : nan_or(emitter, s[0], smaller);
}

static LLVMValueRef element_max(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    LLVMValueRef greater = compare(emitter, dtype, LLVMRealOGT, LLVMIntSGT, s[0], s[1]);
    LLVMValueRef larger = pick(emitter, greater, s[0], s[1]);
    return dtype == DTYPE_I32 ? larger : nan_or(emitter, s[0], larger);
}

static LLVMValueRef equals_i32(Emitter *emitter, LLVMValueRef a, int32_t b) {
    return LLVMBuildICmp(emitter->builder, LLVMIntEQ, a, like_i32(emitter, a, b), "");
}

/* The machine's division rounds towards zero, and faults at b = 0 and at -2^31 / -1. */
static LLVMValueRef element_floor_div(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    (void)dtype;
    LLVMBuilderRef builder = emitter->builder;
    LLVMValueRef zero = like_i32(emitter, s[0], 0), one = like_i32(emitter, s[0], 1);
    LLVMValueRef by_zero = equals_i32(emitter, s[1], 0), by_minus = equals_i32(emitter, s[1], -1);
    LLVMValueRef special = LLVMBuildOr(builder, by_zero, by_minus, "");
    LLVMValueRef divisor = pick(emitter, special, one, s[1]);
    LLVMValueRef quotient = LLVMBuildSDiv(builder, s[0], divisor, "");
    LLVMValueRef rest =
        LLVMBuildSub(builder, s[0], LLVMBuildMul(builder, quotient, divisor, ""), "");
    LLVMValueRef signs = LLVMBuildXor(builder, rest, divisor, "");
    LLVMValueRef above = LLVMBuildAnd(builder, LLVMBuildICmp(builder, LLVMIntNE, rest, zero, ""),
                                      LLVMBuildICmp(builder, LLVMIntSLT, signs, zero, ""), "");
    LLVMValueRef floored = LLVMBuildSub(builder, quotient, pick(emitter, above, one, zero), "");
    floored = pick(emitter, by_minus, LLVMBuildNeg(builder, s[0], ""), floored);
    return pick(emitter, by_zero, zero, floored);
}

static LLVMValueRef element_mod(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    LLVMBuilderRef builder = emitter->builder;
    LLVMValueRef quotient = element_floor_div(emitter, dtype, s);
    LLVMValueRef rest = LLVMBuildSub(builder, s[0], LLVMBuildMul(builder, quotient, s[1], ""), "");
    return pick(emitter, equals_i32(emitter, s[1], 0), like_i32(emitter, s[0], 0), rest);
}

static LLVMValueRef element_less(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    return compare(emitter, dtype, LLVMRealOLT, LLVMIntSLT, s[0], s[1]);
}

static LLVMValueRef element_less_equal(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    return compare(emitter, dtype, LLVMRealOLE, LLVMIntSLE, s[0], s[1]);
}

static LLVMValueRef element_equal(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    return compare(emitter, dtype, LLVMRealOEQ, LLVMIntEQ, s[0], s[1]);
}

static LLVMValueRef element_and(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    (void)dtype;
    return LLVMBuildAnd(emitter->builder, s[0], s[1], "");
}

static LLVMValueRef element_or(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    (void)dtype;
    return LLVMBuildOr(emitter->builder, s[0], s[1], "");
}

static LLVMValueRef element_select(Emitter *emitter, DType dtype, const LLVMValueRef *s) {
    (void)dtype;
    return pick(emitter, s[0], s[1], s[2]);
}

/* --- the table --- */

/* Not elementwise: 0 is a null pointer. */
enum {
    element_constant = 0,
    element_operand = 0,
    element_index = 0,
    element_random = 0,
    element_random_normal = 0,
    element_sum = 0,
    element_reduce_max = 0,
    element_argmax = 0,
    element_contract = 0,
    element_lowered = 0,
    element_gather = 0,
    element_scatter_add = 0,
    element_shift = 0,
    element_update_slice = 0,
    element_rename = 0,
    element_split = 0,
    element_merge = 0,
    element_repack = 0,
    element_packed = 0,
    element_attention = 0,
    element_attention_grad = 0,
    element_called = 0,
    element_kernel = 0,
};

static ElementRule *const element_rules[OP_COUNT] = {
#define OP(ID, name, arity, shape, gradient, value, emit, sample, doc) element_##emit,
#include "ir/ops.def"
#undef OP
};

LLVMValueRef emit_elementwise(Emitter *emitter, OpCode op, DType dtype,
                              const LLVMValueRef *sources) {
    assert(element_rules[op]);
    return element_rules[op](emitter, dtype, sources);
}

LLVMValueRef emit_maximum(Emitter *emitter, LLVMValueRef a, LLVMValueRef b) {
    LLVMTypeRef type = LLVMTypeOf(a);
    LLVMTypeRef element = emit_lanes(a) == 1 ? type : LLVMGetElementType(type);
    return element_max(emitter, element == emitter->i32 ? DTYPE_I32 : DTYPE_F32,
                       (LLVMValueRef[]){a, b});
}
