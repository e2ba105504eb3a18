/* A contact sheet: some images of each class, a class a row. */
#ifndef SCANLINE_RUNTIME_IMAGE_SHEET_H
#define SCANLINE_RUNTIME_IMAGE_SHEET_H

#include "runtime/images/image_file.h"

enum { SHEET_MOST_ROWS = 100 };

/* Rows are the first so many classes, of which `rows` tells the number; without labels there are
 * some rows of any images. Each has images for training, evenly taken from all of the class, their
 * centres at 64 pixels a side. The caller's to free. False: no memory. */
bool sheet_draw(const ImageFile *file, Image *sheet, int64_t *rows);

#endif
