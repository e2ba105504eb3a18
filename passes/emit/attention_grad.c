/* Attention backwards in one sweep over blocks of scores, which are computed again from the rows'
 * log-sum-exp; five products a block:
 *
 *     weight  = e^(body(query key) - lse)           slope = weight * body'(query key)
 *     d_score = slope * (d_output value - delta)    delta = sum of d_output * output, by row
 *     d_query += d_score key     d_key += d_score^T query     d_value += weight^T d_output
 *
 * A tile is a batch: the three gradients of one batch are summed in scratch, in an order that
 * depends on the shape alone, and stored at its end. Panels of a block that the mask leaves nothing
 * of are 0 and are cut off the sums. After Dao, "FlashAttention-2" (2023). */
#include "passes/emit/attention.h"

#include "passes/emit/attention_kernel.h"
#include "passes/emit/attention_score.h"

enum { FLOAT_BYTES = 4, RESULT_D_QUERY = 0, RESULT_D_KEY = 1, RESULT_D_VALUE = 2 };

/* What lies in scratch, in bytes from its start. */
typedef struct ScratchPlan {
    /* Panels: of rows (left sides), of keys (right sides), and of columns over all rows or keys. */
    int64_t query_rows, d_output_rows, key_keys, value_keys;
    int64_t key_columns, query_columns, d_output_columns;
    int64_t lse, delta;              /* by row */
    int64_t weights, slopes;         /* of a block: [row_block][key_block] */
    int64_t d_query, d_key, d_value; /* sums: [padded rows or keys][padded width or columns] */
    int64_t size;
} ScratchPlan;

/* Adds a product to sums in scratch; for one shape of sides. */
typedef struct Adder {
    LLVMValueRef function;
    uint32_t height, panel; /* rows of sums, and columns */
    int64_t padded;         /* columns of all panels: elements from row to row of the sums */
} Adder;

typedef struct Gradient {
    AttentionKernel kernel;
    ScratchPlan scratch;
    AttentionPack query_rows, d_output_rows, key_keys, value_keys;
    AttentionPack key_columns, query_columns, d_output_columns;
    LLVMValueRef score, slope;
    Adder add_query, add_key, add_value;
} Gradient;

static ScratchPlan plan_scratch(const AttentionShape *s) {
    ScratchPlan plan = {0};
    int64_t *size = &plan.size;
    plan.query_rows = attention_place(size, s->padded_rows * s->width);
    plan.d_output_rows = attention_place(size, s->padded_rows * s->columns);
    plan.key_keys = attention_place(size, s->padded_keys * s->width);
    plan.value_keys = attention_place(size, s->padded_keys * s->columns);
    plan.key_columns = attention_place(size, s->padded_width * s->keys);
    plan.query_columns = attention_place(size, s->padded_width * s->rows);
    plan.d_output_columns = attention_place(size, s->padded_columns * s->rows);
    plan.lse = attention_place(size, s->padded_rows);
    plan.delta = attention_place(size, s->padded_rows);
    plan.weights = attention_place(size, s->row_block * s->key_block);
    plan.slopes = attention_place(size, s->row_block * s->key_block);
    plan.d_query = attention_place(size, s->padded_rows * s->padded_width);
    plan.d_key = attention_place(size, s->padded_keys * s->padded_width);
    plan.d_value = attention_place(size, s->padded_keys * s->padded_columns);
    return plan;
}

/* Masked blocks count too: how many there are is known when running. */
void attention_grad_measure(const Function *body, const Target *target, KernelShape *kernel) {
    AttentionShape shape;
    attention_shape(body, target, &shape);
    double scores = (double)shape.batches * (double)shape.rows * (double)shape.keys;
    *kernel = (KernelShape){
        .tiles = shape.tiles,
        .scratch_bytes = plan_scratch(&shape).size,
        .flops = 2.0 * scores * (3.0 * (double)shape.width + 2.0 * (double)shape.columns),
        .bytes = attention_operand_bytes(body),
    };
}

static LLVMValueRef scratch_float(const Gradient *g, int64_t bytes, LLVMValueRef index) {
    return attention_float(&g->kernel, attention_scratch(&g->kernel, bytes), index);
}

