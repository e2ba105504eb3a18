/* Contractions as generated matrix products. passes/README.md describes the method. */
#ifndef SCANLINE_PASSES_EMIT_CONTRACT_H
#define SCANLINE_PASSES_EMIT_CONTRACT_H

#include "passes/emit/kernel.h"

/* What emit_contract takes: one contract of two INPUT nodes (f32), each of which has an axis that
 * the other lacks, not both of extent 1 (else it is a reduction, and rows.c does better); after it
 * elementwise ops whose axes are the contract's or fewer, over it, consts, index nodes and further
 * INPUT nodes; outputs with exactly the contract's axes, in any order of memory. */
bool contract_accepts(const Function *body);

void contract_measure(const Function *body, const Target *target, KernelShape *shape);
void emit_contract(struct Emitter *emitter, const Function *body, const char *symbol);
bool contract_in_place(const Function *body, uint32_t input, uint32_t output);

#endif
