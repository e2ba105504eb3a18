/* Blocked attention, forward and backward. passes/README.md describes the method. */
#ifndef SCANLINE_PASSES_EMIT_ATTENTION_H
#define SCANLINE_PASSES_EMIT_ATTENTION_H

#include "passes/emit/kernel.h"

/* A body that is one attention (or attention_grad) of INPUT nodes and its results as outputs, f32.
 */
void attention_measure(const Function *body, const Target *target, KernelShape *shape);
void emit_attention(struct Emitter *emitter, const Function *body, const char *symbol);
void attention_grad_measure(const Function *body, const Target *target, KernelShape *shape);
void emit_attention_grad(struct Emitter *emitter, const Function *body, const char *symbol);

#endif