/* --- parts --- */

enum { SLOPE_D_OUTPUT, SLOPE_VALUE, SLOPE_TARGET, SLOPE_DELTA, SLOPE_PARAMETERS };

/* target = target * (d_output value - delta), for a panel of rows and one of keys. */
static LLVMValueRef emit_slope(const Gradient *g) {
    Emitter *e = g->kernel.emitter;
    const AttentionShape *s = &g->kernel.shape;
    LLVMTypeRef types[SLOPE_PARAMETERS] = {e->pointer, e->pointer, e->pointer, e->pointer};
    LLVMTypeRef type = LLVMFunctionType(e->void_type, types, SLOPE_PARAMETERS, false);
    const char *name = arena_printf(e->arena, "%s.slope", g->kernel.symbol);
    Place place = emit_function_enter(e, name, type, false);
    LLVMValueRef function = e->function;
    for (uint32_t i = 0; i < SLOPE_PARAMETERS; i++)
        emit_parameter_pointer(e, function, i, FLOAT_BYTES, true);
    Product product = attention_product(s, s->height, s->key_panel, 1, s->height, s->columns);
    LLVMValueRef sums[PRODUCT_MAX_SUMS];
    emit_product_zeros(e, &product, sums);
    emit_products(e, &product, LLVMGetParam(function, SLOPE_D_OUTPUT),
                  LLVMGetParam(function, SLOPE_VALUE), emit_i64(e, s->columns), sums);
    LLVMTypeRef vector = emit_vector_type(e, e->f32, s->lanes);
    for (uint32_t i = 0; i < product_sums(&product); i++) {
        uint32_t row = i / product.vectors, v = i % product.vectors;
        LLVMValueRef delta = emit_load(
            e, e->f32,
            attention_float(&g->kernel, LLVMGetParam(function, SLOPE_DELTA), emit_i64(e, row)),
            FLOAT_BYTES);
        int64_t at = row * s->key_block + (int64_t)v * s->lanes;
        LLVMValueRef target =
            attention_float(&g->kernel, LLVMGetParam(function, SLOPE_TARGET), emit_i64(e, at));
        LLVMValueRef difference =
            LLVMBuildFSub(e->builder, sums[i], emit_splat(e, delta, s->lanes), "");
        LLVMValueRef slope = emit_load(e, vector, target, FLOAT_BYTES);
        emit_store(e, LLVMBuildFMul(e->builder, slope, difference, ""), target, FLOAT_BYTES);
    }
    return emit_function_leave(e, place);
}

enum { ADD_LEFT, ADD_RIGHT, ADD_DEPTH, ADD_SUMS, ADD_PARAMETERS };

/* sums += left right, over all panels of the right side that are `panel_size` elements apart. */
static Adder emit_adder(const Gradient *g, const char *part, Product product, int64_t padded,
                        int64_t panel_size) {
    Emitter *e = g->kernel.emitter;
    LLVMTypeRef types[ADD_PARAMETERS] = {e->pointer, e->pointer, e->i64, e->pointer};
    LLVMTypeRef type = LLVMFunctionType(e->void_type, types, ADD_PARAMETERS, false);
    const char *name = arena_printf(e->arena, "%s.add_%s", g->kernel.symbol, part);
    Place place = emit_function_enter(e, name, type, false);
    LLVMValueRef function = e->function;
    emit_parameter_pointer(e, function, ADD_LEFT, FLOAT_BYTES, true);
    emit_parameter_pointer(e, function, ADD_RIGHT, FLOAT_BYTES, true);
    emit_parameter_pointer(e, function, ADD_SUMS, FLOAT_BYTES, true);
    uint32_t panel = product.vectors * product.lanes;
    LLVMTypeRef vector = emit_vector_type(e, e->f32, product.lanes);
    LLVMValueRef sums[PRODUCT_MAX_SUMS], places[PRODUCT_MAX_SUMS];
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, padded / panel), 1, "panels");
    LLVMValueRef first = attention_float(&g->kernel, LLVMGetParam(function, ADD_SUMS),
                                         emit_mul_const(e, loop.index, panel));
    for (uint32_t i = 0; i < product_sums(&product); i++) {
        int64_t at = i / product.vectors * padded + (int64_t)(i % product.vectors) * product.lanes;
        places[i] = attention_float(&g->kernel, first, emit_i64(e, at));
        sums[i] = emit_load(e, vector, places[i], FLOAT_BYTES);
    }
    LLVMValueRef right = attention_float(&g->kernel, LLVMGetParam(function, ADD_RIGHT),
                                         emit_mul_const(e, loop.index, panel_size));
    emit_products(e, &product, LLVMGetParam(function, ADD_LEFT), right,
                  LLVMGetParam(function, ADD_DEPTH), sums);
    for (uint32_t i = 0; i < product_sums(&product); i++)
        emit_store(e, sums[i], places[i], FLOAT_BYTES);
    emit_loop_end(e, &loop, NULL);
    return (Adder){emit_function_leave(e, place), product.height, panel, padded};
}

