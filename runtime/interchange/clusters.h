/* Palettes as they lie beside a checkpoint: OpenAI's kmeans_centers.npy or clusters.npy, and
 * "clusters" in transformers' preprocessor_config.json, [[c, ...], ...]. */
#ifndef SCANLINE_RUNTIME_CLUSTERS_H
#define SCANLINE_RUNTIME_CLUSTERS_H

#include "runtime/images/palette.h"

#include <jansson.h>

/* Of a .npy file, or (by its name's end) of a .json like preprocessor_config.json. Without centres:
 * there are no clusters in it. */
bool clusters_read(Palette *palette, const char *path, FileError *error);

/* Of the first such file in a folder; none is no error. */
bool clusters_find(Palette *palette, const char *folder, FileError *error);

/* `path` is for messages. */
bool clusters_from_json(Palette *palette, const json_t *json, const char *path, FileError *error);
json_t *clusters_to_json(const Palette *palette); /* NULL: no memory */

#endif
