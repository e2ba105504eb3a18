/* A grid of images as one: each scaled up by nearest neighbour, with thin lines between them. */
#ifndef SCANLINE_RUNTIME_PICTURE_H
#define SCANLINE_RUNTIME_PICTURE_H

#include "runtime/images/image.h"
#include "runtime/images/palette.h"

typedef struct PictureGrid {
    int64_t rows, columns;  /* of cells */
    int64_t height, width;  /* of a cell, in pixels of the image */
    int64_t lead;           /* the first so many columns are set apart by a broader line; 0: none */
    const Palette *palette; /* what tokens stand for; NULL: token c is the grey c / (colours - 1) */
    int64_t colours;
    const int32_t *tokens; /* [rows, columns, height * width]; below 0: nothing is there */
} PictureGrid;

/* Fills `picture`, which is the caller's to free: RGB where the palette is, else grey. False: no
 * memory, or larger than a PNG may be. */
bool picture_draw(const PictureGrid *grid, Image *picture);

/* The first image alone, a pixel a token. False: no memory. */
bool picture_draw_plain(const PictureGrid *grid, Image *picture);

#endif
