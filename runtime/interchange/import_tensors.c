#include "runtime/interchange/import_tensors.h"

#include "runtime/interchange/floats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHAPE_TEXT = 200 };

typedef struct Importing {
    const PlacedMap *placed;
    const Weights *weights;
    const Experiment *experiment;
    float *const *parameters;
    ImportedTensors *imported;
    bool some_zero, some_other; /* among the tensors that may be zeros */
    FileError *error;
} Importing;

/* --- what is wrong --- */

static bool fail_tensor(const Importing *importing, const char *name, const char *what) {
    return file_fault(importing->error, weights_path(importing->weights), "tensor '%.100s' %s",
                      name, what);
}

static void print_shape(uint32_t rank, const int64_t *extents, char text[SHAPE_TEXT]) {
    size_t used = (size_t)snprintf(text, SHAPE_TEXT, "[");
    for (uint32_t i = 0; i < rank && used < SHAPE_TEXT; i++)
        used += (size_t)snprintf(text + used, SHAPE_TEXT - used, "%s%lld", i ? ", " : "",
                                 (long long)extents[i]);
    if (used < SHAPE_TEXT)
        snprintf(text + used, SHAPE_TEXT - used, "]");
}

/* --- names --- */

/* The name without the prefix; NULL: it has none. */
static const char *bare_name(const Importing *importing, const char *name) {
    const char *prefix = importing->placed->map->prefix;
    const size_t length = strlen(prefix);
    return length && strncmp(name, prefix, length) == 0 ? name + length : NULL;
}

/* By its name, with the prefix or without. */
static const Tensor *find(const Importing *importing, const char *name) {
    const Tensor *tensor = weights_find(importing->weights, name);
    const char *bare = bare_name(importing, name);
    return tensor || !bare ? tensor : weights_find(importing->weights, bare);
}

static bool is_called(const Importing *importing, const char *name, const char *placed) {
    const char *bare = bare_name(importing, placed);
    return strcmp(name, placed) == 0 || (bare && strcmp(name, bare) == 0);
}

static bool is_ignored(const Importing *importing, const char *name) {
    for (uint32_t i = 0; i < importing->placed->other_count; i++)
        if (is_called(importing, name, importing->placed->others[i].name))
            return true;
    return false;
}

static bool is_wanted(const Importing *importing, const char *name) {
    for (uint32_t i = 0; i < importing->placed->tensor_count; i++)
        if (is_called(importing, name, importing->placed->tensors[i].name))
            return true;
    return false;
}

/* What the map says nothing of might change what the model computes. */
static bool check_surplus(const Importing *importing) {
    for (uint32_t i = 0; i < weights_count(importing->weights); i++) {
        const char *name = weights_at(importing->weights, i)->name;
        if (is_wanted(importing, name))
            continue;
        if (!is_ignored(importing, name))
            return file_fault(importing->error, weights_path(importing->weights),
                              "%.100s says nothing of tensor '%.100s': it is of another model, or "
                              "the map needs a line `tensor' or `ignore' for it",
                              importing->placed->map->path, name);
        importing->imported->ignored++;
    }
    return true;
}

/* --- one tensor --- */

static bool check_shape(const Importing *importing, const Tensor *tensor,
                        const PlacedTensor *placed) {
    char theirs[SHAPE_TEXT], ours[SHAPE_TEXT];
    if (!floats_can(tensor->type))
        return file_fault(importing->error, weights_path(importing->weights),
                          "tensor '%.100s' is of %s, not of floats", tensor->name,
                          tensor_type_name(tensor->type));
    if (tensor->rank == placed->rank &&
        memcmp(tensor->extents, placed->extents, placed->rank * sizeof *placed->extents) == 0)
        return true;
    print_shape(tensor->rank, tensor->extents, theirs);
    print_shape(placed->rank, placed->extents, ours);
    return file_fault(importing->error, weights_path(importing->weights),
                      "tensor '%.100s' is %s; by the spec's dims and %.100s:%u it should be %s",
                      tensor->name, theirs, importing->placed->map->path, placed->rule->line, ours);
}

