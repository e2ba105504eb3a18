/* A tile is some rows of a batch. Keys are taken in groups of sixteen, each read once:
 *
 *     scores: two keys at a time, with all rows: their blocks are expanded, to scratch too, and
 *         multiplied by the queries in pairs along the width; then sums of lanes
 *     for each row the body, and the weights; where a score is larger than all before it, what was
 *         summed so far is scaled (Milakov and Gimelshein, "Online normalizer calculation for
 *         softmax", 2018): that is seldom
 *     sums += weights * values, in products of pairs of keys
 *
 * so that memory is read for the next group while this one is computed. Sums lie in scratch in the
 * order in which pairs are made: of each 32 columns those in the lower halves of 16-byte lanes,
 * then those in the upper halves. */
#include "passes/emit/attention_shared.h"

#include "passes/emit/attention_body.h"
#include "passes/emit/attention_exp.h"
#include "passes/emit/bf16.h"
#include "passes/emit/compressed.h"
#include "passes/emit/lane_sums.h"

#include <math.h>

enum {
    LANES = 16,
    GROUP = ATTENTION_KEY_GROUP,
    MOST_ROWS = LANE_SUMS / 2, /* with two keys */
    GROUPS_AHEAD = 1,
    MANY_BATCHES = 4, /* from so many on a batch is one tile; else it has FEW_ROWS */
    FEW_ROWS = ATTENTION_SHARED_ROWS,
    SUMS = 16, /* in registers at a time */
    HALF_BYTES = 2,
    FLOAT_BYTES = 4,
    LINE_BYTES = 64,
    BLOCK_LINES = COMPRESSED_BLOCK_BYTES / LINE_BYTES,
    RESULT_OUTPUT = 0,
};

/* In scratch, bytes from its start. */
typedef struct SharedScratch {
    int64_t keys;            /* bf16 [GROUP, width] */
    int64_t sums;            /* f32 [width / 32, rows, 32] */
    int64_t scores;          /* f32 [rows, GROUP] */
    int64_t weights;         /* bf16 [rows, GROUP] */
    int64_t largest, offset; /* f32 [rows] */
    int64_t totals;          /* of weights: f32 [rows, GROUP], by lane */
} SharedScratch;

typedef struct Shared {
    const AttentionKernel *kernel;
    Emitter *emitter;
    const AttentionShape *shape;
    AttentionBody body;
    SharedScratch scratch;
    int64_t rows, parts; /* rows of a tile; parts of COMPRESSED_LANES columns */
    int64_t blocks;      /* of a group */
} Shared;

typedef struct SharedTile {
    LLVMValueRef batch, row;
    LLVMValueRef query, output; /* of the first row */
    AttentionKeys keys;
    LLVMValueRef first, last; /* groups */
    Stretch stretch, next;    /* of the batch, and of the one that is read after it */
} SharedTile;

/* --- what is taken --- */

static const Node *source_node(const AttentionShape *shape, uint32_t which) {
    return graph_node(shape->body, shape->node->sources[which]);
}

static bool lies_as_rows(const AttentionShape *shape, const Axes *inner, const Axes *tensor) {
    const Offsets offsets = offsets_of(shape->body, inner, tensor);
    const Offsets rows = offsets_of(shape->body, &shape->row_axes, tensor);
    return offsets_uniform(&offsets) && offsets_stride(&offsets) == 1 && offsets_uniform(&rows);
}

/* Keys in the order in which they were compressed. */
static bool keys_lie_whole(const AttentionShape *shape) {
    const Node *key = source_node(shape, ATTENTION_SOURCE_KEY);
    const Offsets keys = offsets_of(shape->body, &shape->key_axes, &key->axes);
    const Offsets within = offsets_of(shape->body, &shape->width_axes, &key->axes);
    return key->op == OP_COMPRESSED && key->attributes.axes.count == 3 &&
           offsets_stride(&keys) == shape->width && offsets_stride(&within) == 1;
}

bool attention_shared_accepts(const AttentionShape *shape) {
    const Node *node = shape->node;
    const Node *result = graph_node(shape->body, shape->body->outputs[0].node);
    return !shape->gradient && shape->pairs && shape->lanes == LANES &&
           shape->body->output_count == 1 && result->attributes.amount == RESULT_OUTPUT &&
           node->sources[ATTENTION_SOURCE_KEY] == node->sources[ATTENTION_SOURCE_VALUE] &&
           shape->rows <= MOST_ROWS &&
           attention_is_shared(shape->rows, shape->keys, shape->width) && keys_lie_whole(shape) &&
           lies_as_rows(shape, &shape->width_axes,
                        &source_node(shape, ATTENTION_SOURCE_QUERY)->axes) &&
           lies_as_rows(shape, &shape->column_axes, &result->axes);
}

