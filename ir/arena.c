/* Blocks of doubling size in a list; allocation moves a pointer in the newest. */
#include "ir/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 16, FIRST_BLOCK = 16 * 1024, LARGEST_BLOCK = 4 * 1024 * 1024 };

typedef struct Block {
    struct Block *previous;
    size_t used, capacity;
    _Alignas(ALIGNMENT) char bytes[];
} Block;

struct Arena {
    Block *newest;
    Arena *outer, *inner, *next; /* inner: the first of those within it; next: of its outer's */
    jmp_buf boundary;
    uint64_t allocations_left;
};

static Block *block_create(Block *previous, size_t least) {
    size_t capacity = previous ? previous->capacity * 2 : FIRST_BLOCK;
    if (capacity > LARGEST_BLOCK)
        capacity = LARGEST_BLOCK;
    if (capacity < least)
        capacity = least;
    if (capacity > SIZE_MAX - sizeof(Block))
        return NULL;
    Block *block = malloc(sizeof(Block) + capacity);
    if (!block)
        return NULL;
    *block = (Block){.previous = previous, .capacity = capacity};
    return block;
}

Arena *arena_create(void) {
    Arena *arena = calloc(1, sizeof *arena);
    if (arena)
        arena->allocations_left = UINT64_MAX;
    return arena;
}

static void arena_leave(Arena *arena) {
    if (!arena->outer)
        return;
    Arena **link = &arena->outer->inner;
    while (*link != arena)
        link = &(*link)->next;
    *link = arena->next;
}

void arena_destroy(Arena *arena) {
    if (!arena)
        return;
    while (arena->inner)
        arena_destroy(arena->inner);
    arena_leave(arena);
    for (Block *block = arena->newest, *previous; block; block = previous) {
        previous = block->previous;
        free(block);
    }
    free(arena);
}

jmp_buf *arena_boundary(Arena *arena) { return &arena->boundary; }

void arena_fail_after(Arena *arena, uint64_t count) { arena->allocations_left = count; }

/* The one whose boundary counts. */
static Arena *arena_owner(Arena *arena) {
    while (arena->outer)
        arena = arena->outer;
    return arena;
}

_Noreturn static void arena_fail(Arena *arena) { longjmp(arena_owner(arena)->boundary, 1); }

/* Counts an allocation for arena_fail_after. */
static void arena_count(Arena *arena) {
    Arena *owner = arena_owner(arena);
    if (owner->allocations_left != UINT64_MAX && owner->allocations_left-- == 0) {
        owner->allocations_left = UINT64_MAX;
        arena_fail(arena);
    }
}

Arena *arena_within(Arena *outer) {
    arena_count(outer);
    Arena *arena = arena_create();
    if (!arena)
        arena_fail(outer);
    arena->outer = outer;
    arena->next = outer->inner;
    outer->inner = arena;
    return arena;
}

void *arena_alloc(Arena *arena, size_t size) {
    arena_count(arena);
    if (size > SIZE_MAX - ALIGNMENT)
        arena_fail(arena);
    size_t padded = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (!padded)
        padded = ALIGNMENT;
    if (!arena->newest || arena->newest->capacity - arena->newest->used < padded) {
        Block *block = block_create(arena->newest, padded);
        if (!block)
            arena_fail(arena);
        arena->newest = block;
    }
    void *memory = arena->newest->bytes + arena->newest->used;
    arena->newest->used += padded;
    return memset(memory, 0, padded);
}

void *arena_array(Arena *arena, size_t count, size_t size) {
    if (size && count > SIZE_MAX / size)
        arena_fail(arena);
    return arena_alloc(arena, count * size);
}

void *arena_grow(Arena *arena, const void *old, size_t old_size, size_t new_size) {
    void *memory = arena_alloc(arena, new_size);
    if (old_size)
        memcpy(memory, old, old_size < new_size ? old_size : new_size);
    return memory;
}

char *arena_string(Arena *arena, const char *text, size_t length) {
    char *copy = arena_alloc(arena, length + 1);
    if (length)
        memcpy(copy, text, length);
    return copy;
}

char *arena_vprintf(Arena *arena, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0)
        arena_fail(arena);
    char *text = arena_alloc(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    return text;
}

char *arena_printf(Arena *arena, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *text = arena_vprintf(arena, format, arguments);
    va_end(arguments);
    return text;
}
