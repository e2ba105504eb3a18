#include "runtime/interchange/map_place.h"

#include "runtime/integer.h"

#include <stdlib.h>
#include <string.h>

typedef struct Placing {
    const Map *map;
    const Experiment *experiment;
    PlacedMap *placed;
    uint32_t *times; /* how often a parameter has been placed */
    FileError *error;
} Placing;

/* --- extents --- */

static bool setting_extent(const Experiment *experiment, const char *name, int64_t *extent) {
    for (uint32_t i = 0; i < experiment->setting_count; i++) {
        const Setting *setting = &experiment->settings[i];
        if (strcmp(setting->key, name) == 0)
            return integer_read(setting->value, 1, INT64_MAX, extent);
    }
    return false;
}

bool map_extent(const Experiment *experiment, const char *name, int64_t *extent) {
    for (uint32_t i = 0; i < experiment->parameter_count; i++) {
        const Parameter *parameter = &experiment->parameters[i];
        for (uint32_t axis = 0; axis < parameter->axis_count; axis++)
            if (strcmp(parameter->axes[axis], name) == 0) {
                *extent = parameter->extents[axis];
                return true;
            }
    }
    return setting_extent(experiment, name, extent);
}

uint32_t map_parameter(const Experiment *experiment, const char *path) {
    for (uint32_t i = 0; i < experiment->parameter_count; i++)
        if (strcmp(experiment->parameters[i].path, path) == 0)
            return i;
    return PLACE_ABSENT;
}

/* --- names --- */

/* The dim between braces, as a copy; *dim NULL: there is none. */
static bool numbered_dim(const Placing *placing, const char *name, uint32_t line, char **dim) {
    const char *open = strchr(name, '{'), *close = open ? strchr(open, '}') : NULL;
    *dim = NULL;
    if (!open)
        return true;
    if (!close || strchr(close, '{'))
        return map_fail(placing->map, line, placing->error,
                        "'%.100s': one dim in one pair of braces is what a name can have", name);
    *dim = strndup(open + 1, (size_t)(close - open - 1));
    return *dim || map_fail(placing->map, line, placing->error, "out of memory");
}

/* How many names a pattern stands for. */
static bool count_names(const Placing *placing, const char *name, uint32_t line, int64_t *count) {
    char *dim;
    *count = 1;
    if (!numbered_dim(placing, name, line, &dim))
        return false;
    bool known = !dim || map_extent(placing->experiment, dim, count);
    if (!known)
        map_fail(placing->map, line, placing->error, "the spec has no dim '%.60s'", dim);
    free(dim);
    return known;
}

/* The pattern with a number for what is between braces. NULL: no memory. */
static char *name_at(const char *pattern, int64_t number) {
    const char *open = strchr(pattern, '{');
    char *name;
    if (!open)
        return strdup(pattern);
    int length = asprintf(&name, "%.*s%lld%s", (int)(open - pattern), pattern, (long long)number,
                          strchr(open, '}') + 1);
    return length < 0 ? NULL : name;
}

/* --- one tensor --- */

static const MapAxis *axis_of(const MapTensor *rule, uint32_t axis, uint32_t part) {
    return axis == rule->cut ? &rule->pieces[part] : &rule->axes[axis];
}

/* The product of the extents of its names. */
static bool axis_extent(const Placing *placing, const MapTensor *rule, const MapAxis *axis,
                        int64_t *extent) {
    *extent = 1;
    for (uint32_t i = 0; i < axis->count; i++) {
        int64_t factor;
        if (!map_extent(placing->experiment, axis->names[i], &factor))
            return map_fail(placing->map, rule->line, placing->error,
                            "the spec has no dim or axis '%.60s'", axis->names[i]);
        if (__builtin_mul_overflow(*extent, factor, extent))
            return map_fail(placing->map, rule->line, placing->error, "too large an extent");
    }
    return true;
}

static bool place_shape(const Placing *placing, PlacedTensor *tensor) {
    const MapTensor *rule = tensor->rule;
    tensor->rank = rule->rank;
    tensor->elements = 1;
    for (uint32_t axis = 0; axis < rule->rank; axis++) {
        int64_t *extent = &tensor->extents[axis];
        uint32_t pieces = axis == rule->cut ? rule->part_count : 1;
        *extent = 0;
        for (uint32_t i = 0; i < pieces; i++) {
            int64_t piece;
            if (!axis_extent(placing, rule, axis_of(rule, axis, i), &piece))
                return false;
            if (__builtin_add_overflow(*extent, piece, extent))
                return map_fail(placing->map, rule->line, placing->error, "too large an extent");
        }
        if (__builtin_mul_overflow(tensor->elements, *extent, &tensor->elements))
            return map_fail(placing->map, rule->line, placing->error, "too large a tensor");
    }
    return true;
}

static uint32_t find_axis(const Parameter *parameter, const char *name) {
    uint32_t axis = 0;
    while (axis < parameter->axis_count && strcmp(parameter->axes[axis], name) != 0)
        axis++;
    return axis;
}

