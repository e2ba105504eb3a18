/* Each sum is one chain of fused multiply-adds in the order of the depth, carried from depth block
 * to depth block: its bits depend neither on the blocks nor on the tiles. */
#include "passes/emit/contract_micro.h"

#include "passes/emit/kernel.h"
#include "passes/emit/offsets.h"
#include "passes/emit/site.h"

#include <assert.h>

enum { FLOAT_BYTES = 4, UNROLL = 4, MAX_SUMS = 32 };

typedef struct Micro {
    Emitter *emitter;
    const ContractShape *shape;
    LLVMValueRef function;
    uint32_t height, vectors; /* of this micro-kernel */
    uint32_t last_lanes;      /* valid ones of the last vector */
    /* Elements from row to row and from depth to depth, where the micro-kernel reads. */
    int64_t left_row, left_depth, right_depth;
} Micro;

static LLVMValueRef parameter(const Micro *micro, MicroParameter which) {
    return LLVMGetParam(micro->function, which);
}

static uint32_t lanes_of(const Micro *micro, uint32_t vector) {
    return vector + 1 < micro->vectors ? micro->shape->lanes : micro->last_lanes;
}

static uint32_t sum_count(const Micro *micro) { return micro->height * micro->vectors; }

static void describe_strides(Micro *micro) {
    const ContractShape *shape = micro->shape;
    const Function *body = shape->body;
    if (shape->pack_left) {
        micro->left_row = 1;
        micro->left_depth = shape->height;
    } else {
        const Axes *left = &graph_node(body, shape->left)->axes;
        Offsets rows = offsets_of(body, &shape->row_axes, left);
        Offsets depth = offsets_of(body, &shape->depth_axes, left);
        micro->left_row = offsets_stride(&rows);
        micro->left_depth = offsets_stride(&depth);
    }
    if (shape->pack_right) {
        micro->right_depth = shape->width;
    } else {
        const Axes *right = &graph_node(body, shape->right)->axes;
        Offsets depth = offsets_of(body, &shape->depth_axes, right);
        micro->right_depth = offsets_stride(&depth);
    }
}

/* --- the sums --- */

static LLVMValueRef load_right(const Micro *micro, LLVMValueRef right, int64_t depth,
                               uint32_t vector) {
    Emitter *e = micro->emitter;
    int64_t offset = depth * micro->right_depth + (int64_t)vector * micro->shape->lanes;
    LLVMValueRef from = emit_element(e, e->f32, right, emit_i64(e, offset));
    uint32_t lanes = micro->shape->lanes;
    uint32_t count = micro->shape->pack_right ? lanes : lanes_of(micro, vector);
    return emit_load_lanes(e, e->f32, count, lanes, from, FLOAT_BYTES);
}

/* Adds the products of one depth, `depth` after where the pointers stand. */
static void add_products(const Micro *micro, LLVMValueRef left, LLVMValueRef right, int64_t depth,
                         LLVMValueRef *sums) {
    Emitter *e = micro->emitter;
    LLVMValueRef columns[MAX_SUMS];
    for (uint32_t v = 0; v < micro->vectors; v++)
        columns[v] = load_right(micro, right, depth, v);
    for (uint32_t r = 0; r < micro->height; r++) {
        int64_t offset = depth * micro->left_depth + r * micro->left_row;
        LLVMValueRef from = emit_element(e, e->f32, left, emit_i64(e, offset));
        LLVMValueRef row = emit_load(e, e->f32, from, FLOAT_BYTES);
        LLVMValueRef rows = emit_splat(e, row, micro->shape->lanes);
        for (uint32_t v = 0; v < micro->vectors; v++) {
            LLVMValueRef *sum = &sums[r * micro->vectors + v];
            *sum = emit_fma(e, rows, columns[v], *sum);
        }
    }
}

/* Goes on from `left` and `right` for `count` depths, a multiple of `unroll`; moves all of them on.
 */
static void add_depths(const Micro *micro, LLVMValueRef count, uint32_t unroll, LLVMValueRef *left,
                       LLVMValueRef *right, LLVMValueRef *sums) {
    Emitter *e = micro->emitter;
    uint32_t n = sum_count(micro);
    LLVMValueRef next[MAX_SUMS + 2];
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), count, unroll, "depth");
    for (uint32_t i = 0; i < n; i++)
        next[i] = emit_loop_carry(e, &loop, sums[i]);
    LLVMValueRef from_left = emit_loop_carry(e, &loop, *left);
    LLVMValueRef from_right = emit_loop_carry(e, &loop, *right);
    for (uint32_t u = 0; u < unroll; u++)
        add_products(micro, from_left, from_right, u, next);
    next[n] = emit_element(e, e->f32, from_left, emit_i64(e, unroll * micro->left_depth));
    next[n + 1] = emit_element(e, e->f32, from_right, emit_i64(e, unroll * micro->right_depth));
    emit_loop_end(e, &loop, next);
    for (uint32_t i = 0; i < n; i++)
        sums[i] = loop.carried[i];
    *left = loop.carried[n];
    *right = loop.carried[n + 1];
}

