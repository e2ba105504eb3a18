/* Offsets for the temporaries of a function: buffers alive at the same time never overlap. */
#ifndef SCANLINE_PASSES_MEMORY_H
#define SCANLINE_PASSES_MEMORY_H

#include "ir/arena.h"

typedef struct Lifetime {
    int64_t bytes;
    uint32_t birth, death; /* the steps that write it first and read it last, both included */
    int64_t offset;        /* the answer: a multiple of `alignment` */
} Lifetime;

/* Fills in the offsets; returns the size of the arena. Greedy by size (Pisarchyk and Lee,
 * "Efficient Memory Management for Deep Neural Net Inference", 2020): the largest first, each into
 * the smallest gap that it fits between those already placed that live at the same time. */
int64_t memory_place(Arena *arena, Lifetime *lifetimes, uint32_t count, int64_t alignment);

#endif
