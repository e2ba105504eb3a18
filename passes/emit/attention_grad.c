/* Attention backwards in one sweep over blocks of scores, which are computed again from the rows'
 * log-sum-exp; five products a block:
 *
 *     weight  = e^(body(query key) - lse)           slope = weight * body'(query key)
 *     d_score = slope * (d_output value - delta)    delta = sum of d_output * output, by row
 *     d_query += d_score key     d_key += d_score^T query     d_value += weight^T d_output
 *
 * A tile is a batch: the three gradients of one batch are summed in scratch, in an order that
 * depends on the shape alone, and stored at its end; or in registers, where there is one block.
 * After Dao, "FlashAttention-2" (2023). */
#include "passes/emit/attention.h"

#include "passes/emit/attention_block.h"
#include "passes/emit/attention_exp.h"
#include "passes/emit/attention_softmax.h"

#include <math.h>

enum { FLOAT_BYTES = 4, RESULT_D_QUERY = 0, RESULT_D_KEY = 1, RESULT_D_VALUE = 2, MAX_ROWS = 16 };

static void place_panels(const AttentionShape *s, GradientPlan *plan) {
    int64_t *size = &plan->size;
    int64_t width = attention_depth(s, s->width), columns = attention_depth(s, s->columns);
    int64_t rows = attention_depth(s, s->rows), keys = attention_depth(s, s->keys);
    plan->query_rows = attention_place(size, s->query_in_place ? 0 : s->padded_rows * width);
    plan->d_output_rows =
        attention_place(size, s->d_output_in_place ? 0 : s->padded_rows * columns);
    plan->key_keys = attention_place(size, s->padded_keys * width);
    plan->value_keys = attention_place(size, s->padded_keys * columns);
    plan->key_columns = attention_place(size, s->padded_width * keys);
    plan->query_columns = attention_place(size, s->padded_width * rows);
    plan->d_output_columns = attention_place(size, s->padded_columns * rows);
}

