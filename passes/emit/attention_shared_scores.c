/* Scores of a group's keys: two keys at a time, with all rows. */
#include "passes/emit/attention_shared_tile.h"

#include "passes/emit/bf16.h"
#include "passes/emit/lane_sums.h"

/* Those of the group that do not count as 0, since they may be anything. */
static void clear_keys(const Shared *shared, LLVMValueRef from, LLVMValueRef to) {
    Emitter *e = shared->emitter;
    Loop keys, parts;
    emit_loop_begin(e, &keys, from, to, 1, "masked");
    emit_loop_begin(e, &parts, emit_i64(e, 0), emit_i64(e, shared->parts), 1, "part");
    emit_store(e, LLVMConstNull(shared_halves(e)), shared_key(shared, keys.index, parts.index),
               SHARED_LINE_BYTES);
    emit_loop_end(e, &parts, NULL);
    emit_loop_end(e, &keys, NULL);
}

/* Two keys of the group, from number `key` on, or a block of each. */
typedef struct KeyPair {
    LLVMValueRef key, first; /* `first`: its first block, of the stretch */
} KeyPair;

/* Expands block number `block` of one of them, to the group's room too. */
static void expand_key(const Shared *shared, const SharedTile *tile, const KeyPair *pair, int which,
                       LLVMValueRef block, LLVMValueRef rows[COMPRESSED_ROWS]) {
    Emitter *e = shared->emitter;
    const int64_t blocks = shared->shape->width / COMPRESSED_VALUES;
    LLVMValueRef number = emit_add_const(e, emit_add(e, pair->first, block), which * blocks);
    emit_expand_block(e, &tile->stretch, number, rows);
    LLVMValueRef part = emit_mul_const(e, block, COMPRESSED_ROWS);
    for (int i = 0; i < COMPRESSED_ROWS; i++)
        emit_store(
            e, rows[i],
            shared_key(shared, emit_add_const(e, pair->key, which), emit_add_const(e, part, i)),
            SHARED_LINE_BYTES);
}

/* Part number `part` of a row's query. */
static LLVMValueRef load_query(const Shared *shared, const SharedTile *tile, int64_t row,
                               LLVMValueRef part) {
    Emitter *e = shared->emitter;
    const Offsets rows =
        attention_source_offsets(shared->kernel, ATTENTION_SOURCE_QUERY, &shared->shape->row_axes);
    LLVMValueRef at =
        emit_add_const(e, emit_mul_const(e, part, COMPRESSED_LANES), row * offsets_stride(&rows));
    return emit_load(e, shared_pairs(e), emit_element(e, e->i16, tile->query, at),
                     SHARED_HALF_BYTES);
}

/* Adds to sums [row][which key] what a block of both gives. */
static void add_block(const Shared *shared, const SharedTile *tile, const KeyPair *pair,
                      LLVMValueRef block, LLVMValueRef *sums) {
    Emitter *e = shared->emitter;
    LLVMValueRef keys[2][COMPRESSED_ROWS];
    for (int which = 0; which < 2; which++)
        expand_key(shared, tile, pair, which, block, keys[which]);
    for (int i = 0; i < COMPRESSED_ROWS; i++) {
        LLVMValueRef part = emit_add_const(e, emit_mul_const(e, block, COMPRESSED_ROWS), i);
        for (int64_t row = 0; row < shared->rows; row++) {
            LLVMValueRef query = load_query(shared, tile, row, part);
            for (int which = 0; which < 2; which++) {
                LLVMValueRef key =
                    LLVMBuildBitCast(e->builder, keys[which][i], shared_pairs(e), "");
                sums[2 * row + which] = emit_bf16_dot(e, query, key, sums[2 * row + which]);
            }
        }
    }
}

/* Scores of two keys with all rows. */
static void score_pair(const Shared *shared, const SharedTile *tile, const KeyPair *pair,
                       LLVMValueRef ahead) {
    Emitter *e = shared->emitter;
    const int64_t blocks = shared->shape->width / COMPRESSED_VALUES;
    LLVMValueRef sums[LANE_SUMS];
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, blocks), 1, "block");
    for (int64_t i = 0; i < 2 * shared->rows; i++)
        sums[i] = emit_loop_carry(e, &loop, emit_f32_lanes(e, 0, SHARED_LANES));
    shared_ask(shared, ahead, emit_mul_const(e, loop.index, SHARED_BLOCK_LINES), SHARED_BLOCK_LINES,
               PREFETCH_L1);
    add_block(shared, tile, pair, loop.index, sums);
    emit_loop_end(e, &loop, sums);
    for (int64_t i = 0; i < LANE_SUMS; i++)
        sums[i] = i < 2 * shared->rows ? loop.carried[i] : emit_f32_lanes(e, 0, SHARED_LANES);
    LLVMValueRef scores = emit_lane_sums(e, sums, LANE_SUMS);
    for (uint32_t row = 0; row < shared->rows; row++) {
        const uint32_t own[] = {2 * row, 2 * row + 1};
        emit_store(e, emit_shuffle(e, scores, scores, own, 2),
                   shared_float(shared, shared->scratch.scores,
                                emit_add_const(e, pair->key, row * SHARED_LANES)),
                   SHARED_FLOAT_BYTES);
    }
}

void shared_score_group(const Shared *shared, const SharedTile *tile, LLVMValueRef group,
                        LLVMValueRef ahead) {
    Emitter *e = shared->emitter;
    const int64_t blocks = shared->shape->width / COMPRESSED_VALUES;
    LLVMValueRef first = emit_mul_const(e, group, SHARED_LANES * blocks);
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, SHARED_LANES), 2, "keys");
    const KeyPair pair = {loop.index, emit_add(e, first, emit_mul_const(e, loop.index, blocks))};
    LLVMValueRef bytes = emit_mul_const(e, loop.index, blocks * COMPRESSED_BLOCK_BYTES / 2);
    score_pair(shared, tile, &pair, emit_element(e, e->i8, ahead, bytes));
    emit_loop_end(e, &loop, NULL);
    LLVMValueRef key = emit_mul_const(e, group, SHARED_LANES), none = emit_i64(e, 0);
    clear_keys(shared, none, emit_sub(e, tile->keys.first, key));
    clear_keys(shared, emit_max_i64(e, emit_sub(e, tile->keys.last, key), none),
               emit_i64(e, SHARED_LANES));
}
