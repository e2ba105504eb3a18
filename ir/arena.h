/* An arena: memory that is released all at once.
 *
 * Syntax, graphs and plans in the making live in arenas, so nothing there is freed by itself and
 * nothing leaks when a step is abandoned. An allocation that fails does not return: it jumps to the
 * boundary that the owner of the arena has set with arena_boundary(), as Lua's protected calls do.
 * Code between allocations therefore never sees NULL, and must keep nothing but arena memory and
 * plain locals across an allocation (a FILE or a mutex held there would be lost).
 *
 *     Arena *arena = arena_create();
 *     if (!arena || setjmp(*arena_boundary(arena))) { arena_destroy(arena); return OUT_OF_MEMORY; }
 */
#ifndef SCANLINE_IR_ARENA_H
#define SCANLINE_IR_ARENA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Arena Arena;

/* NULL when there is no memory. */
Arena *arena_create(void);
void arena_destroy(Arena *arena);

/* An arena for a part of the work, whose memory is to be had back before the rest is done: it may
 * be destroyed by itself, and is with `outer`; an allocation in it that fails jumps to the boundary
 * of `outer`. */
Arena *arena_within(Arena *outer);

/* Where a failed allocation continues. One boundary an arena; the last setjmp counts. */
jmp_buf *arena_boundary(Arena *arena);

/* Zeroed, aligned to 16 bytes, never NULL (see above). A size of 0 gives a valid pointer. */
void *arena_alloc(Arena *arena, size_t size);

/* As arena_alloc for count elements; a product that overflows counts as a failed allocation. */
void *arena_array(Arena *arena, size_t count, size_t size);

/* Moves old_size bytes of a growing array to a larger place; the rest is zeroed. */
void *arena_grow(Arena *arena, const void *old, size_t old_size, size_t new_size);

char *arena_string(Arena *arena, const char *text, size_t length);
char *arena_printf(Arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(Arena *arena, const char *format, va_list arguments);

/* For tests: the allocation after `count` more of them fails. UINT64_MAX: none does. */
void arena_fail_after(Arena *arena, uint64_t count);

#endif
