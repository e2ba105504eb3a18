/* What is in a data file, in figures. */
#ifndef SCANLINE_RUNTIME_IMAGE_SUMMARY_H
#define SCANLINE_RUNTIME_IMAGE_SUMMARY_H

#include "runtime/images/image_file.h"

typedef struct ImageSizes {
    int64_t least_height, most_height, least_width, most_width;
} ImageSizes;

ImageSizes image_sizes(const ImageFile *file);

/* Images of each class in each split: [IMAGE_SPLIT_COUNT, classes + 1], those without a label last.
 * The caller's to free; NULL: no memory. */
int64_t *image_counts(const ImageFile *file);

/* Of the pixels of the images for training, 0 to 255, each channel by itself. */
typedef struct ImageMoments {
    double mean[3], deviation[3];
} ImageMoments;

/* Exact sums: the result does not depend on the threads. */
ImageMoments image_moments(const ImageFile *file, int threads);

/* The first block of pixels that is not what was written; -1: all are. */
int64_t image_first_damage(const ImageFile *file, int threads);

#endif