static int64_t rows_of_tile(const AttentionShape *shape) {
    return shape->batches < MANY_BATCHES ? FEW_ROWS : shape->rows;
}

static SharedScratch place_scratch(const AttentionShape *shape, int64_t *size) {
    const int64_t rows = rows_of_tile(shape);
    return (SharedScratch){
        .keys = attention_place(size, GROUP * shape->width / 2),
        .sums = attention_place(size, rows * shape->width),
        .scores = attention_place(size, rows * GROUP),
        .weights = attention_place(size, rows * GROUP / 2),
        .largest = attention_place(size, rows),
        .offset = attention_place(size, rows),
        .totals = attention_place(size, rows * GROUP),
    };
}

void attention_shared_measure(const AttentionShape *shape, KernelShape *kernel) {
    *kernel = (KernelShape){
        .tiles = shape->batches * (shape->rows / rows_of_tile(shape)),
        .flops = attention_flops(shape),
        .bytes = attention_operand_bytes(shape->body),
    };
    place_scratch(shape, &kernel->scratch_bytes);
}

/* --- places --- */

static LLVMTypeRef floats(Emitter *e) { return emit_vector_type(e, e->f32, LANES); }

static LLVMTypeRef halves(Emitter *e) { return emit_vector_type(e, e->i16, COMPRESSED_LANES); }

static LLVMTypeRef pairs(Emitter *e) { return emit_vector_type(e, e->i32, LANES); }

static LLVMValueRef half_at(const Shared *shared, int64_t base, LLVMValueRef index) {
    Emitter *e = shared->emitter;
    return emit_element(e, e->i16, attention_scratch(shared->kernel, base), index);
}

static LLVMValueRef float_at(const Shared *shared, int64_t base, LLVMValueRef index) {
    Emitter *e = shared->emitter;
    return emit_element(e, e->f32, attention_scratch(shared->kernel, base), index);
}

/* A vector for each row. */
static LLVMValueRef lanes_at(const Shared *shared, int64_t base, LLVMValueRef row) {
    return float_at(shared, base, emit_mul_const(shared->emitter, row, LANES));
}

/* COMPRESSED_LANES values of a key of the group. */
static LLVMValueRef key_at(const Shared *shared, LLVMValueRef key, LLVMValueRef part) {
    Emitter *e = shared->emitter;
    return half_at(shared, shared->scratch.keys,
                   emit_add(e, emit_mul_const(e, key, shared->shape->width),
                            emit_mul_const(e, part, COMPRESSED_LANES)));
}

/* The first of two vectors of sums. */
static LLVMValueRef sums_at(const Shared *shared, LLVMValueRef part, LLVMValueRef row) {
    Emitter *e = shared->emitter;
    LLVMValueRef number = emit_add(e, emit_mul_const(e, part, shared->rows), row);
    return float_at(shared, shared->scratch.sums, emit_mul_const(e, number, COMPRESSED_LANES));
}

static LLVMValueRef vector_after(Emitter *e, LLVMValueRef place, int64_t count) {
    return emit_element(e, e->f32, place, emit_i64(e, count * LANES));
}

static Stretch stretch_at(const Shared *shared, LLVMValueRef batch) {
    return attention_stretch(shared->kernel, ATTENTION_SOURCE_KEY, batch,
                             shared->shape->keys * shared->shape->width);
}

/* --- a group's keys --- */

/* Those of the group that do not count as 0, since they may be anything. */
static void clear_keys(const Shared *shared, LLVMValueRef from, LLVMValueRef to) {
    Emitter *e = shared->emitter;
    Loop keys, parts;
    emit_loop_begin(e, &keys, from, to, 1, "masked");
    emit_loop_begin(e, &parts, emit_i64(e, 0), emit_i64(e, shared->parts), 1, "part");
    emit_store(e, LLVMConstNull(halves(e)), key_at(shared, keys.index, parts.index), LINE_BYTES);
    emit_loop_end(e, &parts, NULL);
    emit_loop_end(e, &keys, NULL);
}

