/* How a contraction is cut up: which axes play which part, the micro-kernel's size, what is packed,
 * and the tiles. Decided by fixed rules from the body and the target; no LLVM. */
#ifndef SCANLINE_PASSES_EMIT_CONTRACT_SHAPE_H
#define SCANLINE_PASSES_EMIT_CONTRACT_SHAPE_H

#include "ir/graph.h"
#include "passes/emit/target.h"

struct Offsets; /* passes/emit/offsets.h */

/* result[batch, row, column] = sum over depth of left[batch, row, depth] * right[batch, depth,
 * column]. Each index is composite. The columns are those that vectors run along, so left and right
 * may be the contraction's sources in either order. */
typedef struct ContractShape {
    const Function *body;
    NodeId contract;
    NodeId left, right; /* the sides' INPUTs: f32 ones may be rounded to bf16 on the way, and two
                           axes of rows or columns made one */
    NodeId left_source, right_source; /* those, or what is made of them */
    NodeId packed; /* the INPUT from which panels of the right side are read, compressed
                      (ir/compressed.h); NODE_NONE: they are read as they are */
    Axes batch_axes, row_axes, column_axes, depth_axes;
    int64_t batches, rows, columns;
    bool pairs;    /* the product is of bf16, in pairs of depths (bf16.h) */
    int64_t depth; /* elements, or pairs */
    int64_t depth_elements;

    /* The micro-kernel: height rows by width = vectors * lanes columns, in registers. */
    uint32_t lanes, height, vectors, width;

    /* Packed: copied to scratch as panels of `height` rows or `width` columns, depth by depth. */
    bool pack_left, pack_right;
    /* The left side is read in place, and from memory. */
    bool prefetch_left;
    /* Few rows against a right side that is read once, in place: its depths in turn, each from end
     * to end of the tile, so that memory is read in long runs. Of bf16 pairs are made as it goes.
     */
    bool stream_right;
    bool prefetch_right; /* it comes from memory */
    bool in_panels; /* it lies there as panels of `width` columns, depth by depth: as it is read */
    /* Rows of bf16 against columns that are read where they lie, each with its depths side by side,
     * by tiles (amx.h). */
    bool amx;
    /* The right side of a column block is packed for all of the depth, and serves the tiles after
     * it. */
    bool keep_right;
    bool keep_left; /* the left side is packed once, and serves all column blocks of a batch */

    int64_t depth_block;               /* depth that is summed in one go; the last may be shorter */
    int64_t row_block, column_block;   /* of a tile; multiples of height and width */
    int64_t row_blocks, column_blocks; /* tiles = batches * column_blocks * row_blocks */
    int64_t row_group; /* so many tiles are computed at once, where they come together */

    /* Bytes in scratch: packed right, packed left, partial sums. */
    int64_t right_bytes, left_bytes, partial_bytes;
} ContractShape;

/* The INPUT that a side of the contraction is read from: itself, or what it rounds or merges axes
 * of; NODE_NONE where it is none of these. */
NodeId contract_side_input(const Function *body, NodeId side);
/* The `compressed` between the two; NODE_NONE: there is none. */
NodeId contract_side_compressed(const Function *body, NodeId side);

typedef enum ContractSide { CONTRACT_LEFT, CONTRACT_RIGHT } ContractSide;

/* Where a side's INPUT has the elements with a composite index of the side's axes. */
struct Offsets contract_offsets(const ContractShape *shape, ContractSide side,
                                const Axes *composite);

/* Where a product reads a matrix of f32 or bf16 in place and once, since it has few rows: how many
 * columns it computes at a time. In panels of so many it reads memory from end to end; by tiles
 * column by column, 1. 0: it does not, or they do not divide. */
int64_t contract_panel_width(const Target *target, DType dtype, int64_t rows, int64_t columns,
                             int64_t depth);

/* The body must be one that contract_accepts. */
void contract_shape(const Function *body, const Target *target, ContractShape *shape);

#endif
