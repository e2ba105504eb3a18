#include "runtime/execution/slots.h"

#include <stdlib.h>
#include <string.h>

bool slots_add(Slots *slots, const char *name, PlanType type, int64_t elements, void *data) {
    if (slots->count == slots->capacity) {
        uint32_t capacity = slots->capacity ? 2 * slots->capacity : 32;
        Slot *larger = realloc(slots->at, capacity * sizeof *larger);
        if (!larger)
            return false;
        slots->at = larger;
        slots->capacity = capacity;
    }
    slots->at[slots->count++] = (Slot){name, type, elements, data};
    return true;
}

bool slots_add_all(Slots *slots, const Slots *others) {
    for (uint32_t i = 0; i < others->count; i++) {
        const Slot *slot = &others->at[i];
        if (!slots_add(slots, slot->name, slot->type, slot->elements, slot->data))
            return false;
    }
    return true;
}

const Slot *slots_find(const Slots *slots, const char *name) {
    for (uint32_t i = slots->count; i-- > 0;)
        if (strcmp(slots->at[i].name, name) == 0)
            return &slots->at[i];
    return NULL;
}

void slots_free(Slots *slots) {
    free(slots->at);
    *slots = (Slots){0};
}

static bool bind(void **memory, const PlanFunction *function, const PlanBinding *bindings,
                 uint32_t count, const Slots *slots, RunError *error) {
    for (uint32_t i = 0; i < count; i++) {
        const Slot *slot = slots_find(slots, bindings[i].name);
        if (!slot)
            return run_fail(error, EXIT_INPUT,
                            "the program's function %s names %s, which is unknown", function->name,
                            bindings[i].name);
        if (slot->type != bindings[i].type || slot->elements != bindings[i].elements)
            return run_fail(error, EXIT_INPUT,
                            "%s has %lld elements, but the program's function %s takes %lld of it",
                            slot->name, (long long)slot->elements, function->name,
                            (long long)bindings[i].elements);
        memory[i] = slot->data;
    }
    return true;
}

bool bound_create(Bound *bound, const PlanFunction *function, const Slots *inputs,
                  const Slots *outputs, RunError *error) {
    *bound = (Bound){function, calloc(function->input_count + 1, sizeof(void *)),
                     calloc(function->output_count + 1, sizeof(void *))};
    bool made = bound->inputs && bound->outputs ? true : run_no_memory(error, "the run's tables");
    if (made &&
        bind(bound->inputs, function, function->inputs, function->input_count, inputs, error) &&
        bind(bound->outputs, function, function->outputs, function->output_count, outputs, error))
        return true;
    bound_free(bound);
    return false;
}

void bound_free(Bound *bound) {
    free(bound->inputs);
    free(bound->outputs);
    *bound = (Bound){0};
}