/* Where the group that is read GROUPS_AHEAD after this one lies. */
static LLVMValueRef find_ahead(const Shared *shared, const SharedTile *tile, LLVMValueRef group) {
    Emitter *e = shared->emitter;
    LLVMValueRef later = emit_add_const(e, group, GROUPS_AHEAD);
    LLVMValueRef beyond = emit_add(e, tile->first, emit_sub(e, later, tile->last));
    LLVMValueRef is_here = emit_less(e, later, tile->last);
    LLVMValueRef blocks =
        LLVMBuildSelect(e->builder, is_here, tile->stretch.blocks, tile->next.blocks, "");
    LLVMValueRef number = LLVMBuildSelect(e->builder, is_here, later, beyond, "");
    return emit_element(e, e->i8, blocks,
                        emit_mul_const(e, number, shared->blocks * COMPRESSED_BLOCK_BYTES));
}

/* --- scores --- */

/* Lines of what is read after this group, from number `line` on. */
static void ask_lines(const Shared *shared, LLVMValueRef ahead, LLVMValueRef line, int64_t count) {
    Emitter *e = shared->emitter;
    LLVMValueRef from = emit_element(e, e->i8, ahead, emit_mul_const(e, line, LINE_BYTES));
    for (int64_t i = 0; i < count; i++)
        emit_prefetch(e, emit_element(e, e->i8, from, emit_i64(e, i * LINE_BYTES)), PREFETCH_L1);
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
        emit_store(e, rows[i],
                   key_at(shared, emit_add_const(e, pair->key, which), emit_add_const(e, part, i)),
                   LINE_BYTES);
}

/* Part number `part` of a row's query. */
static LLVMValueRef load_query(const Shared *shared, const SharedTile *tile, int64_t row,
                               LLVMValueRef part) {
    Emitter *e = shared->emitter;
    const Offsets rows =
        attention_source_offsets(shared->kernel, ATTENTION_SOURCE_QUERY, &shared->shape->row_axes);
    LLVMValueRef at =
        emit_add_const(e, emit_mul_const(e, part, COMPRESSED_LANES), row * offsets_stride(&rows));
    return emit_load(e, pairs(e), emit_element(e, e->i16, tile->query, at), HALF_BYTES);
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
                LLVMValueRef key = LLVMBuildBitCast(e->builder, keys[which][i], pairs(e), "");
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
        sums[i] = emit_loop_carry(e, &loop, emit_f32_lanes(e, 0, LANES));
    ask_lines(shared, ahead, emit_mul_const(e, loop.index, BLOCK_LINES), BLOCK_LINES);
    add_block(shared, tile, pair, loop.index, sums);
    emit_loop_end(e, &loop, sums);
    for (int64_t i = 0; i < LANE_SUMS; i++)
        sums[i] = i < 2 * shared->rows ? loop.carried[i] : emit_f32_lanes(e, 0, LANES);
    LLVMValueRef scores = emit_lane_sums(e, sums, LANE_SUMS);
    for (uint32_t row = 0; row < shared->rows; row++) {
        const uint32_t own[] = {2 * row, 2 * row + 1};
        emit_store(
            e, emit_shuffle(e, scores, scores, own, 2),
            float_at(shared, shared->scratch.scores, emit_add_const(e, pair->key, row * GROUP)),
            FLOAT_BYTES);
    }
}

/* Half of what is asked for ahead is asked for here. */
static void score_group(const Shared *shared, const SharedTile *tile, LLVMValueRef group,
                        LLVMValueRef ahead) {
    Emitter *e = shared->emitter;
    const int64_t blocks = shared->shape->width / COMPRESSED_VALUES;
    LLVMValueRef first = emit_mul_const(e, group, shared->blocks);
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, GROUP), 2, "keys");
    const KeyPair pair = {loop.index, emit_add(e, first, emit_mul_const(e, loop.index, blocks))};
    LLVMValueRef bytes = emit_mul_const(e, loop.index, blocks * COMPRESSED_BLOCK_BYTES / 2);
    score_pair(shared, tile, &pair, emit_element(e, e->i8, ahead, bytes));
    emit_loop_end(e, &loop, NULL);
    LLVMValueRef key = emit_mul_const(e, group, GROUP), none = emit_i64(e, 0);
    clear_keys(shared, none, emit_sub(e, tile->keys.first, key));
    clear_keys(shared, emit_max_i64(e, emit_sub(e, tile->keys.last, key), none),
               emit_i64(e, GROUP));
}

