#include "passes/emit/attention_score.h"

#include "passes/autodiff.h"
#include "passes/emit/attention_mask.h"
#include "passes/emit/kernel.h"
#include "passes/emit/math.h"
#include "passes/emit/offsets.h"
#include "passes/emit/site.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FLOAT_BYTES = 4 };

/* A body's function with what its inputs are. */
typedef struct ScoreBody {
    const Function *function;
    Evaluator evaluator;
    NodeId score, d_score; /* inputs; NODE_NONE: it has none */
} ScoreBody;

typedef struct Score {
    Emitter *emitter;
    const AttentionShape *shape;
    LLVMValueRef function;
    Product product;
    ScoreBody body, derivative; /* the derivative in the gradient alone */
} Score;

Product attention_product(const AttentionShape *shape, uint32_t height, uint32_t width,
                          int64_t left_row, int64_t left_depth, int64_t depth) {
    return (Product){
        .height = height,
        .vectors = width / shape->lanes,
        .lanes = shape->lanes,
        .last_lanes = shape->lanes,
        .left_row = left_row,
        .left_depth = left_depth,
        .right_depth = width,
        .depth_rest = depth % PRODUCT_UNROLL,
        .depth_short = depth < PRODUCT_UNROLL,
    };
}

static LLVMValueRef parameter(const Score *score, ScoreParameter which) {
    return LLVMGetParam(score->function, which);
}

/* --- the body's operands --- */

/* Input "x3" is the attention's extra source number 3, an input of the kernel. */
static LLVMValueRef extra_operand(const Score *score, const char *name) {
    const AttentionShape *shape = score->shape;
    uint32_t extra = (uint32_t)strtoul(name + 1, NULL, 10);
    NodeId source = shape->node->sources[shape->first_extra + extra];
    return LLVMGetParam(score->function, SCORE_OPERANDS + kernel_input_number(shape->body, source));
}

static ScoreBody describe_body(const Score *score, const Function *function) {
    Emitter *e = score->emitter;
    ScoreBody body = {.function = function,
                      .score = function_find_binding(function, "score"),
                      .d_score = function_find_binding(function, "d_score")};
    uint32_t count = kernel_input_count(function);
    LLVMValueRef *operands = arena_array(e->arena, count, sizeof *operands);
    for (uint32_t i = 0; i < count; i++) {
        NodeId id = kernel_input(function, i);
        if (id != body.score && id != body.d_score)
            operands[i] = extra_operand(score, graph_node(function, id)->attributes.name);
    }
    body.evaluator = evaluator_create(e, function, operands, NULL);
    return body;
}

/* --- places --- */

/* The axis of the kernel's body by its name in the score's body. */
static AxisId inner_axis(const AttentionShape *shape, const Function *inner, AxisId axis) {
    return function_find_axis(inner, graph_axis(shape->body, axis)->name);
}

static void place_index(const Score *score, Site *site, const Function *inner, const Axes *axes,
                        LLVMValueRef index) {
    Emitter *e = score->emitter;
    for (int i = axes->count; i-- > 0;) {
        int64_t extent = graph_axis(score->shape->body, axes->at[i])->extent;
        LLVMValueRef place = i ? emit_mod_const(e, index, extent) : index;
        AxisId axis = inner_axis(score->shape, inner, axes->at[i]);
        if (axis != AXIS_NONE)
            site->at[axis] = (Coordinate){COORDINATE_SAME, place};
        index = emit_div_const(e, index, extent);
    }
}

/* Rows beyond the last read as the last does. */
static LLVMValueRef row_index(const Score *score, uint32_t row) {
    Emitter *e = score->emitter;
    LLVMValueRef index = emit_add_const(e, parameter(score, SCORE_ROW), row);
    if (score->shape->padded_rows == score->shape->rows)
        return index;
    return emit_min_i64(e, index, emit_i64(e, score->shape->rows - 1));
}

static LLVMValueRef first_key(const Score *score, uint32_t vector) {
    return emit_add_const(score->emitter, parameter(score, SCORE_FIRST_KEY),
                          (int64_t)vector * score->shape->lanes);
}

/* Lanes whose keys exist; NULL: all do, always. */
static LLVMValueRef valid_keys(const Score *score, uint32_t vector) {
    Emitter *e = score->emitter;
    const AttentionShape *shape = score->shape;
    if (shape->padded_keys == shape->keys)
        return NULL;
    LLVMValueRef left = emit_sub(e, emit_i64(e, shape->keys), first_key(score, vector));
    return emit_count_mask(e, left, shape->lanes);
}

