#include "runtime/images/summary.h"

#include <math.h>
#include <stdlib.h>

ImageSizes image_sizes(const ImageFile *file) {
    ImageSizes sizes = {INT64_MAX, 0, INT64_MAX, 0};
    for (int64_t i = 0; i < image_file_count(file); i++) {
        const ImageView image = image_file_image(file, i);
        sizes.least_height = image.height < sizes.least_height ? image.height : sizes.least_height;
        sizes.most_height = image.height > sizes.most_height ? image.height : sizes.most_height;
        sizes.least_width = image.width < sizes.least_width ? image.width : sizes.least_width;
        sizes.most_width = image.width > sizes.most_width ? image.width : sizes.most_width;
    }
    return sizes;
}

int64_t *image_counts(const ImageFile *file) {
    const int64_t classes = image_file_classes(file);
    const int32_t *labels = image_file_labels(file);
    int64_t *counts = calloc((size_t)(IMAGE_SPLIT_COUNT * (classes + 1)), sizeof *counts);
    for (int64_t i = 0; counts && i < image_file_count(file); i++)
        counts[image_file_split(file, i) * (classes + 1) + (labels[i] < 0 ? classes : labels[i])]++;
    return counts;
}

typedef struct Sums {
    uint64_t pixels, values[3], squares[3];
} Sums;

/* A channel of an image at most: 2^26 pixels, squares below 2^42. */
static void add_image(ImageView image, Sums *sums) {
    const int64_t pixels = image.height * image.width;
    for (int64_t c = 0; c < image.channels; c++) {
        uint64_t values = 0, squares = 0;
        for (int64_t i = 0; i < pixels; i++) {
            const uint32_t value = image.pixels[i * image.channels + c];
            values += value;
            squares += value * value;
        }
        sums->values[c] += values;
        sums->squares[c] += squares;
    }
    sums->pixels += (uint64_t)pixels;
}

ImageMoments image_moments(const ImageFile *file, int threads) {
    Sums all = {0};
    ImageMoments moments = {{0}, {0}};
#pragma omp parallel num_threads(threads)
    {
        Sums own = {0};
#pragma omp for schedule(static)
        for (int64_t i = 0; i < image_file_count(file); i++)
            if (image_file_split(file, i) == IMAGE_TRAIN)
                add_image(image_file_image(file, i), &own);
#pragma omp critical
        {
            all.pixels += own.pixels;
            for (int c = 0; c < 3; c++) {
                all.values[c] += own.values[c];
                all.squares[c] += own.squares[c];
            }
        }
    }
    for (int c = 0; c < image_file_channels(file) && all.pixels; c++) {
        const double pixels = (double)all.pixels, mean = (double)all.values[c] / pixels;
        moments.mean[c] = mean;
        moments.deviation[c] = sqrt(fmax((double)all.squares[c] / pixels - mean * mean, 0));
    }
    return moments;
}

int64_t image_first_damage(const ImageFile *file, int threads) {
    const int64_t blocks = image_file_blocks(file);
    int64_t first = blocks;
#pragma omp parallel for schedule(dynamic, 4) num_threads(threads) reduction(min : first)
    for (int64_t block = 0; block < blocks; block++)
        if (!image_file_block_intact(file, block) && block < first)
            first = block;
    return first < blocks ? first : -1;
}
