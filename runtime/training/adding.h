/* `grad_add`, bound: what adds the gradients of a chunk to those of another
 * (runtime/execution/plan.h). */
#ifndef SCANLINE_RUNTIME_ADDING_H
#define SCANLINE_RUNTIME_ADDING_H

#include "runtime/execution/block.h"
#include "runtime/execution/program.h"
#include "runtime/execution/slots.h"

typedef struct Adding {
    Bound bound;
    int64_t *sums;    /* by output: which input it is added to */
    PageBlock beside; /* outputs that can't take that input's place */
} Adding;

/* The program's grad_add, if it adds all that grad gives; else NULL. */
const PlanFunction *adding_function(const Program *program);

/* Whether an output is written over what it is added to. */
bool adding_is_in_place(const PlanFunction *function, uint32_t output);

/* Bytes of the outputs that are written beside. */
int64_t adding_bytes(const PlanFunction *function);

/* `inputs`: everything but the sums, whose places come with each call of adding_aim. */
bool adding_create(Adding *adding, const PlanFunction *function, const Slots *inputs,
                   RunError *error);
void adding_free(Adding *adding);

/* Binds the sums: that of output i is at sums + offsets[i]. */
void adding_aim(const Adding *adding, char *sums, const int64_t *offsets);

/* After the function was run: takes what was written beside to its place. */
void adding_settle(const Adding *adding, char *sums, const int64_t *offsets);

#endif
