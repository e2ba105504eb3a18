/* From a function that computes values to one that adds them to what is there. */
#ifndef SCANLINE_PASSES_ACCUMULATE_H
#define SCANLINE_PASSES_ACCUMULATE_H

#include "ir/graph.h"

/* `fused` is as the pass fuse leaves it. The new function gives sum:OUTPUT + OUTPUT for each of its
 * outputs, where sum:OUTPUT is an input, donated to it. The values that are added have the bits
 * that `fused` gives. */
Function *function_accumulate(const Function *fused, const char *name);

#endif
