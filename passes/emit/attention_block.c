/* First panels of rows: weights, d_score, and their share of d_query; then panels of keys: their
 * shares of d_key and d_value from the rows that see them. */
#include "passes/emit/attention_block.h"

#include "passes/emit/attention_ahead.h"
#include "passes/emit/attention_score.h"

enum { FLOAT_BYTES = 4, BF16_BYTES = 2, RESULT_D_QUERY = 0, RESULT_D_KEY = 1, RESULT_D_VALUE = 2 };

static LLVMValueRef scratch_float(const Gradient *g, int64_t bytes, LLVMValueRef index) {
    return attention_float(&g->kernel, attention_scratch(&g->kernel, bytes), index);
}

/* --- slopes --- */

enum {
    SLOPE_D_OUTPUT, /* of the first row: a left side */
    SLOPE_VALUE,    /* packed, of the first key */
    SLOPE_TARGET,   /* of the first row and key */
    SLOPE_ROWS,     /* pairs: of the first row and key as bf16, in the target's place */
    SLOPE_PAIRS,    /* pairs: of the first pair of rows, and key */
    SLOPE_DELTA,
    SLOPE_COUNT, /* keys, in whole panels */
    SLOPE_PARAMETERS
};

typedef struct Slope {
    const Gradient *gradient;
    LLVMValueRef function, key; /* counted from the first one */
} Slope;

/* Starts with minus delta, by row. */
static void start_sums(const Slope *slope, const Product *product, LLVMValueRef *sums) {
    const AttentionKernel *k = &slope->gradient->kernel;
    Emitter *e = k->emitter;
    for (uint32_t i = 0; i < product_sums(product); i++) {
        LLVMValueRef delta = attention_float(k, LLVMGetParam(slope->function, SLOPE_DELTA),
                                             emit_i64(e, i / product->vectors));
        sums[i] = emit_splat(e, emit_load(e, e->f32, delta, FLOAT_BYTES), product->lanes);
    }
}

static LLVMValueRef element_at(const Slope *slope, LLVMTypeRef type, int parameter, int64_t at) {
    Emitter *e = slope->gradient->kernel.emitter;
    return emit_element(e, type, LLVMGetParam(slope->function, (unsigned)parameter),
                        emit_add_const(e, slope->key, at));
}

/* One vector of d_score. */
static LLVMValueRef multiply_slope(const Slope *slope, LLVMValueRef target, LLVMValueRef sum) {
    Emitter *e = slope->gradient->kernel.emitter;
    LLVMTypeRef vector = emit_vector_type(e, e->f32, emit_lanes(sum));
    return LLVMBuildFMul(e->builder, emit_load(e, vector, target, FLOAT_BYTES), sum, "");
}

/* Those of two rows, of which `column` counts the elements before. */
static void finish_slopes(const Slope *slope, uint32_t row, int64_t column, LLVMValueRef even,
                          LLVMValueRef odd) {
    const AttentionKernel *k = &slope->gradient->kernel;
    Emitter *e = k->emitter;
    int64_t stride = k->shape.score_stride, at = row * stride + column;
    LLVMValueRef targets[] = {element_at(slope, e->f32, SLOPE_TARGET, at),
                              element_at(slope, e->f32, SLOPE_TARGET, at + stride)};
    even = multiply_slope(slope, targets[0], even);
    odd = multiply_slope(slope, targets[1], odd);
    if (!k->shape.pairs) {
        emit_store(e, even, targets[0], FLOAT_BYTES);
        emit_store(e, odd, targets[1], FLOAT_BYTES);
        return;
    }
    AttentionPairs rounded = attention_round_rows(k, even, odd);
    at = 2 * row * stride + column;
    emit_store(e, rounded.even, element_at(slope, e->i16, SLOPE_ROWS, at), BF16_BYTES);
    emit_store(e, rounded.odd, element_at(slope, e->i16, SLOPE_ROWS, at + 2 * stride), BF16_BYTES);
    at = row / 2 * stride + column;
    emit_store(e, rounded.pairs, element_at(slope, e->i32, SLOPE_PAIRS, at), FLOAT_BYTES);
}

