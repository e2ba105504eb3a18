/* An image in memory: [height, width, channels], row by row, 8 bits a channel. */
#ifndef SCANLINE_RUNTIME_IMAGE_H
#define SCANLINE_RUNTIME_IMAGE_H

#include <stdint.h>

/* What everything here refuses to go beyond, so that h * w * channels fits in 32 bits. */
enum { IMAGE_MOST_SIDE = 1 << 20, IMAGE_MOST_PIXELS = 1 << 26 /* 64 Mi */ };

typedef struct Image {
    int64_t height, width, channels; /* channels: 1 (grey) or 3 (red, green, blue) */
    uint8_t *pixels;                 /* malloc'ed */
} Image;

/* One that somebody else owns. */
typedef struct ImageView {
    int64_t height, width, channels;
    const uint8_t *pixels;
} ImageView;

static inline int64_t image_bytes(ImageView image) {
    return image.height * image.width * image.channels;
}

#endif