/* malloc'ed; NULL and `error`. */
static float *read_values(const Importing *importing, const Tensor *tensor) {
    float *values = malloc((size_t)tensor->elements * sizeof *values + 1);
    bool read = values ? weights_read(importing->weights, tensor, values, importing->error)
                       : fail_tensor(importing, tensor->name, "is too large for the memory");
    for (int64_t i = 0; i < tensor->elements && read; i++)
        if (!isfinite(values[i]))
            read = fail_tensor(importing, tensor->name, "has values that are not finite");
    if (read)
        return values;
    free(values);
    return NULL;
}

static bool are_zeros(const float *values, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (values[i] != 0)
            return false;
    return true;
}

/* A tensor that the spec has no parameters for. */
static bool refuse(const Importing *importing, const PlacedTensor *placed, const char *what) {
    return file_fault(importing->error, weights_path(importing->weights),
                      "tensor '%.100s' %s, and the spec has no parameter '%.60s' for it: give a "
                      "SPEC that has, or another objective",
                      placed->name, what, placed->rule->parts[0]);
}

static void take(Importing *importing, const PlacedTensor *placed, const float *values) {
    for (uint32_t i = 0; i < placed->rule->part_count; i++) {
        const PlacedPart *part = &placed->parts[i];
        const Parameter *parameter = &importing->experiment->parameters[part->parameter];
        place_take(part, parameter, values, importing->parameters[part->parameter]);
        importing->imported->elements += parameter->elements;
    }
    importing->imported->tensors++;
}

static bool import_tensor(Importing *importing, const PlacedTensor *placed) {
    const Tensor *tensor = find(importing, placed->name);
    const bool absent = placed->parts[0].parameter == PLACE_ABSENT;
    if (!tensor)
        return absent || file_fault(importing->error, weights_path(importing->weights),
                                    "there is no tensor '%.100s', from which '%.60s' is to come",
                                    placed->name, placed->rule->parts[0]);
    if (absent && placed->rule->absent == ABSENT_IS_NONE)
        return refuse(importing, placed, "is there");
    if (!check_shape(importing, tensor, placed))
        return false;
    float *values = read_values(importing, tensor);
    if (!values)
        return false;
    const bool zeros = are_zeros(values, placed->elements);
    if (placed->rule->absent == ABSENT_IS_ZERO) {
        importing->some_zero |= zeros;
        importing->some_other |= !zeros;
    }
    if (!absent)
        take(importing, placed, values);
    free(values);
    return !absent || zeros || refuse(importing, placed, "is not zero");
}

/* --- copies --- */

static bool import_copy(const Importing *importing, const PlacedName *copy) {
    const Tensor *tensor = copy->of ? find(importing, copy->name) : NULL;
    const Tensor *of = tensor ? find(importing, copy->of) : NULL;
    if (!tensor)
        return true;
    bool alike = of && tensor->rank == of->rank && floats_can(tensor->type) &&
                 floats_can(of->type) && tensor->elements == of->elements &&
                 memcmp(tensor->extents, of->extents, of->rank * sizeof *of->extents) == 0;
    float *values = alike ? read_values(importing, tensor) : NULL;
    float *others = values ? read_values(importing, of) : NULL;
    bool read = !alike || others;
    alike = others && memcmp(values, others, (size_t)of->elements * sizeof *values) == 0;
    free(values);
    free(others);
    return alike ||
           (read && file_fault(importing->error, weights_path(importing->weights),
                               "tensor '%.100s' is not the same as '%.100s', as it is in a model "
                               "of the spec",
                               copy->name, copy->of));
}

bool import_tensors(const PlacedMap *placed, const Weights *weights, const Experiment *experiment,
                    float *const *parameters, const ImportProgress *progress,
                    ImportedTensors *imported, FileError *error) {
    *imported = (ImportedTensors){0};
    Importing importing = {placed, weights, experiment, parameters, imported, false, false, error};
    if (!check_surplus(&importing))
        return false;
    for (uint32_t i = 0; i < placed->tensor_count; i++) {
        if (progress)
            progress->tell(progress->user, i, placed->tensor_count);
        if (!import_tensor(&importing, &placed->tensors[i]))
            return false;
    }
    for (uint32_t i = 0; i < placed->other_count; i++)
        if (!import_copy(&importing, &placed->others[i]))
            return false;
    imported->all_zero = importing.some_zero && !importing.some_other;
    return true;
}
