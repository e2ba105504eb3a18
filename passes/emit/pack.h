/* Copying one side of a matrix product into panels.
 *
 * A panel holds `width` neighbouring indices of the side (rows or columns), depth by depth:
 * panel[depth][width]. Panels follow each other; the last is filled up with zeros.
 *
 * Panels of pairs hold bf16, two neighbouring depths in one element of 32 bits (bf16.h): all depths
 * of the interface then count pairs, and the second half of the last is 0 where depth_extent is
 * odd. Their source is bf16 or f32, which is rounded. */
#ifndef SCANLINE_PASSES_EMIT_PACK_H
#define SCANLINE_PASSES_EMIT_PACK_H

#include "passes/emit/offsets.h"

typedef struct PackShape {
    Offsets side, depth;               /* in the source, of its elements */
    int64_t side_extent, depth_extent; /* elements */
    uint32_t width, lanes;
    DType dtype; /* of the source: f32, or bf16 for panels of pairs */
    bool pairs;
} PackShape;

/* An internal function
 *     void name(source, panels, i64 side_first, i64 side_count, i64 depth_first, i64 depth_count)
 * that packs a part of the side: side_first is a multiple of the width, and side_count is one too
 * or reaches to the end of the side; depth_first is a multiple of the lanes, depth_count too or to
 * the end. */
LLVMValueRef emit_pack(Emitter *emitter, const char *name, const PackShape *shape);

#endif
