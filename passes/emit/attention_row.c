/* A tile is a batch (an image's head), which one thread computes alone:
 *
 *     for its rows
 *       the keys that the mask may leave (attention_body.h)
 *       scores[key] = sum of query * key, a vector of products for each key, then its lanes
 *       the body and the softmax, in vectors of scores
 *       output += weight[key] * value[key], key by key
 *
 * Rows of scores lie in scratch. Sums of products are f32, whatever the sources are. Where
 * attention_pairs.h takes them, scores and output are made of groups of keys. */
#include "passes/emit/attention_row.h"

#include "passes/emit/attention_body.h"
#include "passes/emit/attention_exp.h"
#include "passes/emit/attention_pairs.h"

#include <math.h>

enum {
    FLOAT_BYTES = 4,
    MOST_ROWS = 4,
    MOST_VECTORS = 64, /* of a query */
    PANEL_VECTORS = 8, /* of the output, summed at once in registers */
    RESULT_OUTPUT = 0,
    LINE_BYTES = 64,
    AHEAD_BYTES = 4 << 10, /* what memory takes to answer two threads that read apace */
};

typedef struct Row {
    AttentionKernel *kernel;
    Emitter *emitter;
    const AttentionShape *shape;
    Offsets query, key, value, output; /* along the innermost axis */
    AttentionBody body;
    LLVMValueRef scores; /* in scratch: of key 0 */
    bool groups;         /* keys are taken in groups (attention_pairs.h) */
} Row;

/* The row at hand. */
typedef struct RowPlace {
    LLVMValueRef batch, row;
    LLVMValueRef next; /* the batch after it, if there is one */
    LLVMValueRef query, output;
    LLVMValueRef first, last; /* keys */
} RowPlace;

/* --- what is taken --- */

static bool is_side_by_side(const Function *body, const Axes *composite, const Axes *tensor) {
    const Offsets offsets = offsets_of(body, composite, tensor);
    return offsets_uniform(&offsets) &&
           (offsets_stride(&offsets) == 1 || axes_elements(body, composite) == 1);
}

/* The output, which is the only one. */
static const Node *only_output(const AttentionShape *shape) {
    const Node *result = graph_node(shape->body, shape->body->outputs[0].node);
    return shape->body->output_count == 1 && result->attributes.amount == RESULT_OUTPUT ? result
                                                                                        : NULL;
}

bool attention_row_accepts(const AttentionShape *shape) {
    const Function *body = shape->body;
    if (shape->gradient || shape->rows > MOST_ROWS || !only_output(shape) ||
        shape->width > MOST_VECTORS * shape->lanes)
        return false;
    const Axes *query = &attention_source_node(shape, ATTENTION_SOURCE_QUERY)->axes;
    const Axes *key = &attention_source_node(shape, ATTENTION_SOURCE_KEY)->axes;
    const Axes *value = &attention_source_node(shape, ATTENTION_SOURCE_VALUE)->axes;
    return is_side_by_side(body, &shape->width_axes, query) &&
           is_side_by_side(body, &shape->width_axes, key) &&
           is_side_by_side(body, &shape->column_axes, value) &&
           is_side_by_side(body, &shape->column_axes, &only_output(shape)->axes);
}

/* Where in scratch scores are, in bytes, and what groups of keys need. */
typedef struct RowScratch {
    int64_t scores; /* 0: they are first */
    int64_t weights, mask, partial;
} RowScratch;

static RowScratch place_scratch(const AttentionShape *shape, int64_t *size) {
    const int64_t keys = shape->padded_keys + shape->lanes;
    RowScratch scratch = {.scores = attention_place(size, keys)};
    if (shape->pairs) {
        scratch.weights = attention_place(size, ATTENTION_KEY_GROUP / 2);
        scratch.mask = attention_place(size, ATTENTION_KEY_GROUP / 2);
        scratch.partial = attention_place(size, ATTENTION_KEY_GROUP / 2 * shape->lanes);
    }
    return scratch;
}

/* Keys that are masked count too: how many there are is known when running. */
void attention_row_measure(const AttentionShape *shape, KernelShape *kernel) {
    *kernel = (KernelShape){
        .tiles = shape->batches,
        .flops = attention_flops(shape),
        .bytes = attention_operand_bytes(shape->body),
    };
    place_scratch(shape, &kernel->scratch_bytes);
}

/* --- steps --- */

static LLVMValueRef score_at(const Row *row, LLVMValueRef key) {
    return emit_element(row->emitter, row->emitter->f32, row->scores, key);
}