/* target = target * (d_output value - delta), for a panel of rows and panels of keys. */
static LLVMValueRef emit_slope_function(const Gradient *g) {
    const AttentionKernel *k = &g->kernel;
    Emitter *e = k->emitter;
    const AttentionShape *s = &k->shape;
    LLVMTypeRef p = e->pointer, types[SLOPE_PARAMETERS] = {p, p, p, p, p, p, e->i64};
    LLVMTypeRef type = LLVMFunctionType(e->void_type, types, SLOPE_PARAMETERS, false);
    const char *name = arena_printf(e->arena, "%s.slope", k->symbol);
    Place place = emit_function_enter(e, name, type, false);
    Slope slope = {g, e->function, NULL};
    int64_t depth = attention_depth(s, s->columns);
    Product product =
        attention_product(s, s->height, s->key_panel, g->d_output.row, g->d_output.depth, depth);
    LLVMValueRef sums[PRODUCT_MAX_SUMS];
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), LLVMGetParam(e->function, SLOPE_COUNT), s->key_panel,
                    "panels");
    LLVMValueRef value = emit_loop_carry(e, &loop, LLVMGetParam(e->function, SLOPE_VALUE));
    slope.key = loop.index;
    start_sums(&slope, &product, sums);
    emit_products(e, &product, LLVMGetParam(e->function, SLOPE_D_OUTPUT), value, emit_i64(e, depth),
                  sums);
    for (uint32_t row = 0; row < product.height; row += 2)
        for (uint32_t v = 0; v < product.vectors; v++)
            finish_slopes(&slope, row, (int64_t)v * s->lanes, sums[row * product.vectors + v],
                          sums[(row + 1) * product.vectors + v]);
    LLVMValueRef next = attention_float(k, value, emit_i64(e, depth * s->key_panel));
    emit_loop_end(e, &loop, &next);
    return emit_function_leave(e, place);
}

/* --- adders --- */

/* Rows of sums of a panel of keys: the most that divide it. */
static uint32_t key_height(const AttentionShape *s) {
    uint32_t height = s->sum_height;
    while (s->key_panel % height)
        height--;
    return height;
}

/* Numbers of rows and of keys are any. */
static Product sum_product(const AttentionShape *s, uint32_t height, uint32_t panel, int64_t row,
                           int64_t depth, int64_t extent) {
    int64_t pair = s->pairs ? 2 : 1;
    Product product =
        attention_product(s, height, panel, pair * row, pair * depth, PRODUCT_UNROLL + 1);
    product.depth_short = attention_depth(s, extent) < PRODUCT_UNROLL;
    return product;
}

static void emit_adders(Gradient *g) {
    const AttentionKernel *k = &g->kernel;
    const AttentionShape *s = &k->shape;
    int64_t stride = s->score_stride;
    AdderShape query = {sum_product(s, s->sum_height, s->width_panel, stride, 1, s->keys),
                        RESULT_D_QUERY,
                        &s->row_axes,
                        &s->width_axes,
                        s->padded_rows,
                        s->padded_width,
                        attention_depth(s, s->keys)};
    AdderShape key = {sum_product(s, key_height(s), s->width_panel, 1, stride, s->rows),
                      RESULT_D_KEY,
                      &s->key_axes,
                      &s->width_axes,
                      s->padded_keys,
                      s->padded_width,
                      attention_depth(s, s->rows)};
    AdderShape value = {sum_product(s, key_height(s), s->column_panel, 1, stride, s->rows),
                        RESULT_D_VALUE,
                        &s->key_axes,
                        &s->column_axes,
                        s->padded_keys,
                        s->padded_columns,
                        attention_depth(s, s->rows)};
    g->add_query = emit_adder(k, "query", &query, NULL);
    g->add_key = emit_adder(k, "key", &key, NULL);
    g->add_value = emit_adder(k, "value", &value, &g->add_key);
}

void emit_block_parts(Gradient *gradient) {
    gradient->score = emit_score_function(&gradient->kernel, &gradient->query);
    gradient->slope = emit_slope_function(gradient);
    emit_adders(gradient);
}

/* --- panels of rows --- */

/* Where a row and key lie in the block's arrays. */
static LLVMValueRef by_rows(const Gradient *g, const ScoreArea *block, int64_t base,
                            LLVMValueRef row, LLVMValueRef key) {
    Emitter *e = g->kernel.emitter;
    LLVMValueRef rows =
        emit_mul_const(e, emit_sub(e, row, block->row), g->kernel.shape.score_stride);
    return scratch_float(g, base, emit_add(e, rows, emit_sub(e, key, block->key)));
}

