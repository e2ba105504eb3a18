/* A grid of images as a PNG: each scaled up by nearest neighbour, with thin lines between them. */
#ifndef SCANLINE_RUNTIME_PICTURE_H
#define SCANLINE_RUNTIME_PICTURE_H

#include "runtime/files/file.h"

#include <stdint.h>

typedef struct PictureGrid {
    int64_t rows, columns; /* of cells */
    int64_t height, width; /* of a cell, in pixels of the image */
    int64_t lead;          /* the first so many columns are set apart by a broader line; 0: none */
    int64_t colours;       /* colour c is the grey c / (colours - 1) */
    const int32_t *tokens; /* [rows, columns, height * width]; below 0: nothing is there */
} PictureGrid;

/* 8-bit grey, row by row. */
typedef struct Picture {
    int64_t width, height;
    uint8_t *grey;
} Picture;

/* False: no memory, or larger than a PNG may be. */
bool picture_draw(const PictureGrid *grid, Picture *picture);
void picture_free(Picture *picture);

bool picture_write_png(const Picture *picture, const char *path, FileError *error);

#endif
