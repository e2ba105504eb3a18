#include "passes/memory.h"

#include <stdbool.h>
#include <stdlib.h>

static int by_size(const void *left, const void *right) {
    const Lifetime *a = *(Lifetime *const *)left, *b = *(Lifetime *const *)right;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    if (a->birth != b->birth)
        return a->birth < b->birth ? -1 : 1;
    return a < b ? -1 : a > b; /* the same array: a total order that does not depend on addresses */
}

static bool lives_with(const Lifetime *a, const Lifetime *b) {
    return a->birth <= b->death && b->birth <= a->death;
}

/* The offset for `new`, given those placed before it in the order of their offsets. */
static int64_t best_gap(Lifetime *const *placed, uint32_t count, const Lifetime *new) {
    int64_t end = 0, best = -1, smallest = INT64_MAX;
    for (uint32_t i = 0; i < count; i++) {
        if (!lives_with(placed[i], new))
            continue;
        int64_t gap = placed[i]->offset - end;
        if (gap >= new->bytes && gap < smallest) {
            smallest = gap;
            best = end;
        }
        int64_t past = placed[i]->offset + placed[i]->bytes;
        if (past > end)
            end = past;
    }
    return best >= 0 ? best : end;
}

int64_t memory_place(Arena *arena, Lifetime *lifetimes, uint32_t count, int64_t alignment) {
    Lifetime **order = arena_array(arena, count, sizeof *order);
    Lifetime **placed = arena_array(arena, count, sizeof *placed);
    for (uint32_t i = 0; i < count; i++) {
        lifetimes[i].bytes = (lifetimes[i].bytes + alignment - 1) / alignment * alignment;
        order[i] = &lifetimes[i];
    }
    qsort(order, count, sizeof *order, by_size);
    int64_t size = 0;
    for (uint32_t i = 0; i < count; i++) {
        Lifetime *new = order[i];
        new->offset = best_gap(placed, i, new);
        uint32_t at = i;
        for (; at > 0 && placed[at - 1]->offset > new->offset; at--)
            placed[at] = placed[at - 1];
        placed[at] = new;
        if (new->offset + new->bytes > size)
            size = new->offset + new->bytes;
    }
    return size;
}
