/* A square of vectors, in registers. */
#ifndef SCANLINE_PASSES_EMIT_TRANSPOSE_H
#define SCANLINE_PASSES_EMIT_TRANSPOSE_H

#include "passes/emit/emitter.h"

/* Lane j of row i becomes lane i of row j; `lanes` rows of so many lanes, a power of two. */
void emit_transpose(Emitter *emitter, LLVMValueRef *rows, uint32_t lanes);

#endif