static GradientPlan plan_scratch(const AttentionShape *s) {
    GradientPlan plan = {0};
    int64_t *size = &plan.size, stride = s->score_stride;
    place_panels(s, &plan);
    plan.offset = attention_place(size, s->padded_rows);
    plan.delta = attention_place(size, s->padded_rows);
    plan.weights = attention_place(size, attention_depth(s, s->row_block) * stride);
    plan.slopes = attention_place(size, (s->pairs ? s->height : s->row_block) * stride);
    plan.d_scores =
        s->pairs ? attention_place(size, attention_depth(s, s->row_block) * stride) : plan.slopes;
    if (s->single)
        return plan;
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

/* --- a batch --- */

static void emit_sides(Gradient *g) {
    const AttentionKernel *k = &g->kernel;
    const AttentionShape *s = &k->shape;
    g->query = attention_left(k, "query_rows", ATTENTION_SOURCE_QUERY, &s->width_axes,
                              s->query_in_place, g->plan.query_rows);
    g->d_output = attention_left(k, "d_output_rows", ATTENTION_SOURCE_D_OUTPUT, &s->column_axes,
                                 s->d_output_in_place, g->plan.d_output_rows);
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

static void call_packs(const Gradient *g, LLVMValueRef batch) {
    const AttentionKernel *k = &g->kernel;
    const AttentionShape *s = &k->shape;
    LLVMValueRef zero = emit_i64(k->emitter, 0), rows = emit_i64(k->emitter, s->rows);
    const struct {
        const AttentionPack *pack;
        int64_t target, count;
    } packs[] = {
        {&g->key_keys, g->plan.key_keys, s->keys},
        {&g->value_keys, g->plan.value_keys, s->keys},
        {&g->key_columns, g->plan.key_columns, s->width},
        {&g->query_columns, g->plan.query_columns, s->width},
        {&g->d_output_columns, g->plan.d_output_columns, s->columns},
    };
    attention_prepare_left(k, &g->query, batch, zero, rows);
    attention_prepare_left(k, &g->d_output, batch, zero, rows);
    for (size_t i = 0; i < sizeof packs / sizeof packs[0]; i++)
        attention_call_pack(k, packs[i].pack, attention_scratch(k, packs[i].target), batch, zero,
                            emit_i64(k->emitter, packs[i].count));
}

static void clear(const Gradient *g, int64_t from, int64_t floats) {
    Emitter *e = g->kernel.emitter;
    LLVMBuildMemSet(e->builder, attention_scratch(&g->kernel, from), LLVMConstNull(e->i8),
                    emit_i64(e, floats * FLOAT_BYTES), FLOAT_BYTES);
}

static void clear_sums(const Gradient *g) {
    const AttentionShape *s = &g->kernel.shape;
    clear(g, g->plan.d_query, s->padded_rows * s->padded_width);
    clear(g, g->plan.d_key, s->padded_keys * s->padded_width);
    clear(g, g->plan.d_value, s->padded_keys * s->padded_columns);
}

/* --- rows --- */

/* One vector for each row of a panel: the sum of d_output * output over the lanes' columns. */
static void multiply_outputs(const Gradient *g, LLVMValueRef batch, LLVMValueRef first,
                             LLVMValueRef *sums) {
    Emitter *e = g->kernel.emitter;
    const AttentionShape *s = &g->kernel.shape;
    static const uint32_t sources[] = {ATTENTION_SOURCE_OUTPUT, ATTENTION_SOURCE_D_OUTPUT};
    LLVMValueRef bases[2], values[2], next[MAX_ROWS];
    Offsets rows[2], columns[2];
    for (int i = 0; i < 2; i++) {
        rows[i] = attention_source_offsets(&g->kernel, sources[i], &s->row_axes);
        columns[i] = attention_source_offsets(&g->kernel, sources[i], &s->column_axes);
        bases[i] = attention_source(&g->kernel, sources[i], batch);
    }
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, s->columns), s->lanes, "columns");
    for (uint32_t r = 0; r < s->height; r++)
        next[r] = emit_loop_carry(e, &loop, emit_f32_lanes(e, 0, s->lanes));
    for (uint32_t r = 0; r < s->height; r++) {
        LLVMValueRef row = emit_add_const(e, first, r);
        if (s->padded_rows != s->rows)
            row = emit_min_i64(e, row, emit_i64(e, s->rows - 1));
        for (int i = 0; i < 2; i++) {
            LLVMValueRef from = emit_element(e, emit_memory_type(e, s->dtype), bases[i],
                                             emit_offset(e, &rows[i], row));
            values[i] = emit_load_composite(e, s->dtype, from, &columns[i], loop.index, s->columns,
                                            s->lanes, s->columns % s->lanes == 0);
        }
        next[r] = emit_fma(e, values[0], values[1], next[r]);
    }
    emit_loop_end(e, &loop, next);
    for (uint32_t r = 0; r < s->height; r++)
        sums[r] = loop.carried[r];
}

/* Where a row is all -inf, or does not exist, the offset is -inf: every weight is 0. */
static LLVMValueRef row_offsets(const Gradient *g, LLVMValueRef batch, LLVMValueRef first) {
    Emitter *e = g->kernel.emitter;
    const AttentionShape *s = &g->kernel.shape;
    const uint32_t lanes = s->height;
    Offsets rows = attention_source_offsets(&g->kernel, ATTENTION_SOURCE_LSE, &s->row_axes);
    LLVMValueRef lse =
        emit_load_composite(e, DTYPE_F32, attention_source(&g->kernel, ATTENTION_SOURCE_LSE, batch),
                            &rows, first, s->rows, lanes, s->padded_rows == s->rows);
    LLVMValueRef none = emit_f32_lanes(e, (double)-INFINITY, lanes);
    LLVMValueRef empty = LLVMBuildFCmp(e->builder, LLVMRealOEQ, lse, none, "");
    LLVMValueRef offset = LLVMBuildFNeg(e->builder, attention_in_base_2(e, lse), "");
    offset = LLVMBuildSelect(e->builder, empty, none, offset, "");
    if (s->padded_rows == s->rows)
        return offset;
    LLVMValueRef exist = emit_count_mask(e, emit_sub(e, emit_i64(e, s->rows), first), lanes);
    return LLVMBuildSelect(e->builder, exist, offset, none, "");
}

