/* A tile is a stretch: it is compressed alone, whichever thread does it. */
#include "passes/emit/compress.h"

#include "passes/emit/compressed.h"

enum { SLICE_PACKED, SLICE_POSITION, SLICE_PLAIN, ELEMENT_BYTES = 4, HALF_BYTES = 2 };

typedef struct Compress {
    Emitter *emitter;
    bool slice; /* compress_slice */
    CompressedTensor tensor;
    LLVMValueRef before, position; /* of a slice */
    int64_t positions;             /* along a stretch's first axis */
} Compress;

static const Node *compress_node(const Function *body) {
    return graph_node(body, kernel_anchor(body));
}

static NodeId plain_of(const Node *node) {
    return node->sources[node->op == OP_COMPRESS_SLICE ? SLICE_PLAIN : 0];
}

static int64_t values_of(const Function *body, const Node *node) {
    const Axes along = axes_of(node->attributes.axes.at, node->attributes.axes.count - 1);
    return axes_elements(body, &along);
}

static int64_t stretches_of(const Function *body, const Node *node) {
    return graph_elements(body, graph_node(body, plain_of(node))) / values_of(body, node);
}

/* Of a slice that is in its place already, the blocks that it touches. */
void compress_measure(const Function *body, KernelShape *shape) {
    const Node *node = compress_node(body);
    const int64_t values = values_of(body, node), stretches = stretches_of(body, node);
    const int64_t extent = graph_axis(body, node->attributes.axes.at[0])->extent;
    const int64_t touched =
        values / extent > COMPRESSED_VALUES ? values / extent : COMPRESSED_VALUES;
    const double read =
        (double)stretches * (double)(node->op == OP_COMPRESS_SLICE ? touched : values) * HALF_BYTES;
    *shape = (KernelShape){.tiles = stretches, .bytes = 1.75 * read};
}

bool compress_in_place(const Function *body, uint32_t input, uint32_t output) {
    const Node *node = compress_node(body);
    return node->op == OP_COMPRESS_SLICE && output == 0 &&
           kernel_input(body, input) == node->sources[SLICE_PACKED];
}

static void compress_blocks(const Compress *c, const Stretch *stretch, LLVMValueRef first,
                            LLVMValueRef end) {
    Emitter *e = c->emitter;
    Loop loop;
    emit_loop_begin(e, &loop, first, end, 1, "block");
    emit_compress_block(e, stretch, loop.index);
    emit_loop_end(e, &loop, NULL);
}

/* What fills up the bases, so that equal tensors are equal to the bit. */
static void clear_rest(const Compress *c, const Stretch *stretch) {
    Emitter *e = c->emitter;
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, c->tensor.values / COMPRESSED_VALUES),
                    emit_i64(e, compressed_base_bytes(c->tensor.values)), 1, "rest");
    emit_store(e, LLVMConstInt(e->i8, 0, false), emit_element(e, e->i8, stretch->bases, loop.index),
               1);
    emit_loop_end(e, &loop, NULL);
}

/* The stretch as it was, where the result is not in its place. */
static void copy_before(const Compress *c, LLVMValueRef index, const Stretch *stretch) {
    Emitter *e = c->emitter;
    const int64_t elements = compressed_elements(c->tensor.values);
    Branch branch;
    emit_branch_begin(
        e, &branch, LLVMBuildICmp(e->builder, LLVMIntNE, c->before, c->tensor.packed, ""), "apart");
    LLVMValueRef from = emit_element(e, e->i32, c->before, emit_mul_const(e, index, elements));
    emit_copy(e, e->i32, from, stretch->bases, elements, ELEMENT_BYTES);
    emit_branch_end(e, &branch);
}

/* The blocks that hold the position, if there is one. */
static void compress_position(const Compress *c, const Stretch *stretch) {
    Emitter *e = c->emitter;
    const int64_t step = c->tensor.values / c->positions;
    Branch branch;
    emit_branch_begin(
        e, &branch,
        LLVMBuildICmp(e->builder, LLVMIntULT, c->position, emit_i64(e, c->positions), ""),
        "inside");
    LLVMValueRef from = emit_mul_const(e, c->position, step);
    LLVMValueRef last = emit_add_const(e, from, step - 1);
    compress_blocks(c, stretch, emit_div_const(e, from, COMPRESSED_VALUES),
                    emit_add_const(e, emit_div_const(e, last, COMPRESSED_VALUES), 1));
    emit_branch_end(e, &branch);
}

static void emit_tiles(const Compress *c, const KernelFrame *frame) {
    Emitter *e = c->emitter;
    Loop loop;
    emit_loop_begin(e, &loop, frame->first, frame->last, 1, "stretch");
    const Stretch stretch = emit_stretch(e, &c->tensor, loop.index);
    if (c->slice) {
        copy_before(c, loop.index, &stretch);
        compress_position(c, &stretch);
    } else {
        compress_blocks(c, &stretch, emit_i64(e, 0),
                        emit_i64(e, c->tensor.values / COMPRESSED_VALUES));
        clear_rest(c, &stretch);
    }
    emit_loop_end(e, &loop, NULL);
}

void emit_compress(Emitter *e, const Function *body, const char *symbol) {
    const Node *node = compress_node(body);
    const uint32_t inputs = kernel_input_count(body), count = inputs + 1;
    bool *noalias = arena_array(e->arena, count, sizeof *noalias);
    for (uint32_t i = 0; i < inputs; i++)
        noalias[i] = !compress_in_place(body, i, 0);
    noalias[inputs] = node->op == OP_COMPRESS;
    KernelFrame frame;
    emit_kernel_begin(e, &frame, symbol, count, noalias);
    Compress c = {
        .emitter = e,
        .slice = node->op == OP_COMPRESS_SLICE,
        .positions = graph_axis(body, node->attributes.axes.at[0])->extent,
        .tensor = {.plain = frame.operands[kernel_input_number(body, plain_of(node))],
                   .packed = frame.operands[inputs],
                   .values = values_of(body, node)},
    };
    if (c.slice) {
        const NodeId position = node->sources[SLICE_POSITION];
        c.before = frame.operands[kernel_input_number(body, node->sources[SLICE_PACKED])];
        c.position =
            LLVMBuildSExt(e->builder,
                          emit_load(e, e->i32, frame.operands[kernel_input_number(body, position)],
                                    ELEMENT_BYTES),
                          e->i64, "position");
    }
    emit_tiles(&c, &frame);
    emit_kernel_end(e, &frame);
}
