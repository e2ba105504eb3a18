/* What of a spec is compiled in, and what can still be set. */
#ifndef SCANLINE_STANDALONE_SETTABLE_H
#define SCANLINE_STANDALONE_SETTABLE_H

#include "frontend/carried_spec.h"

#include <stdio.h>

/* Both, with their values, for --help. */
void settable_print(const Carried *carried, Arena *arena, FILE *stream);

/* For settings with which the spec is no longer what was compiled: what is compiled in of them,
 * and what can be done. In the arena. */
const char *settable_fault(const Carried *carried, Arena *arena, const char *const *settings,
                           uint32_t count);

/* The same for an experiment that was read from a file: where it differs. */
const char *settable_fault_of(const Carried *carried, Arena *arena, const Experiment *experiment);

#endif