/* A vector of the innermost axis. */
static LLVMValueRef load_vector(const Row *row, LLVMValueRef base, const Offsets *offsets,
                                uint32_t vector, int64_t extent) {
    Emitter *e = row->emitter;
    const AttentionShape *s = row->shape;
    const int64_t first = (int64_t)vector * s->lanes;
    return emit_load_composite(e, s->dtype, base, offsets, emit_i64(e, first), extent, s->lanes,
                               first + s->lanes <= extent);
}

static LLVMValueRef element_at(const Row *row, LLVMValueRef base, LLVMValueRef index) {
    return attention_element(row->kernel, row->shape->dtype, base, index);
}

static uint32_t vectors_of(const AttentionShape *shape, int64_t extent) {
    return (uint32_t)((extent + shape->lanes - 1) / shape->lanes);
}

/* --- asking memory ahead --- */

/* A side's rows of the keys that count, one after another. */
typedef struct Side {
    LLVMValueRef base; /* at key 0 */
    Offsets keys;
} Side;

static Side key_side(const Row *row, LLVMValueRef batch) {
    return (Side){
        attention_source(row->kernel, ATTENTION_SOURCE_KEY, batch),
        attention_source_offsets(row->kernel, ATTENTION_SOURCE_KEY, &row->shape->key_axes)};
}

static Side value_side(const Row *row, LLVMValueRef batch) {
    return (Side){
        attention_source(row->kernel, ATTENTION_SOURCE_VALUE, batch),
        attention_source_offsets(row->kernel, ATTENTION_SOURCE_VALUE, &row->shape->key_axes)};
}

static LLVMValueRef row_at(const Row *row, const Side *side, LLVMValueRef key) {
    return element_at(row, side->base, emit_offset(row->emitter, &side->keys, key));
}

/* The row that is read so many bytes after that of `key`: beyond the last one, of what is read
 * next. */
static void ask_ahead(const Row *row, const RowPlace *place, const Side *side, const Side *next,
                      LLVMValueRef key) {
    Emitter *e = row->emitter;
    const int64_t bytes = offsets_stride(&side->keys) * (int64_t)dtype_size(row->shape->dtype);
    if (bytes == 0)
        return; /* one key */
    const int64_t ahead = bytes < AHEAD_BYTES ? AHEAD_BYTES / bytes : 1;
    LLVMValueRef later = emit_add_const(e, key, ahead);
    LLVMValueRef beyond = emit_add(e, place->first, emit_sub(e, later, place->last));
    LLVMValueRef at = LLVMBuildSelect(e->builder, emit_less(e, later, place->last),
                                      row_at(row, side, later), row_at(row, next, beyond), "");
    for (int64_t line = 0; line < bytes; line += LINE_BYTES)
        emit_prefetch(e, emit_element(e, e->i8, at, emit_i64(e, line)), PREFETCH_L1);
}

/* scores[key] of the keys that count. */
static void emit_scores(const Row *row, const RowPlace *place) {
    Emitter *e = row->emitter;
    const AttentionShape *s = row->shape;
    const uint32_t vectors = vectors_of(s, s->width);
    const Side keys = key_side(row, place->batch), values = value_side(row, place->batch);
    LLVMValueRef *query = arena_array(e->arena, vectors, sizeof *query);
    for (uint32_t v = 0; v < vectors; v++)
        query[v] = load_vector(row, place->query, &row->query, v, s->width);
    Loop loop;
    emit_loop_begin(e, &loop, place->first, place->last, 1, "scores");
    LLVMValueRef key = row_at(row, &keys, loop.index);
    ask_ahead(row, place, &keys, &values, loop.index);
    LLVMValueRef sum = emit_f32_lanes(e, 0, s->lanes);
    for (uint32_t v = 0; v < vectors; v++)
        sum = emit_fma(e, query[v], load_vector(row, key, &row->key, v, s->width), sum);
    LLVMValueRef score = s->lanes > 1 ? emit_sum_lanes(e, sum) : sum;
    emit_store(e, score, score_at(row, loop.index), FLOAT_BYTES);
    emit_loop_end(e, &loop, NULL);
}

/* One pass over vectors of scores: their values are changed, and collected by lane. */
typedef LLVMValueRef ScoreStep(const Row *row, const RowPlace *place, LLVMValueRef key,
                               LLVMValueRef scores, LLVMValueRef with);
typedef LLVMValueRef Collect(Emitter *emitter, LLVMValueRef a, LLVMValueRef b);

