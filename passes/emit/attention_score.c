/* The mask is evaluated where its edge may cross a panel; elsewhere a second version of the code
 * after the product takes every select as decided. */
#include "passes/emit/attention_score.h"

#include "passes/autodiff.h"
#include "passes/emit/attention_exp.h"
#include "passes/emit/attention_range.h"
#include "passes/emit/site.h"

#include <math.h>
#include <stdlib.h>

enum { FLOAT_BYTES = 4 };

/* A body's function with what its inputs are. */
typedef struct ScoreBody {
    const Function *function;
    Evaluator evaluator;
    NodeId score, d_score; /* inputs; NODE_NONE: it has none */
    NodeId *taken;         /* by NodeId: what a select gives in a panel that is kept */
} ScoreBody;

/* The panel of keys at hand. */
typedef struct ScorePanel {
    LLVMValueRef key, target, slope;
    bool kept; /* all of it exists, and is not masked */
} ScorePanel;

typedef struct Score {
    const AttentionKernel *kernel;
    Emitter *emitter;
    const AttentionShape *shape;
    LLVMValueRef function;
    Product product;
    ScoreBody body, derivative; /* the derivative in the gradient alone */
} Score;

static LLVMValueRef parameter(const Score *score, ScoreParameter which) {
    return LLVMGetParam(score->function, which);
}

/* --- the body's operands --- */

/* Input "x3" is the attention's extra source number 3. */
static LLVMValueRef extra_operand(const Score *score, const char *name) {
    return LLVMGetParam(score->function, SCORE_EXTRAS + (uint32_t)strtoul(name + 1, NULL, 10));
}

