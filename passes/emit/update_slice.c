/* Whether the result lies where the tensor does is known when the kernel runs: by the pointers. If
 * not, all of it is copied first. Elements are moved as they are, whatever their type. */
#include "passes/emit/update_slice.h"

#include "passes/emit/emitter.h"
#include "passes/emit/offsets.h"

enum { SOURCE_WHOLE, SOURCE_POSITION, SOURCE_SLICE };

typedef struct Update {
    Emitter *emitter;
    const Function *body;
    const Node *node;
    LLVMTypeRef type; /* of an element in memory */
    uint32_t alignment;
    LLVMValueRef whole, position, slice, result;
} Update;

static const Node *update_node(const Function *body) {
    return graph_node(body, kernel_anchor(body));
}

static Axes axes_without(const Axes *axes, AxisId axis) {
    const Axes one = axes_of(&axis, 1);
    return axes_minus(axes, &one);
}

/* One tile: a slice is little to write. */
void update_slice_measure(const Function *body, KernelShape *shape) {
    const Node *node = update_node(body);
    const Axes slice = axes_without(&node->axes, node->attributes.axes.at[0]);
    *shape = (KernelShape){
        .tiles = 1,
        .bytes = 2.0 * (double)axes_elements(body, &slice) * (double)dtype_size(node->dtype),
    };
}

/* The slice is read while the result is written, so it must lie elsewhere. */
bool update_slice_in_place(const Function *body, uint32_t input, uint32_t output) {
    const Node *node = update_node(body);
    const NodeId whole = node->sources[SOURCE_WHOLE];
    return output == 0 && kernel_input(body, input) == whole &&
           node->sources[SOURCE_SLICE] != whole &&
           axes_equal(&node->axes, &graph_node(body, whole)->axes);
}

static void copy_element(const Update *u, const Offsets *from, const Offsets *to,
                         LLVMValueRef index, LLVMValueRef source, LLVMValueRef result) {
    Emitter *e = u->emitter;
    emit_copy(e, u->type, emit_element(e, u->type, source, emit_offset(e, from, index)),
              emit_element(e, u->type, result, emit_offset(e, to, index)), 1, u->alignment);
}

/* Where both sides have the innermost axis side by side, it is copied as a run. */
static void copy_slice(const Update *u, LLVMValueRef result) {
    Emitter *e = u->emitter;
    const Axes *slice_axes = &graph_node(u->body, u->node->sources[SOURCE_SLICE])->axes;
    Axes outer = axes_without(&u->node->axes, u->node->attributes.axes.at[0]);
    const AxisId last = u->node->axes.at[u->node->axes.count - 1];
    const bool run = axes_has(&outer, last) && axes_stride(u->body, slice_axes, last) == 1;
    if (run)
        outer = axes_without(&outer, last);
    const Offsets from = offsets_of(u->body, &outer, slice_axes);
    const Offsets to = offsets_of(u->body, &outer, &u->node->axes);
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, axes_elements(u->body, &outer)), 1,
                    "slice");
    if (run)
        emit_copy(e, u->type, emit_element(e, u->type, u->slice, emit_offset(e, &from, loop.index)),
                  emit_element(e, u->type, result, emit_offset(e, &to, loop.index)),
                  graph_axis(u->body, last)->extent, u->alignment);
    else
        copy_element(u, &from, &to, loop.index, u->slice, result);
    emit_loop_end(e, &loop, NULL);
}

/* The result may have another order than the tensor; then it is never in its place. */
static void copy_whole(const Update *u) {
    Emitter *e = u->emitter;
    const Axes *from = &graph_node(u->body, u->node->sources[SOURCE_WHOLE])->axes;
    if (axes_equal(from, &u->node->axes)) {
        emit_copy(e, u->type, u->whole, u->result, axes_elements(u->body, from), u->alignment);
        return;
    }
    const Offsets source = offsets_of(u->body, &u->node->axes, from);
    const Offsets result = offsets_of(u->body, &u->node->axes, &u->node->axes);
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, axes_elements(u->body, from)), 1,
                    "whole");
    copy_element(u, &source, &result, loop.index, u->whole, u->result);
    emit_loop_end(e, &loop, NULL);
}

static void emit_parts(const Update *u) {
    Emitter *e = u->emitter;
    const AxisId axis = u->node->attributes.axes.at[0];
    Branch branch;
    emit_branch_begin(e, &branch,
                      LLVMBuildICmp(e->builder, LLVMIntNE, u->whole, u->result, "apart"), "apart");
    copy_whole(u);
    emit_branch_end(e, &branch);
    LLVMValueRef position =
        LLVMBuildSExt(e->builder, emit_load(e, e->i32, u->position, 4), e->i64, "position");
    LLVMValueRef inside = LLVMBuildICmp(e->builder, LLVMIntULT, position,
                                        emit_i64(e, graph_axis(u->body, axis)->extent), "inside");
    emit_branch_begin(e, &branch, inside, "inside");
    const int64_t stride = axes_stride(u->body, &u->node->axes, axis);
    copy_slice(u, emit_element(e, u->type, u->result, emit_mul_const(e, position, stride)));
    emit_branch_end(e, &branch);
}

void emit_update_slice(Emitter *emitter, const Function *body, const char *symbol) {
    const Node *node = update_node(body);
    const uint32_t inputs = kernel_input_count(body), count = inputs + 1;
    bool *noalias = arena_array(emitter->arena, count, sizeof *noalias);
    for (uint32_t i = 0; i < inputs; i++)
        noalias[i] = !update_slice_in_place(body, i, 0);
    KernelFrame frame;
    emit_kernel_begin(emitter, &frame, symbol, count, noalias);
    const LLVMValueRef *operands = frame.operands;
    const Update update = {
        .emitter = emitter,
        .body = body,
        .node = node,
        .type = emit_memory_type(emitter, node->dtype),
        .alignment = (uint32_t)dtype_size(node->dtype),
        .whole = operands[kernel_input_number(body, node->sources[SOURCE_WHOLE])],
        .position = operands[kernel_input_number(body, node->sources[SOURCE_POSITION])],
        .slice = operands[kernel_input_number(body, node->sources[SOURCE_SLICE])],
        .result = operands[inputs],
    };
    emit_parts(&update);
    emit_kernel_end(emitter, &frame);
}
