/* What a group's scores weigh, and its values by these weights. */
#include "passes/emit/attention_shared_tile.h"

#include "passes/emit/attention_exp.h"
#include "passes/emit/bf16.h"

enum { SUMS = 16 }; /* in registers at a time */

static const double SLACK = 8;

/* --- weights --- */

/* What was summed of a row so far, times a factor. */
static void scale_row(const Shared *shared, LLVMValueRef row, LLVMValueRef factor) {
    Emitter *e = shared->emitter;
    LLVMValueRef factors = emit_splat(e, factor, SHARED_LANES);
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, shared->parts), 1, "scale");
    for (int64_t half = 0; half < 2; half++) {
        LLVMValueRef place = shared_sum(shared, loop.index, row, half);
        LLVMValueRef sum = emit_load(e, shared_floats(e), place, SHARED_LINE_BYTES);
        emit_store(e, LLVMBuildFMul(e->builder, sum, factors, ""), place, SHARED_LINE_BYTES);
    }
    emit_loop_end(e, &loop, NULL);
    LLVMValueRef place = shared_lanes(shared, shared->scratch.totals, row);
    LLVMValueRef total = emit_load(e, shared_floats(e), place, SHARED_LINE_BYTES);
    emit_store(e, LLVMBuildFMul(e->builder, total, factors, ""), place, SHARED_LINE_BYTES);
}

/* Where the row has a score now that is larger by more than SLACK: e^(largest before - largest
 * now). Till then weights are of the one before, so at most e^SLACK: any factor will do that is the
 * same for all keys, and a branch that is seldom taken is foreseen. */
static void raise_row(const Shared *shared, LLVMValueRef row, LLVMValueRef scores,
                      LLVMValueRef before) {
    Emitter *e = shared->emitter;
    LLVMValueRef bound = LLVMBuildFAdd(e->builder, before, emit_f32(e, SLACK), "");
    LLVMValueRef larger =
        LLVMBuildFCmp(e->builder, LLVMRealOGT, scores, emit_splat(e, bound, SHARED_LANES), "");
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

/* A row's scores of SHARED_LANES keys, number `vector` of the group's, as the body has them. */
static LLVMValueRef body_scores(const Shared *shared, const SharedTile *tile, LLVMValueRef group,
                                LLVMValueRef row, int64_t vector) {
    Emitter *e = shared->emitter;
    LLVMValueRef key =
        emit_add_const(e, emit_mul_const(e, group, shared_keys(shared)), vector * SHARED_LANES);
    LLVMValueRef mask = emit_range_mask(e, tile->keys.first, tile->keys.last, key, SHARED_LANES);
    LLVMValueRef number = emit_add_const(e, emit_mul_const(e, row, shared->vectors), vector);
    LLVMValueRef scores =
        emit_load(e, shared_floats(e), shared_lanes(shared, shared->scratch.scores, number),
                  SHARED_LINE_BYTES);
    return attention_body_value(&shared->body, tile->batch, emit_add(e, tile->row, row), key,
                                scores, mask);
}

/* From the row's scores, to scratch; and to the total. */
static void weigh_row(const Shared *shared, LLVMValueRef row, const LLVMValueRef *scores) {
    Emitter *e = shared->emitter;
    const SharedScratch *scratch = &shared->scratch;
    LLVMValueRef offset =
        emit_load(e, e->f32, shared_float(shared, scratch->offset, row), SHARED_FLOAT_BYTES);
    LLVMValueRef offsets = emit_splat(e, offset, SHARED_LANES);
    LLVMValueRef total = shared_lanes(shared, scratch->totals, row);
    LLVMValueRef sum = emit_load(e, shared_floats(e), total, SHARED_LINE_BYTES);
    LLVMValueRef first = emit_mul_const(e, row, shared_keys(shared));
    for (int64_t v = 0; v < shared->vectors; v++) {
        LLVMValueRef weights = attention_weight(e, scores[v], offsets, false);
        sum = LLVMBuildFAdd(e->builder, weights, sum, "");
        emit_store(
            e, emit_to_bf16(e, weights),
            shared_half(shared, scratch->weights, emit_add_const(e, first, v * SHARED_LANES)),
            SHARED_HALF_BYTES);
    }
    emit_store(e, sum, total, SHARED_LINE_BYTES);
}

void shared_weigh_group(const Shared *shared, const SharedTile *tile, LLVMValueRef group,
                        LLVMValueRef ahead) {
    Emitter *e = shared->emitter;
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, shared->rows), 1, "weights");
    LLVMValueRef scores[SHARED_AMX_VECTORS];
    LLVMValueRef row = loop.index, largest = NULL;
    if (shared->tiles)
        shared_ask_apart(shared, ahead, SHARED_WEIGHTS, row);
    for (int64_t v = 0; v < shared->vectors; v++) {
        scores[v] = body_scores(shared, tile, group, row, v);
        largest = v ? emit_max_f32(e, largest, scores[v]) : scores[v];
    }
    raise_row(shared, row, largest,
              emit_load(e, e->f32, shared_float(shared, shared->scratch.largest, row),
                        SHARED_FLOAT_BYTES));
    weigh_row(shared, row, scores);
    emit_loop_end(e, &loop, NULL);
}

/* --- values --- */

LLVMValueRef shared_pair_columns(Emitter *e, LLVMValueRef even, LLVMValueRef odd, uint32_t half) {
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
    LLVMValueRef at = emit_add(e, emit_mul_const(e, row, SHARED_LANES), key);
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
            columns[2 * p + half] = shared_pair_columns(e, even, odd, half);
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
    const int64_t lines = shared->group_bytes / SHARED_LINE_BYTES / 2,
                  share = lines / shared->parts;
    LLVMValueRef line = emit_add_const(e, emit_mul_const(e, loop.index, share), lines);
    shared_ask(shared, ahead, line, share * parts, PREFETCH_L1);
    LLVMValueRef place = shared_sums(shared, loop.index, emit_i64(e, 0));
    for (int64_t i = 0; i < SUMS; i++)
        sums[i] = emit_load(e, shared_floats(e), shared_vector(e, place, i), SHARED_LINE_BYTES);
    for (int64_t key = 0; key < SHARED_LANES; key += 2)
        add_keys(shared, emit_i64(e, key), loop.index, parts, sums);
    for (int64_t i = 0; i < SUMS; i++)
        emit_store(e, sums[i], shared_vector(e, place, i), SHARED_LINE_BYTES);
    emit_loop_end(e, &loop, NULL);
}
