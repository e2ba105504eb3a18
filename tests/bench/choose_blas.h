/* A product of f32 as scanline computes it, beside cblas_sgemm on the same shape, on one thread. */
#ifndef SCANLINE_TESTS_BENCH_CHOOSE_BLAS_H
#define SCANLINE_TESTS_BENCH_CHOOSE_BLAS_H

#include "kernel_harness.h"
#include "tests/bench/kernels.h"
#include "tests/bench/race.h"

/* Over all products that were compared. */
typedef struct BlasSum {
    uint32_t shapes, won;        /* won: by OpenBLAS */
    double seconds, won_seconds; /* of a step of each rung, ours: all, and where OpenBLAS won */
    double saved;                /* what taking OpenBLAS there would save of them */
} BlasSum;

void blas_print_names(void);

/* Does nothing for kernels that are no product of f32. The harness has the kernel's operands. */
void blas_compare(const char *group, const BenchKernel *kernel, const Target *target,
                  const Harness *harness, Racer ours, double seconds, BlasSum *sum);

void blas_print_sum(const BlasSum *sum);

#endif
