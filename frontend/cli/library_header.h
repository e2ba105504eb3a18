/* The header of a shared library that is compiled of a spec: frontend/standalone/scanline.h, which
 * is the same for all, and before it what this one's arrays are. */
#ifndef SCANLINE_FRONTEND_CLI_LIBRARY_HEADER_H
#define SCANLINE_FRONTEND_CLI_LIBRARY_HEADER_H

#include "ir/arena.h"
#include "runtime/execution/experiment.h"

/* In the arena. */
const char *library_header(Arena *arena, const Experiment *experiment);

#endif
