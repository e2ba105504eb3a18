/* The parameters of an experiment from the tensors of another program, by a map. */
#ifndef SCANLINE_RUNTIME_IMPORT_TENSORS_H
#define SCANLINE_RUNTIME_IMPORT_TENSORS_H

#include "runtime/interchange/map_place.h"
#include "runtime/interchange/weights.h"

typedef struct ImportedTensors {
    uint32_t tensors, ignored;
    int64_t elements;
    bool all_zero; /* of the tensors that the map lets be zeros, there are some, and all are */
} ImportedTensors;

/* Told before each tensor. */
typedef struct ImportProgress {
    void (*tell)(void *user, uint32_t done, uint32_t all);
    void *user;
} ImportProgress;

/* Fills parameters[i], experiment->parameters[i]. Every tensor of the map must be there, of floats,
 * of its shape and finite, and no other tensor. `progress` may be NULL. False and `error`, which
 * names the tensor. */
bool import_tensors(const PlacedMap *placed, const Weights *weights, const Experiment *experiment,
                    float *const *parameters, const ImportProgress *progress,
                    ImportedTensors *imported, FileError *error);

#endif
