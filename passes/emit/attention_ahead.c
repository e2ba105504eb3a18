#include "passes/emit/attention_ahead.h"

enum { LINE_BYTES = 64 };

static Offsets offsets_along(const AttentionKernel *kernel, const AttentionAhead *tensor,
                             const Axes *axes) {
    return tensor->is_result ? attention_result_offsets(kernel, tensor->number, axes)
                             : attention_source_offsets(kernel, tensor->number, axes);
}

/* The lines of one row, if they are neighbours. */
static void fetch_row(const AttentionKernel *kernel, const AttentionAhead *tensor,
                      LLVMValueRef base, LLVMValueRef row) {
    Emitter *e = kernel->emitter;
    const Function *body = kernel->shape.body;
    Offsets rows = offsets_along(kernel, tensor, tensor->rows);
    Offsets columns = offsets_along(kernel, tensor, tensor->columns);
    if (!offsets_uniform(&columns) || offsets_stride(&columns) != 1)
        return;
    DType dtype = kernel->shape.dtype;
    int64_t last = axes_elements(body, tensor->rows) - 1;
    int64_t bytes = axes_elements(body, tensor->columns) * (int64_t)dtype_size(dtype);
    LLVMValueRef at = emit_offset(e, &rows, emit_min_i64(e, row, emit_i64(e, last)));
    LLVMValueRef place = attention_element(kernel, dtype, base, at);
    for (int64_t line = 0; line < bytes; line += LINE_BYTES)
        emit_prefetch(e, emit_element(e, e->i8, place, emit_i64(e, line)),
                      tensor->is_result ? PREFETCH_TO_WRITE : PREFETCH_L1);
}

void attention_fetch_ahead(const AttentionKernel *kernel, const AttentionAhead *tensors,
                           uint32_t count, LLVMValueRef batch, LLVMValueRef row) {
    Emitter *e = kernel->emitter;
    LLVMValueRef next =
        emit_min_i64(e, emit_add_const(e, batch, 1), emit_i64(e, kernel->shape.batches - 1));
    Loop loop;
    emit_loop_begin(e, &loop, row, emit_add_const(e, row, kernel->shape.height), 1, "ahead");
    for (uint32_t i = 0; i < count; i++) {
        const AttentionAhead *tensor = &tensors[i];
        LLVMValueRef base = tensor->is_result ? attention_result(kernel, tensor->number, batch)
                                              : attention_source(kernel, tensor->number, next);
        if (base)
            fetch_row(kernel, tensor, base, loop.index);
    }
    emit_loop_end(e, &loop, NULL);
}
