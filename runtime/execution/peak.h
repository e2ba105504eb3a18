/* What this machine gives at most, measured here and now: speeds are held against it, in profiles
 * and benchmarks. Nothing that is computed depends on it. */
#ifndef SCANLINE_RUNTIME_PEAK_H
#define SCANLINE_RUNTIME_PEAK_H

#include <stdbool.h>

/* FLOP/s of fused multiply-adds in f32, two a lane, on so many threads together: the best of some
 * rounds of a few milliseconds. On a machine without them, of multiplications and additions. */
double peak_fma(int threads);

/* The same of products of bf16 that are added in f32 (AVX512-BF16). 0: the CPU has no such
 * instruction. */
double peak_bf16(int threads);

/* Bytes/s at which so many threads read memory that no cache holds. False: no memory. */
bool peak_read(int threads, double *bytes);

#endif
