/* What a group's scores weigh, and its values by these weights. */
#include "passes/emit/attention_shared_tile.h"

#include "passes/emit/attention_exp.h"
#include "passes/emit/bf16.h"

enum { SUMS = 16 }; /* in registers at a time */

/* --- weights --- */

/* What was summed of a row so far, times a factor. */
static void scale_row(const Shared *shared, LLVMValueRef row, LLVMValueRef factor) {
    Emitter *e = shared->emitter;
    LLVMValueRef factors = emit_splat(e, factor, SHARED_LANES);
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, shared->parts), 1, "scale");
    LLVMValueRef at = shared_sums(shared, loop.index, row);
    for (int64_t half = 0; half < 2; half++) {
        LLVMValueRef place = shared_vector(e, at, half);
        LLVMValueRef sum = emit_load(e, shared_floats(e), place, SHARED_LINE_BYTES);
        emit_store(e, LLVMBuildFMul(e->builder, sum, factors, ""), place, SHARED_LINE_BYTES);
    }
    emit_loop_end(e, &loop, NULL);
    LLVMValueRef place = shared_lanes(shared, shared->scratch.totals, row);
    LLVMValueRef total = emit_load(e, shared_floats(e), place, SHARED_LINE_BYTES);
    emit_store(e, LLVMBuildFMul(e->builder, total, factors, ""), place, SHARED_LINE_BYTES);
}

/* Where the row has a larger score now: e^(largest before - largest now). */
static void raise_row(const Shared *shared, LLVMValueRef row, LLVMValueRef scores,
                      LLVMValueRef before) {
    Emitter *e = shared->emitter;
    LLVMValueRef larger =
        LLVMBuildFCmp(e->builder, LLVMRealOGT, scores, emit_splat(e, before, SHARED_LANES), "");
    LLVMValueRef bits = LLVMBuildBitCast(e->builder, larger, e->i16, "");
    LLVMValueRef any = LLVMBuildICmp(e->builder, LLVMIntNE, bits, LLVMConstNull(e->i16), "");
    Branch branch;
    emit_branch_begin(e, &branch, any, "larger");
    LLVMValueRef largest = emit_max_lanes(e, scores), offset = attention_offset(e, largest);
    scale_row(shared, row, attention_weight(e, before, offset, false));
    emit_store(e, largest, shared_float(shared, shared->scratch.largest, row), SHARED_FLOAT_BYTES);
    emit_store(e, offset, shared_float(shared, shared->scratch.offset, row), SHARED_FLOAT_BYTES);
    emit_branch_end(e, &branch);
}

void shared_weigh_group(const Shared *shared, const SharedTile *tile, LLVMValueRef group) {
    Emitter *e = shared->emitter;
    const SharedScratch *scratch = &shared->scratch;
    LLVMValueRef key = emit_mul_const(e, group, SHARED_GROUP);
    LLVMValueRef mask = emit_range_mask(e, tile->keys.first, tile->keys.last, key, SHARED_GROUP);
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, shared->rows), 1, "weights");
    LLVMValueRef row = loop.index;
    LLVMValueRef scores = emit_load(e, shared_floats(e), shared_lanes(shared, scratch->scores, row),
                                    SHARED_LINE_BYTES);
    scores = attention_body_value(&shared->body, tile->batch, emit_add(e, tile->row, row), key,
                                  scores, mask);
    raise_row(
        shared, row, scores,
        emit_load(e, e->f32, shared_float(shared, scratch->largest, row), SHARED_FLOAT_BYTES));
    LLVMValueRef offset =
        emit_load(e, e->f32, shared_float(shared, scratch->offset, row), SHARED_FLOAT_BYTES);
    LLVMValueRef weights = attention_weight(e, scores, emit_splat(e, offset, SHARED_LANES), false);
    LLVMValueRef total = shared_lanes(shared, scratch->totals, row);
    LLVMValueRef sum = emit_load(e, shared_floats(e), total, SHARED_LINE_BYTES);
    emit_store(e, LLVMBuildFAdd(e->builder, weights, sum, ""), total, SHARED_LINE_BYTES);
    emit_store(e, emit_to_bf16(e, weights),
               shared_half(shared, scratch->weights, emit_mul_const(e, row, SHARED_GROUP)),
               SHARED_HALF_BYTES);
    emit_loop_end(e, &loop, NULL);
}

