/* The images that are part of the program; models/digits/README.md says what they are. */
#ifndef SCANLINE_RUNTIME_DIGITS_H
#define SCANLINE_RUNTIME_DIGITS_H

#include <stddef.h>

/* Two IDX files. */
const unsigned char *digits_images(size_t *size);
const unsigned char *digits_labels(size_t *size);

#endif
