/* Attention without the matrix of weights: for some panels of rows at a time all of their scores
 * (some rows by all keys), the softmax, and the weighted sums of the values. Each step is done for
 * all of these panels before the next, so that no panel waits for its own last step. Keys and
 * values are packed once for a batch; keys that the mask leaves nothing of are cut off at both
 * ends.
 *
 * A tile is a block of rows of one batch. After Dao et al., "FlashAttention" (2022); the rows of
 * scores are kept whole, since some rows by all keys fit the cache: no running maximum is needed.
 */
#include "passes/emit/attention.h"

#include "passes/emit/attention_ahead.h"
#include "passes/emit/attention_range.h"
#include "passes/emit/attention_row.h"
#include "passes/emit/attention_score.h"
#include "passes/emit/attention_shared.h"
#include "passes/emit/attention_softmax.h"

enum { FLOAT_BYTES = 4, WORD_BYTES = 8, WORD_FLOATS = 2, RESULT_OUTPUT = 0, RESULT_LSE = 1 };

/* What lies in scratch, in bytes from its start. */
typedef struct ScratchPlan {
    int64_t query, key, value, size;
    int64_t scores, largest, offset, inverse; /* of a group of rows; by row */
    int64_t keys;                             /* KEYS_WORDS for each of its panels */
} ScratchPlan;

/* The keys that a panel of rows may see: in whole panels of keys, and closer (i64). */
enum { PANELS_FIRST, PANELS_LAST, CLOSE_FIRST, CLOSE_LAST, KEYS_WORDS };

typedef struct Attention {
    AttentionKernel kernel;
    ScratchPlan scratch;
    AttentionLeft query;
    AttentionPack key, value;
    LLVMValueRef score, maxima, weights, weigh;
} Attention;

static ScratchPlan plan_scratch(const AttentionShape *s) {
    ScratchPlan plan = {0};
    int64_t width = attention_depth(s, s->width);
    plan.query = attention_place(&plan.size, s->query_in_place ? 0 : s->row_block * width);
    plan.key = attention_place(&plan.size, s->padded_keys * width);
    plan.value = attention_place(&plan.size, s->padded_columns * attention_depth(s, s->keys));
    int64_t panels = (s->row_group + s->height - 1) / s->height;
    plan.scores = attention_place(&plan.size, panels * s->height * s->score_stride);
    plan.largest = attention_place(&plan.size, panels * s->row_lanes);
    plan.offset = attention_place(&plan.size, panels * s->row_lanes);
    plan.inverse = attention_place(&plan.size, panels * s->row_lanes);
    plan.keys = attention_place(&plan.size, panels * KEYS_WORDS * WORD_FLOATS);
    return plan;
}

