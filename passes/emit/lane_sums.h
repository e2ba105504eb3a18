/* The sums of the lanes of sixteen vectors of sixteen f32, as one vector. */
#ifndef SCANLINE_PASSES_EMIT_LANE_SUMS_H
#define SCANLINE_PASSES_EMIT_LANE_SUMS_H

#include "passes/emit/emitter.h"

enum { LANE_SUMS = 16 };

/* Of pairs of vectors, lanes of the one and of the other: two neighbours are added, either of f32
 * or of fours of them. */
LLVMValueRef emit_add_neighbours(Emitter *emitter, LLVMValueRef a, LLVMValueRef b, bool fours);

/* Lane i is the sum of vector i: the same tree for each. `vectors`: LANE_SUMS of them, or half as
 * many, of which each is two neighbours that were added (f32). They are overwritten. */
LLVMValueRef emit_lane_sums(Emitter *emitter, LLVMValueRef *vectors, uint32_t count);

#endif
