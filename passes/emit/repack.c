/* A tile is a stretch, or a matrix: it is packed alone, whichever thread does it. */
#include "passes/emit/repack.h"

#include "passes/emit/compressed.h"
#include "passes/emit/tiled.h"

enum { SLICE_PACKED, SLICE_POSITION, SLICE_PLAIN, ELEMENT_BYTES = 4, HALF_BYTES = 2 };

typedef struct Repack {
    Emitter *emitter;
    bool slice, tiles;
    LLVMValueRef plain, packed;
    LLVMValueRef before, position;  /* of a slice */
    int64_t values, step, elements; /* of a stretch, of a position of it, of what packs it */
} Repack;

static const Node *repack_node(const Function *body) {
    return graph_node(body, kernel_anchor(body));
}

static bool makes_tiles(const Node *node) {
    return node->op == OP_TILE || node->op == OP_TILE_SLICE;
}

static NodeId plain_of(const Node *node) {
    return node->sources[op_is_pack_slice(node->op) ? SLICE_PLAIN : 0];
}

static int64_t values_of(const Function *body, const Node *node) {
    const Axes along = axes_of(node->attributes.axes.at, node->attributes.axes.count - 1);
    return axes_elements(body, &along);
}

static int64_t step_of(const Function *body, const Node *node) {
    return values_of(body, node) / graph_axis(body, node->attributes.axes.at[0])->extent;
}

static int64_t stretches_of(const Function *body, const Node *node) {
    return graph_elements(body, graph_node(body, plain_of(node))) / values_of(body, node);
}

/* Of a slice that is in its place already, what it touches: pairs of rows, or blocks. */
void repack_measure(const Function *body, KernelShape *shape) {
    const Node *node = repack_node(body);
    const int64_t values = values_of(body, node), step = step_of(body, node);
    const int64_t block = step > COMPRESSED_VALUES ? step : COMPRESSED_VALUES;
    const int64_t touched = makes_tiles(node) ? 2 * step : block;
    const int64_t stretches = stretches_of(body, node);
    const double read =
        (double)stretches * (double)(op_is_pack_slice(node->op) ? touched : values) * HALF_BYTES;
    const double written = makes_tiles(node) ? read : 0.75 * read;
    *shape = (KernelShape){.tiles = stretches, .bytes = read + written};
}

bool repack_in_place(const Function *body, uint32_t input, uint32_t output) {
    const Node *node = repack_node(body);
    return op_is_pack_slice(node->op) && output == 0 &&
           kernel_input(body, input) == node->sources[SLICE_PACKED];
}

/* --- compressed --- */

static void compress_blocks(const Repack *r, const Stretch *stretch, LLVMValueRef first,
                            LLVMValueRef end) {
    Emitter *e = r->emitter;
    Loop loop;
    emit_loop_begin(e, &loop, first, end, 1, "block");
    emit_compress_block(e, stretch, loop.index);
    emit_loop_end(e, &loop, NULL);
}

/* What fills up the bases, so that equal tensors are equal to the bit. */
static void clear_rest(const Repack *r, const Stretch *stretch) {
    Emitter *e = r->emitter;
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, r->values / COMPRESSED_VALUES),
                    emit_i64(e, compressed_base_bytes(r->values)), 1, "rest");
    emit_store(e, LLVMConstInt(e->i8, 0, false), emit_element(e, e->i8, stretch->bases, loop.index),
               1);
    emit_loop_end(e, &loop, NULL);
}

static void compress_values(const Repack *r, LLVMValueRef index) {
    Emitter *e = r->emitter;
    const CompressedTensor tensor = {r->plain, r->packed, r->values};
    const Stretch stretch = emit_stretch(e, &tensor, index);
    if (!r->slice) {
        compress_blocks(r, &stretch, emit_i64(e, 0), emit_i64(e, r->values / COMPRESSED_VALUES));
        clear_rest(r, &stretch);
        return;
    }
    LLVMValueRef from = emit_mul_const(e, r->position, r->step);
    LLVMValueRef last = emit_add_const(e, from, r->step - 1);
    compress_blocks(r, &stretch, emit_div_const(e, from, COMPRESSED_VALUES),
                    emit_add_const(e, emit_div_const(e, last, COMPRESSED_VALUES), 1));
}