static LLVMValueRef by_pairs(const Gradient *g, const ScoreArea *block, int64_t base,
                             LLVMValueRef row, LLVMValueRef key) {
    Emitter *e = g->kernel.emitter;
    if (!g->kernel.shape.pairs)
        return by_rows(g, block, base, row, key);
    LLVMValueRef pair = emit_div_const(e, emit_sub(e, row, block->row), 2);
    LLVMValueRef rows = emit_mul_const(e, pair, g->kernel.shape.score_stride);
    return scratch_float(g, base, emit_add(e, rows, emit_sub(e, key, block->key)));
}

/* Slopes, or d_score by row: of the block, or as pairs of one panel. */
static LLVMValueRef slopes_at(const Gradient *g, const ScoreArea *block, LLVMValueRef row,
                              LLVMValueRef key) {
    LLVMValueRef from = g->kernel.shape.pairs ? block->row : row;
    return by_rows(g, block, g->plan.slopes, from, key);
}

/* The d_score of a row of the panel, and key. */
static LLVMValueRef d_score_row(const Gradient *g, const ScoreArea *block, LLVMValueRef panel,
                                LLVMValueRef in_panel, LLVMValueRef key) {
    Emitter *e = g->kernel.emitter;
    const AttentionShape *s = &g->kernel.shape;
    if (!s->pairs)
        return by_rows(g, block, g->plan.slopes, emit_add(e, panel, in_panel), key);
    LLVMValueRef rows = emit_mul_const(e, in_panel, 2 * s->score_stride);
    return emit_element(e, e->i16, attention_scratch(&g->kernel, g->plan.slopes),
                        emit_add(e, rows, emit_sub(e, key, block->key)));
}

static void call_score(const Gradient *g, const ScoreArea *block, LLVMValueRef row,
                       const ScoreRange *keys) {
    const AttentionKernel *k = &g->kernel;
    Emitter *e = k->emitter;
    int64_t width = attention_depth(&k->shape, k->shape.width);
    LLVMValueRef parameters[SCORE_EXTRAS] = {
        [SCORE_QUERY] = attention_left_row(k, &g->query, block->batch, emit_i64(e, 0), row),
        [SCORE_KEY] = scratch_float(g, g->plan.key_keys, emit_mul_const(e, keys->first, width)),
        [SCORE_TARGET] = by_pairs(g, block, g->plan.weights, row, keys->first),
        [SCORE_BATCH] = block->batch,
        [SCORE_ROW] = row,
        [SCORE_FIRST_KEY] = keys->first,
        [SCORE_LAST_KEY] = keys->last,
        [SCORE_OFFSET] = scratch_float(g, g->plan.offset, row),
        [SCORE_SLOPE] = slopes_at(g, block, row, keys->first),
    };
    emit_score_call(k, g->score, parameters);
}

static void call_slope(const Gradient *g, const ScoreArea *block, LLVMValueRef row,
                       const ScoreRange *keys) {
    const AttentionKernel *k = &g->kernel;
    Emitter *e = k->emitter;
    int64_t columns = attention_depth(&k->shape, k->shape.columns);
    LLVMValueRef zero = emit_i64(e, 0);
    LLVMValueRef arguments[SLOPE_PARAMETERS] = {
        [SLOPE_D_OUTPUT] = attention_left_row(k, &g->d_output, block->batch, zero, row),
        [SLOPE_VALUE] =
            scratch_float(g, g->plan.value_keys, emit_mul_const(e, keys->first, columns)),
        [SLOPE_TARGET] = slopes_at(g, block, row, keys->first),
        [SLOPE_ROWS] = d_score_row(g, block, row, zero, keys->first),
        [SLOPE_PAIRS] = by_pairs(g, block, g->plan.d_scores, row, keys->first),
        [SLOPE_DELTA] = scratch_float(g, g->plan.delta, row),
        [SLOPE_COUNT] = emit_sub(e, keys->last, keys->first),
    };
    emit_call(e, g->slope, arguments, SLOPE_PARAMETERS);
}

static LLVMValueRef depth_of(const Gradient *g, LLVMValueRef count) {
    Emitter *e = g->kernel.emitter;
    return g->kernel.shape.pairs ? emit_div_const(e, emit_add_const(e, count, 1), 2) : count;
}

