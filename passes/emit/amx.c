#include "passes/emit/amx.h"

enum { CONFIG_BYTES = 64, CONFIG_ROW_BYTES = 16, CONFIG_ROWS = 48, PALETTE = 1 };

void emit_amx_begin(Emitter *e, const AmxSize sizes[AMX_REGISTERS]) {
    uint8_t config[CONFIG_BYTES] = {PALETTE};
    for (int i = 0; i < AMX_REGISTERS; i++) {
        config[CONFIG_ROW_BYTES + 2 * i] = (uint8_t)sizes[i].row_bytes;
        config[CONFIG_ROWS + i] = (uint8_t)sizes[i].rows;
    }
    LLVMValueRef bytes[CONFIG_BYTES];
    for (int i = 0; i < CONFIG_BYTES; i++)
        bytes[i] = LLVMConstInt(e->i8, config[i], false);
    LLVMValueRef place = emit_frame_array(e, e->i8, CONFIG_BYTES, "tiles");
    emit_store(e, LLVMConstVector(bytes, CONFIG_BYTES), place, CONFIG_BYTES);
    emit_instruction(e, "llvm.x86.ldtilecfg", &place, 1);
}

void emit_amx_end(Emitter *e) { emit_instruction(e, "llvm.x86.tilerelease", NULL, 0); }

static LLVMValueRef number(Emitter *e, int tile) {
    return LLVMConstInt(e->i8, (uint64_t)tile, false);
}

void emit_amx_zero(Emitter *e, int tile) {
    LLVMValueRef argument = number(e, tile);
    emit_instruction(e, "llvm.x86.tilezero", &argument, 1);
}

static void move(Emitter *e, const char *name, int tile, LLVMValueRef pointer, int64_t stride) {
    LLVMValueRef arguments[] = {number(e, tile), pointer, emit_i64(e, stride)};
    emit_instruction(e, name, arguments, 3);
}

void emit_amx_load(Emitter *e, int tile, LLVMValueRef pointer, int64_t stride) {
    move(e, "llvm.x86.tileloadd64", tile, pointer, stride);
}

void emit_amx_store(Emitter *e, int tile, LLVMValueRef pointer, int64_t stride) {
    move(e, "llvm.x86.tilestored64", tile, pointer, stride);
}

void emit_amx_dot(Emitter *e, int c, int a, int b) {
    LLVMValueRef arguments[] = {number(e, c), number(e, a), number(e, b)};
    emit_instruction(e, "llvm.x86.tdpbf16ps", arguments, 3);
}