static void sum_products(const Micro *micro, LLVMValueRef *sums) {
    Emitter *e = micro->emitter;
    LLVMValueRef left = parameter(micro, MICRO_LEFT), right = parameter(micro, MICRO_RIGHT);
    LLVMValueRef depth = parameter(micro, MICRO_DEPTH);
    LLVMValueRef rest = emit_mod_const(e, depth, UNROLL);
    if (micro->shape->depth >= UNROLL)
        add_depths(micro, emit_sub(e, depth, rest), UNROLL, &left, &right, sums);
    if (micro->shape->depth % UNROLL)
        add_depths(micro, rest, 1, &left, &right, sums);
}

/* --- partial sums --- */

static LLVMValueRef partial_place(const Micro *micro, uint32_t row, uint32_t vector) {
    Emitter *e = micro->emitter;
    int64_t offset = (int64_t)row * micro->shape->width + (int64_t)vector * micro->shape->lanes;
    return emit_element(e, e->f32, parameter(micro, MICRO_PARTIAL), emit_i64(e, offset));
}

static LLVMValueRef in_phase(const Micro *micro, int64_t bit) {
    Emitter *e = micro->emitter;
    LLVMValueRef masked =
        LLVMBuildAnd(e->builder, parameter(micro, MICRO_PHASE), emit_i64(e, bit), "");
    return LLVMBuildICmp(e->builder, LLVMIntNE, masked, emit_i64(e, 0), "");
}

/* 0 in the first block of the depth, else what was kept: a loop that runs once or not at all, whose
 * carried values are the sums. */
static void load_partial(const Micro *micro, LLVMValueRef *sums) {
    Emitter *e = micro->emitter;
    LLVMTypeRef type = emit_vector_type(e, e->f32, micro->shape->lanes);
    LLVMValueRef next[MAX_SUMS];
    LLVMValueRef later = LLVMBuildNot(e->builder, in_phase(micro, MICRO_FIRST), "");
    LLVMValueRef rounds = LLVMBuildZExt(e->builder, later, e->i64, "");
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), rounds, 1, "kept");
    for (uint32_t i = 0; i < sum_count(micro); i++) {
        emit_loop_carry(e, &loop, sums[i]);
        LLVMValueRef place = partial_place(micro, i / micro->vectors, i % micro->vectors);
        next[i] = emit_load(e, type, place, FLOAT_BYTES);
    }
    emit_loop_end(e, &loop, next);
    for (uint32_t i = 0; i < sum_count(micro); i++)
        sums[i] = loop.carried[i];
}

static void store_partial(const Micro *micro, LLVMValueRef *sums) {
    for (uint32_t i = 0; i < sum_count(micro); i++) {
        LLVMValueRef place = partial_place(micro, i / micro->vectors, i % micro->vectors);
        emit_store(micro->emitter, sums[i], place, FLOAT_BYTES);
    }
}

/* --- results --- */

/* Sets the coordinates of a composite index that is the same in all lanes. */
static void place_index(const Micro *micro, Site *site, const Axes *axes, LLVMValueRef index) {
    Emitter *e = micro->emitter;
    for (int i = axes->count; i-- > 0;) {
        int64_t extent = graph_axis(micro->shape->body, axes->at[i])->extent;
        LLVMValueRef place = i ? emit_mod_const(e, index, extent) : index;
        site->at[axes->at[i]] = (Coordinate){COORDINATE_SAME, place};
        index = emit_div_const(e, index, extent);
    }
}

/* The columns of one vector: a ramp along the innermost axis where no vector crosses its end, else
 * each lane by itself. */
static void place_columns(const Micro *micro, Site *site, LLVMValueRef column) {
    Emitter *e = micro->emitter;
    const ContractShape *shape = micro->shape;
    const Axes *axes = &shape->column_axes;
    if (!axes->count)
        return;
    AxisId inner = axes->at[axes->count - 1];
    int64_t extent = graph_axis(shape->body, inner)->extent;
    if (extent == shape->columns || extent % shape->lanes == 0) {
        place_index(micro, site, axes, column);
        site->at[inner].kind = COORDINATE_RAMP;
        return;
    }
    LLVMTypeRef type = emit_vector_type(e, e->i64, shape->lanes);
    LLVMValueRef ramp = LLVMBuildZExt(e->builder, emit_ramp(e, shape->lanes), type, "");
    LLVMValueRef index = LLVMBuildAdd(e->builder, emit_splat(e, column, shape->lanes), ramp, "");
    for (int i = axes->count; i-- > 0;) {
        LLVMValueRef limit = emit_i64(e, graph_axis(shape->body, axes->at[i])->extent);
        LLVMValueRef limits = emit_splat(e, limit, shape->lanes);
        LLVMValueRef place = LLVMBuildURem(e->builder, index, limits, "");
        site->at[axes->at[i]] = (Coordinate){COORDINATE_LANES, place};
        index = LLVMBuildUDiv(e->builder, index, limits, "");
    }
}

