#include "passes/emit/compressed.h"

enum { HALF_BYTES = 2, LINE_BYTES = 64, BYTES = COMPRESSED_PAIR_BYTES, LANE_BYTES = 16 };

enum { SIGN_BIT = 0x80, CODE_SIGN = 8, CODE_EXPONENT = 7, CODE_BITS = 4, CODE_MASK = 15 };

static LLVMTypeRef row_type(Emitter *e) { return emit_vector_type(e, e->i16, COMPRESSED_LANES); }

static LLVMTypeRef byte_type(Emitter *e) { return emit_vector_type(e, e->i8, BYTES); }

static LLVMValueRef bytes_of(Emitter *e, unsigned value) {
    return emit_splat(e, LLVMConstInt(e->i8, value, false), BYTES);
}

static LLVMValueRef and_with(Emitter *e, LLVMValueRef bytes, unsigned mask) {
    return LLVMBuildAnd(e->builder, bytes, bytes_of(e, mask), "");
}

/* By so many bits, of which those that come from the byte beside are masked off. */
static LLVMValueRef shift(Emitter *e, LLVMValueRef bytes, unsigned bits, bool left) {
    LLVMValueRef by = bytes_of(e, bits);
    return left ? LLVMBuildShl(e->builder, bytes, by, "")
                : LLVMBuildLShr(e->builder, bytes, by, "");
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

/* The codes, and the lower bytes of both pairs of rows. */
static LLVMValueRef packed_part(Emitter *e, const Stretch *stretch, LLVMValueRef block, int part) {
    LLVMValueRef at =
        emit_add_const(e, emit_mul_const(e, block, COMPRESSED_BLOCK_BYTES), (int64_t)part * BYTES);
    return emit_element(e, e->i8, stretch->blocks, at);
}

static LLVMValueRef base_place(Emitter *e, const Stretch *stretch, LLVMValueRef block) {
    return emit_element(e, e->i8, stretch->bases, block);
}

void emit_fetch_block(Emitter *e, const Stretch *stretch, LLVMValueRef block) {
    for (int part = 0; part < 3; part++)
        emit_prefetch(e, packed_part(e, stretch, block, part), PREFETCH_L1);
}

/* --- bases --- */

/* A line of bases: 64 blocks. */
static void begin_lines(Emitter *e, Loop *loop, LLVMValueRef first, LLVMValueRef last) {
    LLVMValueRef end = emit_div_const(e, emit_add_const(e, last, LINE_BYTES - 1), LINE_BYTES);
    emit_loop_begin(e, loop, emit_div_const(e, first, LINE_BYTES), end, 1, "bases");
}

void emit_fetch_bases(Emitter *e, const Stretch *stretch, LLVMValueRef first, LLVMValueRef last) {
    Loop loop;
    begin_lines(e, &loop, first, last);
    LLVMValueRef block = emit_mul_const(e, loop.index, LINE_BYTES);
    emit_prefetch(e, base_place(e, stretch, block), PREFETCH_L1);
    emit_loop_end(e, &loop, NULL);
}

/* Of 64 blocks from `block` on, a bit for each that is read plain and comes before `last`. */
static LLVMValueRef plain_blocks(Emitter *e, const Stretch *stretch, LLVMValueRef block,
                                 LLVMValueRef last) {
    LLVMBuilderRef b = e->builder;
    LLVMValueRef bases = emit_load(e, byte_type(e), base_place(e, stretch, block), LINE_BYTES);
    LLVMValueRef none = LLVMBuildICmp(b, LLVMIntEQ, bases, LLVMConstNull(byte_type(e)), "");
    LLVMValueRef bits = LLVMBuildBitCast(b, none, e->i64, "");
    LLVMValueRef left = emit_min_i64(e, emit_sub(e, last, block), emit_i64(e, LINE_BYTES));
    LLVMValueRef beyond = emit_sub(e, emit_i64(e, LINE_BYTES), left);
    return LLVMBuildAnd(b, bits, LLVMBuildLShr(b, emit_i64(e, -1), beyond, ""), "");
}

void emit_fetch_plain(Emitter *e, const Stretch *stretch, LLVMValueRef first, LLVMValueRef last) {
    LLVMBuilderRef b = e->builder;
    Loop lines, set;
    begin_lines(e, &lines, first, last);
    LLVMValueRef from = emit_mul_const(e, lines.index, LINE_BYTES);
    LLVMValueRef bits = plain_blocks(e, stretch, from, last);
    LLVMValueRef count = emit_intrinsic(e, "llvm.ctpop", &bits, 1);
    emit_loop_begin(e, &set, emit_i64(e, 0), count, 1, "plain");
    LLVMValueRef rest = emit_loop_carry(e, &set, bits);
    LLVMValueRef arguments[] = {rest, LLVMConstInt(e->i1, 1, false)};
    LLVMValueRef block = emit_add(e, from, emit_intrinsic(e, "llvm.cttz", arguments, 2));
    for (int row = 0; row < COMPRESSED_ROWS; row++)
        emit_prefetch(e, plain_row(e, stretch, block, row), PREFETCH_L1);
    rest = LLVMBuildAnd(b, rest, emit_add_const(e, rest, -1), "");
    emit_loop_end(e, &set, &rest);
    emit_loop_end(e, &lines, NULL);
}

/* --- from bytes --- */

/* What each code is as an upper byte; the same in each 16-byte lane. */
static LLVMValueRef code_table(Emitter *e, LLVMValueRef base) {
    LLVMValueRef bytes[BYTES];
    for (unsigned i = 0; i < BYTES; i++) {
        const unsigned code = i % LANE_BYTES;
        bytes[i] =
            LLVMConstInt(e->i8, (code & CODE_EXPONENT) | (code & CODE_SIGN ? SIGN_BIT : 0), false);
    }
    return LLVMBuildAdd(e->builder, LLVMConstVector(bytes, BYTES), emit_splat(e, base, BYTES), "");
}

/* Whoever multiplies bf16 looks bytes up (AVX512-BW). */
static LLVMValueRef upper_bytes(Emitter *e, LLVMValueRef codes, LLVMValueRef base) {
    if (e->target->has_bf16_dot)
        return emit_instruction(e, "llvm.x86.avx512.pshuf.b.512",
                                (LLVMValueRef[]){code_table(e, base), codes}, 2);
    LLVMValueRef sign = shift(e, and_with(e, codes, CODE_SIGN), 4, true);
    LLVMValueRef exponent =
        LLVMBuildAdd(e->builder, and_with(e, codes, CODE_EXPONENT), emit_splat(e, base, BYTES), "");
    return LLVMBuildOr(e->builder, sign, exponent, "");
}

/* A row of two: bytes of halves of 16-byte lanes, lower ones before upper ones. */
static LLVMValueRef interleave(Emitter *e, LLVMValueRef lower, LLVMValueRef upper, uint32_t half) {
    uint32_t numbers[BYTES];
    for (uint32_t i = 0; i < BYTES; i++) {
        const uint32_t within = i % LANE_BYTES / 2 + half * (LANE_BYTES / 2);
        numbers[i] = i / LANE_BYTES * LANE_BYTES + within + i % 2 * BYTES;
    }
    return LLVMBuildBitCast(e->builder, emit_shuffle(e, lower, upper, numbers, BYTES), row_type(e),
                            "");
}

static void expand_bytes(Emitter *e, const Stretch *stretch, LLVMValueRef block, LLVMValueRef base,
                         LLVMValueRef rows[COMPRESSED_ROWS]) {
    LLVMValueRef codes = emit_load(e, byte_type(e), packed_part(e, stretch, block, 0), LINE_BYTES);
    for (int pair = 0; pair < 2; pair++) {
        LLVMValueRef own = and_with(e, pair ? shift(e, codes, CODE_BITS, false) : codes, CODE_MASK);
        LLVMValueRef upper = upper_bytes(e, own, base);
        LLVMValueRef lower =
            emit_load(e, byte_type(e), packed_part(e, stretch, block, 1 + pair), LINE_BYTES);
        for (uint32_t half = 0; half < 2; half++)
            rows[2 * pair + (int)half] = interleave(e, lower, upper, half);
    }
}

void emit_expand_block(Emitter *e, const Stretch *stretch, LLVMValueRef block,
                       LLVMValueRef rows[COMPRESSED_ROWS]) {
    LLVMValueRef packed[COMPRESSED_ROWS], plain[COMPRESSED_ROWS];
    LLVMValueRef base = emit_load(e, e->i8, base_place(e, stretch, block), 1);
    LLVMValueRef fits =
        LLVMBuildICmp(e->builder, LLVMIntNE, base, LLVMConstInt(e->i8, 0, false), "");
    Branch branch;
    emit_branch_begin(e, &branch, fits, "packed");
    expand_bytes(e, stretch, block, base, packed);
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

/* --- to bytes --- */

/* Of two rows, their lower or their upper bytes, as `interleave` takes them. */
static LLVMValueRef pick_bytes(Emitter *e, const LLVMValueRef rows[2], bool upper) {
    uint32_t numbers[BYTES];
    for (uint32_t i = 0; i < BYTES; i++) {
        const uint32_t value = (uint32_t)compressed_value(0, (int)i);
        numbers[i] = 2 * value + upper; /* bytes of the second row follow those of the first */
    }
    LLVMValueRef a = LLVMBuildBitCast(e->builder, rows[0], byte_type(e), "");
    LLVMValueRef b = LLVMBuildBitCast(e->builder, rows[1], byte_type(e), "");
    return emit_shuffle(e, a, b, numbers, BYTES);
}

static LLVMValueRef extreme(Emitter *e, const char *all, const char *two,
                            const LLVMValueRef exponents[2]) {
    LLVMValueRef most = emit_intrinsic(e, two, exponents, 2);
    return emit_intrinsic(e, all, &most, 1);
}

/* The block's base; 0: it does not fit. */
static LLVMValueRef base_of(Emitter *e, const LLVMValueRef exponents[2]) {
    LLVMBuilderRef b = e->builder;
    LLVMValueRef zero = LLVMConstInt(e->i8, 0, false);
    LLVMValueRef largest = extreme(e, "llvm.vector.reduce.umax", "llvm.umax", exponents);
    LLVMValueRef smallest = extreme(e, "llvm.vector.reduce.umin", "llvm.umin", exponents);
    LLVMValueRef below = LLVMConstInt(e->i8, COMPRESSED_CODES - 1, false);
    LLVMValueRef base = LLVMBuildSub(b, largest, below, "");
    LLVMValueRef fits = LLVMBuildAnd(b, LLVMBuildICmp(b, LLVMIntSGT, base, zero, ""),
                                     LLVMBuildICmp(b, LLVMIntSGE, smallest, base, ""), "");
    return LLVMBuildSelect(b, fits, base, zero, "");
}

/* Exponents and signs as codes. */
static LLVMValueRef codes_of(Emitter *e, LLVMValueRef exponents, LLVMValueRef upper,
                             LLVMValueRef base) {
    LLVMValueRef own = LLVMBuildSub(e->builder, exponents, emit_splat(e, base, BYTES), "");
    LLVMValueRef sign = shift(e, and_with(e, upper, SIGN_BIT), 4, false);
    return LLVMBuildOr(e->builder, and_with(e, own, CODE_EXPONENT), sign, "");
}

void emit_compress_block(Emitter *e, const Stretch *stretch, LLVMValueRef block) {
    LLVMBuilderRef b = e->builder;
    LLVMValueRef rows[COMPRESSED_ROWS], upper[2], exponents[2], parts[3];
    for (int row = 0; row < COMPRESSED_ROWS; row++)
        rows[row] = emit_load(e, row_type(e), plain_row(e, stretch, block, row), HALF_BYTES);
    for (int pair = 0; pair < 2; pair++) {
        upper[pair] = pick_bytes(e, rows + 2 * pair, true);
        exponents[pair] = and_with(e, upper[pair], (unsigned)~SIGN_BIT & 0xff);
        parts[1 + pair] = pick_bytes(e, rows + 2 * pair, false);
    }
    LLVMValueRef base = base_of(e, exponents);
    LLVMValueRef second = codes_of(e, exponents[1], upper[1], base);
    parts[0] = LLVMBuildOr(b, codes_of(e, exponents[0], upper[0], base),
                           shift(e, second, CODE_BITS, true), "");
    LLVMValueRef fits = LLVMBuildICmp(b, LLVMIntNE, base, LLVMConstInt(e->i8, 0, false), "fits");
    LLVMValueRef none = LLVMConstNull(byte_type(e));
    for (int part = 0; part < 3; part++)
        emit_store(e, LLVMBuildSelect(b, fits, parts[part], none, ""),
                   packed_part(e, stretch, block, part), LINE_BYTES);
    emit_store(e, base, base_place(e, stretch, block), 1);
}
