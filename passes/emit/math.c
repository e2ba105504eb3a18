/* Each argument is brought to a small interval, where a minimax polynomial (Remez's exchange, for
 * the relative error) serves; no branches and no tables, so vectors need nothing else. */
#include "passes/emit/math.h"

#include <math.h>

/* In the type of `like`: float or double, scalar or vector. */
static LLVMValueRef constant_like(Emitter *emitter, LLVMValueRef like, double value) {
    LLVMTypeRef type = LLVMTypeOf(like);
    LLVMTypeRef element = emit_lanes(like) == 1 ? type : LLVMGetElementType(type);
    return emit_splat(emitter, LLVMConstReal(element, value), emit_lanes(like));
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

static LLVMTypeRef bits_like(Emitter *emitter, LLVMValueRef x) {
    return emit_vector_type(emitter, emitter->i32, emit_lanes(x));
}

static LLVMValueRef choose(Emitter *emitter, LLVMRealPredicate predicate, LLVMValueRef a, double b,
                           LLVMValueRef yes, LLVMValueRef no) {
    LLVMValueRef test =
        LLVMBuildFCmp(emitter->builder, predicate, a, constant_like(emitter, a, b), "");
    return LLVMBuildSelect(emitter->builder, test, yes, no, "");
}

/* x = m 2^e with m in [sqrt(1/2), sqrt(2)), for normal positive x; e as a float. */
typedef struct Parts {
    LLVMValueRef mantissa, exponent;
} Parts;

static Parts split(Emitter *emitter, LLVMValueRef x) {
    const int32_t root_half = 0x3f3504f3; /* bits of sqrt(1/2) */
    LLVMBuilderRef builder = emitter->builder;
    uint32_t lanes = emit_lanes(x);
    LLVMValueRef places = emit_i32_lanes(emitter, 23, lanes);
    LLVMValueRef bits = LLVMBuildBitCast(builder, x, bits_like(emitter, x), "");
    LLVMValueRef over = LLVMBuildSub(builder, bits, emit_i32_lanes(emitter, root_half, lanes), "");
    LLVMValueRef exponent = LLVMBuildAShr(builder, over, places, "");
    LLVMValueRef mantissa =
        LLVMBuildSub(builder, bits, LLVMBuildShl(builder, exponent, places, ""), "");
    return (Parts){LLVMBuildBitCast(builder, mantissa, LLVMTypeOf(x), ""),
                   LLVMBuildSIToFP(builder, exponent, LLVMTypeOf(x), "")};
}

/* ln(1 + f) = f - f^2 / 2 + f^3 P(f), error of P 7.5e-10 of the result. */
LLVMValueRef math_log(Emitter *emitter, LLVMValueRef x) {
    static const double P[] = {0x1.555548p-2,  -0x1.000006p-2, 0x1.99a4b6p-3,
                               -0x1.555c4ep-3, 0x1.233768p-3,  -0x1.fc220ap-4,
                               0x1.e6f06ap-4,  -0x1.de3c04p-4, 0x1.145796p-4};
    const double ln2_high = 0x1.62ep-1, ln2_low = 0x1.0bfbe8p-15; /* e * high is exact */
    LLVMBuilderRef builder = emitter->builder;
    Parts parts = split(emitter, x);
    LLVMValueRef f = LLVMBuildFSub(builder, parts.mantissa, constant_like(emitter, x, 1), "");
    LLVMValueRef square = LLVMBuildFMul(builder, f, f, "");
    LLVMValueRef cube = LLVMBuildFMul(builder, square, f, "");
    LLVMValueRef p = polynomial(emitter, f, P, sizeof P / sizeof P[0]);
    LLVMValueRef low =
        LLVMBuildFMul(builder, parts.exponent, constant_like(emitter, x, ln2_low), "");
    low = emit_fma(emitter, cube, p, low);
    low = emit_fma(emitter, square, constant_like(emitter, x, -0.5), low);
    LLVMValueRef sum = LLVMBuildFAdd(builder, f, low, "");
    sum = emit_fma(emitter, parts.exponent, constant_like(emitter, x, ln2_high), sum);

    sum = choose(emitter, LLVMRealUEQ, x, INFINITY, x, sum);
    LLVMValueRef pole = choose(emitter, LLVMRealOLE, x, -0x1p-126, constant_like(emitter, x, NAN),
                               constant_like(emitter, x, -INFINITY));
    return choose(emitter, LLVMRealOLT, x, 0x1p-126, pole, sum);
}

LLVMValueRef math_sigmoid(Emitter *emitter, LLVMValueRef x) {
    LLVMBuilderRef builder = emitter->builder;
    LLVMValueRef e = math_exp(emitter, LLVMBuildFNeg(builder, x, ""));
    LLVMValueRef one = constant_like(emitter, x, 1);
    return LLVMBuildFDiv(builder, one, LLVMBuildFAdd(builder, one, e, ""), "");
}

/* Near 0, x + x^3 P(x^2), error 4.2e-9 of the result; beyond, 1 - 2 / (e^2|x| + 1). */
LLVMValueRef math_tanh(Emitter *emitter, LLVMValueRef x) {
    static const double P[] = {-0x1.555534p-2, 0x1.110768p-3, -0x1.b84448p-5, 0x1.5256d8p-6,
                               -0x1.76ac1ap-8};
    const double near = 0.625;
    LLVMBuilderRef builder = emitter->builder;
    LLVMValueRef one = constant_like(emitter, x, 1);
    LLVMValueRef square = LLVMBuildFMul(builder, x, x, "");
    LLVMValueRef cube = LLVMBuildFMul(builder, square, x, "");
    LLVMValueRef small =
        emit_fma(emitter, cube, polynomial(emitter, square, P, sizeof P / sizeof P[0]), x);

    LLVMValueRef size = emit_intrinsic(emitter, "llvm.fabs", &x, 1);
    LLVMValueRef e = math_exp(emitter, LLVMBuildFAdd(builder, size, size, ""));
    LLVMValueRef rest = LLVMBuildFDiv(builder, constant_like(emitter, x, 2),
                                      LLVMBuildFAdd(builder, e, one, ""), "");
    LLVMValueRef large = LLVMBuildFSub(builder, one, rest, "");
    large = emit_intrinsic(emitter, "llvm.copysign", (LLVMValueRef[]){large, x}, 2);
    return choose(emitter, LLVMRealOLT, size, near, small, large);
}

/* --- sine and cosine --- */

/* The sine or cosine of quadrant * pi / 2 + r, |r| <= pi / 4; quadrant: the number modulo 4 counts.
 * The cosine is the sine one quadrant further. Errors of the polynomials: 3.9e-9, 1.1e-10 of the
 * result. */
static LLVMValueRef sine_at(Emitter *emitter, LLVMValueRef quadrant, LLVMValueRef r) {
    static const double S[] = {-0x1.555544p-3, 0x1.1106fcp-7, -0x1.992c32p-13};
    static const double C[] = {0x1.55554ap-5, -0x1.6c0c22p-10, 0x1.99e362p-16};
    LLVMBuilderRef builder = emitter->builder;
    uint32_t lanes = emit_lanes(r);
    LLVMValueRef square = LLVMBuildFMul(builder, r, r, "");
    LLVMValueRef cube = LLVMBuildFMul(builder, square, r, "");
    LLVMValueRef sine =
        emit_fma(emitter, cube, polynomial(emitter, square, S, sizeof S / sizeof S[0]), r);
    LLVMValueRef cosine = polynomial(emitter, square, C, sizeof C / sizeof C[0]);
    cosine = emit_fma(emitter, cosine, square, constant_like(emitter, r, -0.5));
    cosine = emit_fma(emitter, cosine, square, constant_like(emitter, r, 1));

    LLVMValueRef one = emit_i32_lanes(emitter, 1, lanes), two = emit_i32_lanes(emitter, 2, lanes);
    LLVMValueRef odd =
        LLVMBuildICmp(builder, LLVMIntEQ, LLVMBuildAnd(builder, quadrant, one, ""), one, "");
    LLVMValueRef lower =
        LLVMBuildICmp(builder, LLVMIntEQ, LLVMBuildAnd(builder, quadrant, two, ""), two, "");
    LLVMValueRef value = LLVMBuildSelect(builder, odd, cosine, sine, "");
    return LLVMBuildSelect(builder, lower, LLVMBuildFNeg(builder, value, ""), value, "");
}

static LLVMTypeRef doubles(Emitter *emitter, LLVMValueRef like) {
    return emit_vector_type(emitter, LLVMDoubleTypeInContext(emitter->context), emit_lanes(like));
}

/* Reduced in double precision: x - n pi / 2 with pi / 2 in two parts, so that the error is far
 * below a float's rounding even where x is near a multiple. */
static LLVMValueRef sine_of(Emitter *emitter, LLVMValueRef x, int32_t quadrants) {
    const double half_pi_high = 0x1.921fb54442d18p0, half_pi_low = 0x1.1a62633145c07p-54;
    const double two_over_pi = 0x1.45f306dc9c883p-1, largest = 0x1p40;
    LLVMBuilderRef builder = emitter->builder;
    LLVMValueRef size = emit_intrinsic(emitter, "llvm.fabs", &x, 1);
    LLVMValueRef small =
        choose(emitter, LLVMRealOLE, size, largest, x, constant_like(emitter, x, 0));
    LLVMValueRef wide = LLVMBuildFPExt(builder, small, doubles(emitter, x), "");
    LLVMValueRef turns =
        LLVMBuildFMul(builder, wide, constant_like(emitter, wide, two_over_pi), "");
    LLVMValueRef n = emit_intrinsic(emitter, "llvm.rint", &turns, 1);
    LLVMValueRef r = emit_fma(emitter, n, constant_like(emitter, wide, -half_pi_high), wide);
    r = emit_fma(emitter, n, constant_like(emitter, wide, -half_pi_low), r);

    /* n modulo 4, which fits in an i32 */
    LLVMValueRef quarter = LLVMBuildFMul(builder, n, constant_like(emitter, wide, 0.25), "");
    LLVMValueRef whole = emit_intrinsic(emitter, "llvm.floor", &quarter, 1);
    LLVMValueRef rest = LLVMBuildFSub(
        builder, n, LLVMBuildFMul(builder, whole, constant_like(emitter, wide, 4), ""), "");
    LLVMValueRef quadrant = LLVMBuildFPToSI(builder, rest, bits_like(emitter, x), "");
    quadrant =
        LLVMBuildAdd(builder, quadrant, emit_i32_lanes(emitter, quadrants, emit_lanes(x)), "");
    LLVMValueRef value =
        sine_at(emitter, quadrant, LLVMBuildFPTrunc(builder, r, LLVMTypeOf(x), ""));
    return choose(emitter, LLVMRealUEQ, size, INFINITY, constant_like(emitter, x, NAN), value);
}

LLVMValueRef math_sin(Emitter *emitter, LLVMValueRef x) { return sine_of(emitter, x, 0); }

LLVMValueRef math_cos(Emitter *emitter, LLVMValueRef x) { return sine_of(emitter, x, 1); }

LLVMValueRef math_cos_turns(Emitter *emitter, LLVMValueRef u) {
    const double two_pi = 0x1.921fb6p2;
    LLVMBuilderRef builder = emitter->builder;
    LLVMValueRef quarters = LLVMBuildFMul(builder, u, constant_like(emitter, u, 4), "");
    LLVMValueRef n = emit_intrinsic(emitter, "llvm.rint", &quarters, 1);
    LLVMValueRef f = emit_fma(emitter, n, constant_like(emitter, u, -0.25), u); /* exact */
    LLVMValueRef r = LLVMBuildFMul(builder, f, constant_like(emitter, u, two_pi), "");
    LLVMValueRef quadrant = LLVMBuildFPToSI(builder, n, bits_like(emitter, u), "");
    quadrant = LLVMBuildAdd(builder, quadrant, emit_i32_lanes(emitter, 1, emit_lanes(u)), "");
    return sine_at(emitter, quadrant, r);
}

/* --- powers --- */

/* log2 of |x| in double precision: e + s Q(s^2) with s = (m - 1) / (m + 1), error of Q 2.7e-14. */
static LLVMValueRef log2_double(Emitter *emitter, LLVMValueRef size) {
    static const double Q[] = {0x1.71547652b8250p+1, 0x1.ec709dc53d9ecp-1, 0x1.2776c291fc814p-1,
                               0x1.a61a2fb263795p-2, 0x1.479533f5e74ddp-2, 0x1.21b2adc0f393ap-2};
    LLVMBuilderRef builder = emitter->builder;
    Parts parts = split(emitter, size);
    LLVMTypeRef type = doubles(emitter, size);
    LLVMValueRef m = LLVMBuildFPExt(builder, parts.mantissa, type, "");
    LLVMValueRef e = LLVMBuildFPExt(builder, parts.exponent, type, "");
    LLVMValueRef one = constant_like(emitter, m, 1);
    LLVMValueRef s = LLVMBuildFDiv(builder, LLVMBuildFSub(builder, m, one, ""),
                                   LLVMBuildFAdd(builder, m, one, ""), "");
    LLVMValueRef square = LLVMBuildFMul(builder, s, s, "");
    return emit_fma(emitter, s, polynomial(emitter, square, Q, sizeof Q / sizeof Q[0]), e);
}

/* 2^t, rounded to float once, for |t| <= 200: 2^n e^..., error of the polynomial 4e-11. */
static LLVMValueRef exp2_double(Emitter *emitter, LLVMValueRef t) {
    static const double P[] = {0x1.ffffffffabbe8p-1,  0x1.62e42ff1162b4p-1, 0x1.ebfbe0a4bddfap-3,
                               0x1.c6b08aaf32249p-5,  0x1.3b29dc40f3bf2p-7, 0x1.5d8a7080d7707p-10,
                               0x1.446a1fe6d9bd0p-13, 0x1.fe178f387ca10p-17};
    const int64_t bias = 1023;
    LLVMBuilderRef builder = emitter->builder;
    uint32_t lanes = emit_lanes(t);
    LLVMTypeRef wide = emit_vector_type(emitter, emitter->i64, lanes);
    LLVMTypeRef narrow = emit_vector_type(emitter, emitter->i32, lanes);
    LLVMValueRef n = emit_intrinsic(emitter, "llvm.rint", &t, 1);
    LLVMValueRef f = LLVMBuildFSub(builder, t, n, "");
    LLVMValueRef p = polynomial(emitter, f, P, sizeof P / sizeof P[0]);
    LLVMValueRef number = LLVMBuildSExt(builder, LLVMBuildFPToSI(builder, n, narrow, ""), wide, "");
    LLVMValueRef exponent =
        LLVMBuildAdd(builder, number, emit_splat(emitter, emit_i64(emitter, bias), lanes), "");
    exponent =
        LLVMBuildShl(builder, exponent, emit_splat(emitter, emit_i64(emitter, 52), lanes), "");
    LLVMValueRef scale = LLVMBuildBitCast(builder, exponent, LLVMTypeOf(t), "");
    LLVMValueRef value = LLVMBuildFMul(builder, p, scale, "");
    LLVMTypeRef single = emit_vector_type(emitter, emitter->f32, lanes);
    value = LLVMBuildFPTrunc(builder, value, single, "");
    return choose(emitter, LLVMRealOLT, value, 0x1p-126, constant_like(emitter, value, 0), value);
}

/* |x|^y, apart from y = 0 and |x| = 1. */
static LLVMValueRef power_of_size(Emitter *emitter, LLVMValueRef size, LLVMValueRef y) {
    LLVMBuilderRef builder = emitter->builder;
    LLVMValueRef finite = log2_double(emitter, size);
    LLVMValueRef infinite =
        LLVMBuildFPExt(builder, size, doubles(emitter, size), ""); /* of infinity and NaN */
    LLVMValueRef logarithm = choose(emitter, LLVMRealOLT, size, INFINITY, finite, infinite);
    logarithm = choose(emitter, LLVMRealOLT, size, 0x1p-126,
                       constant_like(emitter, finite, -INFINITY), logarithm);
    LLVMValueRef exponent = LLVMBuildFPExt(builder, y, doubles(emitter, y), "");
    LLVMValueRef t = LLVMBuildFMul(builder, logarithm, exponent, "");
    LLVMValueRef low = constant_like(emitter, t, -200), high = constant_like(emitter, t, 200);
    LLVMValueRef bounded = choose(emitter, LLVMRealOLT, t, 200, t, high);
    bounded = choose(emitter, LLVMRealOGT, bounded, -200, bounded, low);
    LLVMValueRef value = exp2_double(emitter, bounded);
    LLVMValueRef is_nan = LLVMBuildFCmp(builder, LLVMRealUNO, t, t, "");
    return LLVMBuildSelect(builder, is_nan, constant_like(emitter, size, NAN), value, "");
}

/* Computed for |x|; the sign is that of x where y is odd, and a negative finite x needs an integer
 * y. */
LLVMValueRef math_pow(Emitter *emitter, LLVMValueRef x, LLVMValueRef y) {
    LLVMBuilderRef builder = emitter->builder;
    LLVMValueRef one = constant_like(emitter, x, 1);
    LLVMValueRef size = emit_intrinsic(emitter, "llvm.fabs", &x, 1);
    LLVMValueRef value = power_of_size(emitter, size, y);
    value = choose(emitter, LLVMRealOEQ, size, 1, one, value);

    LLVMValueRef half = LLVMBuildFMul(builder, y, constant_like(emitter, y, 0.5), "");
    LLVMValueRef whole_y =
        LLVMBuildFCmp(builder, LLVMRealOEQ, emit_intrinsic(emitter, "llvm.floor", &y, 1), y, "");
    LLVMValueRef whole_half = LLVMBuildFCmp(
        builder, LLVMRealOEQ, emit_intrinsic(emitter, "llvm.floor", &half, 1), half, "");
    LLVMValueRef odd = LLVMBuildAnd(builder, whole_y, LLVMBuildNot(builder, whole_half, ""), "");
    LLVMValueRef sign = LLVMBuildSelect(builder, odd, x, one, "");
    value = emit_intrinsic(emitter, "llvm.copysign", (LLVMValueRef[]){value, sign}, 2);

    LLVMValueRef below = LLVMBuildAnd(
        builder,
        choose(emitter, LLVMRealOLT, x, 0, LLVMConstAllOnes(LLVMTypeOf(whole_y)),
               LLVMConstNull(LLVMTypeOf(whole_y))),
        LLVMBuildFCmp(builder, LLVMRealONE, size, constant_like(emitter, x, INFINITY), ""), "");
    LLVMValueRef no_root = LLVMBuildAnd(builder, below, LLVMBuildNot(builder, whole_y, ""), "");
    value = LLVMBuildSelect(builder, no_root, constant_like(emitter, x, NAN), value, "");
    LLVMValueRef either_nan = LLVMBuildFCmp(builder, LLVMRealUNO, x, y, "");
    value = LLVMBuildSelect(builder, either_nan, constant_like(emitter, x, NAN), value, "");
    value = choose(emitter, LLVMRealOEQ, y, 0, one, value);
    return choose(emitter, LLVMRealOEQ, x, 1, one, value);
}
