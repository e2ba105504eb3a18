/* Whether a plan may be run: what stands between a file from outside and pointers into memory. */
#ifndef SCANLINE_RUNTIME_PLAN_CHECK_H
#define SCANLINE_RUNTIME_PLAN_CHECK_H

#include "runtime/execution/plan.h"

enum { PLAN_MAX_ENTRIES = 1 << 20 };      /* of any list */
#define PLAN_MAX_TILES (INT64_C(1) << 40) /* tiles times threads must not overflow */
#define PLAN_MAX_BYTES (INT64_C(1) << 46) /* no single thing is larger */

/* True when every index is in range, names are unique, every buffer lies in its arena at an aligned
 * offset, every operand is as large as its kernel takes it to be, inputs are never written, no
 * kernel's output overlaps another of its operands, nothing is read before it was written or after
 * something that shares its place was, and every output is written. */
bool plan_check(const Plan *plan, PlanError *error);

/* The part of it that is about a kernel that is a call. */
bool plan_check_call(const PlanKernel *kernel, PlanError *error);

#endif
