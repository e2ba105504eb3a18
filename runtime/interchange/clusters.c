#include "runtime/interchange/clusters.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_BYTES = 64 << 20 };

/* --- JSON --- */

static bool read_colours(const json_t *json, size_t channels, float *centres) {
    for (size_t i = 0; i < json_array_size(json); i++) {
        const json_t *colour = json_array_get(json, i);
        if (json_array_size(colour) != channels)
            return false;
        for (size_t c = 0; c < channels; c++) {
            if (!json_is_number(json_array_get(colour, c)))
                return false;
            centres[i * channels + c] = (float)json_number_value(json_array_get(colour, c));
        }
    }
    return true;
}

bool clusters_from_json(Palette *palette, const json_t *json, const char *path, FileError *error) {
    const size_t colours = json_array_size(json),
                 channels = json_array_size(json_array_get(json, 0));
    const char *fault = "has clusters that are no list of colours, each of as many numbers";
    *palette = (Palette){0};
    float *centres = calloc(colours * channels + 1, sizeof *centres);
    if (!centres)
        return file_fault(error, path, "out of memory");
    const bool read = read_colours(json, channels, centres) &&
                      palette_create(palette, centres, (int64_t)colours, (int64_t)channels, &fault);
    free(centres);
    return read || file_fault(error, path, "it %s", fault);
}

json_t *clusters_to_json(const Palette *palette) {
    json_t *rows = json_array();
    for (int64_t i = 0; i < palette->colours && rows; i++) {
        json_t *row = json_array();
        for (int64_t c = 0; c < palette->channels; c++)
            json_array_append_new(row,
                                  json_real((double)palette->centres[i * palette->channels + c]));
        if (json_array_append_new(rows, row)) {
            json_decref(rows);
            rows = NULL;
        }
    }
    return rows;
}

static bool read_json(Palette *palette, const char *path, const char *text, size_t size,
                      FileError *error) {
    json_error_t reason;
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &reason);
    const json_t *found = json_object_get(json, "clusters");
    bool read = true;
    if (!json)
        read = file_fault(error, path, "not valid JSON: %.150s", reason.text);
    else if (found && !json_is_null(found))
        read = clusters_from_json(palette, found, path, error);
    json_decref(json);
    return read;
}

/* --- files --- */

static bool is_json(const char *path) {
    const size_t length = strlen(path);
    return length > 5 && strcmp(path + length - 5, ".json") == 0;
}

bool clusters_read(Palette *palette, const char *path, FileError *error) {
    size_t size;
    if (!is_json(path))
        return palette_read(palette, path, error);
    *palette = (Palette){0};
    char *text = file_read(path, MOST_BYTES, &size, error);
    const bool read = text && read_json(palette, path, text, size, error);
    free(text);
    return read;
}

bool clusters_find(Palette *palette, const char *folder, FileError *error) {
    static const char *const names[] = {"preprocessor_config.json", "kmeans_centers.npy",
                                        "clusters.npy"};
    bool read = true;
    *palette = (Palette){0};
    for (size_t i = 0; i < sizeof names / sizeof *names && read && !palette->centres; i++) {
        char *path = file_path(folder, names[i]);
        if (!path)
            return file_fault(error, folder, "out of memory");
        if (access(path, F_OK) == 0)
            read = clusters_read(palette, path, error);
        free(path);
    }
    return read;
}
