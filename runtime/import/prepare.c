#include "runtime/import/prepare.h"

#include "runtime/images/resample.h"

#include <stdio.h>
#include <stdlib.h>

static bool convert(ImageView image, int64_t channels, Image *made, ImageNote *note) {
    const int64_t pixels = image.height * image.width;
    if (!image_allocate(made, image.height, image.width, channels, note))
        return false;
    if (channels == 1) {
        image_grey(image.pixels, pixels, made->pixels);
        return true;
    }
    for (int64_t i = 0; i < pixels; i++)
        made->pixels[3 * i] = made->pixels[3 * i + 1] = made->pixels[3 * i + 2] = image.pixels[i];
    return true;
}

static bool shrink(ImageView image, int64_t shorter, Image *made, ImageNote *note) {
    const bool tall = image.height > image.width;
    const int64_t shortest = tall ? image.width : image.height,
                  longest = tall ? image.height : image.width;
    const int64_t longer = (2 * longest * shorter + shortest) / (2 * shortest);
    const int64_t rows = tall ? longer : shorter, columns = tall ? shorter : longer;
    const ResampleBox box = resample_whole(image.height, image.width);
    Resample resample;
    if (!resample_begin(&resample, image, &box, rows, columns)) {
        snprintf(note->reason, sizeof note->reason,
                 "has %lld x %lld pixels, and can't be made smaller to %lld x %lld",
                 (long long)image.height, (long long)image.width, (long long)rows,
                 (long long)columns);
        return false;
    }
    if (!image_allocate(made, rows, columns, image.channels, note))
        return false;
    for (int64_t row = 0; row < rows; row++)
        resample_row(&resample, row, made->pixels + row * columns * image.channels);
    return true;
}

bool prepare_image(ImageView image, int64_t channels, int64_t shorter, Image *made,
                   ImageNote *note) {
    const int64_t side = image.height < image.width ? image.height : image.width;
    *made = (Image){0};
    if (image.channels != channels && !convert(image, channels, made, note))
        return false;
    if (!shorter || side <= shorter)
        return true;
    Image converted = *made;
    const ImageView from = converted.pixels
                               ? (ImageView){image.height, image.width, channels, converted.pixels}
                               : image;
    *made = (Image){0};
    const bool done = shrink(from, shorter, made, note);
    free(converted.pixels);
    return done;
}
