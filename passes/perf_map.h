/* The names of kernels for Linux's perf: /tmp/perf-PID.map has a line for each function of machine
 * code that was loaded,
 *
 *     7f3a5c002000 1f40 contract_dec5098b.tiles igpt.scan:34,35,36
 *
 * and stays when the process ends, as perf reads it then. It is this user's alone. What this
 * process wrote there before is added to; what an earlier one with the same number left is
 * replaced; anything else of that name is left as it is, and never followed. */
#ifndef SCANLINE_PASSES_PERF_MAP_H
#define SCANLINE_PASSES_PERF_MAP_H

#include "passes/compile.h"

/* Adds the kernels. False, and why, where they cannot be written. */
bool perf_map_add(const CompiledModule *compiled, const KernelFunction *kernels, char *reason,
                  size_t capacity);

#endif