/* --- weights --- */

/* What was summed of a row so far, times a factor. */
static void scale_row(const Shared *shared, LLVMValueRef row, LLVMValueRef factor) {
    Emitter *e = shared->emitter;
    LLVMValueRef factors = emit_splat(e, factor, LANES);
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, shared->parts), 1, "scale");
    LLVMValueRef at = sums_at(shared, loop.index, row);
    for (int64_t half = 0; half < 2; half++) {
        LLVMValueRef place = vector_after(e, at, half);
        LLVMValueRef sum = emit_load(e, floats(e), place, LINE_BYTES);
        emit_store(e, LLVMBuildFMul(e->builder, sum, factors, ""), place, LINE_BYTES);
    }
    emit_loop_end(e, &loop, NULL);
    LLVMValueRef place = lanes_at(shared, shared->scratch.totals, row);
    LLVMValueRef total = emit_load(e, floats(e), place, LINE_BYTES);
    emit_store(e, LLVMBuildFMul(e->builder, total, factors, ""), place, LINE_BYTES);
}

/* Where the row has a larger score now: e^(largest before - largest now). */
static void raise_row(const Shared *shared, LLVMValueRef row, LLVMValueRef scores,
                      LLVMValueRef before) {
    Emitter *e = shared->emitter;
    LLVMValueRef larger =
        LLVMBuildFCmp(e->builder, LLVMRealOGT, scores, emit_splat(e, before, LANES), "");
    LLVMValueRef bits = LLVMBuildBitCast(e->builder, larger, e->i16, "");
    LLVMValueRef any = LLVMBuildICmp(e->builder, LLVMIntNE, bits, LLVMConstNull(e->i16), "");
    Branch branch;
    emit_branch_begin(e, &branch, any, "larger");
    LLVMValueRef largest = emit_max_lanes(e, scores), offset = attention_offset(e, largest);
    scale_row(shared, row, attention_weight(e, before, offset, false));
    emit_store(e, largest, float_at(shared, shared->scratch.largest, row), FLOAT_BYTES);
    emit_store(e, offset, float_at(shared, shared->scratch.offset, row), FLOAT_BYTES);
    emit_branch_end(e, &branch);
}

static void weigh_group(const Shared *shared, const SharedTile *tile, LLVMValueRef group) {
    Emitter *e = shared->emitter;
    const SharedScratch *scratch = &shared->scratch;
    LLVMValueRef key = emit_mul_const(e, group, GROUP);
    LLVMValueRef mask = emit_range_mask(e, tile->keys.first, tile->keys.last, key, GROUP);
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, shared->rows), 1, "weights");
    LLVMValueRef row = loop.index;
    LLVMValueRef scores =
        emit_load(e, floats(e), lanes_at(shared, scratch->scores, row), LINE_BYTES);
    scores = attention_body_value(&shared->body, tile->batch, emit_add(e, tile->row, row), key,
                                  scores, mask);
    raise_row(shared, row, scores,
              emit_load(e, e->f32, float_at(shared, scratch->largest, row), FLOAT_BYTES));
    LLVMValueRef offset = emit_load(e, e->f32, float_at(shared, scratch->offset, row), FLOAT_BYTES);
    LLVMValueRef weights = attention_weight(e, scores, emit_splat(e, offset, LANES), false);
    LLVMValueRef total = lanes_at(shared, scratch->totals, row);
    LLVMValueRef sum = emit_load(e, floats(e), total, LINE_BYTES);
    emit_store(e, LLVMBuildFAdd(e->builder, weights, sum, ""), total, LINE_BYTES);
    emit_store(e, emit_to_bf16(e, weights),
               half_at(shared, scratch->weights, emit_mul_const(e, row, GROUP)), HALF_BYTES);
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
                            pairs(e), "");
}

/* Two neighbouring weights, in all lanes. */
static LLVMValueRef weight_pair(const Shared *shared, LLVMValueRef row, LLVMValueRef key) {
    Emitter *e = shared->emitter;
    LLVMValueRef at = emit_add(e, emit_mul_const(e, row, GROUP), key);
    LLVMValueRef pair =
        emit_load(e, e->i32, half_at(shared, shared->scratch.weights, at), FLOAT_BYTES);
    return emit_splat(e, pair, LANES);
}

