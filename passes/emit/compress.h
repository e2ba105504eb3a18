/* Kernels that compress bf16 (ir/compressed.h): all of a tensor, or what has changed of it. */
#ifndef SCANLINE_PASSES_EMIT_COMPRESS_H
#define SCANLINE_PASSES_EMIT_COMPRESS_H

#include "passes/emit/kernel.h"

/* A body that is one compress, or one compress_slice, of INPUT nodes. */
void compress_measure(const Function *body, KernelShape *shape);
bool compress_in_place(const Function *body, uint32_t input, uint32_t output);
void emit_compress(struct Emitter *emitter, const Function *body, const char *symbol);

#endif
