#include "passes/emit/attention_kernel.h"

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

LLVMValueRef attention_element(const AttentionKernel *kernel, DType dtype, LLVMValueRef base,
                               LLVMValueRef index) {
    return emit_element(kernel->emitter, emit_memory_type(kernel->emitter, dtype), base, index);
}

/* --- operands --- */

/* The INPUT: of what is packed, the one that is not. */
static NodeId source_node(const AttentionKernel *kernel, uint32_t which) {
    const NodeId source = kernel->shape.node->sources[which];
    const Node *node = graph_node(kernel->shape.body, source);
    return op_is_packed(node->op) ? node->sources[0] : source;
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

LLVMValueRef attention_source(const AttentionKernel *kernel, uint32_t which, LLVMValueRef batch) {
    Offsets offsets = attention_source_offsets(kernel, which, &kernel->shape.batch_axes);
    const Function *body = kernel->shape.body;
    NodeId node = source_node(kernel, which);
    return attention_element(kernel, graph_node(body, node)->dtype,
                             kernel->frame.operands[kernel_input_number(body, node)],
                             emit_offset(kernel->emitter, &offsets, batch));
}

LLVMValueRef attention_result(const AttentionKernel *kernel, int64_t result, LLVMValueRef batch) {
    uint32_t output = output_of(kernel, result);
    if (output == kernel->shape.body->output_count)
        return NULL;
    Offsets offsets = attention_result_offsets(kernel, result, &kernel->shape.batch_axes);
    return attention_element(kernel, attention_result_type(kernel, result),
                             kernel->frame.operands[kernel->input_count + output],
                             emit_offset(kernel->emitter, &offsets, batch));
}

Stretch attention_stretch(const AttentionKernel *kernel, uint32_t which, LLVMValueRef batch,
                          int64_t values) {
    Emitter *e = kernel->emitter;
    const AttentionShape *s = &kernel->shape;
    const Node *node = graph_node(s->body, s->node->sources[which]);
    const CompressedTensor tensor = {
        kernel->frame.operands[kernel_input_number(s->body, node->sources[0])],
        kernel->frame.operands[kernel_input_number(s->body, node->sources[1])], values};
    const Offsets batches = attention_source_offsets(kernel, which, &s->batch_axes);
    return emit_stretch(e, &tensor, emit_div_const(e, emit_offset(e, &batches, batch), values));
}

LLVMValueRef attention_tiles(const AttentionKernel *kernel, uint32_t which, LLVMValueRef batch,
                             int64_t values) {
    Emitter *e = kernel->emitter;
    const AttentionShape *s = &kernel->shape;
    const Node *node = graph_node(s->body, s->node->sources[which]);
    const Offsets batches = attention_source_offsets(kernel, which, &s->batch_axes);
    LLVMValueRef number = emit_div_const(e, emit_offset(e, &batches, batch), values);
    return emit_element(e, e->i32,
                        kernel->frame.operands[kernel_input_number(s->body, node->sources[1])],
                        emit_mul_const(e, number, values / 2));
}

static double tensor_bytes(const Function *body, NodeId id) {
    const Node *node = graph_node(body, id);
    return (double)dtype_size(node->dtype) * (double)graph_elements(body, node);
}

/* Whether another input is read in its place, which holds it packed. */
static bool is_packed(const Function *body, NodeId input) {
    bool packed = false;
    for (NodeId id = 0; id < body->node_count; id++) {
        const Node *node = graph_node(body, id);
        packed |= op_is_packed(node->op) && node->sources[0] == input;
    }
    return packed;
}

double attention_operand_bytes(const Function *body) {
    double bytes = 0;
    for (uint32_t i = 0; i < kernel_input_count(body); i++)
        if (!is_packed(body, kernel_input(body, i)))
            bytes += tensor_bytes(body, kernel_input(body, i));
    for (uint32_t i = 0; i < body->output_count; i++)
        bytes += tensor_bytes(body, body->outputs[i].node);
    return bytes;
}
