/* A data file (runtime/images/image_file.h): its pixels, as they are needed, are averaged to the
 * resolution and become tokens of the palette, so that memory does not grow with the set. */
#include "runtime/data/data_source.h"
#include "runtime/files/hash.h"
#include "runtime/images/duplicates.h"
#include "runtime/images/image_file.h"
#include "runtime/images/palette_encoder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GREY = 1, RGB = 3, GREYS = 256 };

typedef struct ImagesStorage {
    ImageFile *file;
    PaletteEncoder *encoder;
    bool square; /* a resolution was asked for: of an image its middle is read */
} ImagesStorage;

static bool images_take(const char *source, const char *path) {
    static const char suffix[] = ".images";
    const size_t length = strlen(path), end = sizeof suffix - 1;
    const bool named = length > end && strcmp(path + length - end, suffix) == 0;
    return strcmp(source, DATA_DIGITS) != 0 && (named || image_file_is(path));
}

/* --- size --- */

static bool read_size(DataSet *data, const ImageFile *file, int64_t resolution, DataError *error) {
    data->height = data->width = resolution;
    if (!resolution && !image_file_size(file, &data->height, &data->width))
        return data_fail(error,
                         "the images of %s are of several sizes: say to how many pixels a side "
                         "they are to be brought, as in data.resolution=32",
                         data->source);
    if (data->height > RESAMPLE_MOST_RESOLUTION || data->width > RESAMPLE_MOST_RESOLUTION)
        return data_fail(error,
                         "images of %lld x %lld, as in %s, are too many tokens: data.resolution "
                         "makes them smaller",
                         (long long)data->height, (long long)data->width, data->source);
    data->positions = data->height * data->width;
    return true;
}

/* Whether every image can be read, also with what is done to it in training. */
static bool check_sizes(const DataSet *data, const ImageFile *file, const DataSettings *settings,
                        DataError *error) {
    const int64_t pad = data_augmentation(settings, 0).pad;
    for (int64_t i = 0; i < data->count; i++) {
        const ImageView image = image_file_image(file, i);
        const int64_t least = image.height < image.width ? image.height : image.width,
                      most = image.height + image.width - least;
        if (most > RESAMPLE_MOST_SIDE)
            return data_fail(error, "image %lld of %s is %lld pixels long; %d are possible",
                             (long long)i, data->source, (long long)most, RESAMPLE_MOST_SIDE);
        if (pad >= least)
            return data_fail(
                error,
                "data.pad = %lld: an image of %lld x %lld, as image %lld of %s is, can be "
                "padded by its reflection by 0 to %lld",
                (long long)pad, (long long)image.height, (long long)image.width, (long long)i,
                data->source, (long long)least - 1);
    }
    return true;
}

/* --- labels, splits, names --- */

static bool read_labels(DataSet *data, const ImageFile *file, DataError *error) {
    const int32_t *labels = image_file_labels(file);
    int64_t labelled = 0;
    for (int64_t i = 0; i < data->count; i++)
        labelled += labels[i] >= 0;
    if (labelled == 0)
        return true;
    data->classes = image_file_classes(file);
    data->labels = malloc((size_t)data->count * sizeof *data->labels);
    if (!data->labels)
        return data_no_memory(error);
    memcpy(data->labels, labels, (size_t)data->count * sizeof *data->labels);
    return true;
}

static bool read_splits(DataSet *data, const ImageFile *file, DataError *error) {
    data->has_splits = true;
    for (int split = 0; split < DATA_SPLIT_COUNT; split++) {
        data->splits[split].images = malloc((size_t)data->count * sizeof(int32_t));
        if (!data->splits[split].images)
            return data_no_memory(error);
    }
    static const DataSplit of[IMAGE_SPLIT_COUNT] = {
        [IMAGE_TRAIN] = DATA_TRAIN, [IMAGE_VALIDATION] = DATA_VALIDATION, [IMAGE_TEST] = DATA_TEST};
    for (int64_t i = 0; i < data->count; i++) {
        DataImages *list = &data->splits[of[image_file_split(file, i)]];
        list->images[list->count++] = (int32_t)i;
    }
    return true;
}

static bool read_names(DataSet *data, const ImageFile *file, DataError *error) {
    if (!data->classes || !image_file_class_name(file, 0))
        return true;
    data->names.at = calloc((size_t)data->classes, sizeof *data->names.at);
    for (int64_t c = 0; data->names.at && c < data->classes; c++, data->names.count++)
        if (!(data->names.at[c] = strdup(image_file_class_name(file, c))))
            break;
    return data->names.count == data->classes || data_no_memory(error);
}

/* --- palette --- */

/* Grey images need no palette: their tokens are the levels. */
static bool every_grey(Palette *palette, const char **fault) {
    float centres[GREYS];
    for (int level = 0; level < GREYS; level++)
        centres[level] = (float)(level / 127.5 - 1);
    return palette_create(palette, centres, GREYS, GREY, fault);
}

static bool given_palette(DataSet *data, const char *given, DataError *error) {
    FileError fault;
    char *path = data_path(given);
    if (!path)
        return data_no_memory(error);
    const bool read = palette_read(&data->palette, path, &fault);
    free(path);
    return read || data_fail(error, "data.palette: %s", fault.text);
}

