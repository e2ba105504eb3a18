/* The scalars of the update rule's schedule, as functions of a plan read them: $scalar.I. */
#ifndef SCANLINE_RUNTIME_SCALARS_H
#define SCANLINE_RUNTIME_SCALARS_H

#include "runtime/execution/block.h"
#include "runtime/execution/experiment.h"
#include "runtime/execution/slots.h"

typedef struct Scalars {
    const Schedule *schedule;
    PageBlock memory;  /* one aligned float each */
    double *values;    /* of the schedule */
    char (*names)[32]; /* "$scalar.I" */
} Scalars;

int64_t scalars_bytes(const Experiment *experiment);

/* False: no memory. */
bool scalars_create(Scalars *scalars, const Experiment *experiment);
void scalars_free(Scalars *scalars);
bool scalars_slots(const Scalars *scalars, Slots *slots); /* false: no memory */

/* For a step, from 1. False and `error`: one is not finite (EXIT_DIVERGED), or no memory. */
bool scalars_compute(Scalars *scalars, int64_t step, RunError *error);

#endif
