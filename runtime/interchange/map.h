/* A map: what another program calls the parameters of a spec, how it shapes them, and what its
 * config.json says of them (models/README.md has the language). The same lines serve both ways.
 *
 *     spec igpt-hf                              # the spec, where none is named
 *     dim v = vocab_size - 1                    # from config.json
 *     config n_inner = null or f                # else the model computes something else
 *     write architectures = ["X"] with wclf     # in config.json of an export, where there is wclf
 *     preprocessor do_resize = true             # in preprocessor_config.json, of exports with
 * colours prefix transformer.                       # names in a file may lack it tensor
 * a.{layers}.c [d, (h e) | (h e)] = block.{layers}.q | block.{layers}.k or 0 copy lm_head.weight =
 * wte.weight          # need not be there; must be the same ignore a.{layers}.mask */
#ifndef SCANLINE_RUNTIME_MAP_H
#define SCANLINE_RUNTIME_MAP_H

#include "runtime/files/file.h"
#include "runtime/files/safetensors.h"

#include <jansson.h>

enum { MAP_MAX_PARTS = 8, MAP_MAX_VALUES = 4, MAP_MAX_BYTES = 1 << 20 };

/* The value of the key is the dim's and `added`. */
typedef struct MapDim {
    const char *dim, *key;
    int64_t added;
    uint32_t line;
} MapDim;

/* Of a key of config.json: a literal, or (where that is NULL) a dim. */
typedef struct MapValue {
    json_t *literal;
    const char *dim;
} MapValue;

/* One of the values; an export writes the first. */
typedef struct MapConfig {
    const char *key;
    MapValue values[MAP_MAX_VALUES];
    uint32_t value_count;
    uint32_t line;
} MapConfig;

typedef struct MapWrite {
    const char *key;
    MapValue value;
    const char *with; /* only where there is this parameter; NULL: always */
    uint32_t line;
} MapWrite;

/* An axis of a tensor in a file: axes of the parameter, row by row; none: an extent of 1. */
typedef struct MapAxis {
    const char *names[SAFETENSORS_MAX_RANK];
    uint32_t count;
} MapAxis;

/* What holds where the spec has none of a tensor's parameters. */
typedef enum MapAbsent {
    ABSENT_IS_ERROR,
    ABSENT_IS_ZERO, /* "or 0": the tensor must be all zeros */
    ABSENT_IS_NONE, /* "or none": there must be no such tensor */
} MapAbsent;

/* Parameters side by side along the axis `cut`, where each takes its piece. */
typedef struct MapTensor {
    const char *name;                   /* as `parts` with {DIM} for the numbers below an extent */
    MapAxis axes[SAFETENSORS_MAX_RANK]; /* axes[cut] is not used */
    uint32_t rank, cut;                 /* cut == rank: there is one part */
    MapAxis pieces[MAP_MAX_PARTS];
    const char *parts[MAP_MAX_PARTS]; /* paths of parameters */
    uint32_t part_count;
    MapAbsent absent;
    uint32_t line;
} MapTensor;

/* A tensor that need not be there; of a copy, `of` is the one that it must be equal to. */
typedef struct MapName {
    const char *name, *of;
    uint32_t line;
} MapName;

typedef struct Map {
    char *path;         /* for messages */
    char *text;         /* in which all strings are */
    const char *spec;   /* NULL: none is named */
    const char *prefix; /* "" */
    MapDim *dims;
    MapConfig *configs;
    MapWrite *writes, *preprocessor;
    MapTensor *tensors;
    MapName *copies, *ignored;
    uint32_t dim_count, config_count, write_count, preprocessor_count, tensor_count, copy_count,
        ignored_count;
} Map;

/* NULL and `error`, which names the line. */
Map *map_parse(const char *path, const char *text, size_t size, FileError *error);
void map_free(Map *map);

/* False, with the line of the map in the message. */
bool map_fail(const Map *map, uint32_t line, FileError *error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
