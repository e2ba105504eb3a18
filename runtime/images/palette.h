/* A palette: the colours that pixels are reduced to, so that a pixel is one token.
 *
 * Colours are kept in the form of OpenAI's kmeans_centers.npy: [colours, channels], float32, a
 * channel being pixel / 127.5 - 1, so from -1 to 1 (openai/image-gpt, src/run.py). A palette of one
 * channel is of greys. */
#ifndef SCANLINE_RUNTIME_PALETTE_H
#define SCANLINE_RUNTIME_PALETTE_H

#include "runtime/files/hash.h"

#include <stdbool.h>
#include <stdint.h>

enum { PALETTE_MOST_COLOURS = 1 << 16 };

typedef struct Palette {
    int64_t colours, channels; /* 1 to PALETTE_MOST_COLOURS; 1 or 3 */
    float *centres;            /* [colours, channels], finite */
    char hash[HASH_SIZE];      /* of all of the above */
} Palette;

/* A palette of a copy of the centres. False and `fault` ("has ..."), where they are none. */
bool palette_create(Palette *palette, const float *centres, int64_t colours, int64_t channels,
                    const char **fault);
void palette_free(Palette *palette);

/* Of a .npy file: [colours, channels] of float32 or float64, in either byte order. False and
 * `error`. */
bool palette_read(Palette *palette, const char *path, FileError *error);
bool palette_write(const Palette *palette, const char *path, FileError *error);

/* The colour of a token as 8-bit RGB: rint(127.5 (c + 1)), within 0 and 255; greys have three
 * equal channels. */
void palette_rgb(const Palette *palette, int32_t token, uint8_t rgb[3]);

/* Pixels [count, from] to [count, to] in place, where there is room for the larger; channels are 1
 * or 3. A grey becomes three equal channels, a colour its grey (image_grey). */
void palette_convert(uint8_t *pixels, int64_t count, int64_t from, int64_t to);

#endif
