/* The sums go on from depth block to depth block, so their bits depend neither on the blocks nor on
 * the tiles. */
#include "passes/emit/contract_micro.h"

#include "passes/emit/compressed.h"
#include "passes/emit/kernel.h"
#include "passes/emit/offsets.h"
#include "passes/emit/product.h"
#include "passes/emit/product_amx.h"
#include "passes/emit/site.h"

enum {
    FLOAT_BYTES = 4,
    FETCHED_BYTES = 16 << 10, /* what is smaller is in cache */
    PANELS_AHEAD = 8 << 10,   /* bytes: what memory takes to answer two threads that read apace */
};

typedef struct Micro {
    Emitter *emitter;
    const ContractShape *shape;
    LLVMValueRef function;
    Product product;
    uint32_t last_lanes; /* valid ones of the last vector */
} Micro;

static LLVMValueRef parameter(const Micro *micro, MicroParameter which) {
    return LLVMGetParam(micro->function, which);
}

static uint32_t lanes_of(const Micro *micro, uint32_t vector) {
    return vector + 1 < micro->product.vectors ? micro->shape->lanes : micro->last_lanes;
}

static uint32_t row_of(const Micro *micro, uint32_t sum) { return sum / micro->product.vectors; }
static uint32_t vector_of(const Micro *micro, uint32_t sum) { return sum % micro->product.vectors; }

/* Where the sides are read: in panels, or where the tensors lie. */
static void describe_sides(Micro *micro) {
    const ContractShape *shape = micro->shape;
    Product *product = &micro->product;
    product->pairs = shape->pairs;
    product->left_row = shape->pairs ? 2 : 1;
    product->left_depth = product->left_row * shape->height;
    product->right_depth = shape->width;
    if (!shape->pack_left) {
        Offsets rows = contract_offsets(shape, CONTRACT_LEFT, &shape->row_axes);
        Offsets depth = contract_offsets(shape, CONTRACT_LEFT, &shape->depth_axes);
        product->left_row = offsets_stride(&rows);
        product->left_depth = shape->pairs ? 2 : offsets_stride(&depth);
    }
    if (!shape->pack_right) {
        Offsets depth = contract_offsets(shape, CONTRACT_RIGHT, &shape->depth_axes);
        product->right_depth = product->right_row = offsets_stride(&depth);
        product->right_halves = shape->pairs;
        product->last_lanes = micro->last_lanes;
        product->ahead = shape->in_panels ? PANELS_AHEAD : 0;
    }
}

/* The panel that the batch's columns are. */
static Stretch packed_panel(const Micro *micro) {
    Emitter *e = micro->emitter;
    const ContractShape *s = micro->shape;
    const Offsets batches = contract_offsets(s, CONTRACT_RIGHT, &s->batch_axes);
    const uint32_t packed = kernel_input_number(s->body, s->packed);
    const uint32_t right = kernel_input_number(s->body, s->right);
    const CompressedTensor panels = {
        .plain = LLVMGetParam(micro->function, MICRO_OPERANDS + right),
        .packed = LLVMGetParam(micro->function, MICRO_OPERANDS + packed),
        .values = s->depth_elements * (int64_t)s->width,
    };
    LLVMValueRef first =
        emit_div_const(e, emit_offset(e, &batches, parameter(micro, MICRO_BATCH)), panels.values);
    LLVMValueRef panel = emit_div_const(e, parameter(micro, MICRO_COLUMN), s->width);
    return emit_stretch(e, &panels, emit_add(e, first, panel));
}

static void sum_products(const Micro *micro, LLVMValueRef *sums) {
    if (micro->shape->amx) {
        const Offsets columns =
            contract_offsets(micro->shape, CONTRACT_RIGHT, &micro->shape->column_axes);
        const ProductAmx product = {micro->shape->height, micro->product.height,
                                    micro->product.vectors, micro->shape->depth_elements,
                                    offsets_stride(&columns)};
        emit_products_amx(micro->emitter, &product, parameter(micro, MICRO_LEFT),
                          parameter(micro, MICRO_RIGHT), parameter(micro, MICRO_AHEAD), sums);
        return;
    }
    if (micro->shape->packed != NODE_NONE) {
        const Stretch panel = packed_panel(micro);
        emit_products_packed(micro->emitter, &micro->product, parameter(micro, MICRO_LEFT), &panel,
                             micro->shape->depth, sums);
        return;
    }
    emit_products(micro->emitter, &micro->product, parameter(micro, MICRO_LEFT),
                  parameter(micro, MICRO_RIGHT), parameter(micro, MICRO_DEPTH), sums);
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
    LLVMValueRef next[PRODUCT_MAX_SUMS];
    LLVMValueRef later = LLVMBuildNot(e->builder, in_phase(micro, MICRO_FIRST), "");
    LLVMValueRef rounds = LLVMBuildZExt(e->builder, later, e->i64, "");
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), rounds, 1, "kept");
    for (uint32_t i = 0; i < product_sums(&micro->product); i++) {
        emit_loop_carry(e, &loop, sums[i]);
        LLVMValueRef place = partial_place(micro, row_of(micro, i), vector_of(micro, i));
        next[i] = emit_load(e, type, place, FLOAT_BYTES);
    }
    emit_loop_end(e, &loop, next);
    for (uint32_t i = 0; i < product_sums(&micro->product); i++)
        sums[i] = loop.carried[i];
}

