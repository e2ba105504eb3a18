#include "runtime/interchange/map_config.h"

#include "runtime/interchange/map_place.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONFIG_BYTES = 16 << 20, VALUE_TEXT = 80 };

static const char config_name[] = "config.json";

bool config_read(const char *folder, const char *name, json_t **config, FileError *error) {
    char *path = file_path(folder, name);
    *config = NULL;
    if (!path)
        return file_fault(error, folder, "out of memory");
    size_t size;
    json_error_t reason;
    const bool absent = access(path, F_OK) != 0;
    char *text = absent ? NULL : file_read(path, CONFIG_BYTES, &size, error);
    if (text) {
        *config = json_loadb(text, size, JSON_REJECT_DUPLICATES, &reason);
        if (!*config)
            file_fault(error, path, "not valid JSON: %.150s", reason.text);
        else if (!json_is_object(*config)) {
            file_fault(error, path, "not a JSON object");
            json_decref(*config);
            *config = NULL;
        }
    }
    free(text);
    free(path);
    return absent || *config;
}

/* --- dims --- */

bool config_dim(const MapDim *dim, const json_t *config, int64_t *value, FileError *error) {
    const json_t *found = json_object_get(config, dim->key);
    *value = 0;
    if (!found)
        return true;
    json_int_t number = json_integer_value(found);
    if (json_is_integer(found) && number > dim->added && number <= INT32_MAX) {
        *value = number - dim->added;
        return true;
    }
    return file_fault(error, config_name, "\"%.60s\" gives no value to the dim '%.60s'", dim->key,
                      dim->dim);
}

/* --- values --- */

static void print_value(const json_t *value, char text[VALUE_TEXT]) {
    char *json = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    snprintf(text, VALUE_TEXT, "%s", json ? json : "?");
    free(json);
}

/* The value as JSON; a new reference. NULL and `error`. */
static json_t *value_json(const Map *map, const MapValue *value, uint32_t line,
                          const Experiment *experiment, FileError *error) {
    int64_t extent;
    if (value->literal)
        return json_deep_copy(value->literal);
    if (map_extent(experiment, value->dim, &extent))
        return json_integer(extent);
    map_fail(map, line, error, "the spec has no dim '%.60s'", value->dim);
    return NULL;
}

/* Numbers are equal as numbers. */
static bool is_equal(const json_t *left, const json_t *right) {
    if (json_is_number(left) && json_is_number(right))
        return json_number_value(left) == json_number_value(right);
    return json_equal(left, right);
}

/* --- the check --- */

static bool check_dim(const MapDim *dim, const json_t *config, const Experiment *experiment,
                      FileError *error) {
    int64_t theirs, ours;
    if (!config_dim(dim, config, &theirs, error))
        return false;
    if (!theirs || !map_extent(experiment, dim->dim, &ours) || ours == theirs)
        return true;
    return file_fault(error, config_name, "by \"%.60s\" the dim %.60s is %lld, and here it is %lld",
                      dim->key, dim->dim, (long long)theirs, (long long)ours);
}

static bool check_config(const Map *map, const MapConfig *rule, const json_t *config,
                         const Experiment *experiment, FileError *error) {
    const json_t *found = json_object_get(config, rule->key);
    char theirs[VALUE_TEXT], ours[VALUE_TEXT] = "";
    for (uint32_t i = 0; i < rule->value_count && found; i++) {
        json_t *value = value_json(map, &rule->values[i], rule->line, experiment, error);
        if (!value)
            return false;
        bool equal = is_equal(found, value);
        if (!i)
            print_value(value, ours);
        json_decref(value);
        if (equal)
            return true;
    }
    if (!found)
        return true;
    print_value(found, theirs);
    return file_fault(error, config_name,
                      "\"%.60s\" is %s, and by %.100s it must be %s%s: a model that computes "
                      "something else needs another map and spec",
                      rule->key, theirs, map->path, ours,
                      rule->value_count > 1 ? " or what stands beside that" : "");
}

bool config_check(const Map *map, const json_t *config, const Experiment *experiment,
                  FileError *error) {
    for (uint32_t i = 0; i < map->config_count; i++)
        if (!check_config(map, &map->configs[i], config, experiment, error))
            return false;
    for (uint32_t i = 0; i < map->dim_count; i++)
        if (!check_dim(&map->dims[i], config, experiment, error))
            return false;
    return true;
}

/* --- the export --- */

static bool set_value(json_t *config, const char *key, json_t *value, FileError *error) {
    return value && (json_object_set_new(config, key, value) == 0 ||
                     file_fault(error, config_name, "out of memory"));
}

static bool set_dims(json_t *config, const Map *map, const Experiment *experiment,
                     FileError *error) {
    for (uint32_t i = 0; i < map->dim_count; i++) {
        const MapDim *dim = &map->dims[i];
        int64_t extent;
        if (!map_extent(experiment, dim->dim, &extent))
            return map_fail(map, dim->line, error, "the spec has no dim '%.60s'", dim->dim);
        if (!set_value(config, dim->key, json_integer(extent + dim->added), error))
            return false;
    }
    return true;
}

static bool set_writes(json_t *config, const Map *map, const MapWrite *writes, uint32_t count,
                       const Experiment *experiment, FileError *error) {
    for (uint32_t i = 0; i < count; i++) {
        const MapWrite *rule = &writes[i];
        if (rule->with && map_parameter(experiment, rule->with) == PLACE_ABSENT)
            continue;
        if (!set_value(config, rule->key,
                       value_json(map, &rule->value, rule->line, experiment, error), error))
            return false;
    }
    return true;
}

static bool set_values(json_t *config, const Map *map, const Experiment *experiment,
                       FileError *error) {
    for (uint32_t i = 0; i < map->config_count; i++) {
        const MapConfig *rule = &map->configs[i];
        if (!set_value(config, rule->key,
                       value_json(map, &rule->values[0], rule->line, experiment, error), error))
            return false;
    }
    return set_writes(config, map, map->writes, map->write_count, experiment, error);
}

json_t *config_make(const Map *map, const Experiment *experiment, FileError *error) {
    json_t *config = json_object();
    if (!config)
        file_fault(error, config_name, "out of memory");
    if (config && set_dims(config, map, experiment, error) &&
        set_values(config, map, experiment, error))
        return config;
    json_decref(config);
    return NULL;
}

/* --- the preprocessor --- */

/* Images are squares, unless their pixels are no square's. */
static bool set_side(json_t *json, const Experiment *experiment, FileError *error) {
    for (uint32_t i = 0; i < experiment->input_count; i++) {
        const DataInput *input = &experiment->inputs[i];
        int64_t side = 1;
        if (strcmp(input->name, "tokens") != 0 || input->axis_count != 1)
            continue;
        while (side * side < input->extents[0])
            side++;
        if (side * side == input->extents[0])
            return set_value(
                json, "size",
                json_pack("{s:I, s:I}", "height", (json_int_t)side, "width", (json_int_t)side),
                error);
    }
    return true;
}

json_t *preprocessor_make(const Map *map, const Experiment *experiment, const Palette *palette,
                          FileError *error) {
    json_t *json = json_object();
    if (json && set_side(json, experiment, error) &&
        set_writes(json, map, map->preprocessor, map->preprocessor_count, experiment, error) &&
        (set_value(json, "clusters", clusters_to_json(palette), error) ||
         file_fault(error, "preprocessor_config.json", "out of memory")))
        return json;
    if (!json)
        file_fault(error, "preprocessor_config.json", "out of memory");
    json_decref(json);
    return NULL;
}
