/* Sets of axes, as short ordered lists: every operation is a scan. */
#include "ir/graph.h"

#include <assert.h>
#include <string.h>

int axes_find(const Axes *axes, AxisId axis) {
    for (int i = 0; i < axes->count; i++)
        if (axes->at[i] == axis)
            return i;
    return -1;
}

bool axes_has(const Axes *axes, AxisId axis) { return axes_find(axes, axis) >= 0; }

void axes_append(Axes *axes, AxisId axis) {
    assert(axes->count < MAX_AXES && !axes_has(axes, axis));
    if (axes->count < MAX_AXES)
        axes->at[axes->count++] = axis;
}

Axes axes_of(const AxisId *at, size_t count) {
    Axes axes = {0};
    for (size_t i = 0; i < count; i++)
        axes_append(&axes, at[i]);
    return axes;
}

Axes axes_union(const Axes *a, const Axes *b) {
    Axes axes = *a;
    for (int i = 0; i < b->count; i++)
        if (!axes_has(a, b->at[i]))
            axes_append(&axes, b->at[i]);
    return axes;
}

/* Those of `a` that `b` has, or has not. */
static Axes axes_filter(const Axes *a, const Axes *b, bool wanted) {
    Axes axes = {0};
    for (int i = 0; i < a->count; i++)
        if (axes_has(b, a->at[i]) == wanted)
            axes_append(&axes, a->at[i]);
    return axes;
}

Axes axes_minus(const Axes *a, const Axes *b) { return axes_filter(a, b, false); }

Axes axes_intersection(const Axes *a, const Axes *b) { return axes_filter(a, b, true); }

bool axes_subset(const Axes *part, const Axes *whole) {
    for (int i = 0; i < part->count; i++)
        if (!axes_has(whole, part->at[i]))
            return false;
    return true;
}

bool axes_same_set(const Axes *a, const Axes *b) {
    return a->count == b->count && axes_subset(a, b) && axes_subset(b, a);
}

bool axes_equal(const Axes *a, const Axes *b) {
    return a->count == b->count && memcmp(a->at, b->at, a->count * sizeof a->at[0]) == 0;
}

char *axes_text(Arena *arena, const Function *function, const Axes *axes) {
    size_t length = 2;
    for (int i = 0; i < axes->count; i++)
        length += strlen(function->axes[axes->at[i]].name) + 2;
    char *text = arena_alloc(arena, length + 1);
    char *end = text;
    *end++ = '[';
    for (int i = 0; i < axes->count; i++) {
        if (i)
            end = stpcpy(end, ", ");
        end = stpcpy(end, function->axes[axes->at[i]].name);
    }
    *end = ']';
    return text;
}