/* Rows of sums of a panel of keys: the most that divide it and leave registers. */
static uint32_t key_height(const AttentionShape *s) {
    uint32_t height = s->height;
    while (s->key_panel % height)
        height--;
    return height;
}

/* The number of rows is any; that of keys a multiple of a panel, or to the last. */
static void emit_adders(Gradient *g) {
    const AttentionShape *s = &g->kernel.shape;
    int64_t rows = s->rows < PRODUCT_UNROLL ? s->rows : PRODUCT_UNROLL + 1;
    uint32_t height = key_height(s);
    Product by_row = attention_product(s, s->height, s->width_panel, s->key_block, 1, s->keys);
    Product by_width = attention_product(s, height, s->width_panel, 1, s->key_block, rows);
    Product by_column = attention_product(s, height, s->column_panel, 1, s->key_block, rows);
    g->add_query = emit_adder(g, "query", by_row, s->padded_width, s->keys * s->width_panel);
    g->add_key = emit_adder(g, "key", by_width, s->padded_width, s->rows * s->width_panel);
    g->add_value = emit_adder(g, "value", by_column, s->padded_columns, s->rows * s->column_panel);
}

static void emit_packs(Gradient *g) {
    const AttentionKernel *k = &g->kernel;
    const AttentionShape *s = &k->shape;
    g->query_rows = attention_emit_pack(k, "query_rows", ATTENTION_SOURCE_QUERY, &s->row_axes,
                                        &s->width_axes, s->height);
    g->d_output_rows = attention_emit_pack(k, "d_output_rows", ATTENTION_SOURCE_D_OUTPUT,
                                           &s->row_axes, &s->column_axes, s->height);
    g->key_keys = attention_emit_pack(k, "key_keys", ATTENTION_SOURCE_KEY, &s->key_axes,
                                      &s->width_axes, s->key_panel);
    g->value_keys = attention_emit_pack(k, "value_keys", ATTENTION_SOURCE_VALUE, &s->key_axes,
                                        &s->column_axes, s->key_panel);
    g->key_columns = attention_emit_pack(k, "key_columns", ATTENTION_SOURCE_KEY, &s->width_axes,
                                         &s->key_axes, s->width_panel);
    g->query_columns = attention_emit_pack(k, "query_columns", ATTENTION_SOURCE_QUERY,
                                           &s->width_axes, &s->row_axes, s->width_panel);
    g->d_output_columns = attention_emit_pack(k, "d_output_columns", ATTENTION_SOURCE_D_OUTPUT,
                                              &s->column_axes, &s->row_axes, s->column_panel);
}

/* --- a batch --- */

static void call_packs(const Gradient *g, LLVMValueRef batch) {
    const AttentionKernel *k = &g->kernel;
    const AttentionShape *s = &k->shape;
    const struct {
        const AttentionPack *pack;
        int64_t target, count;
    } packs[] = {
        {&g->query_rows, g->scratch.query_rows, s->rows},
        {&g->d_output_rows, g->scratch.d_output_rows, s->rows},
        {&g->key_keys, g->scratch.key_keys, s->keys},
        {&g->value_keys, g->scratch.value_keys, s->keys},
        {&g->key_columns, g->scratch.key_columns, s->width},
        {&g->query_columns, g->scratch.query_columns, s->width},
        {&g->d_output_columns, g->scratch.d_output_columns, s->columns},
    };
    for (size_t i = 0; i < sizeof packs / sizeof packs[0]; i++)
        attention_call_pack(k, packs[i].pack, attention_scratch(k, packs[i].target), batch,
                            emit_i64(k->emitter, 0), emit_i64(k->emitter, packs[i].count));
}

