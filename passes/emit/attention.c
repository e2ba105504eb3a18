/* Attention without the matrix of weights: for one panel of rows at a time all of its scores (some
 * rows by all keys), their softmax, and the weighted sum of the values. Keys and values are packed
 * once for a batch; panels of keys that the mask leaves nothing of are cut off at both ends.
 *
 * A tile is a block of rows of one batch. After Dao et al., "FlashAttention" (2022); the rows of
 * scores are kept whole, since some rows by all keys fit the cache: no running maximum is needed.
 */
#include "passes/emit/attention.h"

#include "passes/emit/attention_kernel.h"
#include "passes/emit/attention_score.h"
#include "passes/emit/math.h"

#include <math.h>

enum { FLOAT_BYTES = 4, RESULT_OUTPUT = 0, RESULT_LSE = 1 };

/* What lies in scratch, in bytes from its start. */
typedef struct ScratchPlan {
    int64_t query, key, value, scores, inverse, lse, size;
} ScratchPlan;

typedef struct Attention {
    AttentionKernel kernel;
    ScratchPlan scratch;
    AttentionPack pack_query, pack_key, pack_value;
    LLVMValueRef score, softmax, weigh;
} Attention;

static ScratchPlan plan_scratch(const AttentionShape *shape) {
    ScratchPlan plan = {0};
    plan.query = attention_place(&plan.size, shape->row_block * shape->width);
    plan.key = attention_place(&plan.size, shape->padded_keys * shape->width);
    plan.value = attention_place(&plan.size, shape->padded_columns * shape->keys);
    plan.scores = attention_place(&plan.size, shape->height * shape->padded_keys);
    plan.inverse = attention_place(&plan.size, shape->height);
    plan.lse = attention_place(&plan.size, shape->height);
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

/* --- parts --- */

enum { SOFTMAX_ROW, SOFTMAX_COUNT, SOFTMAX_INVERSE, SOFTMAX_LSE, SOFTMAX_PARAMETERS };

static LLVMValueRef row_vector(Emitter *e, LLVMValueRef row, LLVMValueRef index) {
    LLVMTypeRef type = emit_vector_type(e, e->f32, e->lanes);
    return emit_load(e, type, emit_element(e, e->f32, row, index), FLOAT_BYTES);
}

static LLVMValueRef row_maximum(Emitter *e, LLVMValueRef row, LLVMValueRef count) {
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), count, e->lanes, "maximum");
    LLVMValueRef largest =
        emit_loop_carry(e, &loop, emit_f32_lanes(e, (double)-INFINITY, e->lanes));
    LLVMValueRef next = emit_max_f32(e, row_vector(e, row, loop.index), largest);
    emit_loop_end(e, &loop, &next);
    return emit_max_lanes(e, loop.carried[0]);
}

/* Replaces the scores by e^(score - base); their sum. */
static LLVMValueRef row_exponentials(Emitter *e, LLVMValueRef row, LLVMValueRef count,
                                     LLVMValueRef base) {
    LLVMValueRef bases = emit_splat(e, base, e->lanes);
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), count, e->lanes, "exponentials");
    LLVMValueRef sum = emit_loop_carry(e, &loop, emit_f32_lanes(e, 0, e->lanes));
    LLVMValueRef score = row_vector(e, row, loop.index);
    LLVMValueRef weight = math_exp(e, LLVMBuildFSub(e->builder, score, bases, ""));
    emit_store(e, weight, emit_element(e, e->f32, row, loop.index), FLOAT_BYTES);
    LLVMValueRef next = LLVMBuildFAdd(e->builder, sum, weight, "");
    emit_loop_end(e, &loop, &next);
    return emit_sum_lanes(e, loop.carried[0]);
}

static LLVMValueRef is_equal(Emitter *e, LLVMValueRef value, double constant) {
    return LLVMBuildFCmp(e->builder, LLVMRealOEQ, value, emit_f32(e, constant), "");
}

/* A row of scores (a multiple of the lanes) to weights that are still to be multiplied by *inverse.
 * A row that is all -inf: 0. */