/* --- values --- */

/* Of the values of two keys, the columns of one half of each 16-byte lane, in pairs. */
static LLVMValueRef pair_columns(Emitter *e, LLVMValueRef even, LLVMValueRef odd, uint32_t half) {
    enum { OF_LANE = 8 };
    uint32_t numbers[COMPRESSED_LANES];
    for (uint32_t i = 0; i < COMPRESSED_LANES; i++)
        numbers[i] = i / OF_LANE * OF_LANE + half * (OF_LANE / 2) + i % OF_LANE / 2 +
                     i % 2 * COMPRESSED_LANES;
    return LLVMBuildBitCast(e->builder, emit_shuffle(e, even, odd, numbers, COMPRESSED_LANES),
                            shared_pairs(e), "");
}

/* Two neighbouring weights, in all lanes. */
static LLVMValueRef weight_pair(const Shared *shared, LLVMValueRef row, LLVMValueRef key) {
    Emitter *e = shared->emitter;
    LLVMValueRef at = emit_add(e, emit_mul_const(e, row, SHARED_GROUP), key);
    LLVMValueRef pair =
        emit_load(e, e->i32, shared_half(shared, shared->scratch.weights, at), SHARED_FLOAT_BYTES);
    return emit_splat(e, pair, SHARED_LANES);
}

/* Columns of two keys, times each row's weights of them, to sums [parts][rows][2]. */
static void add_keys(const Shared *shared, LLVMValueRef key, LLVMValueRef part, int64_t parts,
                     LLVMValueRef *sums) {
    Emitter *e = shared->emitter;
    LLVMValueRef columns[SUMS];
    for (int64_t p = 0; p < parts; p++) {
        LLVMValueRef at = emit_add_const(e, part, p);
        LLVMValueRef even =
            emit_load(e, shared_halves(e), shared_key(shared, key, at), SHARED_LINE_BYTES);
        LLVMValueRef odd =
            emit_load(e, shared_halves(e), shared_key(shared, emit_add_const(e, key, 1), at),
                      SHARED_LINE_BYTES);
        for (uint32_t half = 0; half < 2; half++)
            columns[2 * p + half] = pair_columns(e, even, odd, half);
    }
    for (int64_t row = 0; row < shared->rows; row++) {
        LLVMValueRef weights = weight_pair(shared, emit_i64(e, row), key);
        for (int64_t p = 0; p < parts; p++)
            for (int64_t half = 0; half < 2; half++) {
                LLVMValueRef *sum = &sums[2 * (p * shared->rows + row) + half];
                *sum = emit_bf16_dot(e, weights, columns[2 * p + half], *sum);
            }
    }
}

/* As many parts at once as registers hold sums of. */
void shared_add_group(const Shared *shared, LLVMValueRef ahead) {
    Emitter *e = shared->emitter;
    const int64_t parts = SUMS / 2 / shared->rows;
    LLVMValueRef sums[SUMS];
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, shared->parts), parts, "columns");
    const int64_t lines = shared->blocks * SHARED_BLOCK_LINES / 2, share = lines / shared->parts;
    LLVMValueRef line = emit_add_const(e, emit_mul_const(e, loop.index, share), lines);
    shared_ask(shared, ahead, line, share * parts);
    LLVMValueRef place = shared_sums(shared, loop.index, emit_i64(e, 0));
    for (int64_t i = 0; i < SUMS; i++)
        sums[i] = emit_load(e, shared_floats(e), shared_vector(e, place, i), SHARED_LINE_BYTES);
    for (int64_t key = 0; key < SHARED_GROUP; key += 2)
        add_keys(shared, emit_i64(e, key), loop.index, parts, sums);
    for (int64_t i = 0; i < SUMS; i++)
        emit_store(e, sums[i], shared_vector(e, place, i), SHARED_LINE_BYTES);
    emit_loop_end(e, &loop, NULL);
}
