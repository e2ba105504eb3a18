/* Images that are tokens already: an IDX file (mapped or unpacked), or the digits that are part of
 * the program. */
#include "runtime/data/data_file.h"
#include "runtime/data/data_source.h"
#include "runtime/data/digits.h"
#include "runtime/files/hash.h"
#include "runtime/files/idx.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct IdxStorage {
    FileView images, labels;
    IdxArray tokens; /* values lie in `images` */
} IdxStorage;

/* --- files --- */

/* The file name with "labels" for "images" and "idx1" for "idx3"; NULL: it has no "images", or no
 * memory. */
static char *path_of_labels(const char *images) {
    const char *slash = strrchr(images, '/');
    const char *name = slash ? slash + 1 : images;
    if (!strstr(name, "images"))
        return NULL;
    char *path = strdup(images);
    if (path) {
        char *start = path + (name - images);
        memcpy(strstr(start, "images"), "labels", strlen("labels"));
        char *rank = strstr(start, "idx3");
        if (rank)
            memcpy(rank, "idx1", strlen("idx1"));
    }
    return path;
}

static bool open_digits(IdxStorage *storage) {
    storage->images.bytes = digits_images(&storage->images.size);
    storage->labels.bytes = digits_labels(&storage->labels.size);
    return true;
}

/* As it is called, or with ".gz" behind the name, or without it: images and labels need not be
 * packed alike. False with errno set. */
static bool open_labels(const char *path, FileView *view) {
    if (file_view_open(path, view))
        return true;
    const size_t length = strlen(path);
    const bool packed = length > 3 && strcmp(path + length - 3, ".gz") == 0;
    char *other = NULL;
    if (errno != ENOENT || asprintf(&other, "%.*s%s", (int)(packed ? length - 3 : length), path,
                                    packed ? "" : ".gz") < 0)
        return false;
    const bool opened = file_view_open(other, view);
    const int reason = errno;
    free(other);
    errno = reason;
    return opened;
}

static bool open_files(const char *source, const char *images, IdxStorage *storage,
                       DataError *error) {
    char *labels = path_of_labels(images);
    const char *fault;
    bool ok = file_view_open(images, &storage->images);
    if (!ok)
        data_fail(error, "can't read the images %s: %s", images, strerror(errno));
    if (ok && labels && !open_labels(labels, &storage->labels) && errno != ENOENT)
        ok = data_fail(error, "can't read the labels %s: %s", labels, strerror(errno));
    if (ok && !file_view_unpack(&storage->images, &fault))
        ok = data_fail(error, "the image file of %s %s", source, fault);
    if (ok && !file_view_unpack(&storage->labels, &fault))
        ok = data_fail(error, "the label file of %s %s", source, fault);
    free(labels);
    return ok;
}

/* The least value and one past the largest of an array. */
static void idx_range(const IdxArray *array, int64_t *least, int64_t *limit) {
    int32_t low = INT32_MAX, high = INT32_MIN;
    for (int64_t i = 0; i < array->elements; i++) {
        const int32_t value = idx_value(array, i);
        low = value < low ? value : low;
        high = value > high ? value : high;
    }
    *least = low;
    *limit = (int64_t)high + 1;
}

static bool read_images(DataSet *data, DataError *error) {
    IdxStorage *storage = data->storage;
    IdxArray *tokens = &storage->tokens;
    const char *fault;
    if (!idx_parse(storage->images.bytes, storage->images.size, tokens, &fault))
        return data_fail(error, "the image file of %s %s", data->source, fault);
    if (tokens->rank != 2 && tokens->rank != 3)
        return data_fail(
            error, "the image file of %s has %u axes; [image, row, column] is what is read here",
            data->source, tokens->rank);
    if (tokens->extents[0] > INT32_MAX)
        return data_fail(error, "the image file of %s has more than %d images", data->source,
                         INT32_MAX);
    data->count = tokens->extents[0];
    data->height = tokens->rank == 3 ? tokens->extents[1] : 1;
    data->width = tokens->extents[tokens->rank - 1];
    data->positions = data->height * data->width;
    int64_t least;
    idx_range(tokens, &least, &data->colours);
    if (least < 0 || data->colours > DATA_MOST_COLOURS)
        return data_fail(
            error, "the images of %s have colours from %lld to %lld; 0 to %d are possible",
            data->source, (long long)least, (long long)data->colours - 1, DATA_MOST_COLOURS - 1);
    return true;
}

static bool read_labels(DataSet *data, DataError *error) {
    const IdxStorage *storage = data->storage;
    const FileView *file = &storage->labels;
    if (!file->bytes)
        return true;
    IdxArray labels;
    const char *fault;
    if (!idx_parse(file->bytes, file->size, &labels, &fault))
        return data_fail(error, "the label file of %s %s", data->source, fault);
    if (labels.rank != 1 || labels.extents[0] != data->count)
        return data_fail(
            error, "the label file of %s has %lld labels and %u axes; there are %lld images",
            data->source, (long long)labels.extents[0], labels.rank, (long long)data->count);
    data->labels = malloc((size_t)data->count * sizeof *data->labels);
    if (!data->labels)
        return data_no_memory(error);
    int64_t least;
    idx_range(&labels, &least, &data->classes);
    if (least < 0 || data->classes > DATA_MOST_CLASSES)
        return data_fail(error, "the labels of %s go from %lld to %lld; 0 to %d are possible",
                         data->source, (long long)least, (long long)data->classes - 1,
                         DATA_MOST_CLASSES - 1);
    for (int64_t image = 0; image < data->count; image++)
        data->labels[image] = idx_value(&labels, image);
    return true;
}

