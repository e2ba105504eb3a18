/* A tensor with another slice at one position along an axis. Where the plan gives the result the
 * tensor's own memory, the slice alone is written: what decoding does with its caches. */
#ifndef SCANLINE_PASSES_EMIT_UPDATE_SLICE_H
#define SCANLINE_PASSES_EMIT_UPDATE_SLICE_H

#include "passes/emit/kernel.h"

/* A body that is one update_slice of INPUT nodes. */
void update_slice_measure(const Function *body, KernelShape *shape);
void emit_update_slice(struct Emitter *emitter, const Function *body, const char *symbol);
bool update_slice_in_place(const Function *body, uint32_t input, uint32_t output);

#endif
