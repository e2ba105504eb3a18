/* Outputs are written over the sums that they are made from where the compiler found that they may
 * be. The others (the loss, a scalar) are written beside and copied. */
#include "runtime/training/adding.h"

#include <stdlib.h>
#include <string.h>

/* The input that an output is added to; -1: none that fits. */
static int64_t sum_of(const PlanFunction *function, const PlanBinding *output) {
    for (uint32_t i = 0; i < function->input_count; i++) {
        const PlanBinding *input = &function->inputs[i];
        if (strncmp(input->name, "sum:", 4) == 0 && strcmp(input->name + 4, output->name) == 0)
            return input->type == output->type && input->elements == output->elements ? (int64_t)i
                                                                                      : -1;
    }
    return -1;
}

static bool fits(const PlanFunction *function, const PlanBinding *output,
                 const PlanBinding *value) {
    return strcmp(output->name, value->name) == 0 && output->type == value->type &&
           output->elements == value->elements && sum_of(function, output) >= 0;
}

const PlanFunction *adding_function(const Program *program) {
    const PlanFunction *grad = plan_function(program->plan, "grad");
    const PlanFunction *function = plan_function(program->plan, "grad_add");
    if (!grad || !function || function->output_count != grad->output_count)
        return NULL;
    for (uint32_t i = 0; i < grad->output_count; i++)
        if (!fits(function, &function->outputs[i], &grad->outputs[i]))
            return NULL;
    return function;
}

bool adding_is_in_place(const PlanFunction *function, uint32_t output) {
    const PlanBinding *binding = &function->outputs[output];
    return binding->donated >= 0 && binding->donated == sum_of(function, binding);
}

static int64_t output_bytes(const PlanBinding *output) {
    return output->elements * (int64_t)plan_type_size(output->type);
}

int64_t adding_bytes(const PlanFunction *function) {
    int64_t bytes = 0;
    for (uint32_t i = 0; i < function->output_count; i++)
        bytes += adding_is_in_place(function, i)
                     ? 0
                     : block_aligned(output_bytes(&function->outputs[i]));
    return bytes;
}

/* Sums are bound to something that fits; adding_aim puts their own places there. */
static bool slots_fill(const Adding *adding, const PlanFunction *function, Slots *inputs,
                       Slots *outputs) {
    char *beside = adding->beside.bytes;
    for (uint32_t i = 0; i < function->output_count; i++) {
        const PlanBinding *output = &function->outputs[i];
        const PlanBinding *sum = &function->inputs[adding->sums[i]];
        bool is_beside = !adding_is_in_place(function, i);
        if (!slots_add(inputs, sum->name, sum->type, sum->elements, NULL) ||
            !slots_add(outputs, output->name, output->type, output->elements,
                       is_beside ? beside : NULL))
            return false;
        beside += is_beside ? block_aligned(output_bytes(output)) : 0;
    }
    return true;
}

bool adding_create(Adding *adding, const PlanFunction *function, const Slots *inputs,
                   RunError *error) {
    *adding = (Adding){.sums = calloc(function->output_count + 1, sizeof *adding->sums)};
    for (uint32_t i = 0; i < function->output_count && adding->sums; i++)
        adding->sums[i] = sum_of(function, &function->outputs[i]);
    Slots all = {0}, outputs = {0};
    bool made = adding->sums && block_create(&adding->beside, adding_bytes(function)) &&
                slots_add_all(&all, inputs) && slots_fill(adding, function, &all, &outputs);
    made = made ? bound_create(&adding->bound, function, &all, &outputs, error)
                : run_no_memory(error, "the gradients");
    slots_free(&all);
    slots_free(&outputs);
    return made;
}

void adding_free(Adding *adding) {
    bound_free(&adding->bound);
    block_free(&adding->beside);
    free(adding->sums);
    *adding = (Adding){0};
}

void adding_aim(const Adding *adding, char *sums, const int64_t *offsets) {
    const PlanFunction *function = adding->bound.function;
    for (uint32_t i = 0; i < function->output_count; i++) {
        adding->bound.inputs[adding->sums[i]] = sums + offsets[i];
        if (adding_is_in_place(function, i))
            adding->bound.outputs[i] = sums + offsets[i];
    }
}

void adding_settle(const Adding *adding, char *sums, const int64_t *offsets) {
    const PlanFunction *function = adding->bound.function;
    for (uint32_t i = 0; i < function->output_count; i++)
        if (!adding_is_in_place(function, i))
            memcpy(sums + offsets[i], adding->bound.outputs[i],
                   (size_t)output_bytes(&function->outputs[i]));
}