/* The value of the body's output for one vector of sums. */
static LLVMValueRef body_value(const Score *score, const ScoreBody *body, uint32_t row,
                               uint32_t vector, LLVMValueRef sum) {
    const AttentionShape *shape = score->shape;
    Site *site = site_create(&body->evaluator, NULL, shape->lanes);
    site->mask = valid_keys(score, vector);
    place_index(score, site, body->function, &shape->batch_axes, parameter(score, SCORE_BATCH));
    place_index(score, site, body->function, &shape->row_axes, row_index(score, row));
    AxisId keys = inner_axis(shape, body->function, shape->key_axes.at[0]);
    if (keys != AXIS_NONE)
        site->at[keys] = (Coordinate){COORDINATE_RAMP, first_key(score, vector)};
    if (body->score != NODE_NONE)
        site->values[body->score] = sum;
    if (body->d_score != NODE_NONE)
        site->values[body->d_score] = emit_f32_lanes(score->emitter, 1, shape->lanes);
    return site_lanes(site, body->function->outputs[0].node);
}

/* --- results --- */

static LLVMValueRef target_place(const Score *score, ScoreParameter base, uint32_t row,
                                 uint32_t vector) {
    Emitter *e = score->emitter;
    LLVMValueRef start = emit_mul_const(e, parameter(score, SCORE_STRIDE), row);
    LLVMValueRef offset = emit_add_const(e, start, (int64_t)vector * score->shape->lanes);
    return emit_element(e, e->f32, parameter(score, base), offset);
}

static LLVMValueRef where_valid(const Score *score, uint32_t vector, LLVMValueRef value,
                                double otherwise) {
    Emitter *e = score->emitter;
    LLVMValueRef mask = valid_keys(score, vector);
    if (!mask)
        return value;
    return LLVMBuildSelect(e->builder, mask, value,
                           emit_f32_lanes(e, otherwise, score->shape->lanes), "");
}

/* A row that is all -inf has lse -inf; +inf in its place makes every weight 0. */
static LLVMValueRef row_lse(const Score *score, uint32_t row) {
    Emitter *e = score->emitter;
    LLVMValueRef place = emit_element(e, e->f32, parameter(score, SCORE_LSE), emit_i64(e, row));
    LLVMValueRef lse = emit_load(e, e->f32, place, FLOAT_BYTES);
    LLVMValueRef empty =
        LLVMBuildFCmp(e->builder, LLVMRealOEQ, lse, emit_f32(e, (double)-INFINITY), "");
    lse = LLVMBuildSelect(e->builder, empty, emit_f32(e, (double)INFINITY), lse, "");
    return emit_splat(e, lse, score->shape->lanes);
}

/* Where the weight is 0 the slope is, whatever the derivative: a masked score has none. */
static void store_gradient(const Score *score, uint32_t row, uint32_t vector, LLVMValueRef sum,
                           LLVMValueRef value) {
    Emitter *e = score->emitter;
    LLVMValueRef zero = emit_f32_lanes(e, 0, score->shape->lanes);
    LLVMValueRef difference = LLVMBuildFSub(e->builder, value, row_lse(score, row), "");
    LLVMValueRef weight = where_valid(score, vector, math_exp(e, difference), 0);
    LLVMValueRef derivative = body_value(score, &score->derivative, row, vector, sum);
    LLVMValueRef none = LLVMBuildFCmp(e->builder, LLVMRealOEQ, weight, zero, "");
    LLVMValueRef slope = LLVMBuildFMul(e->builder, weight, derivative, "");
    slope = LLVMBuildSelect(e->builder, none, zero, slope, "");
    emit_store(e, weight, target_place(score, SCORE_TARGET, row, vector), FLOAT_BYTES);
    emit_store(e, slope, target_place(score, SCORE_SLOPE, row, vector), FLOAT_BYTES);
}

static void store_scores(const Score *score, LLVMValueRef *sums) {
    Emitter *e = score->emitter;
    for (uint32_t i = 0; i < product_sums(&score->product); i++) {
        uint32_t row = i / score->product.vectors, vector = i % score->product.vectors;
        LLVMValueRef value = body_value(score, &score->body, row, vector, sums[i]);
        if (score->shape->gradient) {
            store_gradient(score, row, vector, sums[i], value);
        } else {
            value = where_valid(score, vector, value, (double)-INFINITY);
            emit_store(e, value, target_place(score, SCORE_TARGET, row, vector), FLOAT_BYTES);
        }
    }
}