/* The panels of a right side at a depth, which is even where there are pairs. */
static LLVMValueRef right_at(const Gradient *g, int64_t panels, const Adder *adder,
                             LLVMValueRef depth) {
    Emitter *e = g->kernel.emitter;
    uint32_t panel = adder->shape.product.vectors * adder->shape.product.lanes;
    return scratch_float(g, panels, emit_mul_const(e, depth_of(g, depth), panel));
}

/* A panel's part of d_query, from the keys that it sees. */
static void add_query(const Gradient *g, const ScoreArea *block, LLVMValueRef row,
                      const ScoreRange *keys) {
    const AttentionKernel *k = &g->kernel;
    Emitter *e = k->emitter;
    const AttentionShape *s = &k->shape;
    LLVMValueRef last = emit_min_i64(e, keys->last, emit_i64(e, s->keys));
    LLVMValueRef count = emit_max_i64(e, emit_sub(e, last, keys->first), emit_i64(e, 0));
    LLVMValueRef sums = s->single ? attention_result(k, RESULT_D_QUERY, block->batch)
                                  : attention_scratch(k, g->plan.d_query);
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, s->height), s->sum_height, "group");
    emit_adder_call(k, &g->add_query, d_score_row(g, block, row, loop.index, keys->first),
                    right_at(g, g->plan.key_columns, &g->add_query, keys->first),
                    depth_of(g, count), sums, emit_add(e, row, loop.index));
    emit_loop_end(e, &loop, NULL);
}

/* While the first block of keys is worked on. */
static void fetch_ahead(const Gradient *g, const ScoreArea *block, LLVMValueRef row) {
    Emitter *e = g->kernel.emitter;
    const AttentionShape *s = &g->kernel.shape;
    const AttentionAhead tensors[] = {
        {false, ATTENTION_SOURCE_QUERY, &s->row_axes, &s->width_axes},
        {false, ATTENTION_SOURCE_KEY, &s->key_axes, &s->width_axes},
        {false, ATTENTION_SOURCE_VALUE, &s->key_axes, &s->column_axes},
        {false, ATTENTION_SOURCE_OUTPUT, &s->row_axes, &s->column_axes},
        {false, ATTENTION_SOURCE_D_OUTPUT, &s->row_axes, &s->column_axes},
        {true, RESULT_D_QUERY, &s->row_axes, &s->width_axes},
        {true, RESULT_D_KEY, &s->key_axes, &s->width_axes},
        {true, RESULT_D_VALUE, &s->key_axes, &s->column_axes},
    };
    Branch branch;
    LLVMValueRef first = LLVMBuildICmp(e->builder, LLVMIntEQ, block->key, emit_i64(e, 0), "");
    emit_branch_begin(e, &branch, first, "first");
    attention_fetch_ahead(&g->kernel, tensors, sizeof tensors / sizeof tensors[0], block->batch,
                          row);
    emit_branch_end(e, &branch);
}

static void emit_row_panel(const Gradient *g, const ScoreArea *block, LLVMValueRef row) {
    Emitter *e = g->kernel.emitter;
    const AttentionShape *s = &g->kernel.shape;
    ScoreArea area = {block->batch, row, emit_i64(e, s->height), block->key, block->keys, NULL};
    ScoreRange panels = emit_unmasked_range(e, s, &area, SIDE_KEYS, s->key_panel);
    ScoreRange keys = emit_close_range(e, s, &area, SIDE_KEYS, s->key_panel, &panels);
    fetch_ahead(g, block, row);
    call_score(g, block, row, &panels);
    call_slope(g, block, row, &panels);
    if (g->add_query.function)
        add_query(g, block, row, &keys);
}

/* --- panels of keys --- */

static void clear_panel(const Gradient *g, LLVMValueRef from) {
    Emitter *e = g->kernel.emitter;
    const AttentionShape *s = &g->kernel.shape;
    for (int64_t row = 0; row < attention_depth(s, s->height); row++) {
        LLVMValueRef at = attention_float(&g->kernel, from, emit_i64(e, row * s->score_stride));
        LLVMBuildMemSet(e->builder, at, LLVMConstNull(e->i8),
                        emit_i64(e, (int64_t)s->key_panel * FLOAT_BYTES), FLOAT_BYTES);
    }
}

