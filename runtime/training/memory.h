/* The memory that training will take, before it does: the sum of what its parts reserve, computed
 * by the functions that they reserve it by. */
#ifndef SCANLINE_RUNTIME_MEMORY_H
#define SCANLINE_RUNTIME_MEMORY_H

#include "runtime/execution/program.h"

typedef struct MemoryUse {
    int64_t parameters, states;
    int64_t gradients;   /* sums, and the chunks they are computed from; 0 in a step in one */
    int64_t update;      /* what cannot be updated in place; of a step in one the chunk too */
    int64_t evaluation;  /* chunks and outputs */
    int64_t temporaries; /* arenas and scratch of all threads */
    int64_t peak;        /* all together, in bytes */
} MemoryUse;

/* Kernels are not needed. A few bytes an image of the data set and the process itself come on top.
 */
MemoryUse program_memory(const Program *program, int threads);

/* The largest arena that `grad` and `grad_add`, or `step`, may have for the peak to be at most
 * `most` bytes; 0: there is none. The plan's own do not matter. */
int64_t program_arena_limit(const Program *program, int threads, int64_t most);

#endif
