#include "passes/emit/attention_adder.h"

enum { FLOAT_BYTES = 4 };
enum { ADD_LEFT, ADD_RIGHT, ADD_DEPTH, ADD_SUMS, ADD_ROW, ADD_PARAMETERS };

static void add_to_scratch(const AttentionKernel *kernel, const AdderShape *shape,
                           LLVMValueRef function, LLVMValueRef right, LLVMValueRef column) {
    Emitter *e = kernel->emitter;
    const Product *product = &shape->product;
    LLVMTypeRef vector = emit_vector_type(e, e->f32, product->lanes);
    LLVMValueRef sums[PRODUCT_MAX_SUMS], places[PRODUCT_MAX_SUMS];
    LLVMValueRef first = attention_float(kernel, LLVMGetParam(function, ADD_SUMS), column);
    for (uint32_t i = 0; i < product_sums(product); i++) {
        uint32_t row = i / product->vectors, v = i % product->vectors;
        int64_t at = row * shape->padded_columns + (int64_t)v * product->lanes;
        places[i] = attention_float(kernel, first, emit_i64(e, at));
        sums[i] = emit_load(e, vector, places[i], FLOAT_BYTES);
    }
    emit_products(e, product, LLVMGetParam(function, ADD_LEFT), right,
                  LLVMGetParam(function, ADD_DEPTH), sums);
    for (uint32_t i = 0; i < product_sums(product); i++)
        emit_store(e, sums[i], places[i], FLOAT_BYTES);
}

static void sum_to_result(const AttentionKernel *kernel, const AdderShape *shape,
                          LLVMValueRef function, LLVMValueRef right, LLVMValueRef column) {
    Emitter *e = kernel->emitter;
    AttentionStore store = attention_store(kernel, shape->result, LLVMGetParam(function, ADD_SUMS),
                                           shape->rows, shape->padded_rows, shape->columns);
    LLVMValueRef sums[PRODUCT_MAX_SUMS];
    emit_product_zeros(e, &shape->product, sums);
    emit_products(e, &shape->product, LLVMGetParam(function, ADD_LEFT), right,
                  LLVMGetParam(function, ADD_DEPTH), sums);
    attention_store_sums(kernel, &store, &shape->product, sums, LLVMGetParam(function, ADD_ROW),
                         column);
}

static uint32_t panel_width(const AdderShape *shape) {
    return shape->product.vectors * shape->product.lanes;
}

Adder emit_adder(const AttentionKernel *kernel, const char *part, const AdderShape *shape) {
    if (attention_result_type(kernel, shape->result) == DTYPE_NONE)
        return (Adder){NULL, *shape};
    Emitter *e = kernel->emitter;
    LLVMTypeRef types[ADD_PARAMETERS] = {e->pointer, e->pointer, e->i64, e->pointer, e->i64};
    LLVMTypeRef type = LLVMFunctionType(e->void_type, types, ADD_PARAMETERS, false);
    const char *name = arena_printf(e->arena, "%s.add_%s", kernel->symbol, part);
    Place place = emit_function_enter(e, name, type, false);
    LLVMValueRef function = e->function;
    emit_parameter_pointer(e, function, ADD_RIGHT, FLOAT_BYTES, true);
    emit_parameter_pointer(e, function, ADD_SUMS, 1, true);
    uint32_t panel = panel_width(shape);
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, shape->padded_columns), panel, "panels");
    LLVMValueRef right = emit_loop_carry(e, &loop, LLVMGetParam(function, ADD_RIGHT));
    if (kernel->shape.single)
        sum_to_result(kernel, shape, function, right, loop.index);
    else
        add_to_scratch(kernel, shape, function, right, loop.index);
    LLVMValueRef next = attention_float(kernel, right, emit_i64(e, shape->depth * panel));
    emit_loop_end(e, &loop, &next);
    return (Adder){emit_function_leave(e, place), *shape};
}

void emit_adder_call(const AttentionKernel *kernel, const Adder *adder, LLVMValueRef left,
                     LLVMValueRef right, LLVMValueRef count, LLVMValueRef sums, LLVMValueRef row) {
    Emitter *e = kernel->emitter;
    if (!kernel->shape.single)
        sums = attention_float(kernel, sums, emit_mul_const(e, row, adder->shape.padded_columns));
    LLVMValueRef arguments[ADD_PARAMETERS] = {left, right, count, sums, row};
    emit_call(e, adder->function, arguments, ADD_PARAMETERS);
}