static void store_partial(const Micro *micro, LLVMValueRef *sums) {
    for (uint32_t i = 0; i < product_sums(&micro->product); i++) {
        LLVMValueRef place = partial_place(micro, row_of(micro, i), vector_of(micro, i));
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

/* The place of one vector of results. */
static Site *result_site(const Micro *micro, const Evaluator *evaluator, uint32_t row,
                         uint32_t vector) {
    Emitter *e = micro->emitter;
    const ContractShape *shape = micro->shape;
    Site *site = site_create(evaluator, NULL, shape->lanes);
    site->mask = valid_lanes(micro, vector);
    place_index(micro, site, &shape->batch_axes, parameter(micro, MICRO_BATCH));
    place_index(micro, site, &shape->row_axes, emit_add_const(e, parameter(micro, MICRO_ROW), row));
    place_columns(
        micro, site,
        emit_add_const(e, parameter(micro, MICRO_COLUMN), (int64_t)vector * shape->lanes));
    return site;
}

static void store_result(const Micro *micro, const Evaluator *evaluator, uint32_t row,
                         uint32_t vector, LLVMValueRef sum) {
    Site *site = result_site(micro, evaluator, row, vector);
    site->values[micro->shape->contract] = sum;
    const Function *body = micro->shape->body;
    uint32_t inputs = LLVMCountParams(micro->function) - MICRO_OPERANDS - body->output_count;
    for (uint32_t i = 0; i < body->output_count; i++) {
        const Node *node = graph_node(body, body->outputs[i].node);
        LLVMValueRef base = LLVMGetParam(micro->function, MICRO_OPERANDS + inputs + i);
        site_store(site, node->dtype, base, site_offset(site, &node->axes),
                   site_lanes(site, body->outputs[i].node));
    }
}

static Evaluator evaluator_of(const Micro *micro) {
    Emitter *e = micro->emitter;
    uint32_t operand_count = LLVMCountParams(micro->function) - MICRO_OPERANDS;
    LLVMValueRef *operands = arena_array(e->arena, operand_count, sizeof *operands);
    for (uint32_t i = 0; i < operand_count; i++)
        operands[i] = LLVMGetParam(micro->function, MICRO_OPERANDS + i);
    return evaluator_create(e, micro->shape->body, operands, NULL);
}

static void store_results(const Micro *micro, LLVMValueRef *sums) {
    Evaluator evaluator = evaluator_of(micro);
    for (uint32_t i = 0; i < product_sums(&micro->product); i++)
        store_result(micro, &evaluator, row_of(micro, i), vector_of(micro, i), sums[i]);
}

/* --- what the epilogue reads --- */

/* Whether the epilogue reads it once for each result, so that it comes from memory if it is large.
 */
static bool is_fetched(const ContractShape *shape, NodeId id) {
    const Node *node = graph_node(shape->body, id);
    return node->op == OP_INPUT && id != shape->left && id != shape->right &&
           node->dtype == DTYPE_F32 &&
           axes_same_set(&node->axes, &graph_node(shape->body, shape->contract)->axes) &&
           axes_elements(shape->body, &node->axes) * FLOAT_BYTES >= FETCHED_BYTES;
}

static bool fetches(const ContractShape *shape) {
    bool any = false;
    for (NodeId id = 0; id < shape->body->node_count; id++)
        any |= is_fetched(shape, id);
    return any;
}

static void fetch(const Micro *micro, Site *site, NodeId id) {
    Emitter *e = micro->emitter;
    Coordinate offset = site_offset(site, &graph_node(micro->shape->body, id)->axes);
    if (offset.kind != COORDINATE_RAMP)
        return;
    LLVMValueRef base = site->evaluator->operands[id];
    emit_prefetch(e, emit_element(e, e->f32, base, offset.value), PREFETCH_L2);
}

/* Asks for what the epilogue will read, so that it comes while the sums are made. */
static void fetch_inputs(const Micro *micro) {
    const ContractShape *shape = micro->shape;
    Evaluator evaluator = evaluator_of(micro);
    for (uint32_t i = 0; i < product_sums(&micro->product); i++) {
        Site *site = result_site(micro, &evaluator, row_of(micro, i), vector_of(micro, i));
        for (NodeId id = 0; id < shape->body->node_count; id++)
            if (is_fetched(shape, id))
                fetch(micro, site, id);
    }
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
    uint32_t vectors = (columns + shape->lanes - 1) / shape->lanes;
    Micro micro = {
        .emitter = emitter,
        .shape = shape,
        .function = emitter->function,
        .product = {.height = height,
                    .vectors = vectors,
                    .lanes = shape->lanes,
                    .last_lanes = shape->lanes,
                    .depth_rest = shape->depth % PRODUCT_UNROLL,
                    .depth_short = shape->depth < PRODUCT_UNROLL},
        .last_lanes = columns - (vectors - 1) * shape->lanes,
    };
    describe_sides(&micro);
    for (uint32_t i = 0; i < operand_count; i++)
        emit_parameter_pointer(emitter, micro.function, MICRO_OPERANDS + i, 64, noalias[i]);

    LLVMValueRef sums[PRODUCT_MAX_SUMS];
    emit_product_zeros(emitter, &micro.product, sums);
    if (shape->depth_block == shape->depth) {
        if (fetches(shape))
            fetch_inputs(&micro);
        sum_products(&micro, sums);
        store_results(&micro, sums);
        return emit_function_leave(emitter, place);
    }
    Branch branch;
    if (fetches(shape)) {
        emit_branch_begin(emitter, &branch, in_phase(&micro, MICRO_LAST), "fetch");
        fetch_inputs(&micro);
        emit_branch_end(emitter, &branch);
    }
    load_partial(&micro, sums);
    sum_products(&micro, sums);
    emit_branch_begin(emitter, &branch, in_phase(&micro, MICRO_LAST), "results");
    store_results(&micro, sums);
    emit_branch_else(emitter, &branch);
    store_partial(&micro, sums);
    emit_branch_end(emitter, &branch);
    return emit_function_leave(emitter, place);
}
