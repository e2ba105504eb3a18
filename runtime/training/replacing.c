#include "runtime/training/replacing.h"

#include <stdlib.h>
#include <string.h>

static int64_t output_bytes(const PlanBinding *output) {
    return block_aligned(output->elements * (int64_t)plan_type_size(output->type));
}

/* Outputs take the place of the donated input where that has their name. */
static bool in_place(const PlanFunction *function, uint32_t output) {
    const PlanBinding *binding = &function->outputs[output];
    return binding->donated >= 0 &&
           strcmp(function->inputs[binding->donated].name, binding->name) == 0;
}

bool replacing_is_model(const PlanFunction *function, uint32_t output) {
    const char *name = function->outputs[output].name;
    return name[0] != '$' && strcmp(name, "loss") != 0;
}

int64_t replacing_bytes(const PlanFunction *function) {
    int64_t bytes = 0;
    for (uint32_t i = 0; i < function->output_count; i++)
        bytes += in_place(function, i) ? 0 : output_bytes(&function->outputs[i]);
    return bytes;
}

static bool outputs_add(const Replacing *replacing, const PlanFunction *function, Slots *slots) {
    char *beside = replacing->beside.bytes;
    for (uint32_t i = 0; i < function->output_count; i++) {
        const PlanBinding *output = &function->outputs[i];
        const Slot *slot = slots_find(&replacing->model, output->name);
        if (!slot && replacing_is_model(function, i))
            continue; /* bound_create names it */
        if (!slots_add(slots, output->name, slot ? slot->type : output->type,
                       slot ? slot->elements : output->elements,
                       slot && in_place(function, i) ? slot->data : beside))
            return false;
        beside += in_place(function, i) ? 0 : output_bytes(output);
    }
    return true;
}

bool replacing_create(Replacing *replacing, const PlanFunction *function, const Model *model,
                      const Slots *inputs, RunError *error) {
    Slots all = {0}, outputs = {0};
    *replacing = (Replacing){0};
    bool made = block_create(&replacing->beside, replacing_bytes(function)) &&
                model_slots(model, &replacing->model) && slots_add_all(&all, &replacing->model) &&
                slots_add_all(&all, inputs) && outputs_add(replacing, function, &outputs);
    made = made ? bound_create(&replacing->bound, function, &all, &outputs, error)
                : run_no_memory(error, "the update rule");
    slots_free(&all);
    slots_free(&outputs);
    return made;
}

void replacing_free(Replacing *replacing) {
    bound_free(&replacing->bound);
    slots_free(&replacing->model);
    block_free(&replacing->beside);
}

void replacing_settle(const Replacing *replacing) {
    const PlanFunction *function = replacing->bound.function;
    for (uint32_t i = 0; i < function->output_count; i++) {
        const PlanBinding *output = &function->outputs[i];
        if (!in_place(function, i) && replacing_is_model(function, i))
            memcpy(slots_find(&replacing->model, output->name)->data, replacing->bound.outputs[i],
                   (size_t)output->elements * plan_type_size(output->type));
    }
}