static void clear(const Gradient *g, LLVMValueRef from, int64_t floats) {
    Emitter *e = g->kernel.emitter;
    LLVMBuildMemSet(e->builder, from, LLVMConstNull(e->i8), emit_i64(e, floats * FLOAT_BYTES),
                    FLOAT_BYTES);
}

static void clear_sums(const Gradient *g) {
    const AttentionShape *s = &g->kernel.shape;
    clear(g, attention_scratch(&g->kernel, g->scratch.d_query), s->padded_rows * s->padded_width);
    clear(g, attention_scratch(&g->kernel, g->scratch.d_key), s->padded_keys * s->padded_width);
    clear(g, attention_scratch(&g->kernel, g->scratch.d_value), s->padded_keys * s->padded_columns);
}

/* The sum of d_output * output along a row. */
static LLVMValueRef row_delta(const Gradient *g, LLVMValueRef batch, LLVMValueRef row) {
    Emitter *e = g->kernel.emitter;
    const AttentionShape *s = &g->kernel.shape;
    static const uint32_t sources[] = {ATTENTION_SOURCE_OUTPUT, ATTENTION_SOURCE_D_OUTPUT};
    LLVMValueRef bases[2], values[2];
    Offsets columns[2];
    for (int i = 0; i < 2; i++) {
        Offsets rows = attention_source_offsets(&g->kernel, sources[i], &s->row_axes);
        columns[i] = attention_source_offsets(&g->kernel, sources[i], &s->column_axes);
        bases[i] = attention_float(&g->kernel, attention_source(&g->kernel, sources[i], batch),
                                   emit_offset(e, &rows, row));
    }
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, s->columns), s->lanes, "delta");
    LLVMValueRef sum = emit_loop_carry(e, &loop, emit_f32_lanes(e, 0, s->lanes));
    for (int i = 0; i < 2; i++)
        values[i] = emit_load_composite(e, bases[i], &columns[i], loop.index, s->columns, s->lanes,
                                        s->columns % s->lanes == 0);
    LLVMValueRef next = emit_fma(e, values[0], values[1], sum);
    emit_loop_end(e, &loop, &next);
    return emit_sum_lanes(e, loop.carried[0]);
}

static void prepare_rows(const Gradient *g, LLVMValueRef batch) {
    Emitter *e = g->kernel.emitter;
    const AttentionShape *s = &g->kernel.shape;
    Offsets rows = attention_source_offsets(&g->kernel, ATTENTION_SOURCE_LSE, &s->row_axes);
    LLVMValueRef lses = attention_source(&g->kernel, ATTENTION_SOURCE_LSE, batch);
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, s->rows), 1, "rows");
    LLVMValueRef from = attention_float(&g->kernel, lses, emit_offset(e, &rows, loop.index));
    LLVMValueRef lse = emit_load(e, e->f32, from, FLOAT_BYTES);
    emit_store(e, lse, scratch_float(g, g->scratch.lse, loop.index), FLOAT_BYTES);
    emit_store(e, row_delta(g, batch, loop.index), scratch_float(g, g->scratch.delta, loop.index),
               FLOAT_BYTES);
    emit_loop_end(e, &loop, NULL);
}

/* --- a block of scores --- */

/* Its first row and key, and how many there are: rows that exist, keys in whole panels. */
typedef struct Block {
    LLVMValueRef batch, row, rows, key, keys;
} Block;

/* Of indices from `from` to `to`, in steps, those that `masked` does not exclude: from the first to
 * the last one's end. Empty: both are `to`. */
typedef struct Range {
    LLVMValueRef first, last;
} Range;

