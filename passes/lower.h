/* What softmax and its kin are made of. */
#ifndef SCANLINE_PASSES_LOWER_H
#define SCANLINE_PASSES_LOWER_H

#include "ir/graph.h"

NodeId lower_softmax(Function *function, NodeId logits, AxisId axis);
NodeId lower_cross_entropy(Function *function, NodeId logits, NodeId classes, AxisId axis);

/* log sum[axis] e^logits: -inf where all are. */
NodeId lower_log_sum_exp(Function *function, NodeId logits, AxisId axis);

/* Where the position along the axis is the class, clamped to the axis as a position is. */
NodeId lower_is_class(Function *function, NodeId classes, AxisId axis);

#endif
