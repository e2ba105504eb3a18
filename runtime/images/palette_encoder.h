/* Pixels to tokens: for each the nearest colour of a palette.
 *
 * What is nearest is defined to the bit: the least of the sums over channels of
 * ((2 pixel - 255) - 255 c)^2, in double precision, channel after channel; of several the one with
 * the lowest index. The search gives exactly that: the colour cube is divided into cells of 8 x 8 x
 * 8, and each has the list of colours that can be nearest to any pixel in it, which are few. It
 * needs no vector unit, takes 20 to 40 ns a pixel, and is built in some ten milliseconds. */
#ifndef SCANLINE_RUNTIME_PALETTE_ENCODER_H
#define SCANLINE_RUNTIME_PALETTE_ENCODER_H

#include "runtime/images/palette.h"

typedef struct PaletteEncoder PaletteEncoder;

/* Keeps nothing of the palette. NULL: no memory. */
PaletteEncoder *palette_encoder_create(const Palette *palette);
void palette_encoder_free(PaletteEncoder *encoder);

/* tokens [count] of pixels [count, channels of the palette]. Any number of threads may call it. */
void palette_encode(const PaletteEncoder *encoder, const uint8_t *pixels, int64_t count,
                    int32_t *tokens);

/* How many colours are tried for a pixel whose colour is anything, in the mean. */
double palette_encoder_candidates(const PaletteEncoder *encoder);

#endif
