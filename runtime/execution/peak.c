/* Each loop keeps twelve sums in registers, more than latency times units needs on any CPU of
 * today. It is compiled once for each width of vector, and the CPU says which of them runs. This
 * file alone is compiled with contraction, so that x * a + b is one instruction. */
#include "runtime/execution/peak.h"

#include "runtime/clock.h"
#include "runtime/execution/block.h"

#include <omp.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { SUMS = 12, ROUNDS = 7 };
static const double round_seconds = 0.006;

/* `times` steps of all sums; `from` holds what they are made of, and takes what they come to. */
typedef void PeakLoop(int64_t times, float from[16]);

/* --- the loops --- */

/* NAME: a PeakLoop of f32 on vectors of so many bytes. */
#define FMA_LOOP(NAME, BYTES, ATTRIBUTE)                                                           \
    typedef float NAME##_vector __attribute__((vector_size(BYTES)));                               \
    ATTRIBUTE static void NAME(int64_t times, float from[16]) {                                    \
        NAME##_vector a, b;                                                                        \
        memcpy(&a, from, sizeof a);                                                                \
        memcpy(&b, from, sizeof b);                                                                \
        NAME##_vector s0 = a, s1 = a + a, s2 = s1 + a, s3 = s2 + a, s4 = s3 + a, s5 = s4 + a;      \
        NAME##_vector s6 = -s0, s7 = -s1, s8 = -s2, s9 = -s3, s10 = -s4, s11 = -s5;                \
        for (int64_t i = 0; i < times; i++) {                                                      \
            s0 = s0 * a + b, s1 = s1 * a + b, s2 = s2 * a + b, s3 = s3 * a + b;                    \
            s4 = s4 * a + b, s5 = s5 * a + b, s6 = s6 * a + b, s7 = s7 * a + b;                    \
            s8 = s8 * a + b, s9 = s9 * a + b, s10 = s10 * a + b, s11 = s11 * a + b;                \
        }                                                                                          \
        s0 += s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11;                              \
        memcpy(from, &s0, sizeof s0);                                                              \
    }

FMA_LOOP(fma_16, 16, )
#if defined(__x86_64__)
FMA_LOOP(fma_32, 32, __attribute__((target("avx2,fma"))))
FMA_LOOP(fma_64, 64, __attribute__((target("avx512f"))))

__attribute__((target("avx512f,avx512bf16"))) static void bf16_64(int64_t times, float from[16]) {
    __m512 start = _mm512_loadu_ps(from), sums[SUMS];
    __m512bh a = _mm512_cvtne2ps_pbh(start, start);
#pragma GCC unroll 12
    for (int i = 0; i < SUMS; i++) /* no two are one to the compiler */
        sums[i] = _mm512_mul_ps(start, _mm512_set1_ps((float)(i + 1)));
    for (int64_t round = 0; round < times; round++) {
#pragma GCC unroll 12
        for (int i = 0; i < SUMS; i++)
            sums[i] = _mm512_dpbf16_ps(sums[i], a, a);
    }
#pragma GCC unroll 12
    for (int i = 1; i < SUMS; i++)
        sums[0] = _mm512_add_ps(sums[0], sums[i]);
    _mm512_storeu_ps(from, sums[0]);
}
#endif

/* --- timing --- */

/* By one thread. */
static double loop_seconds(PeakLoop *loop, int64_t times) {
    float values[16];
    for (int i = 0; i < 16; i++)
        values[i] = 0.5f;
    double begin = clock_seconds();
    loop(times, values);
    double seconds = clock_seconds() - begin;
    volatile float kept = values[0];
    (void)kept;
    return seconds;
}

/* What the slowest of the threads needs, all at once; each has its own clock, since on a busy
 * machine threads may wait long for each other. */
static double team_seconds(PeakLoop *loop, int threads, int64_t times) {
    double longest = 0;
#pragma omp parallel num_threads(threads) reduction(max : longest)
    longest = loop_seconds(loop, times);
    return longest;
}

