#include "passes/emit/attention_kernel.h"

#include "passes/emit/pack.h"

enum { FLOAT_BYTES = 4, SCRATCH_ALIGNMENT = 64 };

void attention_kernel_open(AttentionKernel *kernel, Emitter *emitter, const Function *body,
                           const char *symbol) {
    *kernel = (AttentionKernel){.emitter = emitter, .symbol = symbol};
    attention_shape(body, emitter->target, &kernel->shape);
    kernel->input_count = kernel_input_count(body);
    kernel->operand_count = kernel->input_count + body->output_count;
}

void attention_kernel_begin(AttentionKernel *kernel) {
    Emitter *e = kernel->emitter;
    bool *noalias = arena_array(e->arena, kernel->operand_count, sizeof *noalias);
    for (uint32_t i = 0; i < kernel->operand_count; i++)
        noalias[i] = true;
    emit_kernel_begin(e, &kernel->frame, kernel->symbol, kernel->operand_count, noalias);
}

int64_t attention_place(int64_t *size, int64_t elements) {
    int64_t at = *size;
    int64_t bytes = elements * FLOAT_BYTES;
    *size += (bytes + SCRATCH_ALIGNMENT - 1) / SCRATCH_ALIGNMENT * SCRATCH_ALIGNMENT;
    return at;
}

LLVMValueRef attention_scratch(const AttentionKernel *kernel, int64_t bytes) {
    Emitter *e = kernel->emitter;
    return emit_element(e, e->i8, kernel->frame.scratch, emit_i64(e, bytes));
}

LLVMValueRef attention_float(const AttentionKernel *kernel, LLVMValueRef base, LLVMValueRef index) {
    return emit_element(kernel->emitter, kernel->emitter->f32, base, index);
}

/* --- operands --- */

static NodeId source_node(const AttentionKernel *kernel, uint32_t which) {
    return kernel->shape.node->sources[which];
}

/* The number of the output that holds a result; the count of outputs if none does. */
static uint32_t output_of(const AttentionKernel *kernel, int64_t result) {
    const Function *body = kernel->shape.body;
    uint32_t i = 0;
    while (i < body->output_count &&
           graph_node(body, body->outputs[i].node)->attributes.amount != result)
        i++;
    return i;
}

Offsets attention_source_offsets(const AttentionKernel *kernel, uint32_t which, const Axes *axes) {
    const Function *body = kernel->shape.body;
    return offsets_of(body, axes, &graph_node(body, source_node(kernel, which))->axes);
}

Offsets attention_result_offsets(const AttentionKernel *kernel, int64_t result, const Axes *axes) {
    const Function *body = kernel->shape.body;
    uint32_t output = output_of(kernel, result);
    if (output == body->output_count)
        return (Offsets){0};
    return offsets_of(body, axes, &graph_node(body, body->outputs[output].node)->axes);
}

DType attention_result_type(const AttentionKernel *kernel, int64_t result) {
    const Function *body = kernel->shape.body;
    uint32_t output = output_of(kernel, result);
    return output == body->output_count ? DTYPE_NONE
                                        : graph_node(body, body->outputs[output].node)->dtype;
}

static LLVMValueRef tensor_element(const AttentionKernel *kernel, DType dtype, LLVMValueRef base,
                                   LLVMValueRef index) {
    return emit_element(kernel->emitter, emit_memory_type(kernel->emitter, dtype), base, index);
}

LLVMValueRef attention_source(const AttentionKernel *kernel, uint32_t which, LLVMValueRef batch) {
    Offsets offsets = attention_source_offsets(kernel, which, &kernel->shape.batch_axes);
    const Function *body = kernel->shape.body;
    NodeId node = source_node(kernel, which);
    return tensor_element(kernel, graph_node(body, node)->dtype,
                          kernel->frame.operands[kernel_input_number(body, node)],
                          emit_offset(kernel->emitter, &offsets, batch));
}

LLVMValueRef attention_result(const AttentionKernel *kernel, int64_t result, LLVMValueRef batch) {
    uint32_t output = output_of(kernel, result);
    if (output == kernel->shape.body->output_count)
        return NULL;
    Offsets offsets = attention_result_offsets(kernel, result, &kernel->shape.batch_axes);
    return tensor_element(kernel, attention_result_type(kernel, result),
                          kernel->frame.operands[kernel->input_count + output],
                          emit_offset(kernel->emitter, &offsets, batch));
}

/* --- packing --- */

/* Squares of lanes are transposed: as large as the depth is whole squares. */
static uint32_t square_lanes(const AttentionShape *shape, int64_t depth) {
    for (uint32_t lanes = shape->lanes; lanes >= 4; lanes /= 2)
        if (depth % lanes == 0)
            return lanes;
    return shape->lanes;
}

AttentionPack attention_emit_pack(const AttentionKernel *kernel, const char *part, uint32_t source,
                                  const Axes *side, const Axes *depth, uint32_t width) {
    Emitter *e = kernel->emitter;
    const Function *body = kernel->shape.body;
    int64_t depths = attention_depth(&kernel->shape, axes_elements(body, depth));
    PackShape shape = {
        .side = attention_source_offsets(kernel, source, side),
        .depth = attention_source_offsets(kernel, source, depth),
        .side_extent = axes_elements(body, side),
        .depth_extent = axes_elements(body, depth),
        .width = width,
        .lanes = square_lanes(&kernel->shape, depths),
        .dtype = kernel->shape.dtype,
        .pairs = kernel->shape.pairs,
    };
    const char *name = arena_printf(e->arena, "%s.pack_%s", kernel->symbol, part);
    return (AttentionPack){emit_pack(e, name, &shape), source, depths};
}

