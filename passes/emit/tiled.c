#include "passes/emit/tiled.h"

enum { HALF_BYTES = 2, LINES = TILED_ROWS / 2 };

/* So many values from a place on, each in 32 bits. */
static LLVMValueRef load_row(Emitter *e, LLVMValueRef row, LLVMValueRef column) {
    LLVMTypeRef halves = emit_vector_type(e, e->i16, TILED_COLUMNS);
    LLVMValueRef values = emit_load(e, halves, emit_element(e, e->i16, row, column), HALF_BYTES);
    return LLVMBuildZExt(e->builder, values, emit_vector_type(e, e->i32, TILED_COLUMNS), "");
}

void emit_tile_pair(Emitter *e, const TiledMatrix *matrix, LLVMValueRef pair) {
    LLVMValueRef half = emit_splat(e, LLVMConstInt(e->i32, 16, false), TILED_COLUMNS);
    LLVMValueRef even =
        emit_element(e, e->i16, matrix->plain, emit_mul_const(e, pair, 2 * matrix->columns));
    LLVMValueRef odd = emit_element(e, e->i16, even, emit_i64(e, matrix->columns));
    LLVMValueRef group = emit_mul_const(e, emit_div_const(e, pair, LINES), LINES * matrix->columns);
    LLVMValueRef line = emit_mul_const(e, emit_mod_const(e, pair, LINES), TILED_COLUMNS);
    LLVMValueRef to = emit_element(e, e->i32, matrix->tiles, emit_add(e, group, line));
    Loop loop;
    emit_loop_begin(e, &loop, emit_i64(e, 0), emit_i64(e, matrix->columns), TILED_COLUMNS, "tile");
    LLVMValueRef upper = LLVMBuildShl(e->builder, load_row(e, odd, loop.index), half, "");
    LLVMValueRef both = LLVMBuildOr(e->builder, load_row(e, even, loop.index), upper, "");
    emit_store(e, both, emit_element(e, e->i32, to, emit_mul_const(e, loop.index, LINES)),
               TILED_LINE_BYTES);
    emit_loop_end(e, &loop, NULL);
}
