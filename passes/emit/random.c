#include "passes/emit/random.h"

#include "ir/philox.h"
#include "passes/emit/math.h"

typedef struct LaneBlock {
    LLVMValueRef word[4];
} LaneBlock;

static LLVMValueRef word(Emitter *emitter, uint32_t value, uint32_t lanes) {
    return emit_i32_lanes(emitter, (int32_t)value, lanes);
}

static LLVMValueRef xor3(Emitter *emitter, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c) {
    return LLVMBuildXor(emitter->builder, LLVMBuildXor(emitter->builder, a, b, ""), c, "");
}

/* The 64-bit products of 32-bit lanes. */
static LLVMValueRef multiply(Emitter *emitter, uint32_t multiplier, LLVMValueRef value) {
    uint32_t lanes = emit_lanes(value);
    LLVMValueRef factor = emit_splat(emitter, emit_i64(emitter, multiplier), lanes);
    LLVMValueRef wide = LLVMBuildZExt(emitter->builder, value, LLVMTypeOf(factor), "");
    return LLVMBuildMul(emitter->builder, wide, factor, "");
}

static LLVMValueRef low_word(Emitter *emitter, LLVMValueRef product) {
    LLVMTypeRef type = emit_vector_type(emitter, emitter->i32, emit_lanes(product));
    return LLVMBuildTrunc(emitter->builder, product, type, "");
}

static LLVMValueRef high_word(Emitter *emitter, LLVMValueRef product) {
    LLVMValueRef places = emit_splat(emitter, emit_i64(emitter, 32), emit_lanes(product));
    return low_word(emitter, LLVMBuildLShr(emitter->builder, product, places, ""));
}

static LaneBlock philox(Emitter *emitter, LaneBlock counter, LLVMValueRef key0, LLVMValueRef key1) {
    uint32_t lanes = emit_lanes(counter.word[0]);
    for (uint32_t round = 0; round < PHILOX_ROUNDS; round++) {
        LLVMValueRef product0 = multiply(emitter, PHILOX_MULTIPLIER_0, counter.word[0]);
        LLVMValueRef product1 = multiply(emitter, PHILOX_MULTIPLIER_1, counter.word[2]);
        LLVMValueRef step0 =
            LLVMBuildAdd(emitter->builder, key0, word(emitter, PHILOX_KEY_STEP_0 * round, 1), "");
        LLVMValueRef step1 =
            LLVMBuildAdd(emitter->builder, key1, word(emitter, PHILOX_KEY_STEP_1 * round, 1), "");
        counter = (LaneBlock){{
            xor3(emitter, high_word(emitter, product1), counter.word[1],
                 emit_splat(emitter, step0, lanes)),
            low_word(emitter, product1),
            xor3(emitter, high_word(emitter, product0), counter.word[3],
                 emit_splat(emitter, step1, lanes)),
            low_word(emitter, product0),
        }};
    }
    return counter;
}

static LLVMValueRef seeded(Emitter *emitter, LLVMValueRef key, LLVMValueRef seed, uint32_t factor) {
    LLVMValueRef mixed = LLVMBuildMul(emitter->builder, seed, word(emitter, factor, 1), "");
    return LLVMBuildXor(emitter->builder, key, mixed, "");
}

static LaneBlock draw_block(Emitter *emitter, const RandomDraw *draw) {
    uint32_t elements = emit_lanes(draw->element), images = emit_lanes(draw->image);
    uint32_t lanes = elements > images ? elements : images;
    LLVMValueRef key0 =
        seeded(emitter, low_word(emitter, draw->key), draw->seed, RANDOM_SEED_FACTOR_0);
    LLVMValueRef key1 =
        seeded(emitter, high_word(emitter, draw->key), draw->seed, RANDOM_SEED_FACTOR_1);
    LaneBlock counter = {{
        elements == lanes ? draw->element : emit_splat(emitter, draw->element, lanes),
        images == lanes ? draw->image : emit_splat(emitter, draw->image, lanes),
        emit_splat(emitter, draw->step, lanes),
        emit_splat(emitter, draw->draw, lanes),
    }};
    return philox(emitter, counter, key0, key1);
}

/* The upper 24 bits times 2^-24. They are no negative i32, so the signed conversion serves. */
static LLVMValueRef unit(Emitter *emitter, LLVMValueRef bits) {
    uint32_t lanes = emit_lanes(bits);
    LLVMValueRef upper = LLVMBuildLShr(emitter->builder, bits, word(emitter, 8, lanes), "");
    LLVMValueRef number = LLVMBuildSIToFP(emitter->builder, upper,
                                          emit_vector_type(emitter, emitter->f32, lanes), "");
    return LLVMBuildFMul(emitter->builder, number, emit_f32_lanes(emitter, 0x1p-24, lanes), "");
}

LLVMValueRef random_uniform_lanes(Emitter *emitter, const RandomDraw *draw) {
    return unit(emitter, draw_block(emitter, draw).word[0]);
}

LLVMValueRef random_normal_lanes(Emitter *emitter, const RandomDraw *draw) {
    LLVMBuilderRef builder = emitter->builder;
    LaneBlock block = draw_block(emitter, draw);
    uint32_t lanes = emit_lanes(block.word[0]);
    LLVMValueRef u1 = LLVMBuildFAdd(builder, unit(emitter, block.word[0]),
                                    emit_f32_lanes(emitter, 0x1p-24, lanes), "");
    LLVMValueRef u2 = unit(emitter, block.word[1]);
    LLVMValueRef square =
        LLVMBuildFMul(builder, math_log(emitter, u1), emit_f32_lanes(emitter, -2, lanes), "");
    LLVMValueRef radius = emit_intrinsic(emitter, "llvm.sqrt", &square, 1);
    return LLVMBuildFMul(builder, radius, math_cos_turns(emitter, u2), "");
}
