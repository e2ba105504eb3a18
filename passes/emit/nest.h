/* The loop nest of nodes that are to run as one kernel. There is no LLVM here: fusion asks "is
 * there a nest for these?", and emission "which one?", of the same code.
 *
 *     for kept axes                                  no two rounds write the same memory: tiles are
 * cut here for reduced axes                             column reductions accumulate over these for
 * row axes: phase 0, 1, ...              a row reduction is complete after its phase for row axes:
 * phase 0, 1, ...                stage 1: what depends on column reductions
 *
 * A reduction over row axes is a row reduction, one over reduced axes a column reduction, and it
 * can be both. The last row axis is the one that is vectorised.
 *
 * Axes that lie next to each other in every tensor and that nothing tells apart are merged: the
 * innermost stands for all, with the product of their extents, and the others stay at 0. */
#ifndef SCANLINE_PASSES_EMIT_NEST_H
#define SCANLINE_PASSES_EMIT_NEST_H

#include "ir/graph.h"

enum { NEST_MAX_AXES = 32, NEST_STAGES = 2 };
#define NEST_OPERAND UINT32_MAX

/* A set of axes of a nest: bit i is Nest.axes[i]. */
typedef uint32_t AxisSet;

/* The nodes of one kernel. Sources that are not members are operands: they lie in memory. */
typedef struct NestView {
    const Function *function;
    const NodeId *members; /* ascending */
    uint32_t member_count;
    const uint32_t *position; /* by NodeId: its place in members, or NEST_OPERAND */
    const NodeId *outputs;    /* members, or operands that are to be copied */
    uint32_t output_count;
} NestView;

typedef struct NestNode {
    AxisSet axes;   /* along which it varies; scatter_add: without the axis that it makes */
    AxisSet over;   /* what it reduces */
    AxisSet summed; /* what it reduces, and what all that it depends on reduces */
    AxisSet moved;  /* axes along which a node reads it elsewhere than where the loops are
                       (op_moved_axes) */
    bool reduces;   /* is a reduction */
    bool column;    /* is one that is complete after the reduced axes; scatter_add always is */
    bool placed;    /* computed where the loops are, too */
    uint8_t stage;  /* 1: depends on a column reduction, or is one */
    uint16_t level; /* the first row phase in which it is known; of a row reduction: the phase that
                       does it */
} NestNode;

typedef struct NestAxis {
    AxisId axis;
    int64_t extent;
} NestAxis;

typedef struct Nest {
    NestAxis axes[NEST_MAX_AXES]; /* every axis met; the loops run over those in the three sets */
    uint32_t axis_count;
    AxisSet kept, reduced, row;
    uint8_t order[NEST_MAX_AXES]; /* axis_count numbers of axes, outermost loop first */
    bool has_columns;             /* there is a stage 1 */
    bool is_strided; /* the row is not what most tensors have innermost, though nothing asks for it
                      */
    uint32_t phases[NEST_STAGES]; /* row phases of each stage */
    NestNode *nodes;              /* by position: as many as members, the caller's storage */
} Nest;

/* NULL and the nest, or in words why there is none. nest->nodes is set by the caller. */
const char *nest_build(const NestView *view, Nest *nest);

/* sum, reduce_max, argmax, contract (where it is no matrix product), scatter_add */
bool nest_is_reduction(OpCode op);

/* Product of the extents of a set. */
int64_t nest_extent(const Nest *nest, AxisSet set);

/* The view of a whole kernel body: every node but params and inputs is a member. */
NestView nest_body_view(Arena *arena, const Function *body);

/* The axes of a set in the order of the loops; their number. */
uint32_t nest_list(const Nest *nest, AxisSet set, uint32_t list[NEST_MAX_AXES]);

/* The set of those of `axes` that the nest loops over. */
AxisSet nest_set(const Nest *nest, const Axes *axes);

#endif
