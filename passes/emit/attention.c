/* Attention without the matrix of weights: for one panel of rows at a time all of its scores (some
 * rows by all keys), their softmax, and the weighted sum of the values. Keys and values are packed
 * once for a batch; keys that the mask leaves nothing of are cut off at both ends.
 *
 * A tile is a block of rows of one batch. After Dao et al., "FlashAttention" (2022); the rows of
 * scores are kept whole, since some rows by all keys fit the cache: no running maximum is needed.
 */
#include "passes/emit/attention.h"

#include "passes/emit/attention_kernel.h"
#include "passes/emit/attention_range.h"
#include "passes/emit/attention_score.h"
#include "passes/emit/attention_softmax.h"

enum { FLOAT_BYTES = 4, RESULT_OUTPUT = 0, RESULT_LSE = 1 };

/* What lies in scratch, in bytes from its start. */
typedef struct ScratchPlan {
    int64_t query, key, value, scores, inverse, size;
} ScratchPlan;

typedef struct Attention {
    AttentionKernel kernel;
    ScratchPlan scratch;
    AttentionLeft query;
    AttentionPack key, value;
    LLVMValueRef score, softmax, weigh;
} Attention;

static ScratchPlan plan_scratch(const AttentionShape *s) {
    ScratchPlan plan = {0};
    int64_t width = attention_depth(s, s->width);
    plan.query = attention_place(&plan.size, s->query_in_place ? 0 : s->row_block * width);
    plan.key = attention_place(&plan.size, s->padded_keys * width);
    plan.value = attention_place(&plan.size, s->padded_columns * attention_depth(s, s->keys));
    plan.scores = attention_place(&plan.size, s->height * s->score_stride);
    plan.inverse = attention_place(&plan.size, s->row_lanes);
    return plan;
}

/* Masked blocks count too: how many there are is known when running. */
void attention_measure(const Function *body, const Target *target, KernelShape *kernel) {
    AttentionShape shape;
    attention_shape(body, target, &shape);
    double scores = (double)shape.batches * (double)shape.rows * (double)shape.keys;
    *kernel = (KernelShape){
        .tiles = shape.tiles,
        .scratch_bytes = plan_scratch(&shape).size,
        .flops = 2.0 * scores * (double)(shape.width + shape.columns),
        .bytes = attention_operand_bytes(body),
    };
}

static LLVMValueRef scratch_float(const Attention *a, int64_t bytes, LLVMValueRef index) {
    return attention_float(&a->kernel, attention_scratch(&a->kernel, bytes), index);
}

/* --- parts --- */

enum {
    WEIGH_WEIGHTS, /* of the first row, at the first key that counts */
    WEIGH_VALUES,  /* packed: [keys][column_panel], at that key */
    WEIGH_DEPTH,   /* keys, or pairs of them */
    WEIGH_INVERSE,
    WEIGH_ROW,
    WEIGH_OUTPUT, /* at the batch */
    WEIGH_PARAMETERS
};

/* Products with the inverses of their rows. */
static void scale_sums(const Attention *a, const Product *product, LLVMValueRef inverses,
                       LLVMValueRef *sums) {
    Emitter *e = a->kernel.emitter;
    for (uint32_t r = 0; r < product->height; r++) {
        LLVMValueRef from = attention_float(&a->kernel, inverses, emit_i64(e, r));
        LLVMValueRef inverse = emit_splat(e, emit_load(e, e->f32, from, FLOAT_BYTES), e->lanes);
        for (uint32_t v = 0; v < product->vectors; v++) {
            LLVMValueRef *sum = &sums[r * product->vectors + v];
            *sum = LLVMBuildFMul(e->builder, *sum, inverse, "");
        }
    }
}

/* Some rows of the output. */
static LLVMValueRef emit_weigh(const Attention *a) {
    Emitter *e = a->kernel.emitter;
    const AttentionShape *s = &a->kernel.shape;
    LLVMTypeRef types[WEIGH_PARAMETERS] = {e->pointer, e->pointer, e->i64,
                                           e->pointer, e->i64,     e->pointer};
    LLVMTypeRef type = LLVMFunctionType(e->void_type, types, WEIGH_PARAMETERS, false);
    const char *name = arena_printf(e->arena, "%s.weigh", a->kernel.symbol);
    Place place = emit_function_enter(e, name, type, false);
    LLVMValueRef function = e->function, sums[PRODUCT_MAX_SUMS];
    int64_t pair = s->pairs ? 2 : 1, depth = attention_depth(s, s->keys);
    Product product = attention_product(s, s->sum_height, s->column_panel, pair * s->score_stride,
                                        pair, PRODUCT_UNROLL + 1);
    product.depth_short = depth < PRODUCT_UNROLL;
    AttentionStore store =
        attention_store(&a->kernel, RESULT_OUTPUT, LLVMGetParam(function, WEIGH_OUTPUT),
                        &s->row_axes, s->padded_rows, &s->column_axes);
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, s->columns), s->column_panel, "columns");
    LLVMValueRef values = emit_loop_carry(e, &loop, LLVMGetParam(function, WEIGH_VALUES));
    emit_product_zeros(e, &product, sums);
    emit_products(e, &product, LLVMGetParam(function, WEIGH_WEIGHTS), values,
                  LLVMGetParam(function, WEIGH_DEPTH), sums);
    scale_sums(a, &product, LLVMGetParam(function, WEIGH_INVERSE), sums);
    attention_store_sums(&a->kernel, &store, &product, sums, LLVMGetParam(function, WEIGH_ROW),
                         loop.index);
    LLVMValueRef next = attention_float(&a->kernel, values, emit_i64(e, depth * s->column_panel));
    emit_loop_end(e, &loop, &next);
    return emit_function_leave(e, place);
}

