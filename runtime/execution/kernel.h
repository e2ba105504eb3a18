/* How compiled code is called (a user's function: runtime/execution/external.h). The same for a
 * kernel that was JIT-compiled and one linked ahead of time. */
#ifndef SCANLINE_RUNTIME_KERNEL_H
#define SCANLINE_RUNTIME_KERNEL_H

#include <stdint.h>

/* Computes the tiles first, ..., last - 1 of a kernel. Tiles are independent of each other and
 * their number is fixed when compiling, so results do not depend on who computes which.
 *
 *     operands    the body's inputs in order, then its outputs; 64-byte aligned, never overlapping
 *                 except an output and the input that it was planned to take the place of
 *     immediates  64-bit constants that differ between uses of one kernel (keys of random draws)
 *     scratch     the calling thread's own memory, 64-byte aligned, PlanKernel.scratch_bytes of it
 */
typedef void (*KernelFunction)(char *const *operands, const int64_t *immediates, char *scratch,
                               int64_t first, int64_t last);

#endif
