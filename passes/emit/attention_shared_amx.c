/* Scores and sums of a group by tiles. A score is a key's row times the queries in pairs, so scores
 * of a key lie side by side first; values are made pairs of keys as they are added. */
#include "passes/emit/attention_shared_tile.h"

#include "passes/emit/amx.h"
#include "passes/emit/transpose.h"

enum {
    LINES = AMX_DEPTH, /* of each 32 columns of a group */
    GROUPS_AHEAD = 8,
};

/* Registers: scores have one for each vector of keys. As few as can be, since a core has not many
 * more than it shows, for two threads. */
enum { SCORES, KEYS = SHARED_AMX_VECTORS, VALUES = KEYS, QUERIES, WEIGHTS, SUMS };

void shared_amx_begin(const Shared *shared) {
    const uint32_t rows = (uint32_t)shared->rows, row_bytes = rows * SHARED_FLOAT_BYTES;
    AmxSize sizes[AMX_REGISTERS] = {0};
    for (int i = 0; i < KEYS; i++)
        sizes[SCORES + i] = (AmxSize){AMX_ROWS, row_bytes};
    sizes[KEYS] = (AmxSize){AMX_ROWS, AMX_ROW_BYTES};
    sizes[QUERIES] = (AmxSize){AMX_DEPTH / 2, row_bytes};
    sizes[WEIGHTS] = (AmxSize){rows, AMX_ROW_BYTES};
    sizes[SUMS] = (AmxSize){rows, AMX_ROW_BYTES};
    emit_amx_begin(shared->emitter, sizes);
}

static LLVMValueRef byte_at(const Shared *shared, LLVMValueRef base, LLVMValueRef bytes) {
    return emit_element(shared->emitter, shared->emitter->i8, base, bytes);
}

static LLVMValueRef scratch_bytes(const Shared *shared, int64_t base, LLVMValueRef bytes) {
    return byte_at(shared, attention_scratch(shared->kernel, base), bytes);
}

static int64_t key_bytes(const Shared *shared) { return shared->shape->width * SHARED_HALF_BYTES; }

/* --- queries --- */

void shared_amx_queries(const Shared *shared, const SharedTile *tile) {
    Emitter *e = shared->emitter;
    const Offsets rows =
        attention_source_offsets(shared->kernel, ATTENTION_SOURCE_QUERY, &shared->shape->row_axes);
    uint32_t first[SHARED_LANES];
    LLVMValueRef pairs[SHARED_LANES];
    for (uint32_t i = 0; i < SHARED_LANES; i++)
        first[i] = i;
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, shared->parts), 1, "queries");
    LLVMValueRef column = emit_mul_const(e, loop.index, COMPRESSED_LANES);
    for (int64_t row = 0; row < SHARED_LANES; row++) {
        pairs[row] = LLVMConstNull(shared_pairs(e));
        LLVMValueRef at = emit_add_const(e, column, row * offsets_stride(&rows));
        if (row < shared->rows)
            pairs[row] = emit_load(e, shared_pairs(e), emit_element(e, e->i16, tile->query, at),
                                   SHARED_HALF_BYTES);
    }
    emit_transpose(e, pairs, SHARED_LANES);
    for (int64_t pair = 0; pair < SHARED_LANES; pair++) {
        LLVMValueRef number = emit_add_const(e, emit_mul_const(e, loop.index, SHARED_LANES), pair);
        emit_store(
            e, emit_shuffle(e, pairs[pair], pairs[pair], first, (uint32_t)shared->rows),
            shared_float(shared, shared->scratch.queries, emit_mul_const(e, number, shared->rows)),
            SHARED_FLOAT_BYTES);
    }
    emit_loop_end(e, &loop, NULL);
}

/* --- what is read later --- */

/* Asked for line by line, to L2, while others are computed with: of many requests at a time some
 * are dropped, and those for L1 are in the way of what comes from L2. */
static void ask(const Shared *shared, LLVMValueRef ahead, LLVMValueRef line, int64_t count) {
    shared_ask(shared, ahead, line, count, PREFETCH_L2);
}

/* --- scores --- */

