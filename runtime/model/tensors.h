/* Tensors that belong together (parameters, states), one after another in one block of
 * memory. */
#ifndef SCANLINE_RUNTIME_TENSORS_H
#define SCANLINE_RUNTIME_TENSORS_H

#include "runtime/execution/block.h"
#include "runtime/execution/experiment.h"

typedef struct Tensors {
    PageBlock block;
    float **values; /* values[i]: aligned to PLAN_ALIGNMENT */
} Tensors;

/* What tensors_create takes for them. */
int64_t tensors_bytes(const Parameter *parameters, uint32_t count);

bool tensors_create(Tensors *tensors, const Parameter *parameters,
                    uint32_t count); /* false: no memory */
void tensors_free(Tensors *tensors);

#endif