/* Gives the parameter's axes that one of the tensor's is made of their strides. */
static bool place_axis(const Placing *placing, const MapTensor *rule, const MapAxis *axis,
                       const Parameter *parameter, int64_t stride, PlacedPart *part) {
    for (uint32_t i = axis->count; i-- > 0;) {
        uint32_t own = find_axis(parameter, axis->names[i]);
        if (own == parameter->axis_count || part->strides[own])
            return map_fail(placing->map, rule->line, placing->error, "'%.100s' %s axis '%.60s'",
                            parameter->path,
                            own == parameter->axis_count ? "has no" : "has only one",
                            axis->names[i]);
        part->strides[own] = stride;
        stride *= parameter->extents[own];
    }
    return true;
}

static bool place_part(const Placing *placing, const PlacedTensor *tensor, uint32_t index,
                       PlacedPart *part) {
    const MapTensor *rule = tensor->rule;
    const Parameter *parameter = &placing->experiment->parameters[part->parameter];
    int64_t stride = 1;
    for (uint32_t axis = rule->rank; axis-- > 0;) {
        int64_t before;
        for (uint32_t i = 0; axis == rule->cut && i < index; i++) {
            if (!axis_extent(placing, rule, &rule->pieces[i], &before))
                return false;
            part->base += before * stride;
        }
        if (!place_axis(placing, rule, axis_of(rule, axis, index), parameter, stride, part))
            return false;
        stride *= tensor->extents[axis];
    }
    for (uint32_t own = 0; own < parameter->axis_count; own++)
        if (!part->strides[own])
            return map_fail(placing->map, rule->line, placing->error,
                            "the axis '%.60s' of '%.100s' has no place", parameter->axes[own],
                            parameter->path);
    placing->times[part->parameter]++;
    return true;
}

/* Parameters are there all together, or not at all. */
static bool find_parts(const Placing *placing, PlacedTensor *tensor, int64_t number) {
    const MapTensor *rule = tensor->rule;
    uint32_t absent = 0;
    const char *first_absent = rule->parts[0];
    for (uint32_t i = 0; i < rule->part_count; i++) {
        char *path = name_at(rule->parts[i], number);
        if (!path)
            return map_fail(placing->map, rule->line, placing->error, "out of memory");
        tensor->parts[i].parameter = map_parameter(placing->experiment, path);
        free(path);
        if (tensor->parts[i].parameter == PLACE_ABSENT && !absent++)
            first_absent = rule->parts[i];
    }
    if (!absent || (absent == rule->part_count && rule->absent != ABSENT_IS_ERROR))
        return true;
    return map_fail(placing->map, rule->line, placing->error,
                    "the spec has no parameter '%.60s' with this objective, and '%.60s' needs it",
                    first_absent, rule->name);
}

/* The shape of what is not to be there may not be known. */
static bool place_tensor(const Placing *placing, PlacedTensor *tensor) {
    const bool absent = tensor->parts[0].parameter == PLACE_ABSENT;
    if (absent && tensor->rule->absent == ABSENT_IS_NONE)
        return true;
    if (!place_shape(placing, tensor))
        return false;
    for (uint32_t i = 0; i < tensor->rule->part_count && !absent; i++)
        if (!place_part(placing, tensor, i, &tensor->parts[i]))
            return false;
    return true;
}

/* --- all of them --- */

/* Paths of parameters must be numbered by the tensor's dim. */
static bool check_parts(const Placing *placing, const MapTensor *rule) {
    const char *open = strchr(rule->name, '{');
    size_t length = open ? (size_t)(strchr(open, '}') + 1 - open) : 0;
    for (uint32_t i = 0; i < rule->part_count; i++) {
        const char *own = strchr(rule->parts[i], '{');
        bool same = open && own && strncmp(open, own, length) == 0 && !strchr(own + 1, '{');
        if (own ? !same : open != NULL)
            return map_fail(placing->map, rule->line, placing->error,
                            "'%.100s' and '%.100s' must have the same braces, once each, or none",
                            rule->name, rule->parts[i]);
    }
    return true;
}

static bool place_rule(Placing *placing, const MapTensor *rule) {
    PlacedMap *placed = placing->placed;
    int64_t count;
    if (!count_names(placing, rule->name, rule->line, &count) || !check_parts(placing, rule))
        return false;
    if (count > placing->experiment->parameter_count) /* a layer has one parameter or more */
        return map_fail(placing->map, rule->line, placing->error,
                        "'%.100s' stands for %lld tensors, and the spec has %u parameters",
                        rule->name, (long long)count, placing->experiment->parameter_count);
    size_t size = (placed->tensor_count + (size_t)count) * sizeof *placed->tensors;
    PlacedTensor *larger = realloc(placed->tensors, size);
    if (!larger)
        return map_fail(placing->map, rule->line, placing->error, "out of memory");
    placed->tensors = larger;
    for (int64_t number = 0; number < count; number++) {
        PlacedTensor *tensor = &larger[placed->tensor_count];
        *tensor = (PlacedTensor){.rule = rule, .name = name_at(rule->name, number)};
        if (!tensor->name)
            return map_fail(placing->map, rule->line, placing->error, "out of memory");
        placed->tensor_count++;
        if (!find_parts(placing, tensor, number) || !place_tensor(placing, tensor))
            return false;
    }
    return true;
}

