#include "runtime/images/palette.h"

#include "runtime/files/file_view.h"
#include "runtime/files/npy.h"
#include "runtime/images/image_decode.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const float MOST_CENTRE = 1e6F; /* far beyond any colour, and squares of it are harmless */

static bool take_hash(Palette *palette) {
    const int64_t extents[] = {palette->colours, palette->channels};
    const HashPart parts[] = {
        {extents, sizeof extents},
        {palette->centres, (size_t)(extents[0] * extents[1]) * sizeof *palette->centres}};
    return hash_parts(parts, 2, palette->hash);
}

static const char *fault_of(const float *centres, int64_t colours, int64_t channels) {
    if (channels != 1 && channels != 3)
        return "has colours of neither one channel (grey) nor three (red, green, blue)";
    if (colours < 1 || colours > PALETTE_MOST_COLOURS)
        return "has no colours, or more than 65536";
    for (int64_t i = 0; i < colours * channels; i++)
        if (!(fabsf(centres[i]) <= MOST_CENTRE))
            return "has colours that are no numbers, or far beyond any colour: a channel is pixel "
                   "/ 127.5 - 1, from -1 to 1";
    return NULL;
}

bool palette_create(Palette *palette, const float *centres, int64_t colours, int64_t channels,
                    const char **fault) {
    *palette = (Palette){0};
    *fault = fault_of(centres, colours, channels);
    if (*fault)
        return false;
    const size_t size = (size_t)(colours * channels) * sizeof(float);
    *palette = (Palette){.colours = colours, .channels = channels, .centres = malloc(size)};
    if (palette->centres)
        memcpy(palette->centres, centres, size);
    if (palette->centres && take_hash(palette))
        return true;
    palette_free(palette);
    *fault = "can't be kept: no memory";
    return false;
}

void palette_free(Palette *palette) {
    free(palette->centres);
    *palette = (Palette){0};
}

/* --- files --- */

static bool from_array(Palette *palette, const NpyArray *array, const char **fault) {
    *fault = NULL;
    if (array->type != NPY_F32 && array->type != NPY_F64)
        *fault = "holds no real numbers; a palette is [colours, channels] of float32, a channel "
                 "being pixel / 127.5 - 1";
    else if (array->rank != 2)
        *fault = "is no palette, which has two axes: [colours, channels]";
    else if (array->extents[0] > PALETTE_MOST_COLOURS || array->extents[1] > 3)
        *fault = "is no palette: [colours, channels] of at most 65536 colours and 3 channels";
    if (*fault)
        return false;
    float *centres = malloc((size_t)(array->elements ? array->elements : 1) * sizeof *centres);
    if (!centres) {
        *fault = "can't be kept: no memory";
        return false;
    }
    for (int64_t i = 0; i < array->elements; i++)
        centres[i] = (float)npy_value(array, i);
    const bool made = palette_create(palette, centres, array->extents[0], array->extents[1], fault);
    free(centres);
    return made;
}

bool palette_read(Palette *palette, const char *path, FileError *error) {
    FileView view = {0};
    NpyArray array;
    const char *fault;
    *palette = (Palette){0};
    if (!file_view_open(path, &view))
        return file_fail(error, "cannot read the palette", path);
    const bool made =
        npy_parse(view.bytes, view.size, &array, &fault) && from_array(palette, &array, &fault);
    if (!made)
        snprintf(error->text, sizeof error->text, "the palette %s %s", path, fault);
    file_view_close(&view);
    return made;
}

bool palette_write(const Palette *palette, const char *path, FileError *error) {
    const NpyArray array = {.type = NPY_F32,
                            .rank = 2,
                            .extents = {palette->colours, palette->channels},
                            .elements = palette->colours * palette->channels,
                            .data = palette->centres};
    return npy_write(path, &array, error);
}

/* --- colours --- */

static uint8_t channel_of(float centre) {
    const double value = rint(127.5 * ((double)centre + 1)); /* halves to even, as NumPy's */
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

void palette_rgb(const Palette *palette, int32_t token, uint8_t rgb[3]) {
    const float *centre = palette->centres + token * palette->channels;
    for (int c = 0; c < 3; c++)
        rgb[c] = channel_of(centre[palette->channels == 3 ? c : 0]);
}

static void to_rgb(uint8_t *pixels, int64_t count) {
    for (int64_t i = count - 1; i >= 0; i--)
        memset(pixels + 3 * i, pixels[i], 3);
}

void palette_convert(uint8_t *pixels, int64_t count, int64_t from, int64_t to) {
    if (from > to)
        image_grey(pixels, count, pixels);
    else if (from < to)
        to_rgb(pixels, count);
}
