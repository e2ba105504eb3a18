/* Loops over named axes for the interpreter: one nest, and for each operand its offset at the place
 * where the nest stands. An operand that lacks an axis stays where it is along it. */
#ifndef SCANLINE_IR_LOOP_H
#define SCANLINE_IR_LOOP_H

#include "ir/graph.h"

enum { LOOP_MAX_AXES = 2 * MAX_AXES, LOOP_MAX_OPERANDS = 4 };

typedef struct Loop {
    const Function *function;
    uint32_t rank;
    AxisId axes[LOOP_MAX_AXES]; /* outermost first */
    int64_t extents[LOOP_MAX_AXES], positions[LOOP_MAX_AXES];
    int64_t strides[LOOP_MAX_OPERANDS][LOOP_MAX_AXES];
    int64_t offsets[LOOP_MAX_OPERANDS];
    int64_t inner; /* extent of the innermost axis, which the caller loops over */
    int64_t steps[LOOP_MAX_OPERANDS]; /* along the innermost axis */
} Loop;

/* A nest over `outer`, and within it over `inner`; axes in both count once. */
Loop loop_over(const Function *function, const Axes *outer, const Axes *inner);

/* Operand `which` lies in memory row by row in the order of `axes`. */
void loop_operand(Loop *loop, uint32_t which, const Axes *axes);

/* The offset of operand `which` is the position along the axis. */
void loop_coordinate(Loop *loop, uint32_t which, AxisId axis);

/* Steps to the next place but for the innermost axis; false after the last, when all is at the
 * start. */
bool loop_next(Loop *loop);

#endif
