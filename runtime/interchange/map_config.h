/* What a map says of config.json, which transformers keeps beside a checkpoint: dims to take from
 * it, and what must stand there for the spec to compute the same. A key that is not there has the
 * value that a map names first, so maps name the default of the class of models. */
#ifndef SCANLINE_RUNTIME_MAP_CONFIG_H
#define SCANLINE_RUNTIME_MAP_CONFIG_H

#include "runtime/execution/experiment.h"
#include "runtime/interchange/clusters.h"
#include "runtime/interchange/map.h"

/* A JSON object from `name` in a folder; NULL in *config where there is no such file. False and
 * `error`. */
bool config_read(const char *folder, const char *name, json_t **config, FileError *error);

/* The dim's value by the config; 0: it has no such key. False and `error`: it is no dim's. */
bool config_dim(const MapDim *dim, const json_t *config, int64_t *value, FileError *error);

/* The first config value of the map that holds of other models alone is an error. */
bool config_check(const Map *map, const json_t *config, const Experiment *experiment,
                  FileError *error);

/* The config of an experiment's model. The caller's to json_decref; NULL and `error`. */
json_t *config_make(const Map *map, const Experiment *experiment, FileError *error);

/* preprocessor_config.json, likewise: how transformers makes tokens of pixels. */
json_t *preprocessor_make(const Map *map, const Experiment *experiment, const Palette *palette,
                          FileError *error);

#endif