/* --- names of classes --- */

/* A list beside the images is taken for that of the classes if there are as many. */
static bool found_names(DataSet *data, const char *images, DataError *error) {
    static const char *const usual[] = {"classes.txt", "labels.txt"};
    const char *slash = strrchr(images, '/');
    const int folder = slash ? (int)(slash + 1 - images) : 0;
    bool ok = true;
    for (size_t i = 0; i < sizeof usual / sizeof *usual && ok && !data->names.at; i++) {
        char *path = NULL, ignored[sizeof error->text];
        ok = asprintf(&path, "%.*s%s", folder, images, usual[i]) >= 0 || data_no_memory(error);
        if (ok && class_names_read(path, &data->names, ignored, sizeof ignored) &&
            data->names.count != data->classes)
            class_names_free(&data->names);
        free(ok ? path : NULL);
    }
    return ok;
}

/* --- the whole --- */

static bool make_hash(DataSet *data, DataError *error) {
    const IdxStorage *storage = data->storage;
    const HashPart parts[] = {{storage->images.bytes, storage->images.size},
                              {storage->labels.bytes, storage->labels.size}};
    if (!hash_parts(parts, 2, data->hash))
        return data_no_memory(error);
    memcpy(data->images_hash, data->hash, DATA_HASH_SIZE); /* the images are tokens */
    return true;
}

static bool check_augmentation(const DataSet *data, const DataSettings *settings,
                               DataError *error) {
    const DataAugmentation augmentation = data_augmentation(settings, 0);
    const int64_t smaller = data->height < data->width ? data->height : data->width;
    if (augmentation.crop || augmentation.pad)
        return data_fail(error,
                         "data.augment = %s is made of pixels, and %s has tokens: it needs a data "
                         "file (scanline data import); of tokens there are shift and flip",
                         settings->augment, data->source);
    if (augmentation.shift != 0 && (settings->shift < 0 || settings->shift >= smaller))
        return data_fail(error,
                         "data.shift = %lld: an image of %lld x %lld can be shifted by 0 to %lld",
                         (long long)settings->shift, (long long)data->height,
                         (long long)data->width, (long long)smaller - 1);
    return true;
}

static bool check_settings(const DataSet *data, const DataSettings *settings, DataError *error) {
    const char *given = settings->palette ? "palette" : settings->resolution ? "resolution" : NULL;
    if (given)
        return data_fail(error,
                         "data.%s is for the pixels of a data file (scanline data import); the "
                         "images of %s are tokens",
                         given, data->source);
    return check_augmentation(data, settings, error);
}

static bool idx_open(DataSet *data, const DataSettings *settings, const char *path,
                     DataError *error) {
    const bool digits = strcmp(data->source, DATA_DIGITS) == 0;
    IdxStorage *storage = data->storage = calloc(1, sizeof *storage);
    if (!storage)
        return data_no_memory(error);
    if (!(digits ? open_digits(storage) : open_files(data->source, path, storage, error)))
        return false;
    return read_images(data, error) && read_labels(data, error) &&
           (!data->labels || digits || settings->classes || found_names(data, path, error)) &&
           check_settings(data, settings, error) && make_hash(data, error);
}

static bool idx_takes(const char *source, const char *path) {
    (void)source;
    (void)path;
    return true;
}

/* The file may have changed since it was checked: a colour never leaves its range. */
static int32_t token(const DataSet *data, int32_t image, int64_t row, int64_t column) {
    const IdxStorage *storage = data->storage;
    const int64_t position = row * data->width + column;
    const int32_t colour = idx_value(&storage->tokens, image * data->positions + position);
    return colour < 0 || colour >= data->colours ? 0 : colour;
}

/* What comes in from the edge has colour 0. */
static void idx_read(const DataSet *data, const DataAugmentation *augmentation,
                     const AugmentDraw *draw, int32_t image, int32_t *tokens) {
    (void)augmentation;
    for (int64_t row = 0; row < data->height; row++)
        for (int64_t column = 0; column < data->width; column++) {
            const int64_t y = row - draw->down,
                          x = (draw->mirrored ? data->width - 1 - column : column) - draw->right;
            const bool inside = y >= 0 && y < data->height && x >= 0 && x < data->width;
            *tokens++ = inside ? token(data, image, y, x) : 0;
        }
}

static void idx_close(DataSet *data) {
    IdxStorage *storage = data->storage;
    if (!storage)
        return;
    file_view_close(&storage->images);
    file_view_close(&storage->labels);
    free(storage);
}

const DataSource data_source_idx = {idx_takes, idx_open, idx_read, NULL, NULL, idx_close};
