/* The data file, NAME.images: images with their labels, splits and names in one file that is
 * mapped, not read, so a set may be larger than memory. image_writer.h makes one.
 *
 *     0       header slot        two of them (image_file_layout.h): the one with the higher
 * sequence 4096    header slot        number whose checksum is right counts 8192    pixels [height,
 * width, channels] an image, end to end
 *     ...     sections           each at a multiple of 64, little-endian, with its XXH3-128 in the
 * header
 *
 * All but the pixels is verified when a file is opened: sums, bounds, ranges. Pixels have a sum for
 * each block of 4 MiB, which image_file_block_intact looks at. Nothing of a file changes but its
 * palette, which is appended, synced and then made valid by the other header slot: whoever has the
 * file open keeps what there was. */
#ifndef SCANLINE_RUNTIME_IMAGE_FILE_H
#define SCANLINE_RUNTIME_IMAGE_FILE_H

#include "runtime/files/file.h"
#include "runtime/files/hash.h"
#include "runtime/images/image.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum ImageSplit { IMAGE_TRAIN, IMAGE_VALIDATION, IMAGE_TEST, IMAGE_SPLIT_COUNT } ImageSplit;

enum { IMAGE_MOST_CLASSES = 1 << 24, IMAGE_MOST_COLOURS = 1 << 16 };

typedef struct ImageFile ImageFile;

/* NULL and `error`, which names the file and what is wrong. */
ImageFile *image_file_open(const char *path, FileError *error);
void image_file_close(ImageFile *file);

/* Whether a file begins as these do; false also where it can't be read. */
bool image_file_is(const char *path);

int64_t image_file_count(const ImageFile *file);    /* 1 to 2^31 - 1 */
int64_t image_file_channels(const ImageFile *file); /* of every image: 1 or 3 */

/* Whether all images have one size, which is given then. */
bool image_file_size(const ImageFile *file, int64_t *height, int64_t *width);

/* An image, in the map; 0 <= index < count. */
ImageView image_file_image(const ImageFile *file, int64_t index);

/* In [0, classes), or -1: none. */
int32_t image_file_label(const ImageFile *file, int64_t index);
const int32_t *image_file_labels(const ImageFile *file); /* [count] */

ImageSplit image_file_split(const ImageFile *file, int64_t index);
const uint8_t *image_file_splits(const ImageFile *file); /* [count], of ImageSplit */

int64_t image_file_classes(const ImageFile *file); /* 0: no image has a label */

/* UTF-8 without control characters; NULL: classes have no names. 0 <= class < classes. */
const char *image_file_class_name(const ImageFile *file, int64_t class);

/* What the image was called where it came from, not ended by a NUL; NULL: it had no name. Any
 * bytes: whoever shows it must clean it. */
const char *image_file_name(const ImageFile *file, int64_t index, size_t *length);

/* JSON text: source, format, settings of the importer, images that were left out. */
const char *image_file_origin(const ImageFile *file);

/* Identity of the data, XXH3-128 in hexadecimal: of pixels, sizes and labels; not of splits, names,
 * origin, palette, path. */
const char *image_file_hash(const ImageFile *file);

/* [colours, channels] in [-1, 1] (pixel / 127.5 - 1), in the map; NULL: it has none. channels is 1
 * or 3, and need not be that of the images. */
const float *image_file_palette(const ImageFile *file, int64_t *colours, int64_t *channels);

/* Gives a file a palette in the place of what it has; one that is open now has to be opened again
 * to see it. Waits for others that do the same. After a crash the file has the one or the other. */
bool image_file_set_palette(const char *path, const float *centres, int64_t colours,
                            int64_t channels, FileError *error);

/* Blocks of pixels, and whether one is as it was written. */
int64_t image_file_blocks(const ImageFile *file);
bool image_file_block_intact(const ImageFile *file, int64_t block);

/* How images will be asked for, so that the system reads ahead or does not. */
typedef enum ImageAccess { IMAGE_ACCESS_SEQUENTIAL, IMAGE_ACCESS_RANDOM } ImageAccess;
void image_file_advise(const ImageFile *file, ImageAccess access);

#endif