static Range unmasked_range(const Gradient *g, const Block *block, LLVMValueRef fixed,
                            bool of_keys) {
    Emitter *e = g->kernel.emitter;
    const AttentionShape *s = &g->kernel.shape;
    LLVMValueRef from = of_keys ? block->key : block->row;
    LLVMValueRef to = emit_add(e, from, of_keys ? block->keys : block->rows);
    int64_t step = of_keys ? s->key_panel : s->height;
    Loop loop;
    emit_loop_begin(e, &loop, from, to, step, "mask");
    LLVMValueRef first = emit_loop_carry(e, &loop, to), last = emit_loop_carry(e, &loop, from);
    LLVMValueRef masked = emit_panel_masked(e, s, block->batch, of_keys ? fixed : loop.index,
                                            of_keys ? loop.index : fixed);
    LLVMValueRef end = emit_min_i64(e, emit_add_const(e, loop.index, step), to);
    LLVMValueRef next[] = {
        LLVMBuildSelect(e->builder, masked, first, emit_min_i64(e, first, loop.index), ""),
        LLVMBuildSelect(e->builder, masked, last, end, ""),
    };
    emit_loop_end(e, &loop, next);
    return (Range){loop.carried[0], emit_max_i64(e, loop.carried[0], loop.carried[1])};
}

/* Where a row and key of the block lie in its weights or slopes. */
static LLVMValueRef block_place(const Gradient *g, const Block *block, int64_t base,
                                LLVMValueRef row, LLVMValueRef key) {
    Emitter *e = g->kernel.emitter;
    LLVMValueRef rows = emit_mul_const(e, emit_sub(e, row, block->row), g->kernel.shape.key_block);
    return scratch_float(g, base, emit_add(e, rows, emit_sub(e, key, block->key)));
}

static void call_score(const Gradient *g, const Block *block, LLVMValueRef row, LLVMValueRef key) {
    const AttentionKernel *k = &g->kernel;
    Emitter *e = k->emitter;
    LLVMValueRef *arguments =
        arena_array(e->arena, SCORE_OPERANDS + k->operand_count, sizeof *arguments);
    for (uint32_t i = 0; i < k->operand_count; i++)
        arguments[SCORE_OPERANDS + i] = k->frame.operands[i];
    arguments[SCORE_QUERY] =
        scratch_float(g, g->scratch.query_rows, emit_mul_const(e, row, k->shape.width));
    arguments[SCORE_KEY] =
        scratch_float(g, g->scratch.key_keys, emit_mul_const(e, key, k->shape.width));
    arguments[SCORE_TARGET] = block_place(g, block, g->scratch.weights, row, key);
    arguments[SCORE_STRIDE] = emit_i64(e, k->shape.key_block);
    arguments[SCORE_BATCH] = block->batch;
    arguments[SCORE_ROW] = row;
    arguments[SCORE_FIRST_KEY] = key;
    arguments[SCORE_LSE] = scratch_float(g, g->scratch.lse, row);
    arguments[SCORE_SLOPE] = block_place(g, block, g->scratch.slopes, row, key);
    emit_call(e, g->score, arguments, SCORE_OPERANDS + k->operand_count);
}

static void call_slope(const Gradient *g, const Block *block, LLVMValueRef row, LLVMValueRef key) {
    const AttentionKernel *k = &g->kernel;
    Emitter *e = k->emitter;
    LLVMValueRef arguments[SLOPE_PARAMETERS] = {
        [SLOPE_D_OUTPUT] =
            scratch_float(g, g->scratch.d_output_rows, emit_mul_const(e, row, k->shape.columns)),
        [SLOPE_VALUE] =
            scratch_float(g, g->scratch.value_keys, emit_mul_const(e, key, k->shape.columns)),
        [SLOPE_TARGET] = block_place(g, block, g->scratch.slopes, row, key),
        [SLOPE_DELTA] = scratch_float(g, g->scratch.delta, row),
    };
    emit_call(e, g->slope, arguments, SLOPE_PARAMETERS);
}

