/* Which blocks of scores a mask leaves nothing of, and which it leaves whole, told from the body's
 * formula.
 *
 * The body is evaluated over intervals: of an integer its least and largest value in the block, of
 * a condition whether it surely holds or surely does not, of a score whether it is surely -inf.
 * What can't be told counts as neither. */
#ifndef SCANLINE_PASSES_EMIT_ATTENTION_MASK_H
#define SCANLINE_PASSES_EMIT_ATTENTION_MASK_H

#include "passes/emit/emitter.h"

/* Positions along an axis in the block, inclusive (i64). */
typedef struct MaskInterval {
    LLVMValueRef least, most;
} MaskInterval;

/* What is known of a block. */
typedef struct MaskBlock {
    const MaskInterval *positions; /* by AxisId of the body; NULL where it is not known */
    const LLVMValueRef *numbers; /* by NodeId: the value (i64) of an INPUT of one i32; NULL where it
                                    is not known, or for all */
} MaskBlock;

/* i1: every score of the block is -inf. A constant where the body does not mask by position. */
LLVMValueRef emit_surely_masked(Emitter *emitter, const Function *body, const MaskBlock *block);

/* i1: in the whole block, every select that a mask may be (one of its branches is the constant -inf
 * or 0) surely gives its other branch. `taken`, by NodeId: that branch's node, NODE_NONE for all
 * other nodes and for selects that can't be told, which are left as they are. */
LLVMValueRef emit_surely_kept(Emitter *emitter, const Function *body, const MaskBlock *block,
                              NodeId *taken);

#endif