static LLVMValueRef emit_softmax(Emitter *e, const char *symbol) {
    LLVMTypeRef types[SOFTMAX_PARAMETERS] = {e->pointer, e->i64, e->pointer, e->pointer};
    LLVMTypeRef type = LLVMFunctionType(e->void_type, types, SOFTMAX_PARAMETERS, false);
    Place place = emit_function_enter(e, arena_printf(e->arena, "%s.softmax", symbol), type, false);
    LLVMValueRef function = e->function, row = LLVMGetParam(function, SOFTMAX_ROW);
    LLVMValueRef count = LLVMGetParam(function, SOFTMAX_COUNT), zero = emit_f32(e, 0);
    LLVMValueRef largest = row_maximum(e, row, count);
    LLVMValueRef empty = is_equal(e, largest, (double)-INFINITY);
    LLVMValueRef base = LLVMBuildSelect(e->builder, empty, zero, largest, "");
    LLVMValueRef sum = row_exponentials(e, row, count, base);
    LLVMValueRef inverse = LLVMBuildFDiv(e->builder, emit_f32(e, 1), sum, "");
    inverse = LLVMBuildSelect(e->builder, is_equal(e, sum, 0), zero, inverse, "");
    LLVMValueRef lse = LLVMBuildFAdd(e->builder, largest, math_log(e, sum), "");
    emit_store(e, inverse, LLVMGetParam(function, SOFTMAX_INVERSE), FLOAT_BYTES);
    emit_store(e, lse, LLVMGetParam(function, SOFTMAX_LSE), FLOAT_BYTES);
    return emit_function_leave(e, place);
}

enum {
    WEIGH_WEIGHTS, /* of the panel of rows, at the first key that counts */
    WEIGH_VALUES,  /* packed: [keys][column_panel], at that key */
    WEIGH_COUNT,   /* keys */
    WEIGH_INVERSE,
    WEIGH_ROW,
    WEIGH_COLUMN,
    WEIGH_OUTPUT, /* at the batch */
    WEIGH_PARAMETERS
};

/* A panel of rows of the output, for a panel of columns. */
static LLVMValueRef emit_weigh(const Attention *a) {
    Emitter *e = a->kernel.emitter;
    const AttentionShape *s = &a->kernel.shape;
    LLVMTypeRef types[WEIGH_PARAMETERS] = {e->pointer, e->pointer, e->i64,    e->pointer,
                                           e->i64,     e->i64,     e->pointer};
    LLVMTypeRef type = LLVMFunctionType(e->void_type, types, WEIGH_PARAMETERS, false);
    Place place =
        emit_function_enter(e, arena_printf(e->arena, "%s.weigh", a->kernel.symbol), type, false);
    LLVMValueRef function = e->function;
    Product product = attention_product(s, s->height, s->column_panel, s->padded_keys, 1, s->keys);
    Offsets rows = attention_result_offsets(&a->kernel, RESULT_OUTPUT, &s->row_axes);
    Offsets columns = attention_result_offsets(&a->kernel, RESULT_OUTPUT, &s->column_axes);
    LLVMValueRef sums[PRODUCT_MAX_SUMS];
    emit_product_zeros(e, &product, sums);
    emit_products(e, &product, LLVMGetParam(function, WEIGH_WEIGHTS),
                  LLVMGetParam(function, WEIGH_VALUES), LLVMGetParam(function, WEIGH_COUNT), sums);
    for (uint32_t r = 0; r < s->height; r++) {
        LLVMValueRef row = emit_add_const(e, LLVMGetParam(function, WEIGH_ROW), r);
        LLVMValueRef inverse = emit_load(
            e, e->f32,
            attention_float(&a->kernel, LLVMGetParam(function, WEIGH_INVERSE), emit_i64(e, r)),
            FLOAT_BYTES);
        LLVMValueRef inverses = emit_splat(e, inverse, s->lanes);
        Branch branch;
        if (s->padded_rows != s->rows)
            emit_branch_begin(e, &branch, emit_less(e, row, emit_i64(e, s->rows)), "exists");
        LLVMValueRef base = attention_float(&a->kernel, LLVMGetParam(function, WEIGH_OUTPUT),
                                            emit_offset(e, &rows, row));
        for (uint32_t v = 0; v < product.vectors; v++) {
            LLVMValueRef column =
                emit_add_const(e, LLVMGetParam(function, WEIGH_COLUMN), (int64_t)v * s->lanes);
            LLVMValueRef value =
                LLVMBuildFMul(e->builder, sums[r * product.vectors + v], inverses, "");
            emit_store_composite(e, value, base, &columns, column, s->columns,
                                 s->padded_columns == s->columns);
        }
        if (s->padded_rows != s->rows)
            emit_branch_end(e, &branch);
    }
    return emit_function_leave(e, place);
}

