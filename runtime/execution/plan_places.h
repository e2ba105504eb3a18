/* The lines of the spec that a plan's kernel is from: those of all steps that run it. */
#ifndef SCANLINE_RUNTIME_PLAN_PLACES_H
#define SCANLINE_RUNTIME_PLAN_PLACES_H

#include "runtime/execution/plan.h"

#include <stdio.h>

typedef struct PlanPlaces {
    PlanPlace *at; /* sorted, each once; malloc'ed, the strings are the plan's */
    uint32_t count;
} PlanPlaces;

/* False: no memory. */
bool plan_places(const Plan *plan, uint32_t kernel, PlanPlaces *places);

/* " igpt.scan:26,52 adam.scan:7" */
void plan_places_print(const PlanPlaces *places, FILE *to);

/* The length of what is shown of a kernel's symbol: the op and half of the hash, which is enough to
 * tell kernels apart. */
int plan_symbol_length(const char *symbol);

#endif
