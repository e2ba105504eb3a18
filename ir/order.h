/* Questions about positions: what comes before what. */
#ifndef SCANLINE_IR_ORDER_H
#define SCANLINE_IR_ORDER_H

#include "ir/graph.h"

/* Wherever p_inner > p_outer + amount, all elements are `fill`. */
typedef struct OrderMask {
    bool present;
    AxisId inner, outer;
    int64_t amount;
    double fill;
} OrderMask;

/* Which tokens a node depends on: the element at positions (p_a) along its axes depends on tokens
 * at positions up to the largest p_a + reach_a alone, over those axes a that have a reach; on none
 * where no axis has one. */
typedef struct OrderBound {
    bool all;  /* nothing is known */
    Axes axes; /* that have a reach */
    int64_t reach[MAX_AXES];
    OrderMask mask;
} OrderBound;

/* The bounds of all nodes, by node, for tokens that are the input of that name along that axis. A
 * reach below `least` is given as that, which is a bound too. */
const OrderBound *order_bounds(Arena *arena, const Function *function, const char *input,
                               const char *axis, int64_t least);

/* The axis's reach; INT64_MIN: it has none. */
int64_t order_reach(const OrderBound *bound, AxisId axis);

/* Whether the result at position i along `axis` depends on `input` at positions before i alone.
 * False where that is not sure. */
bool order_is_autoregressive(Arena *arena, const Function *function, NodeId result,
                             const char *input, const char *axis);

/* The mask of a select between a value and a constant; of several the one whose outer axis is
 * `preferred` (AXIS_NONE: no matter). */
bool order_select_mask(const Function *function, const Node *select, AxisId preferred,
                       OrderMask *mask);

/* Whether a select gives a constant wherever position `inner` is beyond position `outer` (and
 * some).
 */
bool order_is_causal_select(const Function *function, NodeId select, AxisId *inner, AxisId *outer);

#endif