/* Masked blocks count too: how many there are is known when running. */
void attention_measure(const Function *body, const Target *target, KernelShape *kernel) {
    AttentionShape shape;
    attention_shape(body, target, &shape);
    if (attention_shared_accepts(&shape)) {
        attention_shared_measure(&shape, kernel);
        return;
    }
    if (attention_row_accepts(&shape)) {
        attention_row_measure(&shape, kernel);
        return;
    }
    *kernel = (KernelShape){
        .tiles = shape.tiles,
        .scratch_bytes = plan_scratch(&shape).size,
        .flops = attention_flops(&shape),
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
    AttentionKernel *k = &a->kernel;
    const AttentionShape *s = &k->shape;
    a->query = attention_left(k, "query", ATTENTION_SOURCE_QUERY, &s->width_axes, s->query_in_place,
                              a->scratch.query);
    a->key = attention_emit_pack(k, "key", ATTENTION_SOURCE_KEY, &s->key_axes, &s->width_axes,
                                 s->key_panel);
    a->value = attention_emit_pack(k, "value", ATTENTION_SOURCE_VALUE, &s->column_axes,
                                   &s->key_axes, s->column_panel);
    a->score = emit_score_function(k, &a->query);
    a->maxima = emit_maxima_function(k);
    a->weights = emit_weights_function(k, RESULT_LSE);
    if (attention_result_type(k, RESULT_OUTPUT) != DTYPE_NONE)
        a->weigh = emit_weigh(a);
}

/* --- tiles --- */

/* The tile at hand. */
typedef struct Tile {
    LLVMValueRef batch, row, rows;
} Tile;

/* A panel of rows: its first row, and its number in the group. */
typedef struct Panel {
    LLVMValueRef row, number;
} Panel;

/* Keys and values of a batch serve the tiles after it. */
static void emit_batch_packs(const Attention *a, LLVMValueRef batch) {
    const AttentionKernel *k = &a->kernel;
    LLVMValueRef zero = emit_i64(k->emitter, 0);
    attention_call_pack(k, &a->key, attention_scratch(k, a->scratch.key), batch, zero,
                        emit_i64(k->emitter, k->shape.keys));
    attention_call_pack(k, &a->value, attention_scratch(k, a->scratch.value), batch, zero,
                        emit_i64(k->emitter, k->shape.columns));
}

/* Numbers of a panel of the group: one for each row, or one of its keys. */
static LLVMValueRef panel_rows(const Attention *a, int64_t base, const Panel *panel) {
    Emitter *e = a->kernel.emitter;
    return scratch_float(a, base, emit_mul_const(e, panel->number, a->kernel.shape.row_lanes));
}

static LLVMValueRef panel_word(const Attention *a, const Panel *panel, int64_t which) {
    Emitter *e = a->kernel.emitter;
    LLVMValueRef at = emit_add_const(e, emit_mul_const(e, panel->number, KEYS_WORDS), which);
    return emit_element(e, e->i64, attention_scratch(&a->kernel, a->scratch.keys), at);
}

static LLVMValueRef load_key(const Attention *a, const Panel *panel, int64_t which) {
    Emitter *e = a->kernel.emitter;
    return emit_load(e, e->i64, panel_word(a, panel, which), WORD_BYTES);
}

/* Element 0 of a row: the score of key 0; the weight of a key is as many elements from there. */
static LLVMValueRef score_row(const Attention *a, const Panel *panel, LLVMValueRef row) {
    Emitter *e = a->kernel.emitter;
    const AttentionShape *s = &a->kernel.shape;
    LLVMValueRef rows = emit_add(e, emit_mul_const(e, panel->number, s->height), row);
    return scratch_float(a, a->scratch.scores, emit_mul_const(e, rows, s->score_stride));
}

static LLVMValueRef weight_at(const Attention *a, LLVMValueRef row, LLVMValueRef key) {
    Emitter *e = a->kernel.emitter;
    return emit_element(e, a->kernel.shape.pairs ? e->i16 : e->f32, row, key);
}

static void find_keys(const Attention *a, const Tile *tile, const Panel *panel) {
    Emitter *e = a->kernel.emitter;
    const AttentionShape *s = &a->kernel.shape;
    ScoreArea area = {tile->batch,
                      panel->row,
                      emit_i64(e, s->height),
                      emit_i64(e, 0),
                      emit_i64(e, s->padded_keys),
                      NULL};
    ScoreRange panels = emit_unmasked_range(e, s, &area, SIDE_KEYS, s->key_panel);
    ScoreRange close = emit_close_range(e, s, &area, SIDE_KEYS, s->key_panel, &panels);
    emit_store(e, panels.first, panel_word(a, panel, PANELS_FIRST), WORD_BYTES);
    emit_store(e, panels.last, panel_word(a, panel, PANELS_LAST), WORD_BYTES);
    emit_store(e, close.first, panel_word(a, panel, CLOSE_FIRST), WORD_BYTES);
    emit_store(e, close.last, panel_word(a, panel, CLOSE_LAST), WORD_BYTES);
}

static void fetch_ahead(const Attention *a, const Tile *tile, const Panel *panel) {
    const AttentionShape *s = &a->kernel.shape;
    const AttentionAhead tensors[] = {
        {false, ATTENTION_SOURCE_QUERY, &s->row_axes, &s->width_axes},
        {false, ATTENTION_SOURCE_KEY, &s->key_axes, &s->width_axes},
        {false, ATTENTION_SOURCE_VALUE, &s->key_axes, &s->column_axes},
        {true, RESULT_OUTPUT, &s->row_axes, &s->column_axes},
    };
    attention_fetch_ahead(&a->kernel, tensors, sizeof tensors / sizeof tensors[0], tile->batch,
                          panel->row);
}

static void emit_scores(const Attention *a, const Tile *tile, const Panel *panel) {
    const AttentionKernel *k = &a->kernel;
    Emitter *e = k->emitter;
    find_keys(a, tile, panel);
    fetch_ahead(a, tile, panel);
    int64_t width = attention_depth(&k->shape, k->shape.width);
    LLVMValueRef none = LLVMConstNull(e->pointer), first = load_key(a, panel, PANELS_FIRST);
    LLVMValueRef parameters[SCORE_EXTRAS] = {
        [SCORE_QUERY] = attention_left_row(k, &a->query, tile->batch, tile->row, panel->row),
        [SCORE_KEY] = scratch_float(a, a->scratch.key, emit_mul_const(e, first, width)),
        [SCORE_TARGET] = attention_float(k, score_row(a, panel, emit_i64(e, 0)), first),
        [SCORE_BATCH] = tile->batch,
        [SCORE_ROW] = panel->row,
        [SCORE_FIRST_KEY] = first,
        [SCORE_LAST_KEY] = load_key(a, panel, PANELS_LAST),
        [SCORE_OFFSET] = none,
        [SCORE_SLOPE] = none,
    };
    emit_score_call(k, a->score, parameters);
}

static void call_softmax(const Attention *a, const Tile *tile, const Panel *panel,
                         LLVMValueRef function) {
    Emitter *e = a->kernel.emitter;
    LLVMValueRef lse = attention_result(&a->kernel, RESULT_LSE, tile->batch);
    LLVMValueRef row = score_row(a, panel, emit_i64(e, 0));
    LLVMValueRef first = load_key(a, panel, PANELS_FIRST);
    LLVMValueRef arguments[SOFTMAX_PARAMETERS] = {
        [SOFTMAX_SCORES] = attention_float(&a->kernel, row, first),
        [SOFTMAX_WEIGHTS] = weight_at(a, row, first),
        [SOFTMAX_COUNT] = emit_sub(e, load_key(a, panel, PANELS_LAST), first),
        [SOFTMAX_ROW] = panel->row,
        [SOFTMAX_LARGEST] = panel_rows(a, a->scratch.largest, panel),
        [SOFTMAX_OFFSET] = panel_rows(a, a->scratch.offset, panel),
        [SOFTMAX_INVERSE] = panel_rows(a, a->scratch.inverse, panel),
        [SOFTMAX_LSE] = lse ? lse : LLVMConstNull(e->pointer),
    };
    emit_call(e, function, arguments, SOFTMAX_PARAMETERS);
}

static void emit_maxima(const Attention *a, const Tile *tile, const Panel *panel) {
    call_softmax(a, tile, panel, a->maxima);
}

static void emit_weights(const Attention *a, const Tile *tile, const Panel *panel) {
    call_softmax(a, tile, panel, a->weights);
}

/* Panels of values hold the keys that exist; weights beyond are 0 and left out. */
static void emit_output(const Attention *a, const Tile *tile, const Panel *panel) {
    Emitter *e = a->kernel.emitter;
    const AttentionShape *s = &a->kernel.shape;
    LLVMValueRef first = load_key(a, panel, CLOSE_FIRST), value = first;
    LLVMValueRef last = emit_min_i64(e, load_key(a, panel, CLOSE_LAST), emit_i64(e, s->keys));
    LLVMValueRef count = emit_max_i64(e, emit_sub(e, last, first), emit_i64(e, 0));
    if (s->pairs) {
        count = emit_div_const(e, emit_add_const(e, count, 1), 2);
        value = emit_div_const(e, first, 2);
    }
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, s->height), s->sum_height, "rows");
    LLVMValueRef arguments[WEIGH_PARAMETERS] = {
        [WEIGH_WEIGHTS] = weight_at(a, score_row(a, panel, loop.index), first),
        [WEIGH_VALUES] =
            scratch_float(a, a->scratch.value, emit_mul_const(e, value, s->column_panel)),
        [WEIGH_DEPTH] = count,
        [WEIGH_INVERSE] =
            attention_float(&a->kernel, panel_rows(a, a->scratch.inverse, panel), loop.index),
        [WEIGH_ROW] = emit_add(e, panel->row, loop.index),
        [WEIGH_OUTPUT] = attention_result(&a->kernel, RESULT_OUTPUT, tile->batch),
    };
    emit_call(e, a->weigh, arguments, WEIGH_PARAMETERS);
    emit_loop_end(e, &loop, NULL);
}