/* From a row for each key to one for each row. */
static void turn_scores(const Shared *shared, int64_t vector) {
    Emitter *e = shared->emitter;
    const int64_t first = vector * SHARED_LANES;
    LLVMValueRef scores[SHARED_LANES];
    emit_amx_store(e, SCORES + (int)vector,
                   shared_lanes(shared, shared->scratch.by_key, emit_i64(e, first)),
                   SHARED_LINE_BYTES);
    for (int64_t key = 0; key < SHARED_LANES; key++)
        scores[key] =
            emit_load(e, shared_floats(e),
                      shared_lanes(shared, shared->scratch.by_key, emit_i64(e, first + key)),
                      SHARED_LINE_BYTES);
    emit_transpose(e, scores, SHARED_LANES);
    for (int64_t row = 0; row < shared->rows; row++)
        emit_store(e, scores[row],
                   shared_lanes(shared, shared->scratch.scores,
                                emit_i64(e, row * shared->vectors + vector)),
                   SHARED_LINE_BYTES);
}

/* SHARED_LANES keys of the group. There may be no second half: then other keys stand for it, as
 * what becomes of it does not count. */
static LLVMValueRef find_keys(const Shared *shared, const SharedTile *tile, LLVMValueRef group,
                              int64_t vector) {
    Emitter *e = shared->emitter;
    LLVMValueRef key =
        emit_add_const(e, emit_mul_const(e, group, AMX_DEPTH), vector * SHARED_LANES);
    LLVMValueRef last = emit_i64(e, shared->shape->keys - SHARED_LANES);
    return byte_at(shared, tile->stretch.plain,
                   emit_mul_const(e, emit_min_i64(e, key, last), key_bytes(shared)));
}

void shared_amx_score(const Shared *shared, const SharedTile *tile, LLVMValueRef group) {
    Emitter *e = shared->emitter;
    const int64_t row_bytes = shared->rows * SHARED_FLOAT_BYTES;
    LLVMValueRef keys[SHARED_AMX_VECTORS], ahead = shared_ahead(shared, tile, group, GROUPS_AHEAD);
    for (int v = 0; v < SHARED_AMX_VECTORS; v++) {
        keys[v] = find_keys(shared, tile, group, v);
        emit_amx_zero(e, SCORES + v);
    }
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, shared->parts), 1, "depth");
    ask(shared, ahead, emit_mul_const(e, loop.index, LINES / 2), LINES / 2);
    LLVMValueRef query = emit_mul_const(e, loop.index, AMX_DEPTH / 2 * row_bytes);
    LLVMValueRef depth = emit_mul_const(e, loop.index, AMX_ROW_BYTES);
    emit_amx_load(e, QUERIES, scratch_bytes(shared, shared->scratch.queries, query), row_bytes);
    for (int v = 0; v < SHARED_AMX_VECTORS; v++) {
        emit_amx_load(e, KEYS, byte_at(shared, keys[v], depth), key_bytes(shared));
        emit_amx_dot(e, SCORES + v, KEYS, QUERIES);
    }
    emit_loop_end(e, &loop, NULL);
    for (int v = 0; v < SHARED_AMX_VECTORS; v++)
        turn_scores(shared, v);
}

/* --- values --- */

/* What the values of a group are added from. */
typedef struct Group {
    LLVMValueRef keys;     /* where it lies */
    LLVMValueRef ahead;    /* what is asked for meanwhile */
    LLVMValueRef from, to; /* of the group's keys, those that count */
} Group;

/* A key's values at 32 columns; 0 for one that does not count, which may be anything. */
static LLVMValueRef load_values(const Shared *shared, const Group *group, LLVMValueRef key,
                                LLVMValueRef column, bool whole) {
    Emitter *e = shared->emitter;
    LLVMValueRef at = byte_at(shared, group->keys,
                              emit_add(e, column, emit_mul_const(e, key, key_bytes(shared))));
    if (whole)
        return emit_load(e, shared_halves(e), at, SHARED_LINE_BYTES);
    LLVMValueRef counts = LLVMBuildAnd(e->builder, emit_less(e, key, group->to),
                                       emit_less(e, group->from, emit_add_const(e, key, 1)), "");
    return emit_load_masked(e, shared_halves(e), at, emit_splat(e, counts, COMPRESSED_LANES),
                            SHARED_LINE_BYTES);
}

