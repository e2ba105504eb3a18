/* A program: an experiment, its plan, and the machine code. Made by the JIT (passes/compile.h) or
 * linked in ahead of time. */
#ifndef SCANLINE_RUNTIME_PROGRAM_H
#define SCANLINE_RUNTIME_PROGRAM_H

#include "runtime/execution/experiment.h"
#include "runtime/execution/external.h"
#include "runtime/execution/kernel.h"
#include "runtime/execution/plan.h"

typedef struct Program {
    const Experiment *experiment;
    const Plan *plan;
    const KernelFunction *kernels; /* parallel to plan->kernels; NULL of those that are calls */
    const Externals *externals;    /* what those call (externals_open); NULL: the plan has none, or
                                      is not to be run */
} Program;

#endif
