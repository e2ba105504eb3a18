/* An odometer: positions and offsets are stepped together, so that nothing is multiplied on the
 * way. */
#include "ir/loop.h"

static void loop_append(Loop *loop, const Axes *axes) {
    for (int i = 0; i < axes->count; i++) {
        bool present = false;
        for (uint32_t j = 0; j < loop->rank; j++)
            present |= loop->axes[j] == axes->at[i];
        if (present)
            continue;
        loop->axes[loop->rank] = axes->at[i];
        loop->extents[loop->rank++] = graph_axis(loop->function, axes->at[i])->extent;
    }
}

Loop loop_over(const Function *function, const Axes *outer, const Axes *inner) {
    Loop loop = {.function = function, .inner = 1};
    loop_append(&loop, outer);
    loop_append(&loop, inner);
    if (loop.rank)
        loop.inner = loop.extents[loop.rank - 1];
    return loop;
}

void loop_operand(Loop *loop, uint32_t which, const Axes *axes) {
    for (uint32_t i = 0; i < loop->rank; i++)
        loop->strides[which][i] = axes_stride(loop->function, axes, loop->axes[i]);
    loop->steps[which] = loop->rank ? loop->strides[which][loop->rank - 1] : 0;
}

void loop_coordinate(Loop *loop, uint32_t which, AxisId axis) {
    const Axes axes = axes_of(&axis, 1);
    loop_operand(loop, which, &axes);
}

bool loop_next(Loop *loop) {
    for (int axis = (int)loop->rank - 2; axis >= 0; axis--) {
        int64_t back = 0;
        bool wraps = ++loop->positions[axis] == loop->extents[axis];
        if (wraps) {
            loop->positions[axis] = 0;
            back = loop->extents[axis];
        }
        for (int k = 0; k < LOOP_MAX_OPERANDS; k++)
            loop->offsets[k] += loop->strides[k][axis] * (1 - back);
        if (!wraps)
            return true;
    }
    return false;
}