/* The derivative is built in the emitter's arena: others may be reading the body. */
static const Function *derive_body(const Score *score) {
    Function alias = *score->shape->node->attributes.body;
    alias.arena = score->emitter->arena;
    return autodiff_score_body(&alias);
}

static LLVMTypeRef score_type(Emitter *e, uint32_t operand_count) {
    uint32_t count = SCORE_OPERANDS + operand_count;
    LLVMTypeRef *types = arena_array(e->arena, count, sizeof *types);
    for (uint32_t i = 0; i < count; i++)
        types[i] = i >= SCORE_STRIDE && i <= SCORE_FIRST_KEY ? e->i64 : e->pointer;
    return LLVMFunctionType(e->void_type, types, count, false);
}

LLVMValueRef emit_score_function(Emitter *emitter, const AttentionShape *shape, const char *symbol,
                                 uint32_t operand_count) {
    const char *name = arena_printf(emitter->arena, "%s.score", symbol);
    Place place = emit_function_enter(emitter, name, score_type(emitter, operand_count), false);
    Score score = {.emitter = emitter, .shape = shape, .function = emitter->function};
    for (uint32_t i = SCORE_QUERY; i <= SCORE_TARGET; i++)
        emit_parameter_pointer(emitter, score.function, i, FLOAT_BYTES, true);
    emit_parameter_pointer(emitter, score.function, SCORE_SLOPE, FLOAT_BYTES, true);
    score.product =
        attention_product(shape, shape->height, shape->key_panel, 1, shape->height, shape->width);
    score.body = describe_body(&score, shape->node->attributes.body);
    if (shape->gradient)
        score.derivative = describe_body(&score, derive_body(&score));
    LLVMValueRef sums[PRODUCT_MAX_SUMS];
    emit_product_zeros(emitter, &score.product, sums);
    emit_products(emitter, &score.product, parameter(&score, SCORE_QUERY),
                  parameter(&score, SCORE_KEY), emit_i64(emitter, shape->width), sums);
    store_scores(&score, sums);
    return emit_function_leave(emitter, place);
}

/* --- masks --- */

/* Of the rows from `row` to `last`: exact where one axis tells the row, else its whole extent. */
static void bound_rows(Emitter *e, const AttentionShape *shape, const Function *inner,
                       LLVMValueRef row, LLVMValueRef last, MaskInterval *positions) {
    const Axes *axes = &shape->row_axes;
    for (int i = 0; i < axes->count; i++) {
        AxisId axis = inner_axis(shape, inner, axes->at[i]);
        int64_t extent = graph_axis(shape->body, axes->at[i])->extent;
        if (axis == AXIS_NONE)
            continue;
        positions[axis] = (MaskInterval){emit_i64(e, 0), emit_i64(e, extent - 1)};
        if (extent == shape->rows)
            positions[axis] = (MaskInterval){row, last};
    }
}

LLVMValueRef emit_panel_masked(Emitter *emitter, const AttentionShape *shape, LLVMValueRef batch,
                               LLVMValueRef row, LLVMValueRef key) {
    const Function *inner = shape->node->attributes.body;
    MaskInterval *positions = arena_array(emitter->arena, inner->axis_count, sizeof *positions);
    LLVMValueRef last_row = emit_min_i64(emitter, emit_add_const(emitter, row, shape->height - 1),
                                         emit_i64(emitter, shape->rows - 1));
    LLVMValueRef last_key =
        emit_min_i64(emitter, emit_add_const(emitter, key, (int64_t)shape->key_panel - 1),
                     emit_i64(emitter, shape->keys - 1));
    for (int i = shape->batch_axes.count; i-- > 0;) {
        AxisId axis = inner_axis(shape, inner, shape->batch_axes.at[i]);
        int64_t extent = graph_axis(shape->body, shape->batch_axes.at[i])->extent;
        LLVMValueRef place = i ? emit_mod_const(emitter, batch, extent) : batch;
        if (axis != AXIS_NONE)
            positions[axis] = (MaskInterval){place, place};
        batch = emit_div_const(emitter, batch, extent);
    }
    bound_rows(emitter, shape, inner, row, last_row, positions);
    AxisId keys = inner_axis(shape, inner, shape->key_axes.at[0]);
    if (keys != AXIS_NONE)
        positions[keys] = (MaskInterval){key, last_key};
    return emit_surely_masked(emitter, inner, positions);
}
