/* What is done to every image before it is kept. */
#ifndef SCANLINE_RUNTIME_PREPARE_H
#define SCANLINE_RUNTIME_PREPARE_H

#include "runtime/images/image_decode.h"

/* Takes an image to `channels` channels and, if its shorter side is longer than `shorter` (0:
 * never), to that, by area average; the sides keep their ratio, rounded. `made` is the caller's to
 * free, and has no pixels where the image is already as it should be. False, with the reason. */
bool prepare_image(ImageView image, int64_t channels, int64_t shorter, Image *made,
                   ImageNote *note);

#endif
