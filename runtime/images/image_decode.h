/* An image file in memory becomes pixels: JPEG and PNG. What the bytes are decides, not what the
 * file is called.
 *
 * Whoever made a file is not believed: sides are checked against IMAGE_MOST_SIDE and
 * IMAGE_MOST_PIXELS before anything is allocated, and a file that a decoder warns of, as it is cut
 * off or damaged somewhere, is broken: what the decoder would fill in for it never was a picture.
 *
 * Colour profiles, gamma and the orientation in EXIF are left out of account, as the tools that
 * ImageNet is read by do; transparent pixels lie on white. Colour becomes grey by Rec. 601. */
#ifndef SCANLINE_RUNTIME_IMAGE_DECODE_H
#define SCANLINE_RUNTIME_IMAGE_DECODE_H

#include "runtime/images/image.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum ImageKind {
    IMAGE_KIND_UNKNOWN,
    IMAGE_KIND_JPEG,
    IMAGE_KIND_PNG,
    IMAGE_KIND_OTHER, /* a picture, of a kind that is not read here */
} ImageKind;

/* What a file is by its first bytes, of which 32 are enough. `name` is for people ("a GIF"). */
ImageKind image_kind(const uint8_t *bytes, size_t size, const char **name);

/* What a file is by what it is called. */
ImageKind image_kind_of_name(const char *file_name);

typedef struct ImageNote {
    char reason[200]; /* why it is broken: "is cut off" */
    char remark[200]; /* what is odd about it, though it is read: "has 16 bits a channel: ..." */
} ImageNote;

/* Fills `image`, which is the caller's to free, with `channels` (1 or 3) channels. False, with the
 * reason, of a broken file. */
bool image_decode(const uint8_t *bytes, size_t size, int64_t channels, Image *image,
                  ImageNote *note);

/* Adds to the remark. */
void image_remark(ImageNote *note, const char *text);

/* For decoders. Allocates the pixels for sides that are within limits. */
bool image_allocate(Image *image, int64_t height, int64_t width, int64_t channels, ImageNote *note);
bool image_decode_jpeg(const uint8_t *bytes, size_t size, int64_t channels, Image *image,
                       ImageNote *note);
bool image_decode_png(const uint8_t *bytes, size_t size, int64_t channels, Image *image,
                      ImageNote *note);

/* The number of pixels' red, green and blue as one grey; `to` may be `from`. */
void image_grey(const uint8_t *from, int64_t pixels, uint8_t *to);

#endif