/* --- in tiles --- */

static void tile_values(const Repack *r, LLVMValueRef index) {
    Emitter *e = r->emitter;
    const TiledMatrix matrix = {
        .plain = emit_element(e, e->i16, r->plain, emit_mul_const(e, index, r->values)),
        .tiles = emit_element(e, e->i32, r->packed, emit_mul_const(e, index, r->elements)),
        .columns = r->step,
    };
    if (r->slice) {
        emit_tile_pair(e, &matrix, emit_div_const(e, r->position, 2));
        return;
    }
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, r->values / r->step / 2), 1, "pair");
    emit_tile_pair(e, &matrix, loop.index);
    emit_loop_end(e, &loop, NULL);
}

/* --- both --- */

static void pack_values(const Repack *r, LLVMValueRef index) {
    if (r->tiles)
        tile_values(r, index);
    else
        compress_values(r, index);
}

/* What was there, where the result is not in its place. */
static void copy_before(const Repack *r, LLVMValueRef index) {
    Emitter *e = r->emitter;
    Branch branch;
    emit_branch_begin(e, &branch, LLVMBuildICmp(e->builder, LLVMIntNE, r->before, r->packed, ""),
                      "apart");
    LLVMValueRef at = emit_mul_const(e, index, r->elements);
    emit_copy(e, e->i32, emit_element(e, e->i32, r->before, at),
              emit_element(e, e->i32, r->packed, at), r->elements, ELEMENT_BYTES);
    emit_branch_end(e, &branch);
}

/* What holds the position, if there is one. */
static void pack_position(const Repack *r, LLVMValueRef index) {
    Emitter *e = r->emitter;
    Branch branch;
    copy_before(r, index);
    emit_branch_begin(
        e, &branch,
        LLVMBuildICmp(e->builder, LLVMIntULT, r->position, emit_i64(e, r->values / r->step), ""),
        "inside");
    pack_values(r, index);
    emit_branch_end(e, &branch);
}

static Repack repack_of(Emitter *e, const Function *body, const KernelFrame *frame) {
    const Node *node = repack_node(body);
    Repack r = {
        .emitter = e,
        .slice = op_is_pack_slice(node->op),
        .tiles = makes_tiles(node),
        .plain = frame->operands[kernel_input_number(body, plain_of(node))],
        .packed = frame->operands[kernel_input_count(body)],
        .values = values_of(body, node),
        .step = step_of(body, node),
    };
    r.elements = r.tiles ? r.values / 2 : compressed_elements(r.values);
    if (r.slice) {
        const uint32_t position = kernel_input_number(body, node->sources[SLICE_POSITION]);
        r.before = frame->operands[kernel_input_number(body, node->sources[SLICE_PACKED])];
        r.position = LLVMBuildSExt(e->builder,
                                   emit_load(e, e->i32, frame->operands[position], ELEMENT_BYTES),
                                   e->i64, "position");
    }
    return r;
}

void emit_repack(Emitter *e, const Function *body, const char *symbol) {
    const uint32_t inputs = kernel_input_count(body), count = inputs + 1;
    bool *noalias = arena_array(e->arena, count, sizeof *noalias);
    for (uint32_t i = 0; i < inputs; i++)
        noalias[i] = !repack_in_place(body, i, 0);
    noalias[inputs] = op_is_pack(repack_node(body)->op);
    KernelFrame frame;
    emit_kernel_begin(e, &frame, symbol, count, noalias);
    const Repack r = repack_of(e, body, &frame);
    Loop loop;
    emit_loop_begin(e, &loop, frame.first, frame.last, 1, "stretch");
    if (r.slice)
        pack_position(&r, loop.index);
    else
        pack_values(&r, loop.index);
    emit_loop_end(e, &loop, NULL);
    emit_kernel_end(e, &frame);
}