/* Of part number `part`; parts take turns in two places. */
static LLVMValueRef pairs_at(const Shared *shared, LLVMValueRef part, int64_t half) {
    Emitter *e = shared->emitter;
    LLVMValueRef row = emit_mul_const(e, emit_mod_const(e, part, 2), 2 * AMX_ROWS);
    return shared_lanes(shared, shared->scratch.key_pairs, emit_add_const(e, row, half * AMX_ROWS));
}

/* A part's values in pairs of keys: two tiles. A loop, as LLVM would do all loads before all else,
 * and so ask for many lines at a time. */
static void pair_values(const Shared *shared, const Group *group, LLVMValueRef part, bool whole) {
    Emitter *e = shared->emitter;
    LLVMValueRef column = emit_mul_const(e, part, AMX_ROW_BYTES);
    LLVMValueRef line =
        emit_add_const(e, emit_mul_const(e, part, LINES / 2), LINES / 2 * shared->parts);
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, AMX_DEPTH / 2), 1, "pair");
    ask(shared, group->ahead, emit_add(e, line, loop.index), 1);
    LLVMValueRef key = emit_mul_const(e, loop.index, 2);
    LLVMValueRef even = load_values(shared, group, key, column, whole);
    LLVMValueRef odd = load_values(shared, group, emit_add_const(e, key, 1), column, whole);
    LLVMValueRef row = emit_mul_const(e, loop.index, SHARED_LANES);
    for (uint32_t half = 0; half < 2; half++)
        emit_store(e, shared_pair_columns(e, even, odd, half),
                   emit_element(e, e->f32, pairs_at(shared, part, half), row), SHARED_LINE_BYTES);
    emit_loop_end(e, &loop, NULL);
}

static void add_part(const Shared *shared, LLVMValueRef part) {
    Emitter *e = shared->emitter;
    const int64_t stride = COMPRESSED_LANES * SHARED_FLOAT_BYTES;
    LLVMValueRef sums = shared_sums(shared, part, emit_i64(e, 0));
    for (int half = 0; half < 2; half++) {
        LLVMValueRef place = shared_vector(e, sums, half);
        emit_amx_load(e, SUMS, place, stride);
        emit_amx_load(e, VALUES, pairs_at(shared, part, half), SHARED_LINE_BYTES);
        emit_amx_dot(e, SUMS, WEIGHTS, VALUES);
        emit_amx_store(e, SUMS, place, stride);
    }
}

/* A part is multiplied after the next one's pairs were made: what was just stored can't be loaded
 * as a tile before it is in the cache. */
static void add_parts(const Shared *shared, const Group *group, bool whole) {
    Emitter *e = shared->emitter;
    Loop loop;
    pair_values(shared, group, emit_i64(e, 0), whole);
    emit_loop_begin(e, &loop, emit_i64(e, 1), emit_i64(e, shared->parts), 1, "columns");
    pair_values(shared, group, loop.index, whole);
    add_part(shared, emit_add_const(e, loop.index, -1));
    emit_loop_end(e, &loop, NULL);
    add_part(shared, emit_i64(e, shared->parts - 1));
}

void shared_amx_add(const Shared *shared, const SharedTile *tile, LLVMValueRef number) {
    Emitter *e = shared->emitter;
    LLVMValueRef first = emit_mul_const(e, number, AMX_DEPTH), none = emit_i64(e, 0);
    const Group group = {
        .keys =
            byte_at(shared, tile->stretch.plain, emit_mul_const(e, number, shared->group_bytes)),
        .ahead = shared_ahead(shared, tile, number, GROUPS_AHEAD),
        .from = emit_sub(e, tile->keys.first, first),
        .to = emit_sub(e, tile->keys.last, first),
    };
    LLVMValueRef partly = LLVMBuildOr(e->builder, emit_less(e, none, group.from),
                                      emit_less(e, group.to, emit_i64(e, AMX_DEPTH)), "");
    emit_amx_load(e, WEIGHTS, scratch_bytes(shared, shared->scratch.weights, none), AMX_ROW_BYTES);
    Branch branch;
    emit_branch_begin(e, &branch, partly, "partly");
    add_parts(shared, &group, false);
    emit_branch_else(e, &branch);
    add_parts(shared, &group, true);
    emit_branch_end(e, &branch);
}
