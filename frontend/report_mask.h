/* How much of each value masks leave, for `check` to count operations by. */
#ifndef SCANLINE_FRONTEND_REPORT_MASK_H
#define SCANLINE_FRONTEND_REPORT_MASK_H

#include "ir/graph.h"

/* For every node the share of its elements that matter: which are not a constant behind a mask (0
 * after a softmax of -inf), and which something reads. Masks are selects by a condition on
 * positions alone; a causal one counts as a half at most, as is usual. 1 where nothing is known.
 * `needed`: by node. */
const double *mask_shares(const Function *function, const bool *needed, Arena *arena);

#endif
