/* The start of k-means: colours of pixels, drawn far from each other. Private to palette_fit.c. */
#ifndef SCANLINE_RUNTIME_PALETTE_START_H
#define SCANLINE_RUNTIME_PALETTE_START_H

#include "runtime/images/palette_fit.h"

/* Fills centres [fit->colours, channels]. There is a pixel at least. False: no memory. */
bool palette_start(const ColourCounts *counts, const PaletteFit *fit, float *centres);

#endif
