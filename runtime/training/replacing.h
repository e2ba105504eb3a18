/* A function that gives the model new parameters and states, bound: `update` or `step`. An output
 * that took its donor's place is bound to the model's tensor itself; all others have memory of
 * their own, and those that are tensors of the model are copied there when the function is done. A
 * parameter that has no output stays. */
#ifndef SCANLINE_RUNTIME_REPLACING_H
#define SCANLINE_RUNTIME_REPLACING_H

#include "runtime/execution/block.h"
#include "runtime/execution/slots.h"
#include "runtime/model/model.h"

typedef struct Replacing {
    Bound bound;
    Slots model;      /* where copies go */
    PageBlock beside; /* outputs that are not in place */
} Replacing;

/* Bytes of the outputs that are not in place. */
int64_t replacing_bytes(const PlanFunction *function);

/* `inputs`: everything but the model's tensors. What is not a tensor of the model may be an output
 * only as "loss", or where its name begins with $. */
bool replacing_create(Replacing *replacing, const PlanFunction *function, const Model *model,
                      const Slots *inputs, RunError *error);
void replacing_free(Replacing *replacing);

/* Whether an output is a tensor of the model. */
bool replacing_is_model(const PlanFunction *function, uint32_t output);

/* After the function was run. */
void replacing_settle(const Replacing *replacing);

#endif
