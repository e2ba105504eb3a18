/* What training computes again rather than keep it, and what that costs: for `check`. */
#ifndef SCANLINE_FRONTEND_CLI_AGAIN_H
#define SCANLINE_FRONTEND_CLI_AGAIN_H

#include "ir/arena.h"
#include "runtime/execution/plan.h"

/* The kernels of one place in the spec. */
typedef struct AgainPlace {
    const char *what; /* "contract igpt.scan:43:22" */
    int64_t count;
    double flops;
} AgainPlace;

typedef struct Again {
    double flops;       /* of one run of that function, estimated, as all here */
    double share;       /* of what it would be if nothing were computed twice */
    AgainPlace *places; /* the dearest first */
    uint32_t place_count;
} Again;

/* Of the plan's function that computes gradients. */
Again again_of(Arena *arena, const Plan *plan);

#endif