static LLVMValueRef valid_lanes(const Micro *micro, uint32_t vector) {
    uint32_t count = lanes_of(micro, vector);
    if (count == micro->shape->lanes)
        return NULL;
    return emit_count_mask(micro->emitter, emit_i64(micro->emitter, count), micro->shape->lanes);
}

static void store_result(const Micro *micro, const Evaluator *evaluator, uint32_t row,
                         uint32_t vector, LLVMValueRef sum) {
    Emitter *e = micro->emitter;
    const ContractShape *shape = micro->shape;
    Site *site = site_create(evaluator, NULL, shape->lanes);
    site->mask = valid_lanes(micro, vector);
    place_index(micro, site, &shape->batch_axes, parameter(micro, MICRO_BATCH));
    place_index(micro, site, &shape->row_axes, emit_add_const(e, parameter(micro, MICRO_ROW), row));
    place_columns(
        micro, site,
        emit_add_const(e, parameter(micro, MICRO_COLUMN), (int64_t)vector * shape->lanes));
    site->values[shape->contract] = sum;
    const Function *body = shape->body;
    uint32_t inputs = LLVMCountParams(micro->function) - MICRO_OPERANDS - body->output_count;
    for (uint32_t i = 0; i < body->output_count; i++) {
        const Node *node = graph_node(body, body->outputs[i].node);
        LLVMValueRef base = LLVMGetParam(micro->function, MICRO_OPERANDS + inputs + i);
        site_store(site, node->dtype, base, site_offset(site, &node->axes),
                   site_lanes(site, body->outputs[i].node));
    }
}

static void store_results(const Micro *micro, LLVMValueRef *sums) {
    Emitter *e = micro->emitter;
    uint32_t operand_count = LLVMCountParams(micro->function) - MICRO_OPERANDS;
    LLVMValueRef *operands = arena_array(e->arena, operand_count, sizeof *operands);
    for (uint32_t i = 0; i < operand_count; i++)
        operands[i] = LLVMGetParam(micro->function, MICRO_OPERANDS + i);
    Evaluator evaluator = evaluator_create(e, micro->shape->body, operands, NULL);
    for (uint32_t i = 0; i < sum_count(micro); i++)
        store_result(micro, &evaluator, i / micro->vectors, i % micro->vectors, sums[i]);
}

static LLVMTypeRef micro_type(Emitter *e, uint32_t operand_count) {
    uint32_t count = MICRO_OPERANDS + operand_count;
    LLVMTypeRef *types = arena_array(e->arena, count, sizeof *types);
    for (uint32_t i = 0; i < count; i++)
        types[i] = i < MICRO_DEPTH || i >= MICRO_OPERANDS ? e->pointer : e->i64;
    return LLVMFunctionType(e->void_type, types, count, false);
}

LLVMValueRef emit_contract_micro(Emitter *emitter, const ContractShape *shape, const char *symbol,
                                 uint32_t height, uint32_t columns, uint32_t operand_count,
                                 const bool *noalias) {
    const char *name = arena_printf(emitter->arena, "%s.micro.%ux%u", symbol, height, columns);
    Place place = emit_function_enter(emitter, name, micro_type(emitter, operand_count), false);
    Micro micro = {
        .emitter = emitter,
        .shape = shape,
        .function = emitter->function,
        .height = height,
        .vectors = (columns + shape->lanes - 1) / shape->lanes,
    };
    micro.last_lanes = columns - (micro.vectors - 1) * shape->lanes;
    assert(sum_count(&micro) <= MAX_SUMS);
    describe_strides(&micro);
    for (uint32_t i = 0; i < operand_count; i++)
        emit_parameter_pointer(emitter, micro.function, MICRO_OPERANDS + i, 64, noalias[i]);

    LLVMValueRef sums[MAX_SUMS];
    for (uint32_t i = 0; i < sum_count(&micro); i++)
        sums[i] = emit_f32_lanes(emitter, 0, shape->lanes);
    if (shape->depth_block == shape->depth) {
        sum_products(&micro, sums);
        store_results(&micro, sums);
        return emit_function_leave(emitter, place);
    }
    load_partial(&micro, sums);
    sum_products(&micro, sums);
    Branch branch;
    emit_branch_begin(emitter, &branch, in_phase(&micro, MICRO_LAST), "results");
    store_results(&micro, sums);
    emit_branch_else(emitter, &branch);
    store_partial(&micro, sums);
    emit_branch_end(emitter, &branch);
    return emit_function_leave(emitter, place);
}
