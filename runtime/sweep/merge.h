/* The parts of a sweep that machines have made by themselves, each with a database of its own, as
 * one: for results, and to go on. */
#ifndef SCANLINE_RUNTIME_MERGE_H
#define SCANLINE_RUNTIME_MERGE_H

#include "runtime/sweep/store.h"

/* Copies a part's trials, with their settings and metrics, into `into`, in the place of what that
 * has of them; an empty one becomes that of the sweep as a whole. What the part says is running
 * waits. Merging a part again changes nothing. False and `error`: EXIT_INPUT where they are not of
 * one sweep; `into` is then as it was. */
bool sweep_merge(Store *into, Store *part, RunError *error);

#endif