/* Panels between those that see the keys may not have been computed. */
static void clear_gaps(const Gradient *g, const ScoreArea *block, LLVMValueRef key,
                       const ScoreRange *rows) {
    Emitter *e = g->kernel.emitter;
    const AttentionShape *s = &g->kernel.shape;
    LLVMValueRef seen = emit_mul_const(e, rows->steps, s->height);
    LLVMValueRef gaps = emit_less(e, seen, emit_sub(e, rows->last, rows->first));
    LLVMValueRef from = LLVMBuildSelect(e->builder, gaps, rows->first, rows->last, "");
    Loop loop;
    emit_loop_begin(e, &loop, from, rows->last, s->height, "gaps");
    ScoreArea area = {
        block->batch, loop.index, emit_i64(e, s->height), key, emit_i64(e, s->key_panel), NULL};
    Branch branch;
    emit_branch_begin(e, &branch, emit_area_masked(e, s, &area), "gap");
    clear_panel(g, by_pairs(g, block, g->plan.weights, loop.index, key));
    clear_panel(g, by_pairs(g, block, g->plan.d_scores, loop.index, key));
    emit_branch_end(e, &branch);
    emit_loop_end(e, &loop, NULL);
}

static void add_keys(const Gradient *g, const ScoreArea *block, const Adder *adder, int64_t scores,
                     int64_t panels, int64_t sums, LLVMValueRef key, const ScoreRange *rows) {
    const AttentionKernel *k = &g->kernel;
    Emitter *e = k->emitter;
    if (!adder->function)
        return;
    LLVMValueRef base = k->shape.single ? attention_result(k, adder->shape.result, block->batch)
                                        : attention_scratch(k, sums);
    LLVMValueRef count = emit_max_i64(e, emit_sub(e, rows->last, rows->first), emit_i64(e, 0));
    emit_adder_call(k, adder, by_pairs(g, block, scores, rows->first, key),
                    right_at(g, panels, adder, rows->first), depth_of(g, count), base, key);
}

static void emit_key_panel(const Gradient *g, const ScoreArea *block, LLVMValueRef key) {
    Emitter *e = g->kernel.emitter;
    const AttentionShape *s = &g->kernel.shape;
    uint32_t height = key_height(s);
    ScoreArea area = {block->batch, block->row, block->rows, key, emit_i64(e, s->key_panel), NULL};
    ScoreRange panels = emit_unmasked_range(e, s, &area, SIDE_ROWS, s->height);
    clear_gaps(g, block, key, &panels);
    Loop loop;
    emit_loop_begin(e, &loop, key, emit_add_const(e, key, s->key_panel), height, "group");
    area.key = loop.index;
    area.keys = emit_i64(e, height);
    int64_t step = s->height > s->key_panel ? s->height : s->key_panel;
    ScoreRange rows = emit_close_range(e, s, &area, SIDE_ROWS, step, &panels);
    add_keys(g, block, &g->add_key, g->plan.d_scores, g->plan.query_columns, g->plan.d_key,
             loop.index, &rows);
    add_keys(g, block, &g->add_value, g->plan.weights, g->plan.d_output_columns, g->plan.d_value,
             loop.index, &rows);
    emit_loop_end(e, &loop, NULL);
}

static void emit_panels(const Gradient *g, const ScoreArea *block) {
    Emitter *e = g->kernel.emitter;
    const AttentionShape *s = &g->kernel.shape;
    Loop loop;
    emit_loop_begin(e, &loop, block->row, emit_add(e, block->row, block->rows), s->height, "rows");
    emit_row_panel(g, block, loop.index);
    emit_loop_end(e, &loop, NULL);
    emit_loop_begin(e, &loop, block->key, emit_add(e, block->key, block->keys), s->key_panel,
                    "keys");
    emit_key_panel(g, block, loop.index);
    emit_loop_end(e, &loop, NULL);
}

/* A single block stores the gradients, whatever is masked. */
void emit_block(const Gradient *gradient, const ScoreArea *block) {
    Emitter *e = gradient->kernel.emitter;
    const AttentionShape *s = &gradient->kernel.shape;
    if (s->single) {
        emit_panels(gradient, block);
        return;
    }
    Branch branch;
    LLVMValueRef masked = emit_area_masked(e, s, block);
    emit_branch_begin(e, &branch, LLVMBuildNot(e->builder, masked, ""), "block");
    emit_panels(gradient, block);
    emit_branch_end(e, &branch);
}
