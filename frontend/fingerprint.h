/* What of an experiment is compiled, as against what a run is told besides: two experiments of one
 * fingerprint can be run by one program. */
#ifndef SCANLINE_FRONTEND_FINGERPRINT_H
#define SCANLINE_FRONTEND_FINGERPRINT_H

#include "frontend/lower.h"
#include "runtime/files/hash.h"

/* The hash of the functions that a spec was lowered to, whatever file they were written in, and of
 * what else passes/compile.h's compile_options_of takes from the settings: the precision, and
 * whether a batch is one chunk. A chunk's size is an axis of the functions; numbers that reach the
 * schedule alone are in none. */
void fingerprint(Arena *arena, const Module *lowered, const Experiment *experiment,
                 char hash[HASH_SIZE]);

#endif
