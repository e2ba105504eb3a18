/* Rows are reduced together: a tree that halves two rows' lanes and puts the halves side by side
 * takes a third of the steps, and ends with a vector over the rows, which one division and one
 * logarithm serve. */
#include "passes/emit/attention_softmax.h"

#include "passes/emit/attention_exp.h"
#include "passes/emit/bf16.h"
#include "passes/emit/math.h"

#include <math.h>

enum { FLOAT_BYTES = 4, BF16_BYTES = 2, MAX_ROWS = 16, ROWS_AT_ONCE = 8 };

/* --- reductions --- */

typedef LLVMValueRef Combine(Emitter *emitter, LLVMValueRef a, LLVMValueRef b);

static LLVMValueRef add(Emitter *e, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildFAdd(e->builder, a, b, "");
}

/* Two vectors whose lanes are in blocks, each of one row (or of several, one after another), to one
 * with half the lanes of each block: `a` in the even blocks, `b` in the odd ones. */
static LLVMValueRef merge(Emitter *e, LLVMValueRef a, LLVMValueRef b, uint32_t block,
                          Combine *combine) {
    uint32_t lanes = emit_lanes(a);
    uint32_t *low = arena_array(e->arena, lanes, sizeof *low);
    uint32_t *high = arena_array(e->arena, lanes, sizeof *high);
    for (uint32_t lane = 0; lane < lanes; lane++) {
        bool second = lane & block;
        low[lane] = second ? lanes + lane - block : lane;
        high[lane] = low[lane] + block;
    }
    return combine(e, emit_shuffle(e, a, b, low, lanes), emit_shuffle(e, a, b, high, lanes));
}

/* Neighbouring lanes to one until `count` are left. */
static LLVMValueRef fold(Emitter *e, LLVMValueRef vector, uint32_t count, Combine *combine) {
    for (uint32_t lanes = emit_lanes(vector) / 2; lanes >= count; lanes /= 2) {
        uint32_t *even = arena_array(e->arena, lanes, sizeof *even);
        uint32_t *odd = arena_array(e->arena, lanes, sizeof *odd);
        for (uint32_t lane = 0; lane < lanes; lane++) {
            even[lane] = 2 * lane;
            odd[lane] = 2 * lane + 1;
        }
        vector = combine(e, emit_shuffle(e, vector, vector, even, lanes),
                         emit_shuffle(e, vector, vector, odd, lanes));
    }
    return vector;
}

/* `count` rows, a power of two that is no more than the lanes. */
static LLVMValueRef reduce_group(Emitter *e, LLVMValueRef *rows, uint32_t count, Combine *combine) {
    uint32_t block = emit_lanes(rows[0]) / 2, left = count;
    for (; left > 1; left /= 2, block /= 2)
        for (uint32_t i = 0; i < left / 2; i++)
            rows[i] = merge(e, rows[i], rows[i + left / 2], block, combine);
    return fold(e, rows[0], count, combine);
}

static LLVMValueRef join(Emitter *e, LLVMValueRef a, LLVMValueRef b) {
    uint32_t lanes = emit_lanes(a) + emit_lanes(b);
    uint32_t *numbers = arena_array(e->arena, lanes, sizeof *numbers);
    for (uint32_t lane = 0; lane < lanes; lane++)
        numbers[lane] = lane;
    return emit_shuffle(e, a, b, numbers, lanes);
}

static LLVMValueRef reduce_rows(const AttentionKernel *kernel, const LLVMValueRef *vectors,
                                Combine *combine) {
    Emitter *e = kernel->emitter;
    const AttentionShape *s = &kernel->shape;
    LLVMValueRef rows[MAX_ROWS];
    for (uint32_t r = 0; r < s->row_lanes; r++)
        rows[r] = vectors[r < s->height ? r : s->height - 1];
    uint32_t group = s->row_lanes < s->lanes ? s->row_lanes : s->lanes;
    uint32_t groups = s->row_lanes / group;
    for (uint32_t g = 0; g < groups; g++)
        rows[g] = reduce_group(e, rows + g * group, group, combine);
    for (; groups > 1; groups /= 2)
        for (uint32_t g = 0; g < groups / 2; g++)
            rows[g] = join(e, rows[2 * g], rows[2 * g + 1]);
    return rows[0];
}

