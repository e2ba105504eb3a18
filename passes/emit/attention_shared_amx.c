/* Scores and sums of a group by tiles, from keys that lie in them (ir/tiled.h): each is the left
 * side of the scores, and the right side of the sums.
 *
 *     scores[pair of keys][row, even key | row, odd key] += tile * queries
 *     sums[row][column] += weights[row][pair of keys] * tile
 *
 * A line of a tile is two keys. So queries are there twice, beside zeros: of 16 columns of what the
 * tile is multiplied by, half are (q, 0) and give the even keys' scores, half are (0, q). */
#include "passes/emit/attention_shared_tile.h"

#include "passes/emit/amx.h"
#include "passes/emit/tiled.h"
#include "passes/emit/transpose.h"

enum {
    LINES = TILED_ROWS / 2, /* of a tile */
    GROUPS_AHEAD = 2,
};

/* Registers. As few as can be, since a core has not many more than it shows, for two threads. */
enum { SCORES, KEYS, QUERIES, WEIGHTS, VALUES, SUMS };

static int64_t tiles_of_group(const Shared *shared) { return shared->shape->width / TILED_COLUMNS; }

static int64_t score_bytes(const Shared *shared) { return 2 * shared->rows * SHARED_FLOAT_BYTES; }

void shared_amx_begin(const Shared *shared) {
    const uint32_t rows = (uint32_t)shared->rows, line = TILED_LINE_BYTES;
    const uint32_t score = (uint32_t)score_bytes(shared);
    AmxSize sizes[AMX_REGISTERS] = {
        [SCORES] = {LINES, score}, [KEYS] = {LINES, line},   [QUERIES] = {TILED_COLUMNS, score},
        [WEIGHTS] = {rows, line},  [VALUES] = {LINES, line}, [SUMS] = {rows, line},
    };
    emit_amx_begin(shared->emitter, sizes);
}

/* Of what begins at byte `base` of scratch, and is so many bytes each. */
static LLVMValueRef scratch_at(const Shared *shared, int64_t base, LLVMValueRef number,
                               int64_t bytes) {
    Emitter *e = shared->emitter;
    return emit_element(e, e->i8, attention_scratch(shared->kernel, base),
                        emit_mul_const(e, number, bytes));
}

/* --- queries --- */

/* Of a row at a tile's columns, as the first of two and as the second. */
static void load_query(const Shared *shared, const SharedTile *tile, LLVMValueRef number,
                       int64_t row, LLVMValueRef *pairs) {
    Emitter *e = shared->emitter;
    const Offsets rows =
        attention_source_offsets(shared->kernel, ATTENTION_SOURCE_QUERY, &shared->shape->row_axes);
    LLVMValueRef at =
        emit_add_const(e, emit_mul_const(e, number, TILED_COLUMNS), row * offsets_stride(&rows));
    LLVMValueRef halves = emit_load(e, emit_vector_type(e, e->i16, TILED_COLUMNS),
                                    emit_element(e, e->i16, tile->query, at), SHARED_HALF_BYTES);
    LLVMValueRef upper = emit_splat(e, LLVMConstInt(e->i32, 16, false), SHARED_LANES);
    pairs[row] = LLVMBuildZExt(e->builder, halves, shared_pairs(e), "");
    pairs[shared->rows + row] = LLVMBuildShl(e->builder, pairs[row], upper, "");
}

void shared_amx_queries(const Shared *shared, const SharedTile *tile) {
    Emitter *e = shared->emitter;
    const uint32_t count = 2 * (uint32_t)shared->rows;
    uint32_t first[SHARED_LANES];
    LLVMValueRef pairs[SHARED_LANES];
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, tiles_of_group(shared)), 1, "queries");
    for (uint32_t i = 0; i < SHARED_LANES; i++) {
        first[i] = i;
        pairs[i] = LLVMConstNull(shared_pairs(e));
    }
    for (int64_t row = 0; row < shared->rows; row++)
        load_query(shared, tile, loop.index, row, pairs);
    emit_transpose(e, pairs, SHARED_LANES);
    LLVMValueRef to = scratch_at(shared, shared->scratch.queries, loop.index,
                                 TILED_COLUMNS * score_bytes(shared));
    for (int64_t column = 0; column < TILED_COLUMNS; column++)
        emit_store(e, emit_shuffle(e, pairs[column], pairs[column], first, count),
                   emit_element(e, e->i8, to, emit_i64(e, column * score_bytes(shared))),
                   SHARED_FLOAT_BYTES);
    emit_loop_end(e, &loop, NULL);
}

/* --- keys --- */

/* Both keys of a line, if they count. */
static LLVMValueRef line_mask(const Shared *shared, const SharedTile *tile, LLVMValueRef key) {
    Emitter *e = shared->emitter;
    LLVMValueRef words[2];
    for (int which = 0; which < 2; which++) {
        LLVMValueRef number = emit_add_const(e, key, which);
        LLVMValueRef counts =
            LLVMBuildAnd(e->builder, emit_less(e, number, tile->keys.last),
                         emit_less(e, tile->keys.first, emit_add_const(e, number, 1)), "");
        LLVMValueRef half = LLVMConstInt(e->i32, which ? 0xffff0000 : 0xffff, false);
        words[which] =
            LLVMBuildSelect(e->builder, counts, half, LLVMConstInt(e->i32, 0, false), "");
    }
    return emit_splat(e, LLVMBuildOr(e->builder, words[0], words[1], ""), SHARED_LANES);
}

