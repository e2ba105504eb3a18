/* Two checkpoints, byte by byte; and, where they differ, in what. */
#ifndef SCANLINE_RUNTIME_RUN_COMPARE_CHECKPOINT_H
#define SCANLINE_RUNTIME_RUN_COMPARE_CHECKPOINT_H

#include "runtime/run/run_compare.h"

/* Where they are not the *same*, fills all of `difference` but step and file. False and `error`:
 * one can't be read, or there is no memory. */
bool checkpoints_compare(const char *run, const char *reproduction, RunDifference *difference,
                         bool *same, RunError *error);

#endif
