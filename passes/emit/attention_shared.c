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
 * then those in the upper halves. By tiles (amx.h) groups are of thirty-two keys, which lie as
 * these are, and so do sums. */
#include "passes/emit/attention_shared.h"

#include "passes/emit/amx.h"
#include "passes/emit/attention_exp.h"
#include "passes/emit/attention_shared_tile.h"
#include "passes/emit/lane_sums.h"

#include <math.h>

enum {
    MOST_ROWS = LANE_SUMS / 2, /* with two keys */
    GROUPS_AHEAD = 1,
    MANY_BATCHES = 4, /* from so many on a batch is one tile; else it has FEW_ROWS */
    FEW_ROWS = ATTENTION_SHARED_ROWS,
    RESULT_OUTPUT = 0,
};

/* --- what is taken --- */

static bool lies_as_rows(const AttentionShape *shape, const Axes *inner, const Axes *tensor) {
    const Offsets offsets = offsets_of(shape->body, inner, tensor);
    const Offsets rows = offsets_of(shape->body, &shape->row_axes, tensor);
    return offsets_uniform(&offsets) && offsets_stride(&offsets) == 1 && offsets_uniform(&rows);
}

static bool lie_in_tiles(const AttentionShape *shape) {
    return shape->amx && attention_source_node(shape, ATTENTION_SOURCE_KEY)->op == OP_TILED;
}

/* Each batch's keys as rows one after another, packed so. */
static bool keys_lie_whole(const AttentionShape *shape) {
    const Node *key = attention_source_node(shape, ATTENTION_SOURCE_KEY);
    const Offsets keys = offsets_of(shape->body, &shape->key_axes, &key->axes);
    const Offsets within = offsets_of(shape->body, &shape->width_axes, &key->axes);
    const bool compressed = key->op == OP_COMPRESSED && key->attributes.axes.count == 3;
    return (compressed || lie_in_tiles(shape)) && offsets_stride(&keys) == shape->width &&
           offsets_stride(&within) == 1;
}

bool attention_shared_accepts(const AttentionShape *shape) {
    const Node *node = shape->node;
    const Node *result = graph_node(shape->body, shape->body->outputs[0].node);
    return !shape->gradient && shape->pairs && shape->lanes == SHARED_LANES &&
           shape->body->output_count == 1 && result->attributes.amount == RESULT_OUTPUT &&
           node->sources[ATTENTION_SOURCE_KEY] == node->sources[ATTENTION_SOURCE_VALUE] &&
           shape->rows <= MOST_ROWS &&
           attention_is_shared(shape->rows, shape->keys, shape->width) && keys_lie_whole(shape) &&
           lies_as_rows(shape, &shape->width_axes,
                        &attention_source_node(shape, ATTENTION_SOURCE_QUERY)->axes) &&
           lies_as_rows(shape, &shape->column_axes, &result->axes);
}

static int64_t rows_of_tile(const AttentionShape *shape) {
    return shape->batches < MANY_BATCHES ? FEW_ROWS : shape->rows;
}

static int64_t vectors_of_group(const AttentionShape *shape) {
    return lie_in_tiles(shape) ? SHARED_AMX_VECTORS : 1;
}

static int64_t group_bytes(const AttentionShape *shape) {
    const int64_t values = vectors_of_group(shape) * SHARED_LANES * shape->width;
    return lie_in_tiles(shape) ? values * SHARED_HALF_BYTES
                               : values / COMPRESSED_VALUES * COMPRESSED_BLOCK_BYTES;
}

static SharedScratch place_scratch(const AttentionShape *shape, int64_t *size) {
    const int64_t rows = rows_of_tile(shape), keys = vectors_of_group(shape) * SHARED_LANES;
    SharedScratch scratch = {
        .keys = attention_place(size, keys * shape->width / 2),
        .sums = attention_place(size, rows * shape->width),
        .scores = attention_place(size, rows * keys),
        .weights = attention_place(size, rows * keys / 2),
        .largest = attention_place(size, rows),
        .offset = attention_place(size, rows),
        .totals = attention_place(size, rows * SHARED_LANES),
    };
    if (lie_in_tiles(shape)) {
        scratch.queries = attention_place(size, 2 * rows * shape->width);
        scratch.by_pair = attention_place(size, keys / 2 * SHARED_LANES);
    }
    return scratch;
}