/* left: at the first of `count` depths; right: its panels at that depth; row: of the sums. */
static void call_adder(const Gradient *g, const Adder *adder, LLVMValueRef left, int64_t right,
                       LLVMValueRef depth, LLVMValueRef count, int64_t sums, LLVMValueRef row) {
    Emitter *e = g->kernel.emitter;
    LLVMValueRef arguments[ADD_PARAMETERS] = {
        [ADD_LEFT] = left,
        [ADD_RIGHT] = scratch_float(g, right, emit_mul_const(e, depth, adder->panel)),
        [ADD_DEPTH] = count,
        [ADD_SUMS] = scratch_float(g, sums, emit_mul_const(e, row, adder->padded)),
    };
    emit_call(e, adder->function, arguments, ADD_PARAMETERS);
}

/* Weights and d_score of a panel of rows, and its part of d_query. */
static void emit_row_panel(const Gradient *g, const Block *block, LLVMValueRef row) {
    Emitter *e = g->kernel.emitter;
    const AttentionShape *s = &g->kernel.shape;
    Range keys = unmasked_range(g, block, row, true);
    LLVMValueRef whole =
        LLVMBuildICmp(e->builder, LLVMIntEQ, emit_sub(e, keys.last, keys.first), block->keys, "");
    Branch cut;
    emit_branch_begin(e, &cut, LLVMBuildNot(e->builder, whole, ""), "cut");
    clear(g, block_place(g, block, g->scratch.weights, row, block->key), s->height * s->key_block);
    clear(g, block_place(g, block, g->scratch.slopes, row, block->key), s->height * s->key_block);
    emit_branch_end(e, &cut);
    Loop loop;
    emit_loop_begin(e, &loop, keys.first, keys.last, s->key_panel, "keys");
    call_score(g, block, row, loop.index);
    call_slope(g, block, row, loop.index);
    emit_loop_end(e, &loop, NULL);
    LLVMValueRef last = emit_min_i64(e, keys.last, emit_i64(e, s->keys));
    Branch some;
    emit_branch_begin(e, &some, emit_less(e, keys.first, last), "some");
    call_adder(g, &g->add_query, block_place(g, block, g->scratch.slopes, row, keys.first),
               g->scratch.key_columns, keys.first, emit_sub(e, last, keys.first),
               g->scratch.d_query, row);
    emit_branch_end(e, &some);
}

/* A panel of keys' parts of d_key and d_value, from the rows that see it. */
static void emit_key_panel(const Gradient *g, const Block *block, LLVMValueRef key) {
    Emitter *e = g->kernel.emitter;
    Range rows = unmasked_range(g, block, key, false);
    LLVMValueRef count = emit_sub(e, rows.last, rows.first);
    Loop loop;
    LLVMValueRef end = emit_add_const(e, key, g->kernel.shape.key_panel);
    LLVMValueRef none = emit_i64(e, 0);
    LLVMValueRef to = LLVMBuildSelect(e->builder, emit_less(e, none, count), end, key, "");
    emit_loop_begin(e, &loop, key, to, g->add_key.height, "group");
    call_adder(g, &g->add_key, block_place(g, block, g->scratch.slopes, rows.first, loop.index),
               g->scratch.query_columns, rows.first, count, g->scratch.d_key, loop.index);
    call_adder(g, &g->add_value, block_place(g, block, g->scratch.weights, rows.first, loop.index),
               g->scratch.d_output_columns, rows.first, count, g->scratch.d_value, loop.index);
    emit_loop_end(e, &loop, NULL);
}

static void emit_block(const Gradient *g, const Block *block) {
    Emitter *e = g->kernel.emitter;
    const AttentionShape *s = &g->kernel.shape;
    Loop loop;
    emit_loop_begin(e, &loop, block->row, emit_add(e, block->row, block->rows), s->height, "rows");
    emit_row_panel(g, block, loop.index);
    emit_loop_end(e, &loop, NULL);
    LLVMValueRef end = emit_add(e, block->key, block->keys);
    emit_loop_begin(e, &loop, block->key, end, s->key_panel, "keys");
    emit_key_panel(g, block, loop.index);
    emit_loop_end(e, &loop, NULL);
}

