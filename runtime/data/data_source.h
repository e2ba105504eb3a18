/* A kind of source that data sets are read from. Private to data*.c.
 *
 *     data_source_idx.c      "digits" and IDX files: images of tokens
 *     data_source_images.c   data files (NAME.images): images of pixels, a resolution, a palette */
#ifndef SCANLINE_RUNTIME_DATA_SOURCE_H
#define SCANLINE_RUNTIME_DATA_SOURCE_H

#include "runtime/data/data.h"
#include "runtime/data/data_augment.h"

enum { DATA_MOST_COLOURS = 1 << 24, DATA_MOST_CLASSES = 1 << 24 };

typedef struct DataSource {
    /* Whether it reads data.source, a name or a file at `path` that may not be there. */
    bool (*takes)(const char *source, const char *path);

    /* Fills data->storage and data->count to data->palette; names where the source has some;
     * data->splits where it has its own (has_splits); data->hash and images_hash. False and
     * `error`. */
    bool (*open)(DataSet *data, const DataSettings *settings, const char *path, DataError *error);

    /* The tokens [positions] of an image. */
    void (*read)(const DataSet *data, const DataAugmentation *augmentation, const AugmentDraw *draw,
                 int32_t image, int32_t *tokens);

    /* As data_warning; NULL: there never is anything. */
    bool (*warn)(const DataSet *data, int threads, char *text, size_t size);

    /* As data_seen_warning; NULL: there never is anything. */
    bool (*warn_seen)(const DataSet *data, const DataSeen *seen, int threads, char *text,
                      size_t size);

    /* Frees data->storage, which may be NULL or half filled. */
    void (*close)(DataSet *data);
} DataSource;

extern const DataSource data_source_idx, data_source_images;

bool data_fail(DataError *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool data_no_memory(DataError *error);

/* `source` as it is, or in the data folder where that is named and holds it. malloc'ed; NULL: no
 * memory. */
char *data_path(const char *source);

#endif
