/* The sizes that a rung's spec (rungs/NAME.scan) gives, for the benchmarks of single kernels. */
#ifndef SCANLINE_TESTS_BENCH_RUNG_H
#define SCANLINE_TESTS_BENCH_RUNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Rung {
    const char *name;
    int64_t layers, d, heads, n, v, batch;
    int64_t chunks; /* of the batch */
} Rung;

/* False, and the fault in words (at most `size` bytes). */
bool rung_read(const char *name, Rung *rung, char *error, size_t size);

#endif