static LLVMValueRef for_scores(const Row *row, const RowPlace *place, ScoreStep *step,
                               LLVMValueRef with, Collect *collect, double start) {
    Emitter *e = row->emitter;
    const uint32_t lanes = row->shape->lanes;
    Loop loop;
    emit_loop_begin(e, &loop, place->first, place->last, lanes, "softmax");
    LLVMValueRef kept = emit_loop_carry(e, &loop, emit_f32_lanes(e, start, lanes));
    LLVMValueRef at = score_at(row, loop.index);
    LLVMValueRef scores = emit_load(e, emit_vector_type(e, e->f32, lanes), at, FLOAT_BYTES);
    LLVMValueRef value = step(row, place, loop.index, scores, with);
    emit_store(e, value, at, FLOAT_BYTES);
    LLVMValueRef next = collect(e, value, kept);
    emit_loop_end(e, &loop, &next);
    return loop.carried[0];
}

static LLVMValueRef apply_body(const Row *row, const RowPlace *place, LLVMValueRef key,
                               LLVMValueRef scores, LLVMValueRef with) {
    (void)with;
    Emitter *e = row->emitter;
    LLVMValueRef left = emit_sub(e, place->last, key);
    LLVMValueRef mask = emit_count_mask(e, left, row->shape->lanes);
    return attention_body_value(&row->body, place->batch, place->row, key, scores, mask);
}

static LLVMValueRef to_weight(const Row *row, const RowPlace *place, LLVMValueRef key,
                              LLVMValueRef scores, LLVMValueRef with) {
    (void)place;
    (void)key;
    return attention_weight(row->emitter, scores, with, false);
}

static LLVMValueRef add(Emitter *e, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildFAdd(e->builder, a, b, "");
}

/* Of weights, from the largest scores by lane; 0 where all are masked. */
static LLVMValueRef weight_offset(Emitter *e, LLVMValueRef maxima) {
    LLVMValueRef largest = emit_max_lanes(e, maxima);
    return emit_splat(e, attention_offset(e, largest), emit_lanes(maxima));
}

/* Scores to weights; gives the inverse of their sum. */
static LLVMValueRef emit_softmax(const Row *row, const RowPlace *place) {
    Emitter *e = row->emitter;
    LLVMValueRef maxima = for_scores(row, place, apply_body, NULL, emit_max_f32, (double)-INFINITY);
    return attention_inverse(e,
                             for_scores(row, place, to_weight, weight_offset(e, maxima), add, 0));
}

static void store_columns(const Row *row, const RowPlace *place, uint32_t vector, LLVMValueRef sum,
                          LLVMValueRef inverse) {
    Emitter *e = row->emitter;
    const AttentionShape *s = row->shape;
    const int64_t first = (int64_t)vector * s->lanes;
    LLVMValueRef scale = emit_splat(e, inverse, s->lanes);
    emit_store_composite(e, attention_result_type(row->kernel, RESULT_OUTPUT),
                         LLVMBuildFMul(e->builder, sum, scale, ""), place->output, &row->output,
                         emit_i64(e, first), s->columns, first + s->lanes <= s->columns);
}

/* Some vectors of the output, from vector `from` on. */
static void emit_panel(const Row *row, const RowPlace *place, uint32_t from, uint32_t count,
                       LLVMValueRef inverse) {
    Emitter *e = row->emitter;
    const AttentionShape *s = row->shape;
    const Side values = value_side(row, place->batch), keys = key_side(row, place->next);
    LLVMValueRef sums[PANEL_VECTORS], next[PANEL_VECTORS];
    Loop loop;
    emit_loop_begin(e, &loop, place->first, place->last, 1, "values");
    for (uint32_t v = 0; v < count; v++)
        sums[v] = emit_loop_carry(e, &loop, emit_f32_lanes(e, 0, s->lanes));
    LLVMValueRef value = row_at(row, &values, loop.index);
    if (from == 0)
        ask_ahead(row, place, &values, &keys, loop.index);
    LLVMValueRef weight =
        emit_splat(e, emit_load(e, e->f32, score_at(row, loop.index), FLOAT_BYTES), s->lanes);
    for (uint32_t v = 0; v < count; v++)
        next[v] = emit_fma(e, weight, load_vector(row, value, &row->value, from + v, s->columns),
                           sums[v]);
    emit_loop_end(e, &loop, next);
    for (uint32_t v = 0; v < count; v++)
        store_columns(row, place, from + v, loop.carried[v], inverse);
}

/* --- a row --- */

