/* Tiles of AMX: eight registers of up to 16 rows of 64 bytes, which multiply matrices of bf16 into
 * sums of f32 (Intel, Architecture Instruction Set Extensions Programming Reference, chapter 3).
 *
 *     c[row][column] += sum over depth of a[row][depth] * b[depth][column]
 *
 * a has its depths side by side in a row, 32 at most; b has in each row a pair of depths of every
 * column (bf16.h), so 16 rows at most. A sum of one instruction is that of its even depths and that
 * of its odd ones, each a chain of multiply-adds from 0; denormals are 0. So a product by tiles has
 * other bits than one by vectors. */
#ifndef SCANLINE_PASSES_EMIT_AMX_H
#define SCANLINE_PASSES_EMIT_AMX_H

#include "passes/emit/emitter.h"

enum {
    AMX_REGISTERS = 8,
    AMX_ROWS = 16,
    AMX_ROW_BYTES = 64,
    AMX_DEPTH = 32, /* of one instruction */
};

/* What a register holds. */
typedef struct AmxSize {
    uint32_t rows, row_bytes;
} AmxSize;

/* Before any of the others; and when all is done, as what they hold is saved with the thread. */
void emit_amx_begin(Emitter *emitter, const AmxSize sizes[AMX_REGISTERS]);
void emit_amx_end(Emitter *emitter);

void emit_amx_zero(Emitter *emitter, int tile);

/* Rows `stride` bytes apart. */
void emit_amx_load(Emitter *emitter, int tile, LLVMValueRef pointer, int64_t stride);
void emit_amx_store(Emitter *emitter, int tile, LLVMValueRef pointer, int64_t stride);

/* c += a * b */
void emit_amx_dot(Emitter *emitter, int c, int a, int b);

#endif