void attention_shared_measure(const AttentionShape *shape, KernelShape *kernel) {
    *kernel = (KernelShape){
        .tiles = shape->batches * (shape->rows / rows_of_tile(shape)),
        .flops = attention_flops(shape),
        .bytes = attention_operand_bytes(shape->body),
    };
    place_scratch(shape, &kernel->scratch_bytes);
}

/* --- a tile --- */

static Stretch stretch_at(const Shared *shared, LLVMValueRef batch) {
    const int64_t values = shared->shape->keys * shared->shape->width;
    if (shared->tiles)
        return (Stretch){.blocks =
                             attention_tiles(shared->kernel, ATTENTION_SOURCE_KEY, batch, values)};
    return attention_stretch(shared->kernel, ATTENTION_SOURCE_KEY, batch, values);
}

static void clear_rows(const Shared *shared) {
    Emitter *e = shared->emitter;
    const SharedScratch *scratch = &shared->scratch;
    LLVMValueRef none = emit_f32_lanes(e, 0, SHARED_LANES);
    Loop sums, rows;
    emit_loop_begin(e, &sums, emit_i64(e, 0), emit_i64(e, 2 * shared->parts * shared->rows), 1,
                    "clear");
    emit_store(e, none, shared_lanes(shared, scratch->sums, sums.index), SHARED_LINE_BYTES);
    emit_loop_end(e, &sums, NULL);
    emit_loop_begin(e, &rows, emit_i64(e, 0), emit_i64(e, shared->rows), 1, "row");
    emit_store(e, none, shared_lanes(shared, scratch->totals, rows.index), SHARED_LINE_BYTES);
    emit_store(e, emit_f32(e, (double)-INFINITY),
               shared_float(shared, scratch->largest, rows.index), SHARED_FLOAT_BYTES);
    emit_store(e, emit_f32(e, 0), shared_float(shared, scratch->offset, rows.index),
               SHARED_FLOAT_BYTES);
    emit_loop_end(e, &rows, NULL);
}

/* Two vectors of columns side by side, of those in lower and in upper halves of lanes. */
static LLVMValueRef side_by_side(Emitter *e, LLVMValueRef lower, LLVMValueRef upper,
                                 uint32_t vector) {
    enum { OF_LANE = 4 };
    uint32_t numbers[SHARED_LANES];
    for (uint32_t i = 0; i < SHARED_LANES; i++)
        numbers[i] = vector * (SHARED_LANES / 2) + i / (2 * OF_LANE) * OF_LANE + i % OF_LANE +
                     i / OF_LANE % 2 * SHARED_LANES;
    return emit_shuffle(e, lower, upper, numbers, SHARED_LANES);
}

