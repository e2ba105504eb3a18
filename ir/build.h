/* Short ways to add the common nodes. Each returns the new node; faults are asserted (graph_add).
 */
#ifndef SCANLINE_IR_BUILD_H
#define SCANLINE_IR_BUILD_H

#include "ir/graph.h"

NodeId build_const(Function *function, DType dtype, double value);
NodeId build_param(Function *function, const char *name, DType dtype, const Axes *axes);
NodeId build_input(Function *function, const char *name, DType dtype, const Axes *axes);
NodeId build_index(Function *function, AxisId axis);
NodeId build_unary(Function *function, OpCode op, NodeId a);
NodeId build_binary(Function *function, OpCode op, NodeId a, NodeId b);
NodeId build_select(Function *function, NodeId condition, NodeId yes, NodeId no);

/* sum, reduce_max, argmax, softmax over `axes`. A sum over no axes is `a` itself. */
NodeId build_along(Function *function, OpCode op, NodeId a, const Axes *axes);
NodeId build_contract(Function *function, NodeId a, NodeId b, const Axes *axes);
/* The same, with the memory order of the result. */
NodeId build_contract_as(Function *function, NodeId a, NodeId b, const Axes *axes,
                         const Axes *order);
NodeId build_cross_entropy(Function *function, NodeId logits, NodeId classes, AxisId axis);
NodeId build_gather(Function *function, NodeId table, NodeId positions, AxisId axis);
/* Over the axes `over` (the positions' and updates' that the result lacks). */
NodeId build_scatter_add(Function *function, NodeId positions, NodeId updates, AxisId axis,
                         const Axes *over);
NodeId build_shift(Function *function, NodeId a, NodeId fill, AxisId axis, int64_t amount);
/* `a` with `slice`, which lacks the axis, at a position along it (an i32 scalar). */
NodeId build_update_slice(Function *function, NodeId a, NodeId position, NodeId slice, AxisId axis);
NodeId build_rename(Function *function, NodeId a, AxisId from, AxisId to);
/* `a` with an axis as two, whose extents multiply to its own; in this order of memory. */
NodeId build_split_as(Function *function, NodeId a, AxisId axis, AxisId outer, AxisId inner,
                      const Axes *order);
/* The two as one. */
NodeId build_merge(Function *function, NodeId a, AxisId outer, AxisId inner, AxisId axis);
/* How a tensor is kept a second time: compressed (ir/compressed.h), or in tiles (ir/tiled.h). */
typedef enum PackedForm { PACKED_COMPRESSED, PACKED_TILED } PackedForm;

/* The axis along which words keep what a tensor has along some of its axes, by a name that no spec
 * has. */
AxisId build_words(Function *function, PackedForm form, const Axes *along);
/* What a has along its innermost axes `along`, packed along `words`. */
NodeId build_pack(Function *function, PackedForm form, NodeId a, const Axes *along, AxisId words);
/* `packed`, brought up to date with what `a` has at a position along the first of these axes. */
NodeId build_pack_slice(Function *function, PackedForm form, NodeId packed, NodeId position,
                        NodeId a, const Axes *along, AxisId words);
/* `a`, which `packed` holds too. */
NodeId build_packed(Function *function, PackedForm form, NodeId a, NodeId packed, const Axes *along,
                    AxisId words);
NodeId build_result(Function *function, NodeId several, int64_t which);

#endif