static void emit_parts(Attention *a) {
    const AttentionKernel *k = &a->kernel;
    const AttentionShape *s = &k->shape;
    a->query = attention_left(k, "query", ATTENTION_SOURCE_QUERY, &s->width_axes, s->query_in_place,
                              a->scratch.query);
    a->key = attention_emit_pack(k, "key", ATTENTION_SOURCE_KEY, &s->key_axes, &s->width_axes,
                                 s->key_panel);
    a->value = attention_emit_pack(k, "value", ATTENTION_SOURCE_VALUE, &s->column_axes,
                                   &s->key_axes, s->column_panel);
    a->score = emit_score_function(k, &a->query);
    a->softmax = emit_softmax_function(k, RESULT_LSE);
    if (attention_result_type(k, RESULT_OUTPUT) != DTYPE_NONE)
        a->weigh = emit_weigh(a);
}

/* --- tiles --- */

/* The tile at hand. */
typedef struct Tile {
    LLVMValueRef batch, row, rows;
} Tile;

/* The keys that a panel of rows may see: in whole panels of keys, and closer. */
typedef struct Keys {
    ScoreRange panels, close;
} Keys;

/* Keys and values of a batch serve the tiles after it. */
static void emit_batch_packs(const Attention *a, LLVMValueRef batch) {
    const AttentionKernel *k = &a->kernel;
    LLVMValueRef zero = emit_i64(k->emitter, 0);
    attention_call_pack(k, &a->key, attention_scratch(k, a->scratch.key), batch, zero,
                        emit_i64(k->emitter, k->shape.keys));
    attention_call_pack(k, &a->value, attention_scratch(k, a->scratch.value), batch, zero,
                        emit_i64(k->emitter, k->shape.columns));
}

static Keys find_keys(const Attention *a, const Tile *tile, LLVMValueRef row) {
    Emitter *e = a->kernel.emitter;
    const AttentionShape *s = &a->kernel.shape;
    ScoreArea area = {tile->batch, row, emit_i64(e, s->height), emit_i64(e, 0),
                      emit_i64(e, s->padded_keys)};
    Keys keys;
    keys.panels = emit_unmasked_range(e, s, &area, SIDE_KEYS, s->key_panel);
    keys.close = emit_close_range(e, s, &area, SIDE_KEYS, s->key_panel, &keys.panels);
    return keys;
}

static void emit_scores(const Attention *a, const Tile *tile, LLVMValueRef row,
                        const ScoreRange *panels) {
    const AttentionKernel *k = &a->kernel;
    Emitter *e = k->emitter;
    int64_t width = attention_depth(&k->shape, k->shape.width);
    LLVMValueRef none = LLVMConstNull(e->pointer);
    LLVMValueRef parameters[SCORE_EXTRAS] = {
        [SCORE_QUERY] = attention_left_row(k, &a->query, tile->batch, tile->row, row),
        [SCORE_KEY] = scratch_float(a, a->scratch.key, emit_mul_const(e, panels->first, width)),
        [SCORE_TARGET] = scratch_float(a, a->scratch.scores, panels->first),
        [SCORE_BATCH] = tile->batch,
        [SCORE_ROW] = row,
        [SCORE_FIRST_KEY] = panels->first,
        [SCORE_LAST_KEY] = panels->last,
        [SCORE_OFFSET] = none,
        [SCORE_SLOPE] = none,
    };
    emit_score_call(k, a->score, parameters);
}

/* Of key 0, in whose place a weight is as many elements from there as its key. */
static LLVMValueRef weights_from(const Attention *a, LLVMValueRef key) {
    Emitter *e = a->kernel.emitter;
    return emit_element(e, a->kernel.shape.pairs ? e->i16 : e->f32,
                        attention_scratch(&a->kernel, a->scratch.scores), key);
}