/* One key after another. */
static void emit_keys(const Row *row, const RowPlace *place) {
    const uint32_t vectors = vectors_of(row->shape, row->shape->columns);
    emit_scores(row, place);
    LLVMValueRef inverse = emit_softmax(row, place);
    for (uint32_t from = 0; from < vectors; from += PANEL_VECTORS) {
        const uint32_t left = vectors - from;
        emit_panel(row, place, from, left < PANEL_VECTORS ? left : PANEL_VECTORS, inverse);
    }
}

/* Keys in groups. */
typedef struct GroupBody {
    const Row *row;
    const RowPlace *place;
} GroupBody;

static LLVMValueRef group_body(const void *user, LLVMValueRef key, LLVMValueRef scores,
                               LLVMValueRef mask) {
    const GroupBody *body = user;
    const RowPlace *place = body->place;
    return attention_body_value(&body->row->body, place->batch, place->row, key, scores, mask);
}

static void emit_groups(const Row *row, const RowPlace *place) {
    const AttentionKernel *k = row->kernel;
    int64_t size = 0;
    const RowScratch scratch = place_scratch(row->shape, &size);
    const GroupBody body = {row, place};
    const PairsRow pairs = {
        .kernel = k,
        .batch = place->batch,
        .next = place->next,
        .query = place->query,
        .first = place->first,
        .last = place->last,
        .body = group_body,
        .user = &body,
        .scores = row->scores,
        .weights = attention_scratch(k, scratch.weights),
        .mask = attention_scratch(k, scratch.mask),
        .partial = attention_scratch(k, scratch.partial),
    };
    PairsSums sums = {.offset = weight_offset(row->emitter, emit_pairs_scores(&pairs))};
    emit_pairs_values(&pairs, &sums);
    LLVMValueRef inverse = attention_inverse(row->emitter, sums.weights);
    for (uint32_t v = 0; v < vectors_of(row->shape, row->shape->columns); v++)
        store_columns(row, place, v, sums.columns[v], inverse);
}

static LLVMValueRef row_of(const Row *row, LLVMValueRef tensor, const Offsets *rows, DType dtype,
                           LLVMValueRef index) {
    return attention_element(row->kernel, dtype, tensor, emit_offset(row->emitter, rows, index));
}

static void emit_row(const Row *row, LLVMValueRef batch, LLVMValueRef index) {
    const AttentionShape *s = row->shape;
    const AttentionKernel *k = row->kernel;
    const Offsets queries = attention_source_offsets(k, ATTENTION_SOURCE_QUERY, &s->row_axes);
    const Offsets outputs = attention_result_offsets(k, RESULT_OUTPUT, &s->row_axes);
    const AttentionKeys keys = attention_body_keys(&row->body, batch, index, 1);
    RowPlace place = {
        .batch = batch,
        .row = index,
        .query = row_of(row, attention_source(k, ATTENTION_SOURCE_QUERY, batch), &queries, s->dtype,
                        index),
        .next = emit_min_i64(row->emitter, emit_add_const(row->emitter, batch, 1),
                             emit_i64(row->emitter, s->batches - 1)),
        .output = row_of(row, attention_result(k, RESULT_OUTPUT, batch), &outputs,
                         attention_result_type(k, RESULT_OUTPUT), index),
        .first = keys.first,
        .last = keys.last,
    };
    if (row->groups)
        emit_groups(row, &place);
    else
        emit_keys(row, &place);
}

void emit_attention_row(AttentionKernel *kernel) {
    Emitter *e = kernel->emitter;
    const AttentionShape *s = &kernel->shape;
    attention_kernel_begin(kernel);
    Row row = {
        .kernel = kernel,
        .emitter = e,
        .shape = s,
        .query = attention_source_offsets(kernel, ATTENTION_SOURCE_QUERY, &s->width_axes),
        .key = attention_source_offsets(kernel, ATTENTION_SOURCE_KEY, &s->width_axes),
        .value = attention_source_offsets(kernel, ATTENTION_SOURCE_VALUE, &s->column_axes),
        .output = attention_result_offsets(kernel, RESULT_OUTPUT, &s->column_axes),
        .body = attention_body(kernel),
        .scores = kernel->frame.scratch,
        .groups = attention_pairs_accepts(kernel),
    };
    Loop batches, rows;
    emit_loop_begin(e, &batches, kernel->frame.first, kernel->frame.last, 1, "batch");
    emit_loop_begin(e, &rows, emit_i64(e, 0), emit_i64(e, s->rows), 1, "row");
    emit_row(&row, batches.index, rows.index);
    emit_loop_end(e, &rows, NULL);
    emit_loop_end(e, &batches, NULL);
    emit_kernel_end(e, &kernel->frame);
}
