/* Kernels that keep bf16 a second time, compressed (ir/compressed.h) or in tiles (ir/tiled.h): all
 * of a tensor, or what has changed of it. */
#ifndef SCANLINE_PASSES_EMIT_REPACK_H
#define SCANLINE_PASSES_EMIT_REPACK_H

#include "passes/emit/kernel.h"

/* A body that is one op_is_pack, or one op_is_pack_slice, of INPUT nodes. */
void repack_measure(const Function *body, KernelShape *shape);
bool repack_in_place(const Function *body, uint32_t input, uint32_t output);
void emit_repack(struct Emitter *emitter, const Function *body, const char *symbol);

#endif