/* Columns of two keys, times each row's weights of them, to sums [parts][rows][2]. */
static void add_keys(const Shared *shared, LLVMValueRef key, LLVMValueRef part, int64_t parts,
                     LLVMValueRef *sums) {
    Emitter *e = shared->emitter;
    LLVMValueRef columns[SUMS];
    for (int64_t p = 0; p < parts; p++) {
        LLVMValueRef at = emit_add_const(e, part, p);
        LLVMValueRef even = emit_load(e, halves(e), key_at(shared, key, at), LINE_BYTES);
        LLVMValueRef odd =
            emit_load(e, halves(e), key_at(shared, emit_add_const(e, key, 1), at), LINE_BYTES);
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
static void add_group(const Shared *shared, LLVMValueRef ahead) {
    Emitter *e = shared->emitter;
    const int64_t parts = SUMS / 2 / shared->rows;
    LLVMValueRef sums[SUMS];
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, shared->parts), parts, "columns");
    const int64_t lines = shared->blocks * BLOCK_LINES / 2, share = lines / shared->parts;
    LLVMValueRef line = emit_add_const(e, emit_mul_const(e, loop.index, share), lines);
    ask_lines(shared, ahead, line, share * parts);
    LLVMValueRef place = sums_at(shared, loop.index, emit_i64(e, 0));
    for (int64_t i = 0; i < SUMS; i++)
        sums[i] = emit_load(e, floats(e), vector_after(e, place, i), LINE_BYTES);
    for (int64_t key = 0; key < GROUP; key += 2)
        add_keys(shared, emit_i64(e, key), loop.index, parts, sums);
    for (int64_t i = 0; i < SUMS; i++)
        emit_store(e, sums[i], vector_after(e, place, i), LINE_BYTES);
    emit_loop_end(e, &loop, NULL);
}

/* --- a tile --- */

static void clear_rows(const Shared *shared) {
    Emitter *e = shared->emitter;
    const SharedScratch *scratch = &shared->scratch;
    LLVMValueRef none = emit_f32_lanes(e, 0, LANES);
    Loop sums, rows;
    emit_loop_begin(e, &sums, emit_i64(e, 0), emit_i64(e, 2 * shared->parts * shared->rows), 1,
                    "clear");
    emit_store(e, none, lanes_at(shared, scratch->sums, sums.index), LINE_BYTES);
    emit_loop_end(e, &sums, NULL);
    emit_loop_begin(e, &rows, emit_i64(e, 0), emit_i64(e, shared->rows), 1, "row");
    emit_store(e, none, lanes_at(shared, scratch->totals, rows.index), LINE_BYTES);
    emit_store(e, emit_f32(e, (double)-INFINITY), float_at(shared, scratch->largest, rows.index),
               FLOAT_BYTES);
    emit_store(e, emit_f32(e, 0), float_at(shared, scratch->offset, rows.index), FLOAT_BYTES);
    emit_loop_end(e, &rows, NULL);
}

/* Two vectors of columns side by side, of those in lower and in upper halves of lanes. */
static LLVMValueRef side_by_side(Emitter *e, LLVMValueRef lower, LLVMValueRef upper,
                                 uint32_t vector) {
    enum { OF_LANE = 4 };
    uint32_t numbers[LANES];
    for (uint32_t i = 0; i < LANES; i++)
        numbers[i] = vector * (LANES / 2) + i / (2 * OF_LANE) * OF_LANE + i % OF_LANE +
                     i / OF_LANE % 2 * LANES;
    return emit_shuffle(e, lower, upper, numbers, LANES);
}

static void store_row(const Shared *shared, const SharedTile *tile, LLVMValueRef row) {
    Emitter *e = shared->emitter;
    const AttentionShape *s = shared->shape;
    const Offsets rows = attention_result_offsets(shared->kernel, RESULT_OUTPUT, &s->row_axes);
    const Offsets inner = attention_result_offsets(shared->kernel, RESULT_OUTPUT, &s->column_axes);
    const DType dtype = attention_result_type(shared->kernel, RESULT_OUTPUT);
    LLVMValueRef output = attention_element(shared->kernel, dtype, tile->output,
                                            emit_mul_const(e, row, offsets_stride(&rows)));
    LLVMValueRef totals =
        emit_load(e, floats(e), lanes_at(shared, shared->scratch.totals, row), LINE_BYTES);
    LLVMValueRef inverse = emit_splat(e, attention_inverse(e, totals), LANES);
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, shared->parts), 1, "output");
    LLVMValueRef at = sums_at(shared, loop.index, row), sums[2];
    for (int64_t half = 0; half < 2; half++)
        sums[half] = emit_load(e, floats(e), vector_after(e, at, half), LINE_BYTES);
    for (uint32_t vector = 0; vector < 2; vector++) {
        LLVMValueRef values =
            LLVMBuildFMul(e->builder, side_by_side(e, sums[0], sums[1], vector), inverse, "");
        LLVMValueRef column = emit_add_const(e, emit_mul_const(e, loop.index, COMPRESSED_LANES),
                                             (int64_t)vector * LANES);
        emit_store_composite(e, dtype, values, output, &inner, column, s->columns, true);
    }
    emit_loop_end(e, &loop, NULL);
}

