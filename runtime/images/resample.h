/* Making an image smaller (or larger) by area average: each pixel of the result is the mean of the
 * part of the image that it covers, where a pixel of the image counts by the share of it that is
 * covered. Beyond its edges the image goes on as its reflection, the edge not repeated (torch's
 * "reflect" padding).
 *
 * All of it is arithmetic on integers, so the bits are the same everywhere. At a whole ratio the
 * result is that of torch's area interpolation, and Pillow's BOX (which rounds twice) is at most
 * one off; at others these take whole pixels, and OpenCV's INTER_AREA is what agrees. */
#ifndef SCANLINE_RUNTIME_RESAMPLE_H
#define SCANLINE_RUNTIME_RESAMPLE_H

#include "runtime/images/image.h"

#include <stdbool.h>

enum {
    RESAMPLE_UNITS = 256,         /* of a pixel's side: where a box may begin and end */
    RESAMPLE_MOST_SIDE = 1 << 16, /* of an image, in pixels */
    RESAMPLE_MOST_RESOLUTION = 1 << 12,
};

/* A part of an image, in RESAMPLE_UNITS of a pixel. */
typedef struct ResampleBox {
    int64_t top, left, height, width;
} ResampleBox;

ResampleBox resample_whole(int64_t height, int64_t width);
/* The largest square in the middle of an image. */
ResampleBox resample_centre(int64_t height, int64_t width);

/* Edges along an axis, in the unit that makes all of them integers. */
typedef struct ResampleAxis {
    int64_t start; /* of the box, which may be below 0 */
    int64_t cell;  /* a pixel of the result */
    int64_t pixel; /* a pixel of the image */
    int64_t side;  /* of the image, in its pixels */
} ResampleAxis;

/* One image on its way: it and its pixels stay the caller's. */
typedef struct Resample {
    ImageView image;
    int64_t rows, columns; /* of the result */
    ResampleAxis down, across;
} Resample;

/* False: the box is empty, or goes beyond the image by its side less one pixel or more; or a size
 * is beyond the limits above. */
bool resample_begin(Resample *resample, ImageView image, const ResampleBox *box, int64_t rows,
                    int64_t columns);

/* A row of the result, [columns, channels], 8 bits each, rounded to the nearest, halves up. */
void resample_row(const Resample *resample, int64_t row, uint8_t *to);

#endif
