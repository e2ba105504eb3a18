/* Flushing of denormals, a mode of the calling thread: on results and on operands. Kernels run with
 * it, everything else without, so both ways restore what was there. */
#ifndef SCANLINE_RUNTIME_FLOAT_MODE_H
#define SCANLINE_RUNTIME_FLOAT_MODE_H

#include <stdint.h>

#if defined(__x86_64__)
#include <xmmintrin.h>

enum { FLOAT_MODE_FLUSH = 0x8040 }; /* MXCSR: FTZ and DAZ */

static inline uint64_t float_mode_flush(void) {
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | FLOAT_MODE_FLUSH);
    return before;
}

static inline void float_mode_restore(uint64_t before) { _mm_setcsr((unsigned)before); }

#elif defined(__aarch64__)

static inline uint64_t float_mode_flush(void) {
    uint64_t before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(before | (UINT64_C(1) << 24))); /* FZ */
    return before;
}

static inline void float_mode_restore(uint64_t before) {
    __asm__ volatile("msr fpcr, %0" : : "r"(before));
}

#else
#error "say here how this CPU flushes denormals"
#endif

#endif