static bool own_palette(DataSet *data, const ImageFile *file, DataError *error) {
    int64_t colours, channels;
    const char *fault;
    const float *centres = image_file_palette(file, &colours, &channels);
    if (!centres && image_file_channels(file) == RGB)
        return data_fail(error,
                         "%s has images in colour and no palette: make one with `scanline data "
                         "palette %s --colours 512%s', or give one, data.palette=FILE.npy",
                         data->source, data->source,
                         ((const ImagesStorage *)data->storage)->square ? " --resolution R" : "");
    return (centres ? palette_create(&data->palette, centres, colours, channels, &fault)
                    : every_grey(&data->palette, &fault)) ||
           data_fail(error, "the palette of %s %s", data->source, fault);
}

static bool read_palette(DataSet *data, const DataSettings *settings, DataError *error) {
    ImagesStorage *storage = data->storage;
    if (!(settings->palette ? given_palette(data, settings->palette, error)
                            : own_palette(data, storage->file, error)))
        return false;
    data->colours = data->palette.colours;
    storage->encoder = palette_encoder_create(&data->palette);
    return storage->encoder || data_no_memory(error);
}

/* --- the whole --- */

static bool make_hash(DataSet *data, const ImageFile *file, DataError *error) {
    const int64_t extents[] = {data->height, data->width,
                               ((const ImagesStorage *)data->storage)->square};
    const HashPart parts[] = {{image_file_hash(file), HASH_SIZE},
                              {data->palette.hash, HASH_SIZE},
                              {extents, sizeof extents}};
    memcpy(data->images_hash, image_file_hash(file), HASH_SIZE);
    return hash_parts(parts, 3, data->hash) || data_no_memory(error);
}

static bool check_augment(const DataSet *data, const DataSettings *settings, DataError *error) {
    return data_augmentation(settings, 0).shift == 0 ||
           data_fail(error,
                     "data.augment = shift is for IDX files, whose images are tokens; for the "
                     "pixels of %s there are pad and crop",
                     data->source);
}

static bool images_open(DataSet *data, const DataSettings *settings, const char *path,
                        DataError *error) {
    FileError fault;
    ImagesStorage *storage = data->storage = calloc(1, sizeof *storage);
    if (!storage)
        return data_no_memory(error);
    storage->file = image_file_open(path, &fault);
    if (!storage->file)
        return data_fail(error, "%s", fault.text);
    storage->square = settings->resolution > 0;
    data->count = image_file_count(storage->file);
    return check_augment(data, settings, error) &&
           read_size(data, storage->file, settings->resolution, error) &&
           check_sizes(data, storage->file, settings, error) &&
           read_labels(data, storage->file, error) && read_splits(data, storage->file, error) &&
           (settings->classes || read_names(data, storage->file, error)) &&
           read_palette(data, settings, error) && make_hash(data, storage->file, error);
}

static void images_close(DataSet *data) {
    ImagesStorage *storage = data->storage;
    if (!storage)
        return;
    palette_encoder_free(storage->encoder);
    image_file_close(storage->file);
    free(storage);
}

static bool images_warn(const DataSet *data, int threads, char *text, size_t size) {
    const ImagesStorage *storage = data->storage;
    return duplicates_warning(storage->file, data->source, storage->square ? data->height : 0,
                              threads, text, size);
}

static bool images_warn_seen(const DataSet *data, const DataSeen *seen, int threads, char *text,
                             size_t size) {
    const ImagesStorage *storage = data->storage;
    FileError fault;
    char *path = data_path(seen->source);
    ImageFile *file = path && image_file_is(path) ? image_file_open(path, &fault) : NULL;
    const DuplicatesFile trained = {file, seen->source}, judged = {storage->file, data->source};
    const bool told =
        !file || strcmp(image_file_hash(file), seen->images_hash) != 0 ||
        duplicates_warning_between(&trained, &judged, storage->square ? data->height : 0, threads,
                                   text, size);
    image_file_close(file);
    free(path);
    return told;
}

/* --- reading --- */

static void reverse(int32_t *tokens, int64_t count) {
    for (int64_t left = 0, right = count - 1; left < right; left++, right--) {
        const int32_t token = tokens[left];
        tokens[left] = tokens[right];
        tokens[right] = token;
    }
}

static void images_read(const DataSet *data, const DataAugmentation *augmentation,
                        const AugmentDraw *draw, int32_t image, int32_t *tokens) {
    const ImagesStorage *storage = data->storage;
    const ImageView view = image_file_image(storage->file, image);
    const ResampleBox base = storage->square ? resample_centre(view.height, view.width)
                                             : resample_whole(view.height, view.width);
    const ResampleBox box = augment_box(augmentation, draw, view.height, view.width, base);
    uint8_t row[RGB * RESAMPLE_MOST_RESOLUTION];
    Resample resample;
    if (!resample_begin(&resample, view, &box, data->height, data->width)) {
        memset(tokens, 0, (size_t)data->positions * sizeof *tokens); /* the file was changed */
        return;
    }
    for (int64_t y = 0; y < data->height; y++, tokens += data->width) {
        resample_row(&resample, y, row);
        palette_convert(row, data->width, view.channels, data->palette.channels);
        palette_encode(storage->encoder, row, data->width, tokens);
        if (draw->mirrored)
            reverse(tokens, data->width);
    }
}

const DataSource data_source_images = {images_take, images_open,      images_read,
                                       images_warn, images_warn_seen, images_close};
