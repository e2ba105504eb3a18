/* The data of a program compiled ahead of time (runtime/execution/carried.h) as an object file: the
 * symbol scanline_carried, and all that it points at. */
#ifndef SCANLINE_PASSES_EMIT_CARRY_H
#define SCANLINE_PASSES_EMIT_CARRY_H

#include "runtime/execution/carried.h"
#include "runtime/execution/plan.h"

#include <stdbool.h>
#include <stddef.h>

/* plans[i]: that of carried->targets[i], whose `kernels` are not looked at: they become the symbols
 * of its kernels, which are to be linked beside it. `bytes` is the caller's to free; false, and the
 * fault in words. */
bool carry_emit(const Carried *carried, const Plan *const *plans, char **bytes, size_t *size,
                char *error, size_t error_size);

#endif