/* The group's tiles in scratch, where the keys that do not count are 0: they may be anything. */
static void copy_counted(const Shared *shared, const SharedTile *tile, LLVMValueRef group,
                         LLVMValueRef from) {
    Emitter *e = shared->emitter;
    Loop lines, tiles;
    emit_loop_begin(e, &lines, emit_i64(e, 0), emit_i64(e, LINES), 1, "line");
    LLVMValueRef key =
        emit_add(e, emit_mul_const(e, group, TILED_ROWS), emit_mul_const(e, lines.index, 2));
    LLVMValueRef mask = line_mask(shared, tile, key);
    emit_loop_begin(e, &tiles, emit_i64(e, 0), emit_i64(e, tiles_of_group(shared)), 1, "tile");
    LLVMValueRef at = emit_add(e, emit_mul_const(e, tiles.index, TILED_ELEMENTS),
                               emit_mul_const(e, lines.index, TILED_COLUMNS));
    LLVMValueRef pairs =
        emit_load(e, shared_pairs(e), emit_element(e, e->i32, from, at), SHARED_LINE_BYTES);
    emit_store(e, LLVMBuildAnd(e->builder, pairs, mask, ""),
               shared_float(shared, shared->scratch.keys, at), SHARED_LINE_BYTES);
    emit_loop_end(e, &tiles, NULL);
    emit_loop_end(e, &lines, NULL);
}

SharedAmxGroup shared_amx_group(const Shared *shared, const SharedTile *tile, LLVMValueRef number) {
    Emitter *e = shared->emitter;
    LLVMValueRef first = emit_mul_const(e, number, TILED_ROWS);
    LLVMValueRef keys = emit_element(e, e->i8, tile->stretch.blocks,
                                     emit_mul_const(e, number, shared->group_bytes));
    LLVMValueRef partly =
        LLVMBuildOr(e->builder, emit_less(e, first, tile->keys.first),
                    emit_less(e, tile->keys.last, emit_add_const(e, first, TILED_ROWS)), "");
    Branch branch;
    emit_branch_begin(e, &branch, partly, "partly");
    copy_counted(shared, tile, number, keys);
    emit_branch_end(e, &branch);
    return (SharedAmxGroup){
        .keys = LLVMBuildSelect(e->builder, partly,
                                attention_scratch(shared->kernel, shared->scratch.keys), keys, ""),
        .ahead = shared_ahead(shared, tile, number, GROUPS_AHEAD),
    };
}

static LLVMValueRef tile_at(const Shared *shared, const SharedAmxGroup *group, LLVMValueRef tile) {
    Emitter *e = shared->emitter;
    return emit_element(e, e->i8, group->keys, emit_mul_const(e, tile, TILED_BYTES));
}

/* --- scores --- */

/* From those of pairs of keys, side by side, to those of keys for each row. */
static void turn_scores(const Shared *shared) {
    Emitter *e = shared->emitter;
    LLVMValueRef by_pair = attention_scratch(shared->kernel, shared->scratch.by_pair);
    LLVMValueRef scores[SHARED_LANES];
    emit_amx_store(e, SCORES, by_pair, SHARED_LINE_BYTES);
    for (int64_t pair = 0; pair < LINES; pair++)
        scores[pair] =
            emit_load(e, shared_floats(e), shared_vector(e, by_pair, pair), SHARED_LINE_BYTES);
    emit_transpose(e, scores, SHARED_LANES);
    for (int64_t row = 0; row < shared->rows; row++)
        for (uint32_t v = 0; v < SHARED_AMX_VECTORS; v++) {
            uint32_t numbers[SHARED_LANES];
            for (uint32_t i = 0; i < SHARED_LANES; i++)
                numbers[i] = v * (SHARED_LANES / 2) + i / 2 + i % 2 * SHARED_LANES;
            emit_store(
                e, emit_shuffle(e, scores[row], scores[shared->rows + row], numbers, SHARED_LANES),
                shared_lanes(shared, shared->scratch.scores,
                             emit_i64(e, row * SHARED_AMX_VECTORS + v)),
                SHARED_LINE_BYTES);
        }
}

void shared_amx_score(const Shared *shared, const SharedAmxGroup *group) {
    Emitter *e = shared->emitter;
    Loop loop;
    emit_amx_zero(e, SCORES);
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, tiles_of_group(shared)), 1, "scores");
    shared_ask_apart(shared, group->ahead, SHARED_SCORES, loop.index);
    emit_amx_load(e, QUERIES,
                  scratch_at(shared, shared->scratch.queries, loop.index,
                             TILED_COLUMNS * score_bytes(shared)),
                  score_bytes(shared));
    emit_amx_load(e, KEYS, tile_at(shared, group, loop.index), TILED_LINE_BYTES);
    emit_amx_dot(e, SCORES, KEYS, QUERIES);
    emit_loop_end(e, &loop, NULL);
    turn_scores(shared);
}

/* --- values --- */

void shared_amx_add(const Shared *shared, const SharedAmxGroup *group) {
    Emitter *e = shared->emitter;
    emit_amx_load(e, WEIGHTS, attention_scratch(shared->kernel, shared->scratch.weights),
                  TILED_LINE_BYTES);
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, tiles_of_group(shared)), 1, "values");
    shared_ask_apart(shared, group->ahead, SHARED_VALUES, loop.index);
    LLVMValueRef sums =
        scratch_at(shared, shared->scratch.sums, loop.index, shared->rows * TILED_LINE_BYTES);
    emit_amx_load(e, SUMS, sums, TILED_LINE_BYTES);
    emit_amx_load(e, VALUES, tile_at(shared, group, loop.index), TILED_LINE_BYTES);
    emit_amx_dot(e, SUMS, WEIGHTS, VALUES);
    emit_amx_store(e, SUMS, sums, TILED_LINE_BYTES);
    emit_loop_end(e, &loop, NULL);
}