/* What the scores of a batch need to know of their rows. */
static void prepare_rows(const Gradient *g, LLVMValueRef batch) {
    Emitter *e = g->kernel.emitter;
    const AttentionShape *s = &g->kernel.shape;
    LLVMValueRef sums[MAX_ROWS];
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, s->rows), s->height, "rows");
    emit_store(e, row_offsets(g, batch, loop.index), scratch_float(g, g->plan.offset, loop.index),
               FLOAT_BYTES);
    multiply_outputs(g, batch, loop.index, sums);
    LLVMValueRef delta = attention_row_lanes(&g->kernel, attention_sum_rows(&g->kernel, sums));
    emit_store(e, LLVMBuildFNeg(e->builder, delta, ""), scratch_float(g, g->plan.delta, loop.index),
               FLOAT_BYTES);
    emit_loop_end(e, &loop, NULL);
}

/* --- blocks --- */

static void emit_blocks(const Gradient *g, LLVMValueRef batch) {
    Emitter *e = g->kernel.emitter;
    const AttentionShape *s = &g->kernel.shape;
    LLVMValueRef zero = emit_i64(e, 0);
    LLVMValueRef all_keys = emit_i64(e, s->padded_keys), all_rows = emit_i64(e, s->rows);
    Loop keys, rows;
    emit_loop_begin(e, &keys, zero, all_keys, s->key_block, "key_blocks");
    emit_loop_begin(e, &rows, zero, all_rows, s->row_block, "row_blocks");
    ScoreArea block = {
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
    DType dtype = attention_result_type(k, result);
    LLVMValueRef to =
        emit_element(e, emit_memory_type(e, dtype), target, emit_offset(e, &rows, row.index));
    LLVMValueRef from = scratch_float(g, sums, emit_mul_const(e, row.index, padded));
    emit_loop_begin(e, &column, emit_i64(e, 0), emit_i64(e, column_count), lanes, "columns");
    LLVMValueRef value = emit_load(e, emit_vector_type(e, e->f32, lanes),
                                   attention_float(k, from, column.index), FLOAT_BYTES);
    emit_store_composite(e, dtype, value, to, &columns, column.index, column_count,
                         column_count % lanes == 0);
    emit_loop_end(e, &column, NULL);
    emit_loop_end(e, &row, NULL);
}

static void store_results(const Gradient *g, LLVMValueRef batch) {
    const AttentionShape *s = &g->kernel.shape;
    store_result(g, RESULT_D_QUERY, batch, g->plan.d_query, &s->row_axes, &s->width_axes,
                 s->padded_width);
    store_result(g, RESULT_D_KEY, batch, g->plan.d_key, &s->key_axes, &s->width_axes,
                 s->padded_width);
    store_result(g, RESULT_D_VALUE, batch, g->plan.d_value, &s->key_axes, &s->column_axes,
                 s->padded_columns);
}

static void emit_tiles(const Gradient *g) {
    Emitter *e = g->kernel.emitter;
    bool single = g->kernel.shape.single;
    Loop loop;
    emit_loop_begin(e, &loop, g->kernel.frame.first, g->kernel.frame.last, 1, "tile");
    LLVMValueRef batch = loop.index;
    call_packs(g, batch);
    prepare_rows(g, batch);
    if (!single)
        clear_sums(g);
    emit_blocks(g, batch);
    if (!single)
        store_results(g, batch);
    emit_loop_end(e, &loop, NULL);
}

void emit_attention_grad(Emitter *emitter, const Function *body, const char *symbol) {
    Gradient gradient = {0};
    attention_kernel_open(&gradient.kernel, emitter, body, symbol);
    gradient.plan = plan_scratch(&gradient.kernel.shape);
    emit_sides(&gradient);
    emit_block_parts(&gradient);
    attention_kernel_begin(&gradient.kernel);
    emit_tiles(&gradient);
    emit_kernel_end(emitter, &gradient.kernel.frame);
}
