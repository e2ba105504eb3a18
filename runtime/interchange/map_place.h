/* A map applied to an experiment: each tensor by its whole name, its shape, and where in it the
 * elements of each parameter lie. */
#ifndef SCANLINE_RUNTIME_MAP_PLACE_H
#define SCANLINE_RUNTIME_MAP_PLACE_H

#include "runtime/execution/experiment.h"
#include "runtime/interchange/map.h"

enum { PLACE_ABSENT = UINT32_MAX };

/* The element of the parameter at (i, j, ...) is that of the tensor at base + i * strides[0] + j *
 * strides[1] + ... */
typedef struct PlacedPart {
    uint32_t parameter; /* index in the experiment; PLACE_ABSENT: it has none of that path */
    int64_t base, strides[PLAN_MAX_AXES];
} PlacedPart;

typedef struct PlacedTensor {
    const MapTensor *rule;
    char *name;
    uint32_t rank; /* its shape is not known where all is absent, and must be ("or none") */
    int64_t extents[SAFETENSORS_MAX_RANK];
    int64_t elements;
    PlacedPart parts[MAP_MAX_PARTS]; /* rule->part_count: all of them absent, or none */
} PlacedTensor;

typedef struct PlacedName {
    char *name, *of; /* of NULL: ignored */
} PlacedName;

typedef struct PlacedMap {
    const Map *map;
    PlacedTensor *tensors;
    PlacedName *others; /* copies and ignored ones */
    uint32_t tensor_count, other_count;
} PlacedMap;

/* Every parameter of the experiment must have exactly one place. False and `error`, with nothing to
 * free. */
bool map_place(const Map *map, const Experiment *experiment, PlacedMap *placed, FileError *error);
void map_unplace(PlacedMap *placed);

/* The extent of an axis of the parameters, or of a dim of the spec. */
bool map_extent(const Experiment *experiment, const char *name, int64_t *extent);

/* Its index; PLACE_ABSENT: there is none of that path. */
uint32_t map_parameter(const Experiment *experiment, const char *path);

/* Whether the elements lie in the parameter in the order in which they lie in the tensor, and there
 * are no others. */
bool place_is_whole(const PlacedTensor *tensor, const Experiment *experiment);

/* Copies between the tensor's elements and the parameter's. */
void place_take(const PlacedPart *part, const Parameter *parameter, const float *tensor,
                float *values);
void place_give(const PlacedPart *part, const Parameter *parameter, const float *values,
                float *tensor);

#endif