void attention_call_pack(const AttentionKernel *kernel, const AttentionPack *pack,
                         LLVMValueRef target, LLVMValueRef batch, LLVMValueRef first,
                         LLVMValueRef count) {
    Emitter *e = kernel->emitter;
    LLVMValueRef arguments[] = {attention_source(kernel, pack->source, batch),
                                target,
                                first,
                                count,
                                emit_i64(e, 0),
                                emit_i64(e, pack->depth)};
    emit_call(e, pack->function, arguments, 6);
}

/* --- left sides --- */

AttentionLeft attention_left(const AttentionKernel *kernel, const char *part, uint32_t source,
                             const Axes *depth, bool in_place, int64_t scratch) {
    const AttentionShape *shape = &kernel->shape;
    int64_t pair = shape->pairs ? 2 : 1; /* elements of a depth */
    AttentionLeft left = {.in_place = in_place, .source = source, .scratch = scratch};
    if (in_place) {
        Offsets rows = attention_source_offsets(kernel, source, &shape->row_axes);
        Offsets depths = attention_source_offsets(kernel, source, depth);
        left.row = offsets_stride(&rows);
        left.depth = pair * offsets_stride(&depths);
        return left;
    }
    left.row = pair;
    left.depth = pair * shape->height;
    left.pack = attention_emit_pack(kernel, part, source, &shape->row_axes, depth, shape->height);
    return left;
}

void attention_prepare_left(const AttentionKernel *kernel, const AttentionLeft *left,
                            LLVMValueRef batch, LLVMValueRef first, LLVMValueRef count) {
    if (!left->in_place)
        attention_call_pack(kernel, &left->pack, attention_scratch(kernel, left->scratch), batch,
                            first, count);
}

LLVMValueRef attention_left_row(const AttentionKernel *kernel, const AttentionLeft *left,
                                LLVMValueRef batch, LLVMValueRef first, LLVMValueRef row) {
    Emitter *e = kernel->emitter;
    if (left->in_place) {
        Offsets rows = attention_source_offsets(kernel, left->source, &kernel->shape.row_axes);
        return tensor_element(kernel, kernel->shape.dtype,
                              attention_source(kernel, left->source, batch),
                              emit_offset(e, &rows, row));
    }
    LLVMValueRef at = emit_mul_const(e, emit_sub(e, row, first), left->pack.depth);
    return attention_float(kernel, attention_scratch(kernel, left->scratch), at);
}

/* --- products --- */

Product attention_product(const AttentionShape *shape, uint32_t height, uint32_t width,
                          int64_t left_row, int64_t left_depth, int64_t depth) {
    return (Product){
        .height = height,
        .vectors = width / shape->lanes,
        .lanes = shape->lanes,
        .last_lanes = shape->lanes,
        .pairs = shape->pairs,
        .left_row = left_row,
        .left_depth = left_depth,
        .right_depth = width,
        .depth_rest = depth % PRODUCT_UNROLL,
        .depth_short = depth < PRODUCT_UNROLL,
    };
}

AttentionStore attention_store(const AttentionKernel *kernel, int64_t result, LLVMValueRef base,
                               const Axes *rows, int64_t padded, const Axes *columns) {
    const Function *body = kernel->shape.body;
    return (AttentionStore){
        .base = base,
        .rows = attention_result_offsets(kernel, result, rows),
        .columns = attention_result_offsets(kernel, result, columns),
        .row_count = axes_elements(body, rows),
        .column_count = axes_elements(body, columns),
        .all_rows = axes_elements(body, rows) == padded,
        .dtype = attention_result_type(kernel, result),
    };
}

void attention_store_sums(const AttentionKernel *kernel, const AttentionStore *store,
                          const Product *product, LLVMValueRef *sums, LLVMValueRef row,
                          LLVMValueRef column) {
    Emitter *e = kernel->emitter;
    bool whole = store->column_count % (product->vectors * product->lanes) == 0;
    for (uint32_t r = 0; r < product->height; r++) {
        LLVMValueRef at = emit_add_const(e, row, r);
        Branch branch;
        if (!store->all_rows)
            emit_branch_begin(e, &branch, emit_less(e, at, emit_i64(e, store->row_count)),
                              "exists");
        LLVMValueRef to =
            tensor_element(kernel, store->dtype, store->base, emit_offset(e, &store->rows, at));
        for (uint32_t v = 0; v < product->vectors; v++)
            emit_store_composite(
                e, store->dtype, sums[r * product->vectors + v], to, &store->columns,
                emit_add_const(e, column, (int64_t)v * product->lanes), store->column_count, whole);
        if (!store->all_rows)
            emit_branch_end(e, &branch);
    }
}

static double tensor_bytes(const Function *body, NodeId id) {
    const Node *node = graph_node(body, id);
    return (double)dtype_size(node->dtype) * (double)graph_elements(body, node);
}

double attention_operand_bytes(const Function *body) {
    double bytes = 0;
    for (uint32_t i = 0; i < kernel_input_count(body); i++)
        bytes += tensor_bytes(body, kernel_input(body, i));
    for (uint32_t i = 0; i < body->output_count; i++)
        bytes += tensor_bytes(body, body->outputs[i].node);
    return bytes;
}
