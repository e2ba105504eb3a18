/* The innermost part of a contraction: a small block of sums held in registers over the depth, then
 * what follows the contraction, then the stores. */
#ifndef SCANLINE_PASSES_EMIT_CONTRACT_MICRO_H
#define SCANLINE_PASSES_EMIT_CONTRACT_MICRO_H

#include "passes/emit/contract_shape.h"
#include "passes/emit/emitter.h"

/* The parameters of a micro-kernel; then the kernel's operands follow. */
typedef enum MicroParameter {
    MICRO_LEFT,    /* its first row at the first depth: a panel, or the tensor itself */
    MICRO_RIGHT,   /* its first column at the first depth: a panel, or the tensor itself */
    MICRO_PARTIAL, /* height x width partial sums, where the depth is cut in blocks */
    MICRO_AHEAD = MICRO_PARTIAL, /* by tiles of AMX: the columns that are read next */
    MICRO_DEPTH,                 /* how many */
    MICRO_PHASE, /* MICRO_FIRST and MICRO_LAST or-ed, where the depth is cut in blocks */
    MICRO_BATCH, /* indices of the first element */
    MICRO_ROW,
    MICRO_COLUMN,
    MICRO_OPERANDS
} MicroParameter;

enum { MICRO_FIRST = 1, MICRO_LAST = 2 };

/* An internal function for `height` rows and `columns` columns, which are at most the shape's
 * height and width. */
LLVMValueRef emit_contract_micro(Emitter *emitter, const ContractShape *shape, const char *symbol,
                                 uint32_t height, uint32_t columns, uint32_t operand_count,
                                 const bool *noalias);

#endif