static ScoreBody describe_body(const Score *score, const Function *function) {
    Emitter *e = score->emitter;
    ScoreBody body = {.function = function,
                      .score = function_find_binding(function, "score"),
                      .d_score = function_find_binding(function, "d_score"),
                      .taken = arena_array(e->arena, function->node_count, sizeof(NodeId))};
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
static LLVMValueRef row_index(const Score *score, const ScorePanel *panel, uint32_t row) {
    Emitter *e = score->emitter;
    LLVMValueRef index = emit_add_const(e, parameter(score, SCORE_ROW), row);
    if (panel->kept || score->shape->padded_rows == score->shape->rows)
        return index;
    return emit_min_i64(e, index, emit_i64(e, score->shape->rows - 1));
}

static LLVMValueRef first_key(const Score *score, const ScorePanel *panel, uint32_t vector) {
    return emit_add_const(score->emitter, panel->key, (int64_t)vector * score->shape->lanes);
}

/* Lanes whose keys exist; NULL: all do. */
static LLVMValueRef valid_keys(const Score *score, const ScorePanel *panel, uint32_t vector) {
    Emitter *e = score->emitter;
    const AttentionShape *shape = score->shape;
    if (panel->kept || shape->padded_keys == shape->keys)
        return NULL;
    LLVMValueRef left = emit_sub(e, emit_i64(e, shape->keys), first_key(score, panel, vector));
    return emit_count_mask(e, left, shape->lanes);
}

static void take_branches(const ScoreBody *body, Site *site) {
    for (NodeId id = 0; id < body->function->node_count; id++)
        if (body->taken[id] != NODE_NONE)
            site->values[id] = site_value(site, body->taken[id]);
}

/* The value of the body's output for one vector of sums. */
static LLVMValueRef body_value(const Score *score, const ScoreBody *body, const ScorePanel *panel,
                               uint32_t row, uint32_t vector, LLVMValueRef sum) {
    const AttentionShape *shape = score->shape;
    Site *site = site_create(&body->evaluator, NULL, shape->lanes);
    site->mask = valid_keys(score, panel, vector);
    place_index(score, site, body->function, &shape->batch_axes, parameter(score, SCORE_BATCH));
    place_index(score, site, body->function, &shape->row_axes, row_index(score, panel, row));
    AxisId keys = inner_axis(shape, body->function, shape->key_axes.at[0]);
    if (keys != AXIS_NONE)
        site->at[keys] = (Coordinate){COORDINATE_RAMP, first_key(score, panel, vector)};
    if (body->score != NODE_NONE)
        site->values[body->score] = sum;
    if (body->d_score != NODE_NONE)
        site->values[body->d_score] = emit_f32_lanes(score->emitter, 1, shape->lanes);
    if (panel->kept)
        take_branches(body, site);
    return site_lanes(site, body->function->outputs[0].node);
}

/* --- results --- */

static LLVMValueRef block_place(const Score *score, LLVMValueRef base, uint32_t row,
                                uint32_t vector) {
    int64_t at = row * score->shape->score_stride + (int64_t)vector * score->shape->lanes;
    return emit_element(score->emitter, score->emitter->f32, base, emit_i64(score->emitter, at));
}

static LLVMValueRef where_valid(const Score *score, const ScorePanel *panel, uint32_t vector,
                                LLVMValueRef value, double otherwise) {
    Emitter *e = score->emitter;
    LLVMValueRef mask = valid_keys(score, panel, vector);
    if (!mask)
        return value;
    return LLVMBuildSelect(e->builder, mask, value,
                           emit_f32_lanes(e, otherwise, score->shape->lanes), "");
}

static LLVMValueRef row_offset(const Score *score, uint32_t row) {
    Emitter *e = score->emitter;
    LLVMValueRef place = emit_element(e, e->f32, parameter(score, SCORE_OFFSET), emit_i64(e, row));
    return emit_splat(e, emit_load(e, e->f32, place, FLOAT_BYTES), score->shape->lanes);
}

/* Where the weight is 0 the slope is, whatever the derivative: a masked score has none. */
static LLVMValueRef slope_of(const Score *score, LLVMValueRef weight, LLVMValueRef derivative) {
    Emitter *e = score->emitter;
    LLVMValueRef slope = LLVMBuildFMul(e->builder, weight, derivative, "");
    if (LLVMIsAConstantDataVector(derivative))
        return slope;
    LLVMValueRef zero = emit_f32_lanes(e, 0, score->shape->lanes);
    LLVMValueRef none = LLVMBuildFCmp(e->builder, LLVMRealOEQ, weight, zero, "");
    return LLVMBuildSelect(e->builder, none, zero, slope, "");
}

static LLVMValueRef store_slope(const Score *score, const ScorePanel *panel, uint32_t row,
                                uint32_t vector, LLVMValueRef sum) {
    Emitter *e = score->emitter;
    LLVMValueRef value = body_value(score, &score->body, panel, row, vector, sum);
    LLVMValueRef weight = attention_weight(e, value, row_offset(score, row), score->shape->pairs);
    weight = where_valid(score, panel, vector, weight, 0);
    LLVMValueRef derivative = body_value(score, &score->derivative, panel, row, vector, sum);
    emit_store(e, slope_of(score, weight, derivative),
               block_place(score, panel->slope, row, vector), FLOAT_BYTES);
    return weight;
}

/* Weights of one row, or of two as pairs. */
static void store_gradient(const Score *score, const ScorePanel *panel, uint32_t row,
                           uint32_t vector, const LLVMValueRef *sums) {
    Emitter *e = score->emitter;
    uint32_t vectors = score->product.vectors;
    LLVMValueRef weight = store_slope(score, panel, row, vector, sums[row * vectors + vector]);
    uint32_t to = row;
    if (score->shape->pairs) {
        LLVMValueRef next =
            store_slope(score, panel, row + 1, vector, sums[(row + 1) * vectors + vector]);
        weight = attention_round_rows(score->kernel, weight, next).pairs;
        to = row / 2;
    }
    emit_store(e, weight, block_place(score, panel->target, to, vector), FLOAT_BYTES);
}

static void store_scores(const Score *score, const ScorePanel *panel, const LLVMValueRef *sums) {
    Emitter *e = score->emitter;
    uint32_t vectors = score->product.vectors;
    bool gradient = score->shape->gradient;
    for (uint32_t row = 0; row < score->product.height; row++)
        for (uint32_t vector = 0; vector < vectors; vector++) {
            if (gradient && row % (score->shape->pairs ? 2 : 1) == 0)
                store_gradient(score, panel, row, vector, sums);
            if (gradient)
                continue;
            LLVMValueRef value =
                body_value(score, &score->body, panel, row, vector, sums[row * vectors + vector]);
            value = where_valid(score, panel, vector, value, (double)-INFINITY);
            emit_store(e, value, block_place(score, panel->target, row, vector), FLOAT_BYTES);
        }
}

/* --- the function --- */

/* The derivative is built in the emitter's arena: others may be reading the body. */
static const Function *derive_body(const Score *score) {
    Function alias = *score->shape->node->attributes.body;
    alias.arena = score->emitter->arena;
    return autodiff_score_body(&alias);
}

static LLVMTypeRef score_type(const AttentionKernel *kernel) {
    Emitter *e = kernel->emitter;
    uint32_t count = SCORE_EXTRAS + kernel->shape.extra_count;
    LLVMTypeRef *types = arena_array(e->arena, count, sizeof *types);
    for (uint32_t i = 0; i < count; i++)
        types[i] = i >= SCORE_BATCH && i <= SCORE_LAST_KEY ? e->i64 : e->pointer;
    return LLVMFunctionType(e->void_type, types, count, false);
}

static LLVMValueRef panel_kept(const Score *score, LLVMValueRef key) {
    Emitter *e = score->emitter;
    const AttentionShape *shape = score->shape;
    ScoreArea area = {parameter(score, SCORE_BATCH), parameter(score, SCORE_ROW),
                      emit_i64(e, shape->height),    key,
                      emit_i64(e, shape->key_panel), NULL};
    LLVMValueRef kept = emit_area_kept(e, shape, score->body.function, &area, score->body.taken);
    if (!shape->gradient)
        return kept;
    LLVMValueRef flat =
        emit_area_kept(e, shape, score->derivative.function, &area, score->derivative.taken);
    return LLVMBuildAnd(e->builder, kept, flat, "");
}

static void emit_score_panel(const Score *score, ScorePanel *panel, LLVMValueRef key_panel) {
    Emitter *e = score->emitter;
    const AttentionShape *shape = score->shape;
    LLVMValueRef sums[PRODUCT_MAX_SUMS];
    emit_product_zeros(e, &score->product, sums);
    emit_products(e, &score->product, parameter(score, SCORE_QUERY), key_panel,
                  emit_i64(e, attention_depth(shape, shape->width)), sums);
    LLVMValueRef kept = panel_kept(score, panel->key);
    if (LLVMIsConstant(kept)) {
        panel->kept = LLVMConstIntGetZExtValue(kept);
        store_scores(score, panel, sums);
        return;
    }
    Branch branch;
    emit_branch_begin(e, &branch, kept, "kept");
    panel->kept = true;
    store_scores(score, panel, sums);
    emit_branch_else(e, &branch);
    panel->kept = false;
    store_scores(score, panel, sums);
    emit_branch_end(e, &branch);
}

static void emit_score_panels(const Score *score) {
    Emitter *e = score->emitter;
    const AttentionShape *shape = score->shape;
    Loop loop;
    emit_loop_begin(e, &loop, parameter(score, SCORE_FIRST_KEY), parameter(score, SCORE_LAST_KEY),
                    shape->key_panel, "panels");
    LLVMValueRef key = emit_loop_carry(e, &loop, parameter(score, SCORE_KEY));
    LLVMValueRef target = emit_loop_carry(e, &loop, parameter(score, SCORE_TARGET));
    LLVMValueRef slope = emit_loop_carry(e, &loop, parameter(score, SCORE_SLOPE));
    ScorePanel panel = {.key = loop.index, .target = target, .slope = slope};
    emit_score_panel(score, &panel, key);
    int64_t panel_size = shape->key_panel * attention_depth(shape, shape->width);
    LLVMValueRef next[] = {emit_element(e, e->f32, key, emit_i64(e, panel_size)),
                           emit_element(e, e->f32, target, emit_i64(e, shape->key_panel)),
                           emit_element(e, e->f32, slope, emit_i64(e, shape->key_panel))};
    emit_loop_end(e, &loop, next);
}

LLVMValueRef emit_score_function(const AttentionKernel *kernel, const AttentionLeft *query) {
    Emitter *e = kernel->emitter;
    const AttentionShape *shape = &kernel->shape;
    const char *name = arena_printf(e->arena, "%s.score", kernel->symbol);
    Place place = emit_function_enter(e, name, score_type(kernel), false);
    Score score = {.kernel = kernel, .emitter = e, .shape = shape, .function = e->function};
    emit_parameter_pointer(e, score.function, SCORE_KEY, FLOAT_BYTES, true);
    emit_parameter_pointer(e, score.function, SCORE_TARGET, FLOAT_BYTES, true);
    emit_parameter_pointer(e, score.function, SCORE_SLOPE, FLOAT_BYTES, true);
    score.product = attention_product(shape, shape->height, shape->key_panel, query->row,
                                      query->depth, attention_depth(shape, shape->width));
    score.body = describe_body(&score, shape->node->attributes.body);
    if (shape->gradient)
        score.derivative = describe_body(&score, derive_body(&score));
    emit_score_panels(&score);
    return emit_function_leave(e, place);
}

void emit_score_call(const AttentionKernel *kernel, LLVMValueRef function,
                     const LLVMValueRef parameters[SCORE_EXTRAS]) {
    const AttentionShape *shape = &kernel->shape;
    uint32_t count = SCORE_EXTRAS + shape->extra_count;
    LLVMValueRef *arguments = arena_array(kernel->emitter->arena, count, sizeof *arguments);
    for (uint32_t i = 0; i < SCORE_EXTRAS; i++)
        arguments[i] = parameters[i];
    for (uint32_t i = 0; i < shape->extra_count; i++) {
        NodeId source = shape->node->sources[shape->first_extra + i];
        arguments[SCORE_EXTRAS + i] =
            kernel->frame.operands[kernel_input_number(shape->body, source)];
    }
    emit_call(kernel->emitter, function, arguments, count);
}