static void emit_blocks(const Gradient *g, LLVMValueRef batch) {
    Emitter *e = g->kernel.emitter;
    const AttentionShape *s = &g->kernel.shape;
    LLVMValueRef zero = emit_i64(e, 0);
    LLVMValueRef all_keys = emit_i64(e, s->padded_keys), all_rows = emit_i64(e, s->rows);
    Loop keys, rows;
    emit_loop_begin(e, &keys, zero, all_keys, s->key_block, "key_blocks");
    emit_loop_begin(e, &rows, zero, all_rows, s->row_block, "row_blocks");
    Block block = {
        .batch = batch,
        .row = rows.index,
        .rows = emit_min_i64(e, emit_i64(e, s->row_block), emit_sub(e, all_rows, rows.index)),
        .key = keys.index,
        .keys = emit_min_i64(e, emit_i64(e, s->key_block), emit_sub(e, all_keys, keys.index)),
    };
    emit_block(g, &block);
    emit_loop_end(e, &rows, NULL);
    emit_loop_end(e, &keys, NULL);
}

/* --- results --- */

/* Copies sums to a gradient in its order of memory. */
static void store_result(const Gradient *g, int64_t result, LLVMValueRef batch, int64_t sums,
                         const Axes *row_axes, const Axes *column_axes, int64_t padded) {
    const AttentionKernel *k = &g->kernel;
    Emitter *e = k->emitter;
    LLVMValueRef target = attention_result(k, result, batch);
    if (!target)
        return;
    Offsets rows = attention_result_offsets(k, result, row_axes);
    Offsets columns = attention_result_offsets(k, result, column_axes);
    int64_t row_count = axes_elements(k->shape.body, row_axes);
    int64_t column_count = axes_elements(k->shape.body, column_axes);
    uint32_t lanes = k->shape.lanes;
    Loop row, column;
    emit_loop_begin(e, &row, emit_i64(e, 0), emit_i64(e, row_count), 1, "store");
    LLVMValueRef to = attention_float(k, target, emit_offset(e, &rows, row.index));
    LLVMValueRef from = scratch_float(g, sums, emit_mul_const(e, row.index, padded));
    emit_loop_begin(e, &column, emit_i64(e, 0), emit_i64(e, column_count), lanes, "columns");
    LLVMValueRef value = emit_load(e, emit_vector_type(e, e->f32, lanes),
                                   attention_float(k, from, column.index), FLOAT_BYTES);
    emit_store_composite(e, value, to, &columns, column.index, column_count,
                         column_count % lanes == 0);
    emit_loop_end(e, &column, NULL);
    emit_loop_end(e, &row, NULL);
}

static void emit_tiles(const Gradient *g) {
    Emitter *e = g->kernel.emitter;
    const AttentionShape *s = &g->kernel.shape;
    const ScratchPlan *at = &g->scratch;
    Loop loop;
    emit_loop_begin(e, &loop, g->kernel.frame.first, g->kernel.frame.last, 1, "tile");
    LLVMValueRef batch = loop.index;
    call_packs(g, batch);
    clear_sums(g);
    prepare_rows(g, batch);
    emit_blocks(g, batch);
    store_result(g, RESULT_D_QUERY, batch, at->d_query, &s->row_axes, &s->width_axes,
                 s->padded_width);
    store_result(g, RESULT_D_KEY, batch, at->d_key, &s->key_axes, &s->width_axes, s->padded_width);
    store_result(g, RESULT_D_VALUE, batch, at->d_value, &s->key_axes, &s->column_axes,
                 s->padded_columns);
    emit_loop_end(e, &loop, NULL);
}

void emit_attention_grad(Emitter *emitter, const Function *body, const char *symbol) {
    Gradient gradient;
    attention_kernel_open(&gradient.kernel, emitter, body, symbol);
    gradient.scratch = plan_scratch(&gradient.kernel.shape);
    emit_packs(&gradient);
    gradient.score =
        emit_score_function(emitter, &gradient.kernel.shape, symbol, gradient.kernel.operand_count);
    gradient.slope = emit_slope(&gradient);
    emit_adders(&gradient);
    attention_kernel_begin(&gradient.kernel);
    emit_tiles(&gradient);
    emit_kernel_end(emitter, &gradient.kernel.frame);
}