static void emit_parts(Attention *a) {
    const AttentionKernel *k = &a->kernel;
    const AttentionShape *s = &k->shape;
    a->pack_query = attention_emit_pack(k, "query", ATTENTION_SOURCE_QUERY, &s->row_axes,
                                        &s->width_axes, s->height);
    a->pack_key = attention_emit_pack(k, "key", ATTENTION_SOURCE_KEY, &s->key_axes, &s->width_axes,
                                      s->key_panel);
    a->pack_value = attention_emit_pack(k, "value", ATTENTION_SOURCE_VALUE, &s->column_axes,
                                        &s->key_axes, s->column_panel);
    a->score = emit_score_function(k->emitter, s, k->symbol, k->operand_count);
    a->softmax = emit_softmax(k->emitter, k->symbol);
    a->weigh = emit_weigh(a);
}

/* --- tiles --- */

/* The tile at hand. */
typedef struct Tile {
    LLVMValueRef batch, row, rows;
    LLVMValueRef first_key, last_key; /* of the panel of rows: keys that the mask may leave */
} Tile;

/* Keys and values of a batch serve the tiles after it. */
static void emit_batch_packs(const Attention *a, LLVMValueRef batch) {
    const AttentionKernel *k = &a->kernel;
    LLVMValueRef zero = emit_i64(k->emitter, 0);
    attention_call_pack(k, &a->pack_key, attention_scratch(k, a->scratch.key), batch, zero,
                        emit_i64(k->emitter, k->shape.keys));
    attention_call_pack(k, &a->pack_value, attention_scratch(k, a->scratch.value), batch, zero,
                        emit_i64(k->emitter, k->shape.columns));
}

/* Cuts off the panels of keys that are masked, at both ends. */
static void find_keys(const Attention *a, LLVMValueRef row, Tile *tile) {
    Emitter *e = a->kernel.emitter;
    const AttentionShape *s = &a->kernel.shape;
    LLVMValueRef end = emit_i64(e, s->padded_keys);
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), end, s->key_panel, "mask");
    LLVMValueRef first = emit_loop_carry(e, &loop, end);
    LLVMValueRef last = emit_loop_carry(e, &loop, emit_i64(e, 0));
    LLVMValueRef masked = emit_panel_masked(e, s, tile->batch, row, loop.index);
    LLVMValueRef next_key = emit_add_const(e, loop.index, s->key_panel);
    LLVMValueRef next[] = {
        LLVMBuildSelect(e->builder, masked, first, emit_min_i64(e, first, loop.index), ""),
        LLVMBuildSelect(e->builder, masked, last, next_key, ""),
    };
    emit_loop_end(e, &loop, next);
    tile->first_key = loop.carried[0];
    tile->last_key = emit_max_i64(e, loop.carried[1], loop.carried[0]);
}

static void emit_scores(const Attention *a, const Tile *tile, LLVMValueRef row) {
    Emitter *e = a->kernel.emitter;
    const AttentionShape *s = &a->kernel.shape;
    LLVMValueRef *arguments =
        arena_array(e->arena, SCORE_OPERANDS + a->kernel.frame.operand_count, sizeof *arguments);
    for (uint32_t i = 0; i < a->kernel.frame.operand_count; i++)
        arguments[SCORE_OPERANDS + i] = a->kernel.frame.operands[i];
    LLVMValueRef in_tile = emit_mul_const(e, emit_sub(e, row, tile->row), s->width);
    arguments[SCORE_QUERY] =
        attention_float(&a->kernel, attention_scratch(&a->kernel, a->scratch.query), in_tile);
    arguments[SCORE_STRIDE] = emit_i64(e, s->padded_keys);
    arguments[SCORE_BATCH] = tile->batch;
    arguments[SCORE_ROW] = row;
    arguments[SCORE_LSE] = arguments[SCORE_SLOPE] = LLVMConstNull(e->pointer);
    Loop loop;
    emit_loop_begin(e, &loop, tile->first_key, tile->last_key, s->key_panel, "keys");
    arguments[SCORE_KEY] =
        attention_float(&a->kernel, attention_scratch(&a->kernel, a->scratch.key),
                        emit_mul_const(e, loop.index, s->width));
    arguments[SCORE_TARGET] =
        attention_float(&a->kernel, attention_scratch(&a->kernel, a->scratch.scores), loop.index);
    arguments[SCORE_FIRST_KEY] = loop.index;
    emit_call(e, a->score, arguments, SCORE_OPERANDS + a->kernel.frame.operand_count);
    emit_loop_end(e, &loop, NULL);
}