static void emit_softmax(const Attention *a, const Tile *tile, LLVMValueRef row,
                         const ScoreRange *panels) {
    Emitter *e = a->kernel.emitter;
    LLVMValueRef lse = attention_result(&a->kernel, RESULT_LSE, tile->batch);
    LLVMValueRef arguments[SOFTMAX_PARAMETERS] = {
        [SOFTMAX_SCORES] = scratch_float(a, a->scratch.scores, panels->first),
        [SOFTMAX_WEIGHTS] = weights_from(a, panels->first),
        [SOFTMAX_COUNT] = emit_sub(e, panels->last, panels->first),
        [SOFTMAX_ROW] = row,
        [SOFTMAX_INVERSE] = attention_scratch(&a->kernel, a->scratch.inverse),
        [SOFTMAX_LSE] = lse ? lse : LLVMConstNull(e->pointer),
    };
    emit_call(e, a->softmax, arguments, SOFTMAX_PARAMETERS);
}

/* Panels of values hold the keys that exist; weights beyond are 0 and left out. */
static void emit_output(const Attention *a, const Tile *tile, LLVMValueRef row,
                        const ScoreRange *keys) {
    Emitter *e = a->kernel.emitter;
    const AttentionShape *s = &a->kernel.shape;
    LLVMValueRef last = emit_min_i64(e, keys->last, emit_i64(e, s->keys));
    LLVMValueRef count = emit_max_i64(e, emit_sub(e, last, keys->first), emit_i64(e, 0));
    LLVMValueRef first = keys->first;
    if (s->pairs) {
        count = emit_div_const(e, emit_add_const(e, count, 1), 2);
        first = emit_div_const(e, first, 2);
    }
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, s->height), s->sum_height, "rows");
    LLVMValueRef start = emit_mul_const(e, loop.index, (s->pairs ? 2 : 1) * s->score_stride);
    LLVMValueRef arguments[WEIGH_PARAMETERS] = {
        [WEIGH_WEIGHTS] = weights_from(a, emit_add(e, start, keys->first)),
        [WEIGH_VALUES] =
            scratch_float(a, a->scratch.value, emit_mul_const(e, first, s->column_panel)),
        [WEIGH_DEPTH] = count,
        [WEIGH_INVERSE] = scratch_float(a, a->scratch.inverse, loop.index),
        [WEIGH_ROW] = emit_add(e, row, loop.index),
        [WEIGH_OUTPUT] = attention_result(&a->kernel, RESULT_OUTPUT, tile->batch),
    };
    emit_call(e, a->weigh, arguments, WEIGH_PARAMETERS);
    emit_loop_end(e, &loop, NULL);
}

static void emit_tile(const Attention *a, const Tile *tile) {
    Emitter *e = a->kernel.emitter;
    const AttentionShape *s = &a->kernel.shape;
    attention_prepare_left(&a->kernel, &a->query, tile->batch, tile->row, tile->rows);
    Loop loop;
    LLVMValueRef end = emit_add(e, tile->row, tile->rows);
    emit_loop_begin(e, &loop, tile->row, end, s->height, "panel");
    Keys keys = find_keys(a, tile, loop.index);
    emit_scores(a, tile, loop.index, &keys.panels);
    emit_softmax(a, tile, loop.index, &keys.panels);
    if (a->weigh)
        emit_output(a, tile, loop.index, &keys.close);
    emit_loop_end(e, &loop, NULL);
}

static void emit_tiles(const Attention *a) {
    Emitter *e = a->kernel.emitter;
    const AttentionShape *s = &a->kernel.shape;
    int64_t row_blocks = s->tiles / s->batches;
    Loop loop;
    emit_loop_begin(e, &loop, a->kernel.frame.first, a->kernel.frame.last, 1, "tile");
    LLVMValueRef packed = emit_loop_carry(e, &loop, emit_i64(e, -1));
    Tile tile = {.batch = emit_div_const(e, loop.index, row_blocks)};
    tile.row = emit_mul_const(e, emit_mod_const(e, loop.index, row_blocks), s->row_block);
    tile.rows =
        emit_min_i64(e, emit_i64(e, s->row_block), emit_sub(e, emit_i64(e, s->rows), tile.row));
    Branch branch;
    LLVMValueRef other = LLVMBuildICmp(e->builder, LLVMIntNE, packed, tile.batch, "");
    emit_branch_begin(e, &branch, other, "batch");
    emit_batch_packs(a, tile.batch);
    emit_branch_end(e, &branch);
    emit_tile(a, &tile);
    emit_loop_end(e, &loop, &tile.batch);
}

void emit_attention(Emitter *emitter, const Function *body, const char *symbol) {
    Attention attention = {0};
    attention_kernel_open(&attention.kernel, emitter, body, symbol);
    attention.scratch = plan_scratch(&attention.kernel.shape);
    emit_parts(&attention);
    attention_kernel_begin(&attention.kernel);
    emit_tiles(&attention);
    emit_kernel_end(emitter, &attention.kernel.frame);
}
