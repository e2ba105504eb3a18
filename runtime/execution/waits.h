/* Where the threads of a team have to wait for each other. */
#ifndef SCANLINE_RUNTIME_WAITS_H
#define SCANLINE_RUNTIME_WAITS_H

#include "runtime/execution/plan.h"

#include <stdbool.h>

/* waits[i]: before step i all steps before it must be done; else it may run beside those since the
 * last that waited. The caller's to free; NULL: no memory. */
bool *waits_find(const Plan *plan, const PlanFunction *function);

#endif