/* FLOP/s, where a step of all sums is so many operations. */
static double loop_rate(PeakLoop *loop, int threads, double operations) {
    int64_t times = 1 << 12;
    while (loop_seconds(loop, times) < round_seconds)
        times *= 2;
    double best = team_seconds(loop, threads, times); /* and the threads are there */
    for (int i = 0; i < ROUNDS; i++) {
        double seconds = team_seconds(loop, threads, times);
        best = seconds < best ? seconds : best;
    }
    return operations * (double)times * threads / best;
}

double peak_fma(int threads) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        return loop_rate(fma_64, threads, 2.0 * SUMS * 16);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return loop_rate(fma_32, threads, 2.0 * SUMS * 8);
#endif
    return loop_rate(fma_16, threads, 2.0 * SUMS * 4);
}

double peak_bf16(int threads) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512bf16"))
        return loop_rate(bf16_64, threads, 4.0 * SUMS * 16);
#endif
    (void)threads;
    return 0;
}

/* A ReadLoop sums lines of 64 bytes. */
typedef uint64_t ReadLoop(const char *lines, int64_t count);

/* NAME: one by vectors of so many bytes, as wide as can be: of narrower ones too few lines fit
 * among the instructions that a core has under way, and it waits for memory more than it must. */
#define READ_LOOP(NAME, BYTES, ATTRIBUTE)                                                          \
    typedef uint64_t NAME##_vector __attribute__((vector_size(BYTES)));                            \
    ATTRIBUTE static uint64_t NAME(const char *lines, int64_t count) {                             \
        const NAME##_vector *vectors = (const NAME##_vector *)(const void *)lines;                 \
        NAME##_vector sums[64 / BYTES] = {{0}}, sum = {0};                                         \
        for (int64_t i = 0; i < count; i++)                                                        \
            for (int part = 0; part < 64 / BYTES; part++)                                          \
                sums[part] += vectors[i * (64 / BYTES) + part];                                    \
        for (int part = 0; part < 64 / BYTES; part++)                                              \
            sum += sums[part];                                                                     \
        uint64_t total = 0;                                                                        \
        for (size_t lane = 0; lane < BYTES / sizeof(uint64_t); lane++)                             \
            total += sum[lane];                                                                    \
        return total;                                                                              \
    }

READ_LOOP(read_16, 16, )
#if defined(__x86_64__)
READ_LOOP(read_32, 32, __attribute__((target("avx2"))))
READ_LOOP(read_64, 64, __attribute__((target("avx512f"))))
#endif

static ReadLoop *read_loop(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        return read_64;
    if (__builtin_cpu_supports("avx2"))
        return read_32;
#endif
    return read_16;
}

/* As above, what the slowest of them needs. */
static double read_seconds(const PageBlock *block, int threads) {
    ReadLoop *const loop = read_loop();
    const int64_t lines = block->size / 64;
    uint64_t total = 0;
    double longest = 0;
#pragma omp parallel num_threads(threads) reduction(+ : total) reduction(max : longest)
    {
        const int64_t first = lines * omp_get_thread_num() / omp_get_num_threads();
        const int64_t last = lines * (omp_get_thread_num() + 1) / omp_get_num_threads();
#pragma omp barrier
        const double begin = clock_seconds();
        total = loop((const char *)block->bytes + 64 * first, last - first);
        longest = clock_seconds() - begin;
    }
    volatile uint64_t kept = total;
    (void)kept;
    return longest;
}

bool peak_read(int threads, double *bytes) {
    PageBlock block;
    if (!block_create(&block, (int64_t)256 << 20)) /* larger than caches are */
        return false;
    memset(block.bytes, 1, (size_t)block.size);
    double best = read_seconds(&block, threads);
    for (int i = 0; i < ROUNDS; i++) {
        double seconds = read_seconds(&block, threads);
        best = seconds < best ? seconds : best;
    }
    *bytes = (double)block.size / best;
    block_free(&block);
    return true;
}
