#include "passes/emit/product_amx.h"

#include "passes/emit/amx.h"
#include "passes/emit/transpose.h"

enum { MOST_VECTORS = 2 };
enum { SUMS, COLUMNS = MOST_VECTORS, ROWS }; /* registers: of sums one for each vector */
enum { HALF_BYTES = 2, FLOAT_BYTES = 4, LINE_BYTES = 64 };

void emit_product_amx_begin(Emitter *e, uint32_t height) {
    AmxSize sizes[AMX_REGISTERS] = {0};
    for (int i = 0; i < MOST_VECTORS; i++)
        sizes[SUMS + i] = (AmxSize){AMX_ROWS, height * FLOAT_BYTES};
    sizes[COLUMNS] = (AmxSize){AMX_ROWS, AMX_ROW_BYTES};
    sizes[ROWS] = (AmxSize){AMX_DEPTH / 2, height * FLOAT_BYTES};
    emit_amx_begin(e, sizes);
}

/* As many lines as are read now, one after another as they lie. */
static void ask_ahead(Emitter *e, const ProductAmx *product, LLVMValueRef ahead,
                      LLVMValueRef depth) {
    const int64_t lines = (int64_t)product->vectors * AMX_ROWS;
    LLVMValueRef bytes = emit_mul_const(e, depth, lines * LINE_BYTES / AMX_DEPTH);
    LLVMValueRef from = emit_element(e, e->i8, ahead, bytes);
    for (int64_t i = 0; i < lines; i++)
        emit_prefetch(e, emit_element(e, e->i8, from, emit_i64(e, i * LINE_BYTES)), PREFETCH_L2);
}

/* A tile of sums has a row for each column. */
static void take_sums(Emitter *e, const ProductAmx *product, uint32_t vector, LLVMValueRef *sums) {
    LLVMTypeRef type = emit_vector_type(e, e->f32, AMX_ROWS);
    LLVMValueRef place = emit_frame_array(e, e->f32, AMX_ROWS * AMX_ROWS, "sums");
    LLVMValueRef columns[AMX_ROWS];
    emit_amx_store(e, SUMS + (int)vector, place, AMX_ROW_BYTES);
    for (int i = 0; i < AMX_ROWS; i++)
        columns[i] = emit_load(e, type, emit_element(e, e->f32, place, emit_i64(e, i * AMX_ROWS)),
                               AMX_ROW_BYTES);
    emit_transpose(e, columns, AMX_ROWS);
    for (uint32_t row = 0; row < product->rows; row++)
        sums[row * product->vectors + vector] = columns[row];
}

void emit_products_amx(Emitter *e, const ProductAmx *product, LLVMValueRef left, LLVMValueRef right,
                       LLVMValueRef ahead, LLVMValueRef *sums) {
    const int64_t row_bytes = (int64_t)product->height * FLOAT_BYTES;
    const int64_t stride = product->stride * HALF_BYTES;
    for (uint32_t v = 0; v < product->vectors; v++)
        emit_amx_zero(e, SUMS + (int)v);
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, product->depth), AMX_DEPTH, "depth");
    ask_ahead(e, product, ahead, loop.index);
    LLVMValueRef rows = emit_mul_const(e, loop.index, row_bytes / 2);
    emit_amx_load(e, ROWS, emit_element(e, e->i8, left, rows), row_bytes);
    for (uint32_t v = 0; v < product->vectors; v++) {
        LLVMValueRef at = emit_add_const(e, loop.index, (int64_t)v * AMX_ROWS * product->stride);
        emit_amx_load(e, COLUMNS, emit_element(e, e->i16, right, at), stride);
        emit_amx_dot(e, SUMS + (int)v, COLUMNS, ROWS);
    }
    emit_loop_end(e, &loop, NULL);
    for (uint32_t v = 0; v < product->vectors; v++)
        take_sums(e, product, v, sums);
}
