#include "passes/emit/compressed.h"

enum { HALF_BYTES = 2, LINE_BYTES = 64, FRACTION_BITS = 7, EXPONENTS = 0xff };

/* Bits of a word, as ir/compressed.h draws them, and of row 3 in its quarters. */
enum {
    OWN_BITS = 0x87ff,
    QUARTER_AT = 11,
    EXPONENT_BITS = 0x0780,
    HIGH_FRACTION_BITS = 0x0078,
    LOW_FRACTION_BITS = 0x0007,
    SIGN_BIT = 0x8000,
};

static LLVMValueRef half(Emitter *e, unsigned value) {
    return emit_splat(e, LLVMConstInt(e->i16, value, false), COMPRESSED_LANES);
}

static LLVMTypeRef row_type(Emitter *e) { return emit_vector_type(e, e->i16, COMPRESSED_LANES); }

static LLVMValueRef and_with(Emitter *e, LLVMValueRef a, unsigned mask) {
    return LLVMBuildAnd(e->builder, a, half(e, mask), "");
}

static LLVMValueRef either(Emitter *e, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildOr(e->builder, a, b, "");
}

/* By so many bits; to the left where there are less than none. */
static LLVMValueRef right(Emitter *e, LLVMValueRef a, int bits) {
    return bits < 0 ? LLVMBuildShl(e->builder, a, half(e, (unsigned)-bits), "")
                    : LLVMBuildLShr(e->builder, a, half(e, (unsigned)bits), "");
}

/* --- places --- */

Stretch emit_stretch(Emitter *e, const CompressedTensor *tensor, LLVMValueRef index) {
    const int64_t values = tensor->values;
    LLVMValueRef packed = emit_element(e, e->i32, tensor->packed,
                                       emit_mul_const(e, index, compressed_elements(values)));
    return (Stretch){
        .plain = emit_element(e, e->i16, tensor->plain, emit_mul_const(e, index, values)),
        .bases = packed,
        .blocks = emit_element(e, e->i8, packed, emit_i64(e, compressed_base_bytes(values))),
    };
}

static LLVMValueRef plain_row(Emitter *e, const Stretch *stretch, LLVMValueRef block, int row) {
    LLVMValueRef at = emit_add_const(e, emit_mul_const(e, block, COMPRESSED_VALUES),
                                     (int64_t)row * COMPRESSED_LANES);
    return emit_element(e, e->i16, stretch->plain, at);
}

static LLVMValueRef packed_row(Emitter *e, const Stretch *stretch, LLVMValueRef block, int row) {
    LLVMValueRef at = emit_add_const(e, emit_mul_const(e, block, COMPRESSED_BLOCK_WORDS),
                                     (int64_t)row * COMPRESSED_LANES);
    return emit_element(e, e->i16, stretch->blocks, at);
}

static LLVMValueRef base_place(Emitter *e, const Stretch *stretch, LLVMValueRef block) {
    return emit_element(e, e->i8, stretch->bases, block);
}

void emit_fetch_block(Emitter *e, const Stretch *stretch, LLVMValueRef block) {
    for (int row = 0; row < COMPRESSED_ROWS - 1; row++)
        emit_prefetch(e, packed_row(e, stretch, block, row), PREFETCH_L1);
}

/* --- from words --- */

/* Row 3, from its quarters. Each step takes some bits of one source and all others of the other, so
 * that it is one instruction where there are such. */
static LLVMValueRef merge_bits(Emitter *e, unsigned mask, LLVMValueRef some, LLVMValueRef others) {
    return either(e, and_with(e, some, mask), and_with(e, others, ~mask & 0xffff));
}

static LLVMValueRef last_row(Emitter *e, const LLVMValueRef words[3]) {
    LLVMValueRef bits = merge_bits(e, EXPONENT_BITS, right(e, words[0], QUARTER_AT - 7),
                                   right(e, words[1], QUARTER_AT - 3));
    bits = merge_bits(e, EXPONENT_BITS | HIGH_FRACTION_BITS, bits, right(e, words[2], QUARTER_AT));
    return merge_bits(e, EXPONENT_BITS | HIGH_FRACTION_BITS | LOW_FRACTION_BITS, bits,
                      right(e, words[2], -1));
}

static void expand_words(Emitter *e, const Stretch *stretch, LLVMValueRef block, LLVMValueRef base,
                         LLVMValueRef rows[COMPRESSED_ROWS]) {
    LLVMValueRef words[COMPRESSED_ROWS - 1];
    LLVMValueRef low = LLVMBuildZExt(e->builder, base, e->i16, "");
    low = LLVMBuildShl(e->builder, low, LLVMConstInt(e->i16, FRACTION_BITS, false), "");
    LLVMValueRef lowest = emit_splat(e, low, COMPRESSED_LANES);
    for (int row = 0; row < COMPRESSED_ROWS - 1; row++)
        rows[row] = words[row] =
            emit_load(e, row_type(e), packed_row(e, stretch, block, row), LINE_BYTES);
    rows[COMPRESSED_ROWS - 1] = last_row(e, words);
    for (int row = 0; row < COMPRESSED_ROWS; row++)
        rows[row] = LLVMBuildAdd(e->builder, and_with(e, rows[row], OWN_BITS), lowest, "");
}

