/* Kernels without a contraction or attention: loops with elementwise ops, reductions and movement.
 */
#ifndef SCANLINE_PASSES_EMIT_ROWS_H
#define SCANLINE_PASSES_EMIT_ROWS_H

#include "passes/emit/emitter.h"
#include "passes/emit/kernel.h"

void rows_measure(const Function *body, const Target *target, KernelShape *shape);
void emit_rows(Emitter *emitter, const Function *body, const char *symbol);
bool rows_in_place(const Function *body, uint32_t input, uint32_t output);

#endif
