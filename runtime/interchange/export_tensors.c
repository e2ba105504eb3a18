#include "runtime/interchange/export_tensors.h"

#include <stdlib.h>
#include <string.h>

/* A tensor's values: the parameter's own, or in `made`, which is malloc'ed. */
static bool fill(const PlacedTensor *placed, const Experiment *experiment, float *const *parameters,
                 Tensor *tensor, float **made) {
    const PlacedPart *first = &placed->parts[0];
    *tensor = (Tensor){.name = placed->name,
                       .type = TENSOR_F32,
                       .rank = placed->rank,
                       .elements = placed->elements};
    memcpy(tensor->extents, placed->extents, sizeof placed->extents);
    if (place_is_whole(placed, experiment)) {
        tensor->data = parameters[first->parameter];
        return true;
    }
    *made = calloc((size_t)placed->elements + 1, sizeof **made);
    tensor->data = *made;
    for (uint32_t i = 0; i < placed->rule->part_count && *made; i++) {
        const PlacedPart *part = &placed->parts[i];
        if (part->parameter != PLACE_ABSENT)
            place_give(part, &experiment->parameters[part->parameter], parameters[part->parameter],
                       *made);
    }
    return *made;
}

/* What the spec has nothing for is zeros, or not there. */
static bool is_left_out(const PlacedTensor *placed) {
    return placed->parts[0].parameter == PLACE_ABSENT && placed->rule->absent == ABSENT_IS_NONE;
}

double export_work(const PlacedMap *placed) {
    double elements = 0;
    for (uint32_t i = 0; i < placed->tensor_count; i++)
        if (!is_left_out(&placed->tensors[i]))
            elements += (double)placed->tensors[i].elements;
    return 2 * elements;
}

static void advance(void *work, const Tensor *tensor) {
    work_advance(work, (double)tensor->elements);
}

bool export_tensors(const PlacedMap *placed, const Experiment *experiment, float *const *parameters,
                    const char *path, Work *work, FileError *error) {
    const SafetensorsWatch watch = {advance, work};
    static const TensorMetadata metadata = {"format", "pt"};
    Tensor *tensors = calloc(placed->tensor_count + 1, sizeof *tensors);
    float **made = calloc(placed->tensor_count + 1, sizeof *made);
    uint32_t count = 0;
    bool filled = tensors && made;
    for (uint32_t i = 0; i < placed->tensor_count && filled; i++)
        if (!is_left_out(&placed->tensors[i])) {
            filled =
                fill(&placed->tensors[i], experiment, parameters, &tensors[count], &made[count]);
            advance(work, &tensors[count]);
            count++;
        }
    bool written =
        filled ? safetensors_write_watched(path, tensors, count, &metadata, 1, &watch, error)
               : file_fault(error, path, "no memory for the tensors");
    for (uint32_t i = 0; i < count; i++)
        free(made[i]);
    free(tensors);
    free(made);
    return written;
}