LLVMValueRef attention_sum_rows(const AttentionKernel *kernel, const LLVMValueRef *vectors) {
    return reduce_rows(kernel, vectors, add);
}

LLVMValueRef attention_row_lanes(const AttentionKernel *kernel, LLVMValueRef rows) {
    uint32_t numbers[MAX_ROWS];
    for (uint32_t r = 0; r < kernel->shape.height; r++)
        numbers[r] = r;
    if (kernel->shape.height == kernel->shape.row_lanes)
        return rows;
    return emit_shuffle(kernel->emitter, rows, rows, numbers, kernel->shape.height);
}

/* --- softmax --- */

typedef struct Softmax {
    const AttentionKernel *kernel;
    LLVMValueRef function;
} Softmax;

static LLVMValueRef parameter(const Softmax *softmax, SoftmaxParameter which) {
    return LLVMGetParam(softmax->function, which);
}

static LLVMValueRef score_place(const Softmax *softmax, uint32_t row, LLVMValueRef key) {
    int64_t start = row * softmax->kernel->shape.score_stride;
    return attention_float(softmax->kernel, parameter(softmax, SOFTMAX_SCORES),
                           emit_add_const(softmax->kernel->emitter, key, start));
}

static LLVMValueRef load_scores(const Softmax *softmax, uint32_t row, LLVMValueRef key) {
    Emitter *e = softmax->kernel->emitter;
    return emit_load(e, emit_vector_type(e, e->f32, e->lanes), score_place(softmax, row, key),
                     FLOAT_BYTES);
}

static void store_weights(const Softmax *softmax, uint32_t row, LLVMValueRef key,
                          LLVMValueRef weights) {
    Emitter *e = softmax->kernel->emitter;
    const AttentionShape *s = &softmax->kernel->shape;
    if (!s->pairs) {
        emit_store(e, weights, score_place(softmax, row, key), FLOAT_BYTES);
        return;
    }
    LLVMValueRef at = emit_add_const(e, key, 2 * row * s->score_stride);
    emit_store(e, emit_to_bf16(e, weights),
               emit_element(e, e->i16, parameter(softmax, SOFTMAX_WEIGHTS), at), BF16_BYTES);
}

static LLVMValueRef row_maxima(const Softmax *softmax) {
    Emitter *e = softmax->kernel->emitter;
    const uint32_t height = softmax->kernel->shape.height;
    LLVMValueRef next[MAX_ROWS];
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), parameter(softmax, SOFTMAX_COUNT), e->lanes,
                    "maxima");
    for (uint32_t r = 0; r < height; r++)
        next[r] = emit_loop_carry(e, &loop, emit_f32_lanes(e, (double)-INFINITY, e->lanes));
    for (uint32_t r = 0; r < height; r++)
        next[r] = emit_max_f32(e, load_scores(softmax, r, loop.index), next[r]);
    emit_loop_end(e, &loop, next);
    return reduce_rows(softmax->kernel, loop.carried, emit_max_f32);
}

/* Some rows' scores to weights, whose sums are added up by lane. */
static void exponentials(const Softmax *softmax, LLVMValueRef offsets, uint32_t first,
                         uint32_t rows, LLVMValueRef *sums) {
    Emitter *e = softmax->kernel->emitter;
    LLVMValueRef bases[MAX_ROWS], next[MAX_ROWS];
    for (uint32_t r = 0; r < rows; r++) {
        LLVMValueRef from = attention_float(softmax->kernel, offsets, emit_i64(e, first + r));
        bases[r] = emit_splat(e, emit_load(e, e->f32, from, FLOAT_BYTES), e->lanes);
    }
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), parameter(softmax, SOFTMAX_COUNT), e->lanes,
                    "exponentials");
    for (uint32_t r = 0; r < rows; r++)
        next[r] = emit_loop_carry(e, &loop, emit_f32_lanes(e, 0, e->lanes));
    for (uint32_t r = 0; r < rows; r++) {
        LLVMValueRef weights = attention_weight(e, load_scores(softmax, first + r, loop.index),
                                                bases[r], softmax->kernel->shape.pairs);
        store_weights(softmax, first + r, loop.index, weights);
        next[r] = add(e, next[r], weights);
    }
    emit_loop_end(e, &loop, next);
    for (uint32_t r = 0; r < rows; r++)
        sums[first + r] = loop.carried[r];
}

