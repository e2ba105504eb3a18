/* What a loop kernel needs, decided without LLVM: its nest, how the nest is cut into tiles, what
 * its row phases have to do, and its scratch memory.
 *
 * The unit of work is one round of the kept axes, or a piece of the row of one such round where
 * rows may be cut. Tile t computes the units from t * units_per_tile on. */
#ifndef SCANLINE_PASSES_EMIT_ROWS_PLAN_H
#define SCANLINE_PASSES_EMIT_ROWS_PLAN_H

#include "passes/emit/nest.h"

enum { ROWS_NO_BUFFER = -1 };

typedef struct RowsPlan {
    const Function *body;
    NestView view;
    Nest nest;
    int64_t row, piece,
        pieces; /* elements of a row, of a piece (the last may be shorter); pieces of a row */
    int64_t units, units_per_tile, tiles;
    /* By position: where in the scratch memory a member keeps a row: accumulators of a column
     * reduction, or values that a later phase needs and that are costly to compute again. */
    int64_t *buffer;
    uint16_t *first_phase; /* by position: in which phase of its stage it is first computed */
    uint16_t
        *last_read; /* by NodeId, operands: 1 + the last phase of stage 0 that reads it; 0: none */
    bool *read_elsewhere; /* by NodeId, operands: in stage 1, at moved coordinates, or outside the
                             rows */
    int64_t scratch_bytes;
    double flops, bytes;
} RowsPlan;

/* The body must have a nest (nest_build). */
RowsPlan rows_plan(Arena *arena, const Function *body);

/* What a member does in the row phases: its stage and phase. Of a reduction: where it accumulates;
 * of another: where it is known. */
uint32_t rows_stage(const RowsPlan *plan, uint32_t position);

/* The stage and phase in which an output is stored. */
void rows_output_phase(const RowsPlan *plan, NodeId output, uint32_t *stage, uint32_t *phase);

/* What an op costs an element, in multiplications: about. */
double rows_op_cost(OpCode op);

/* See kernel_in_place. */
bool rows_plan_in_place(const RowsPlan *plan, uint32_t input, uint32_t output);

#endif
