/* Fitting a palette to colours by k-means (Lloyd, "Least Squares Quantization in PCM", 1982).
 *
 * It starts by k-means++ (Arthur and Vassilvitskii, 2007; greedy, of several candidates the best
 * is taken) on a sample of the pixels, and goes on by Lloyd's steps over all of them until a step
 * makes the error less by a share below `PALETTE_FIT_TOLERANCE`, or none changes. A colour to which
 * no pixel is nearest is moved to where the error is largest.
 *
 * Pixels are counted by colour first (colour_counts.h), so a step costs a search for each colour
 * that occurs and not for each pixel: it is as quick as a mini-batch would be. All sums are of
 * whole numbers. The result is a function of the counts, the number of colours and the seed alone.
 */
#ifndef SCANLINE_RUNTIME_PALETTE_FIT_H
#define SCANLINE_RUNTIME_PALETTE_FIT_H

#include "runtime/images/colour_counts.h"
#include "runtime/images/palette.h"

enum { PALETTE_FIT_MOST_STEPS = 300 };
#define PALETTE_FIT_TOLERANCE 1e-4

/* How far pixels are from their colours. */
typedef struct PaletteError {
    double mean_square; /* of the distance of a pixel (all channels), a channel being in [-1, 1] */
    double psnr;        /* dB; the peak is that from -1 to 1. Infinity: there is no error */
} PaletteError;

typedef struct PaletteFit {
    int64_t colours, seed;
    int threads;
    void (*progress)(void *user, int64_t step, const PaletteError *error); /* or NULL */
    void *user;
} PaletteFit;

/* `palette` is the caller's to free. False and `fault`: no memory, or no pixel. */
bool palette_fit(const ColourCounts *counts, const PaletteFit *fit, Palette *palette,
                 const char **fault);

/* The error of a palette of as many channels. False: no memory. */
bool palette_measure(const ColourCounts *counts, const Palette *palette, int threads,
                     PaletteError *error);

#endif