static LLVMValueRef row_sums(const Softmax *softmax, LLVMValueRef bases) {
    const AttentionShape *s = &softmax->kernel->shape;
    Emitter *e = softmax->kernel->emitter;
    LLVMValueRef sums[MAX_ROWS];
    LLVMValueRef offsets = emit_frame_array(e, e->f32, s->row_lanes, "offsets");
    emit_store(e, LLVMBuildFNeg(e->builder, attention_in_base_2(e, bases), ""), offsets,
               FLOAT_BYTES);
    for (uint32_t first = 0; first < s->height; first += ROWS_AT_ONCE) {
        uint32_t rest = s->height - first;
        exponentials(softmax, offsets, first, rest < ROWS_AT_ONCE ? rest : ROWS_AT_ONCE, sums);
    }
    return reduce_rows(softmax->kernel, sums, add);
}

static LLVMValueRef where_equal(Emitter *e, LLVMValueRef value, double constant,
                                LLVMValueRef otherwise) {
    uint32_t lanes = emit_lanes(value);
    LLVMValueRef equal =
        LLVMBuildFCmp(e->builder, LLVMRealOEQ, value, emit_f32_lanes(e, constant, lanes), "");
    return LLVMBuildSelect(e->builder, equal, emit_f32_lanes(e, 0, lanes), otherwise, "");
}

static void store_statistics(const Softmax *softmax, LLVMValueRef largest, LLVMValueRef sum,
                             int64_t lse_result) {
    Emitter *e = softmax->kernel->emitter;
    const AttentionShape *s = &softmax->kernel->shape;
    LLVMValueRef inverse = LLVMBuildFDiv(e->builder, emit_f32_lanes(e, 1, s->row_lanes), sum, "");
    emit_store(e, where_equal(e, sum, 0, inverse), parameter(softmax, SOFTMAX_INVERSE),
               FLOAT_BYTES);
    if (attention_result_type(softmax->kernel, lse_result) == DTYPE_NONE)
        return;
    LLVMValueRef lse = attention_row_lanes(softmax->kernel, add(e, largest, math_log(e, sum)));
    Offsets rows = attention_result_offsets(softmax->kernel, lse_result, &s->row_axes);
    emit_store_composite(e, DTYPE_F32, lse, parameter(softmax, SOFTMAX_LSE), &rows,
                         parameter(softmax, SOFTMAX_ROW), s->rows, s->padded_rows == s->rows);
}

LLVMValueRef emit_softmax_function(const AttentionKernel *kernel, int64_t lse_result) {
    Emitter *e = kernel->emitter;
    LLVMTypeRef types[SOFTMAX_PARAMETERS] = {e->pointer, e->pointer, e->i64,
                                             e->i64,     e->pointer, e->pointer};
    LLVMTypeRef type = LLVMFunctionType(e->void_type, types, SOFTMAX_PARAMETERS, false);
    const char *name = arena_printf(e->arena, "%s.softmax", kernel->symbol);
    Place place = emit_function_enter(e, name, type, false);
    Softmax softmax = {kernel, e->function};
    LLVMValueRef largest = row_maxima(&softmax);
    LLVMValueRef sum = row_sums(&softmax, where_equal(e, largest, (double)-INFINITY, largest));
    store_statistics(&softmax, largest, sum, lse_result);
    return emit_function_leave(e, place);
}
