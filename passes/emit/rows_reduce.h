/* The accumulators of reductions: how one starts, takes a value, and merges with another. */
#ifndef SCANLINE_PASSES_EMIT_ROWS_REDUCE_H
#define SCANLINE_PASSES_EMIT_ROWS_REDUCE_H

#include "passes/emit/emitter.h"
#include "passes/emit/site.h"

/* A value under way: argmax has the largest and its position, all others the first alone. */
typedef struct Partial {
    LLVMValueRef value, place;
} Partial;

/* What a reduction of nothing is, in `lanes` lanes. */
Partial reduce_identity(Emitter *emitter, const Function *body, NodeId node, uint32_t lanes);

/* `partial` with what the node reduces at a site; lanes that are masked off stay. Both have the
 * site's lanes, or one where the source is the same in all lanes and the site has one. */
Partial reduce_take(Site *site, NodeId node, Partial partial);

Partial reduce_merge(Emitter *emitter, const Function *body, NodeId node, Partial a, Partial b);

/* All lanes merged, lane i with lane i + half, until one is left. */
Partial reduce_lanes(Emitter *emitter, const Function *body, NodeId node, Partial partial);

/* The reduction's own value. */
LLVMValueRef reduce_result(const Function *body, NodeId node, Partial partial);

#endif
