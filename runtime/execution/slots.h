/* Memory by name: what the inputs and outputs of a plan's functions are bound to. A table is filled
 * once and names are looked up when a function is bound, never while it runs. */
#ifndef SCANLINE_RUNTIME_SLOTS_H
#define SCANLINE_RUNTIME_SLOTS_H

#include "runtime/execution/plan.h"
#include "runtime/run_error.h"

typedef struct Slot {
    const char *name; /* its owner outlives the table */
    PlanType type;
    int64_t elements;
    void *data; /* 64-byte aligned */
} Slot;

typedef struct Slots {
    Slot *at;
    uint32_t count, capacity;
} Slots;

bool slots_add(Slots *slots, const char *name, PlanType type, int64_t elements, void *data);
bool slots_add_all(Slots *slots, const Slots *others);
const Slot *slots_find(const Slots *slots, const char *name); /* NULL: none; of equals the last */
void slots_free(Slots *slots);

/* A function and the memory of its inputs and outputs. */
typedef struct Bound {
    const PlanFunction *function;
    void **inputs, **outputs;
} Bound;

/* Binds inputs and outputs to the slots of their names, which must fit in type and size. Inputs and
 * outputs come from tables of their own, as `update` names both sides alike. */
bool bound_create(Bound *bound, const PlanFunction *function, const Slots *inputs,
                  const Slots *outputs, RunError *error);
void bound_free(Bound *bound);

#endif
