/* The kernels around products and attention that a rung's training computes: what its gradient
 * becomes, forward and backward, with all that is fused to them. */
#ifndef SCANLINE_TESTS_BENCH_KERNELS_H
#define SCANLINE_TESTS_BENCH_KERNELS_H

#include "ir/graph.h"
#include "runtime/run_error.h"

typedef struct BenchKernel {
    const Function *body;
    int64_t times; /* that a step of the rung runs it */
} BenchKernel;

enum { BENCH_KERNELS = 64 };

/* Each once. `precision` is fp32 or bf16. Their number; 0 and `error`. In the arena, whose boundary
 * the caller has set. */
uint32_t bench_kernels(Arena *arena, const char *rung, const char *precision,
                       BenchKernel kernels[BENCH_KERNELS], RunError *error);

#endif