static void store_row(const Shared *shared, const SharedTile *tile, LLVMValueRef row) {
    Emitter *e = shared->emitter;
    const AttentionShape *s = shared->shape;
    const Offsets rows = attention_result_offsets(shared->kernel, RESULT_OUTPUT, &s->row_axes);
    const Offsets inner = attention_result_offsets(shared->kernel, RESULT_OUTPUT, &s->column_axes);
    const DType dtype = attention_result_type(shared->kernel, RESULT_OUTPUT);
    LLVMValueRef output = attention_element(shared->kernel, dtype, tile->output,
                                            emit_mul_const(e, row, offsets_stride(&rows)));
    LLVMValueRef totals = emit_load(
        e, shared_floats(e), shared_lanes(shared, shared->scratch.totals, row), SHARED_LINE_BYTES);
    LLVMValueRef inverse = emit_splat(e, attention_inverse(e, totals), SHARED_LANES);
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, shared->parts), 1, "output");
    LLVMValueRef sums[2];
    for (int64_t half = 0; half < 2; half++)
        sums[half] = emit_load(e, shared_floats(e), shared_sum(shared, loop.index, row, half),
                               SHARED_LINE_BYTES);
    for (uint32_t vector = 0; vector < 2; vector++) {
        LLVMValueRef sum = shared->tiles ? sums[vector] : side_by_side(e, sums[0], sums[1], vector);
        LLVMValueRef values = LLVMBuildFMul(e->builder, sum, inverse, "");
        LLVMValueRef column = emit_add_const(e, emit_mul_const(e, loop.index, COMPRESSED_LANES),
                                             (int64_t)vector * SHARED_LANES);
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
    const int64_t group = shared_keys(shared);
    tile.first = emit_div_const(e, tile.keys.first, group);
    tile.last = emit_div_const(e, emit_add_const(e, tile.keys.last, group - 1), group);
    const Offsets queries = attention_source_offsets(k, ATTENTION_SOURCE_QUERY, &s->row_axes);
    const Offsets outputs = attention_result_offsets(k, RESULT_OUTPUT, &s->row_axes);
    tile.query =
        attention_element(k, s->dtype, attention_source(k, ATTENTION_SOURCE_QUERY, tile.batch),
                          emit_offset(e, &queries, tile.row));
    tile.output = attention_element(k, attention_result_type(k, RESULT_OUTPUT),
                                    attention_result(k, RESULT_OUTPUT, tile.batch),
                                    emit_offset(e, &outputs, tile.row));
    LLVMValueRef after = emit_div_const(e, emit_add_const(e, number, 1), tiles);
    tile.is_last =
        LLVMBuildICmp(e->builder, LLVMIntEQ, emit_add_const(e, number, 1), k->frame.last, "");
    tile.stretch = stretch_at(shared, tile.batch);
    tile.next = stretch_at(shared, emit_min_i64(e, after, emit_i64(e, s->batches - 1)));
    return tile;
}

/* What is read compressed is asked for where that can't be. */
static void begin_tile(const Shared *shared, const SharedTile *tile) {
    Emitter *e = shared->emitter;
    clear_rows(shared);
    if (shared->tiles) {
        shared_amx_queries(shared, tile);
        return;
    }
    const int64_t blocks = SHARED_LANES * shared->shape->width / COMPRESSED_VALUES;
    LLVMValueRef first = emit_mul_const(e, tile->first, blocks);
    LLVMValueRef last = emit_mul_const(e, tile->last, blocks);
    emit_fetch_plain(e, &tile->stretch, first, last);
    emit_fetch_bases(e, &tile->next, first, last);
}

static void emit_group(const Shared *shared, const SharedTile *tile, LLVMValueRef group) {
    if (shared->tiles) {
        const SharedAmxGroup tiles = shared_amx_group(shared, tile, group);
        shared_amx_score(shared, &tiles);
        shared_weigh_group(shared, tile, group, tiles.ahead);
        shared_amx_add(shared, &tiles);
        return;
    }
    LLVMValueRef ahead = shared_ahead(shared, tile, group, GROUPS_AHEAD);
    shared_score_group(shared, tile, group, ahead);
    shared_weigh_group(shared, tile, group, ahead);
    shared_add_group(shared, ahead);
}

static void emit_tile(const Shared *shared, const SharedTile *tile) {
    Emitter *e = shared->emitter;
    Loop groups, rows;
    begin_tile(shared, tile);
    emit_loop_begin(e, &groups, tile->first, tile->last, 1, "group");
    emit_group(shared, tile, groups.index);
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
        .vectors = vectors_of_group(s),
        .group_bytes = group_bytes(s),
        .tiles = lie_in_tiles(s),
    };
    if (shared.tiles)
        shared_amx_begin(&shared);
    Loop loop;
    emit_loop_begin(e, &loop, kernel->frame.first, kernel->frame.last, 1, "tile");
    const SharedTile tile = tile_at(&shared, loop.index);
    emit_tile(&shared, &tile);
    emit_loop_end(e, &loop, NULL);
    if (shared.tiles)
        emit_amx_end(e);
    emit_kernel_end(e, &kernel->frame);
}