static void store_lse(const Attention *a, LLVMValueRef to, LLVMValueRef row, LLVMValueRef value) {
    Emitter *e = a->kernel.emitter;
    const AttentionShape *s = &a->kernel.shape;
    Offsets rows = attention_result_offsets(&a->kernel, RESULT_LSE, &s->row_axes);
    Branch branch;
    emit_branch_begin(e, &branch, emit_less(e, row, emit_i64(e, s->rows)), "exists");
    emit_store(e, value, attention_float(&a->kernel, to, emit_offset(e, &rows, row)), FLOAT_BYTES);
    emit_branch_end(e, &branch);
}

static void emit_softmaxes(const Attention *a, const Tile *tile, LLVMValueRef row) {
    Emitter *e = a->kernel.emitter;
    const AttentionShape *s = &a->kernel.shape;
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, s->height), 1, "rows");
    LLVMValueRef start =
        emit_add(e, emit_mul_const(e, loop.index, s->padded_keys), tile->first_key);
    LLVMValueRef lse =
        attention_float(&a->kernel, attention_scratch(&a->kernel, a->scratch.lse), loop.index);
    LLVMValueRef arguments[SOFTMAX_PARAMETERS] = {
        [SOFTMAX_ROW] =
            attention_float(&a->kernel, attention_scratch(&a->kernel, a->scratch.scores), start),
        [SOFTMAX_COUNT] = emit_sub(e, tile->last_key, tile->first_key),
        [SOFTMAX_INVERSE] = attention_float(
            &a->kernel, attention_scratch(&a->kernel, a->scratch.inverse), loop.index),
        [SOFTMAX_LSE] = lse,
    };
    emit_call(e, a->softmax, arguments, SOFTMAX_PARAMETERS);
    LLVMValueRef result = attention_result(&a->kernel, RESULT_LSE, tile->batch);
    if (result)
        store_lse(a, result, emit_add(e, row, loop.index), emit_load(e, e->f32, lse, FLOAT_BYTES));
    emit_loop_end(e, &loop, NULL);
}

/* Panels of values hold the keys that exist; weights beyond are 0 and left out. */
static void emit_outputs(const Attention *a, const Tile *tile, LLVMValueRef output,
                         LLVMValueRef row) {
    Emitter *e = a->kernel.emitter;
    const AttentionShape *s = &a->kernel.shape;
    LLVMValueRef last = emit_min_i64(e, tile->last_key, emit_i64(e, s->keys));
    LLVMValueRef count = emit_max_i64(e, emit_sub(e, last, tile->first_key), emit_i64(e, 0));
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, s->columns), s->column_panel, "columns");
    LLVMValueRef values = emit_add(e, emit_mul_const(e, loop.index, s->keys),
                                   emit_mul_const(e, tile->first_key, s->column_panel));
    LLVMValueRef arguments[WEIGH_PARAMETERS] = {
        [WEIGH_WEIGHTS] = attention_float(
            &a->kernel, attention_scratch(&a->kernel, a->scratch.scores), tile->first_key),
        [WEIGH_VALUES] =
            attention_float(&a->kernel, attention_scratch(&a->kernel, a->scratch.value), values),
        [WEIGH_COUNT] = count,
        [WEIGH_INVERSE] = attention_scratch(&a->kernel, a->scratch.inverse),
        [WEIGH_ROW] = row,
        [WEIGH_COLUMN] = loop.index,
        [WEIGH_OUTPUT] = output,
    };
    emit_call(e, a->weigh, arguments, WEIGH_PARAMETERS);
    emit_loop_end(e, &loop, NULL);
}

static void emit_tile(const Attention *a, Tile *tile) {
    Emitter *e = a->kernel.emitter;
    const AttentionShape *s = &a->kernel.shape;
    LLVMValueRef output = attention_result(&a->kernel, RESULT_OUTPUT, tile->batch);
    attention_call_pack(&a->kernel, &a->pack_query, attention_scratch(&a->kernel, a->scratch.query),
                        tile->batch, tile->row, tile->rows);
    Loop loop;
    LLVMValueRef end = emit_add(e, tile->row, tile->rows);
    emit_loop_begin(e, &loop, tile->row, end, s->height, "panel");
    find_keys(a, loop.index, tile);
    emit_scores(a, tile, loop.index);
    emit_softmaxes(a, tile, loop.index);
    if (output)
        emit_outputs(a, tile, output, loop.index);
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
    Attention attention;
    attention_kernel_open(&attention.kernel, emitter, body, symbol);
    attention.scratch = plan_scratch(&attention.kernel.shape);
    emit_parts(&attention);
    attention_kernel_begin(&attention.kernel);
    emit_tiles(&attention);
    emit_kernel_end(emitter, &attention.kernel.frame);
}
