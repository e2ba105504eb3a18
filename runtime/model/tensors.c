#include "runtime/model/tensors.h"

#include <stdlib.h>

int64_t tensors_bytes(const Parameter *parameters, uint32_t count) {
    int64_t bytes = 0;
    for (uint32_t i = 0; i < count; i++)
        bytes += block_aligned(parameters[i].elements * (int64_t)sizeof(float));
    return bytes;
}

bool tensors_create(Tensors *tensors, const Parameter *parameters, uint32_t count) {
    *tensors = (Tensors){.values = calloc(count ? count : 1, sizeof *tensors->values)};
    int64_t bytes = tensors_bytes(parameters, count), offset = 0;
    if (!tensors->values || !block_create(&tensors->block, bytes)) {
        free(tensors->values);
        *tensors = (Tensors){0};
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        tensors->values[i] = (float *)(tensors->block.bytes + offset);
        offset += block_aligned(parameters[i].elements * (int64_t)sizeof(float));
    }
    return true;
}

void tensors_free(Tensors *tensors) {
    block_free(&tensors->block);
    free(tensors->values);
    *tensors = (Tensors){0};
}