void emit_expand_block(Emitter *e, const Stretch *stretch, LLVMValueRef block,
                       LLVMValueRef rows[COMPRESSED_ROWS]) {
    LLVMValueRef packed[COMPRESSED_ROWS], plain[COMPRESSED_ROWS];
    LLVMValueRef base = emit_load(e, e->i8, base_place(e, stretch, block), 1);
    LLVMValueRef fits =
        LLVMBuildICmp(e->builder, LLVMIntNE, base, LLVMConstInt(e->i8, 0, false), "");
    Branch branch;
    emit_branch_begin(e, &branch, fits, "packed");
    expand_words(e, stretch, block, base, packed);
    LLVMBasicBlockRef from[] = {LLVMGetInsertBlock(e->builder), NULL};
    emit_branch_else(e, &branch);
    for (int row = 0; row < COMPRESSED_ROWS; row++)
        plain[row] = emit_load(e, row_type(e), plain_row(e, stretch, block, row), HALF_BYTES);
    from[1] = LLVMGetInsertBlock(e->builder);
    emit_branch_end(e, &branch);
    for (int row = 0; row < COMPRESSED_ROWS; row++) {
        rows[row] = LLVMBuildPhi(e->builder, row_type(e), "");
        LLVMAddIncoming(rows[row], (LLVMValueRef[]){packed[row], plain[row]}, from, 2);
    }
}

/* --- to words --- */

static LLVMValueRef extreme(Emitter *e, const char *all, const char *two,
                            const LLVMValueRef exponents[COMPRESSED_ROWS]) {
    LLVMValueRef most = exponents[0];
    for (int row = 1; row < COMPRESSED_ROWS; row++)
        most = emit_intrinsic(e, two, (LLVMValueRef[]){most, exponents[row]}, 2);
    return emit_intrinsic(e, all, &most, 1);
}

/* The block's base as i16; 0: it does not fit. */
static LLVMValueRef base_of(Emitter *e, const LLVMValueRef rows[COMPRESSED_ROWS]) {
    LLVMBuilderRef b = e->builder;
    LLVMValueRef exponents[COMPRESSED_ROWS], zero = LLVMConstInt(e->i16, 0, false);
    for (int row = 0; row < COMPRESSED_ROWS; row++)
        exponents[row] = and_with(e, right(e, rows[row], FRACTION_BITS), EXPONENTS);
    LLVMValueRef largest = extreme(e, "llvm.vector.reduce.umax", "llvm.umax", exponents);
    LLVMValueRef smallest = extreme(e, "llvm.vector.reduce.umin", "llvm.umin", exponents);
    LLVMValueRef below = LLVMConstInt(e->i16, COMPRESSED_EXPONENTS - 1, false);
    LLVMValueRef base = LLVMBuildSub(b, largest, below, "");
    LLVMValueRef fits = LLVMBuildAnd(b, LLVMBuildICmp(b, LLVMIntSGT, base, zero, ""),
                                     LLVMBuildICmp(b, LLVMIntSGE, smallest, base, ""), "");
    return LLVMBuildSelect(b, fits, base, zero, "");
}

void emit_compress_block(Emitter *e, const Stretch *stretch, LLVMValueRef block) {
    LLVMBuilderRef b = e->builder;
    LLVMValueRef rows[COMPRESSED_ROWS];
    for (int row = 0; row < COMPRESSED_ROWS; row++)
        rows[row] = emit_load(e, row_type(e), plain_row(e, stretch, block, row), HALF_BYTES);
    LLVMValueRef base = base_of(e, rows);
    LLVMValueRef fits = LLVMBuildICmp(b, LLVMIntNE, base, LLVMConstInt(e->i16, 0, false), "fits");
    LLVMValueRef lowest = emit_splat(
        e, LLVMBuildShl(b, base, LLVMConstInt(e->i16, FRACTION_BITS, false), ""), COMPRESSED_LANES);
    for (int row = 0; row < COMPRESSED_ROWS; row++)
        rows[row] = LLVMBuildSub(b, rows[row], lowest, "");
    LLVMValueRef last = rows[COMPRESSED_ROWS - 1];
    const LLVMValueRef quarters[] = {
        and_with(e, right(e, last, 7), 15),
        and_with(e, right(e, last, 3), 15),
        either(e, and_with(e, last, LOW_FRACTION_BITS), and_with(e, right(e, last, 12), 8)),
    };
    LLVMValueRef none = LLVMConstNull(row_type(e));
    for (int row = 0; row < COMPRESSED_ROWS - 1; row++) {
        LLVMValueRef words = either(e, rows[row], right(e, quarters[row], -QUARTER_AT));
        emit_store(e, LLVMBuildSelect(b, fits, words, none, ""), packed_row(e, stretch, block, row),
                   LINE_BYTES);
    }
    emit_store(e, LLVMBuildTrunc(b, base, e->i8, ""), base_place(e, stretch, block), 1);
}
