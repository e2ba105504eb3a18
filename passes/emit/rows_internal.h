/* What the files that emit loop kernels (rows*.c) share. */
#ifndef SCANLINE_PASSES_EMIT_ROWS_INTERNAL_H
#define SCANLINE_PASSES_EMIT_ROWS_INTERNAL_H

#include "passes/emit/rows_plan.h"
#include "passes/emit/rows_reduce.h"
#include "passes/emit/site.h"

enum { ROWS_MAX_UNROLL = 4 };

/* One kernel being emitted. */
typedef struct Rows {
    Emitter *emitter;
    const Function *body;
    const RowsPlan *plan;
    const Evaluator *evaluator;
    LLVMValueRef *outputs; /* pointers */
    LLVMValueRef scratch;
    bool *in_loops; /* by NodeId: differs between units or rounds, or is known only inside them */
    bool *in_rows;  /* by NodeId: varies along the row */

    Site *entry;             /* what is the same in the whole call */
    Site *round;             /* what is the same in a row */
    Coordinate *at;          /* by AxisId: coordinates of the loops that are open */
    LLVMValueRef start, end; /* the piece of the row, in elements of its last axis */
    uint32_t stage;
    LLVMValueRef
        *totals; /* by position: frame memory of column reductions that do not vary along the row */
} Rows;

/* Runs over the row, or the piece of it, in vectors: `step` is called with sites of consecutive
 * vectors, several of full lanes where there is room for `unroll` of them, or one with a mask. */
typedef void RowStep(Rows *rows, Site *const *sites, uint32_t count, void *user);
void rows_over_row(Rows *rows, uint32_t unroll, RowStep *step, void *user);

/* Where the vectors of a site lie in a buffer of the piece. */
Coordinate rows_buffer_offset(Rows *rows, const Site *site);

LLVMValueRef rows_buffer(Rows *rows, uint32_t position);

/* A phase: its reductions, column reductions, outputs and saved rows. */
void rows_emit_phase(Rows *rows, uint32_t phase);

/* rows->at as the coordinates of a new site. */
Site *rows_site(Rows *rows, Site *around, const bool *varies, uint32_t lanes);

/* Adds what a scatter_add takes from a site to its output. */
void rows_scatter(Rows *rows, Site *site, NodeId node, LLVMValueRef output);

/* The output's pointer for a member that is one; NULL. */
LLVMValueRef rows_output_of(const Rows *rows, NodeId node);

/* Column reductions that do not vary along the row. */
Partial rows_load_total(Rows *rows, uint32_t position);
void rows_store_total(Rows *rows, uint32_t position, Partial total);

#endif
