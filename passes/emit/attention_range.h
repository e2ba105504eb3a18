/* What a mask leaves of the rows or keys of an area of scores. */
#ifndef SCANLINE_PASSES_EMIT_ATTENTION_RANGE_H
#define SCANLINE_PASSES_EMIT_ATTENTION_RANGE_H

#include "passes/emit/attention_shape.h"
#include "passes/emit/emitter.h"

/* First indices and counts (i64), of one batch. Rows and keys beyond the last are none. */
typedef struct ScoreArea {
    LLVMValueRef batch, row, rows, key, keys;
    const LLVMValueRef *numbers; /* as in MaskBlock, of the score's body; NULL: none is known */
} ScoreArea;

/* Indices first, ..., last - 1; empty: both are the end of the area. */
typedef struct ScoreRange {
    LLVMValueRef first, last;
    LLVMValueRef steps; /* how many of them are not masked */
} ScoreRange;

typedef enum ScoreSide { SIDE_ROWS, SIDE_KEYS } ScoreSide;

/* i1: the body surely masks all of the area. */
LLVMValueRef emit_area_masked(Emitter *emitter, const AttentionShape *shape, const ScoreArea *area);
/* i1: surely nothing is masked, and all of the area exists. `inner` is the body or its derivative;
 * taken: as in attention_mask.h. */
LLVMValueRef emit_area_kept(Emitter *emitter, const AttentionShape *shape, const Function *inner,
                            const ScoreArea *area, NodeId *taken);

/* Cuts off what is masked at both ends of the area's rows or keys, in steps. */
ScoreRange emit_unmasked_range(Emitter *emitter, const AttentionShape *shape, const ScoreArea *area,
                               ScoreSide side, int64_t step);
/* And within the first and the last step; an even number at either end. */
ScoreRange emit_close_range(Emitter *emitter, const AttentionShape *shape, const ScoreArea *area,
                            ScoreSide side, int64_t step, const ScoreRange *range);

#endif