static SharedTile tile_at(const Shared *shared, LLVMValueRef number) {
    Emitter *e = shared->emitter;
    const AttentionKernel *k = shared->kernel;
    const AttentionShape *s = shared->shape;
    const int64_t tiles = s->rows / shared->rows;
    SharedTile tile = {.batch = emit_div_const(e, number, tiles)};
    tile.row = emit_mul_const(e, emit_mod_const(e, number, tiles), shared->rows);
    tile.keys = attention_body_keys(&shared->body, tile.batch, tile.row, shared->rows);
    tile.first = emit_div_const(e, tile.keys.first, GROUP);
    tile.last = emit_div_const(e, emit_add_const(e, tile.keys.last, GROUP - 1), GROUP);
    const Offsets queries = attention_source_offsets(k, ATTENTION_SOURCE_QUERY, &s->row_axes);
    const Offsets outputs = attention_result_offsets(k, RESULT_OUTPUT, &s->row_axes);
    tile.query =
        attention_element(k, s->dtype, attention_source(k, ATTENTION_SOURCE_QUERY, tile.batch),
                          emit_offset(e, &queries, tile.row));
    tile.output = attention_element(k, attention_result_type(k, RESULT_OUTPUT),
                                    attention_result(k, RESULT_OUTPUT, tile.batch),
                                    emit_offset(e, &outputs, tile.row));
    LLVMValueRef after = emit_div_const(e, emit_add_const(e, number, 1), tiles);
    tile.stretch = stretch_at(shared, tile.batch);
    tile.next = stretch_at(shared, emit_min_i64(e, after, emit_i64(e, s->batches - 1)));
    return tile;
}

static void emit_tile(const Shared *shared, const SharedTile *tile) {
    Emitter *e = shared->emitter;
    LLVMValueRef first = emit_mul_const(e, tile->first, shared->blocks);
    LLVMValueRef last = emit_mul_const(e, tile->last, shared->blocks);
    emit_fetch_plain(e, &tile->stretch, first, last);
    emit_fetch_bases(e, &tile->next, first, last);
    clear_rows(shared);
    Loop groups, rows;
    emit_loop_begin(e, &groups, tile->first, tile->last, 1, "group");
    LLVMValueRef ahead = find_ahead(shared, tile, groups.index);
    score_group(shared, tile, groups.index, ahead);
    weigh_group(shared, tile, groups.index);
    add_group(shared, ahead);
    emit_loop_end(e, &groups, NULL);
    emit_loop_begin(e, &rows, emit_i64(e, 0), emit_i64(e, shared->rows), 1, "row");
    store_row(shared, tile, rows.index);
    emit_loop_end(e, &rows, NULL);
}

void emit_attention_shared(AttentionKernel *kernel) {
    Emitter *e = kernel->emitter;
    const AttentionShape *s = &kernel->shape;
    int64_t size = 0;
    attention_kernel_begin(kernel);
    Shared shared = {
        .kernel = kernel,
        .emitter = e,
        .shape = s,
        .body = attention_body(kernel),
        .scratch = place_scratch(s, &size),
        .rows = rows_of_tile(s),
        .parts = s->width / COMPRESSED_LANES,
        .blocks = GROUP * s->width / COMPRESSED_VALUES,
    };
    Loop loop;
    emit_loop_begin(e, &loop, kernel->frame.first, kernel->frame.last, 1, "tile");
    const SharedTile tile = tile_at(&shared, loop.index);
    emit_tile(&shared, &tile);
    emit_loop_end(e, &loop, NULL);
    emit_kernel_end(e, &kernel->frame);
}
