/* Recognising attention among primitives. */
#ifndef SCANLINE_PASSES_ATTENTION_MATCH_H
#define SCANLINE_PASSES_ATTENTION_MATCH_H

#include "ir/graph.h"

/* contract[m](softmax[m](score), value), where score is elementwise in core = contract[e](query,
 * key). All are nodes of the function that was looked at. */
typedef struct AttentionMatch {
    NodeId query, key, value, core, score;
    AxisId e, m;
    const NodeId *extras; /* what the score reads besides the core, in node order */
    uint32_t extra_count;
} AttentionMatch;

/* What a match is looked for in. */
typedef struct AttentionSearch {
    const Function *function;
    const uint32_t *uses; /* function_uses */
    const bool *needed;   /* autodiff_needed: what may be asked a gradient */
    uint8_t *seen;        /* by node, 0: scratch of the search */
} AttentionSearch;

AttentionSearch attention_search(const Function *function);

/* Whether the node is such a contraction. If it is attention but can't be computed in blocks, false
 * and *reason says why; if it is nothing of the kind, *reason is NULL. */
bool attention_match(AttentionSearch *search, NodeId node, AttentionMatch *match,
                     const char **reason);

#endif
