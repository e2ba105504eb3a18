/* Texts that are almost right: deterministic mutations for fuzz drivers. */
#ifndef SCANLINE_TESTS_FUZZ_MUTATE_H
#define SCANLINE_TESTS_FUZZ_MUTATE_H

#include <stddef.h>
#include <stdint.h>

typedef struct Mutator {
    uint64_t state;                /* the seed at first */
    const char *const *dictionary; /* words to put in */
    size_t word_count;
} Mutator;

/* A number below `limit`, which is not 0. */
size_t mutate_below(Mutator *mutator, size_t limit);

/* Changes a text of `length` bytes in a buffer of `capacity` in a few places: bytes and lines are
 * changed, dropped, repeated, moved; words of the dictionary and extreme numbers put in. Gives the
 * new length. */
size_t mutate(Mutator *mutator, char *text, size_t length, size_t capacity);

#endif