/* The names that a copy or an ignored one stands for. */
static bool place_name(Placing *placing, const MapName *rule) {
    PlacedMap *placed = placing->placed;
    int64_t count;
    if (!count_names(placing, rule->name, rule->line, &count))
        return false;
    if (rule->of && (strchr(rule->name, '{') || strchr(rule->of, '{')))
        return map_fail(placing->map, rule->line, placing->error, "a copy has no braces");
    if (count > 1 << 20)
        return map_fail(placing->map, rule->line, placing->error, "too many names");
    size_t size = (placed->other_count + (size_t)count) * sizeof *placed->others;
    PlacedName *larger = realloc(placed->others, size);
    if (!larger)
        return map_fail(placing->map, rule->line, placing->error, "out of memory");
    placed->others = larger;
    for (int64_t number = 0; number < count; number++) {
        PlacedName *name = &larger[placed->other_count++];
        *name = (PlacedName){.name = name_at(rule->name, number),
                             .of = rule->of ? strdup(rule->of) : NULL};
        if (!name->name || (rule->of && !name->of))
            return map_fail(placing->map, rule->line, placing->error, "out of memory");
    }
    return true;
}

static bool check_times(const Placing *placing) {
    const Experiment *experiment = placing->experiment;
    for (uint32_t i = 0; i < experiment->parameter_count; i++)
        if (placing->times[i] != 1)
            return file_fault(placing->error, placing->map->path,
                              "%s for the parameter '%.100s' of the spec",
                              placing->times[i] ? "there are several places" : "there is no place",
                              experiment->parameters[i].path);
    return true;
}

static bool place_all(Placing *placing) {
    const Map *map = placing->map;
    for (uint32_t i = 0; i < map->tensor_count; i++)
        if (!place_rule(placing, &map->tensors[i]))
            return false;
    for (uint32_t i = 0; i < map->copy_count; i++)
        if (!place_name(placing, &map->copies[i]))
            return false;
    for (uint32_t i = 0; i < map->ignored_count; i++)
        if (!place_name(placing, &map->ignored[i]))
            return false;
    return check_times(placing);
}

bool map_place(const Map *map, const Experiment *experiment, PlacedMap *placed, FileError *error) {
    *placed = (PlacedMap){.map = map};
    Placing placing = {.map = map, .experiment = experiment, .placed = placed, .error = error};
    placing.times = calloc(experiment->parameter_count + 1, sizeof *placing.times);
    bool done = placing.times ? place_all(&placing) : file_fault(error, map->path, "out of memory");
    free(placing.times);
    if (!done)
        map_unplace(placed);
    return done;
}

void map_unplace(PlacedMap *placed) {
    for (uint32_t i = 0; i < placed->tensor_count; i++)
        free(placed->tensors[i].name);
    for (uint32_t i = 0; i < placed->other_count; i++) {
        free(placed->others[i].name);
        free(placed->others[i].of);
    }
    free(placed->tensors);
    free(placed->others);
    *placed = (PlacedMap){0};
}

/* --- elements --- */

bool place_is_whole(const PlacedTensor *tensor, const Experiment *experiment) {
    const PlacedPart *part = &tensor->parts[0];
    if (tensor->rule->part_count != 1 || part->parameter == PLACE_ABSENT)
        return false;
    const Parameter *parameter = &experiment->parameters[part->parameter];
    int64_t stride = 1;
    for (uint32_t axis = parameter->axis_count; axis-- > 0;) {
        if (part->strides[axis] != stride)
            return false;
        stride *= parameter->extents[axis];
    }
    return true;
}

/* Where the next element lies: an odometer over the parameter's axes. */
static int64_t next_place(const PlacedPart *part, const Parameter *parameter, int64_t *at,
                          int64_t place) {
    for (uint32_t axis = parameter->axis_count; axis-- > 0;) {
        place += part->strides[axis];
        if (++at[axis] < parameter->extents[axis])
            break;
        place -= at[axis] * part->strides[axis];
        at[axis] = 0;
    }
    return place;
}

void place_take(const PlacedPart *part, const Parameter *parameter, const float *tensor,
                float *values) {
    int64_t at[PLAN_MAX_AXES] = {0}, place = part->base;
    for (int64_t i = 0; i < parameter->elements; i++) {
        values[i] = tensor[place];
        place = next_place(part, parameter, at, place);
    }
}

void place_give(const PlacedPart *part, const Parameter *parameter, const float *values,
                float *tensor) {
    int64_t at[PLAN_MAX_AXES] = {0}, place = part->base;
    for (int64_t i = 0; i < parameter->elements; i++) {
        tensor[place] = values[i];
        place = next_place(part, parameter, at, place);
    }
}