typedef void PanelStep(const Attention *a, const Tile *tile, const Panel *panel);

static void for_panels(const Attention *a, const Tile *tile, LLVMValueRef row, LLVMValueRef end,
                       PanelStep *step) {
    Emitter *e = a->kernel.emitter;
    const AttentionShape *s = &a->kernel.shape;
    Loop loop;
    emit_loop_begin(e, &loop, row, end, s->height, "panel");
    Panel panel = {loop.index, emit_div_const(e, emit_sub(e, loop.index, row), s->height)};
    step(a, tile, &panel);
    emit_loop_end(e, &loop, NULL);
}

static void emit_tile(const Attention *a, const Tile *tile) {
    Emitter *e = a->kernel.emitter;
    const AttentionShape *s = &a->kernel.shape;
    attention_prepare_left(&a->kernel, &a->query, tile->batch, tile->row, tile->rows);
    Loop loop;
    LLVMValueRef end = emit_add(e, tile->row, tile->rows);
    emit_loop_begin(e, &loop, tile->row, end, s->row_group, "group");
    LLVMValueRef last = emit_min_i64(e, emit_add_const(e, loop.index, s->row_group), end);
    for_panels(a, tile, loop.index, last, emit_scores);
    for_panels(a, tile, loop.index, last, emit_maxima);
    for_panels(a, tile, loop.index, last, emit_weights);
    if (a->weigh)
        for_panels(a, tile, loop.index, last, emit_output);
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
    if (attention_shared_accepts(&attention.kernel.shape)) {
        emit_attention_shared(&attention.kernel);
        return;
    }
    if (attention_row_accepts(&attention.kernel.shape)) {
        emit_attention_row(&attention.kernel);
        return;
    }
    attention.scratch = plan_scratch(&attention.kernel.shape);
    emit_parts(&attention);
    attention_kernel_begin(&attention.kernel);
    emit_tiles(&attention);
    emit_kernel_end(emitter, &attention.kernel.frame);
}
