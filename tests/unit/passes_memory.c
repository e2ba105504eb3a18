/* Offsets of temporaries: never two in one place at one time, and not far from the least possible.
 */
#include "passes/memory.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void check_disjoint(const Lifetime *lifetimes, uint32_t count, int64_t size) {
    for (uint32_t i = 0; i < count; i++) {
        const Lifetime *a = &lifetimes[i];
        cr_assert(a->offset >= 0 && a->offset % 64 == 0 && a->offset + a->bytes <= size);
        for (uint32_t j = 0; j < i; j++) {
            const Lifetime *b = &lifetimes[j];
            bool together = a->birth <= b->death && b->birth <= a->death;
            bool overlap = a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
            cr_assert(!(together && overlap), "%u and %u share memory", i, j);
        }
    }
}

/* No placement can do with less than the most that is alive at one step. */
static int64_t least_possible(const Lifetime *lifetimes, uint32_t count, uint32_t steps) {
    int64_t most = 0;
    for (uint32_t step = 0; step < steps; step++) {
        int64_t alive = 0;
        for (uint32_t i = 0; i < count; i++)
            if (lifetimes[i].birth <= step && step <= lifetimes[i].death)
                alive += lifetimes[i].bytes;
        most = alive > most ? alive : most;
    }
    return most;
}

Test(memory, random_lifetimes_never_overlap) {
    uint32_t state = 1;
    for (int round = 0; round < 50; round++) {
        Arena *arena = arena_create();
        enum { COUNT = 120, STEPS = 60 };
        Lifetime lifetimes[COUNT];
        for (uint32_t i = 0; i < COUNT; i++) {
            uint32_t birth = next_random(&state) % STEPS;
            lifetimes[i] = (Lifetime){.bytes = next_random(&state) % 5000,
                                      .birth = birth,
                                      .death = birth + next_random(&state) % (STEPS - birth)};
        }
        int64_t size = memory_place(arena, lifetimes, COUNT, 64);
        check_disjoint(lifetimes, COUNT, size);
        cr_assert(size <= least_possible(lifetimes, COUNT, STEPS) * 3 / 2);
        arena_destroy(arena);
    }
}

Test(memory, a_chain_takes_two_buffers) {
    Arena *arena = arena_create();
    Lifetime lifetimes[10];
    for (uint32_t i = 0; i < 10; i++)
        lifetimes[i] = (Lifetime){.bytes = 1000, .birth = i, .death = i + 1};
    cr_assert_eq(memory_place(arena, lifetimes, 10, 64), 2 * 1024);
    arena_destroy(arena);
}

Test(memory, nothing_takes_nothing) {
    Arena *arena = arena_create();
    cr_assert_eq(memory_place(arena, NULL, 0, 64), 0);
    arena_destroy(arena);
}
