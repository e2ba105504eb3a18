/* A growing array in an arena. */
#ifndef SCANLINE_FRONTEND_VECTOR_H
#define SCANLINE_FRONTEND_VECTOR_H

#include "ir/arena.h"

/* All zero: empty. `items` is an array of the type that is added. */
typedef struct Vector {
    void *items;
    uint32_t count, capacity;
} Vector;

/* Room for one more element of `size` bytes, zeroed; good until the next is added. */
static inline void *vector_add(Vector *vector, Arena *arena, size_t size) {
    if (vector->count == vector->capacity) {
        uint32_t capacity = vector->capacity ? 2 * vector->capacity : 4;
        vector->items = arena_grow(arena, vector->items, vector->count * size, capacity * size);
        vector->capacity = capacity;
    }
    return (char *)vector->items + size * vector->count++;
}

#endif
