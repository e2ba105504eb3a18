/* The names of kernels for Linux's perf: /tmp/perf-PID.map has a line for each function of machine
 * code that was loaded,
 *
 *     7f3a5c002000 1f40 contract_dec5098b.tiles igpt.scan:34,35,36
 *
 * and stays when the process ends, as perf reads it then. The file is made anew, for this user
 * alone; a name that is there already is taken over only where it is a file of this user's (of an
 * earlier process with the same number), and never followed. */
#ifndef SCANLINE_PASSES_PERF_MAP_H
#define SCANLINE_PASSES_PERF_MAP_H

#include "passes/compile.h"

#include <stdio.h>

/* One a process, whatever is loaded in it. All zero: nothing was written yet. */
typedef struct PerfMap {
    FILE *file;
    char path[64];
} PerfMap;

/* Adds the kernels. False, and why, where they cannot be written; what was there stays. */
bool perf_map_add(PerfMap *map, const CompiledModule *compiled, const KernelFunction *kernels,
                  char *reason, size_t capacity);
void perf_map_close(PerfMap *map);

#endif
