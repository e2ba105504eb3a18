/* Writes an image as a PNG. */
#ifndef SCANLINE_RUNTIME_IMAGE_PNG_H
#define SCANLINE_RUNTIME_IMAGE_PNG_H

#include "runtime/files/file.h"
#include "runtime/images/image.h"

bool image_write_png(ImageView image, const char *path, FileError *error);

#endif
