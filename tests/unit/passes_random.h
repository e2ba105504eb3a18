/* Random functions for tests of passes: well defined for inputs in [-1, 1], with the shapes that
 * rules look for. */
#ifndef SCANLINE_TESTS_PASSES_RANDOM_H
#define SCANLINE_TESTS_PASSES_RANDOM_H

#include "ir/graph.h"

/* About `nodes` nodes over small axes, some shared and some dead, with three outputs. */
Function *random_function(Arena *arena, uint64_t seed, uint32_t nodes);

/* The same with one output, "loss", which has the axis b or none, and depends on params. */
Function *random_loss(Arena *arena, uint64_t seed);

#endif
