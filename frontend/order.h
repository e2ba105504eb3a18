/* Questions about positions: what comes before what, in functions that lowering has built. */
#ifndef SCANLINE_FRONTEND_ORDER_H
#define SCANLINE_FRONTEND_ORDER_H

#include "ir/graph.h"

/* Whether the result at position i along `axis` depends on `input` at positions before i alone.
 * False where that is not sure. */
bool order_is_autoregressive(Arena *arena, const Function *function, NodeId result,
                             const char *input, const char *axis);

/* Whether a select gives a constant wherever position `inner` is beyond position `outer` (and
 * some).
 */
bool order_is_causal_select(const Function *function, NodeId select, AxisId *inner, AxisId *outer);

#endif
