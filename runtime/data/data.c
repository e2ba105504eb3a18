/* Opening a data set (map or unpack, check, hash, split) and reading batches from it. */
#include "runtime/data/data.h"

#include "ir/philox.h"
#include "runtime/data/data_file.h"
#include "runtime/files/idx.h"
#include "runtime/images/class_names.h"
#include "runtime/data/data_split.h"
#include "runtime/data/digits.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

enum {
    MAX_COLOURS = 1 << 24,
    MAX_CLASSES = 1 << 24,
    SHIFT_DOMAIN = 0x53484654, /* "SHFT": sets these draws apart from all others of the same seed */
};

static const char DIGITS[] = "digits"; /* the source that is part of the program */

struct DataStorage {
    FileView images, labels;
    IdxArray tokens; /* values lie in `images` */
};

static bool fail(DataError *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool fail(DataError *error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return false;
}

static bool no_memory(DataError *error) { return fail(error, "no memory for the data set"); }

/* --- files --- */

/* `source` as it is, or in the data folder where that is named and holds it. NULL: no memory. */
static char *source_path(const char *source) {
    const char *folder = getenv("SCANLINE_DATA");
    char *path = NULL;
    if (source[0] != '/' && folder && *folder && access(source, F_OK) != 0) {
        if (asprintf(&path, "%s/%s", folder, source) < 0)
            return NULL;
        if (access(path, F_OK) == 0)
            return path;
        free(path);
    }
    return strdup(source);
}

/* The file name with "labels" for "images" and "idx1" for "idx3"; NULL: it has no "images", or no
 * memory. */
static char *labels_path(const char *images) {
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

/* --- opening --- */

static bool check_settings(const DataSettings *settings, DataError *error) {
    if (!settings->source || !*settings->source)
        return fail(error, "data.source names no data set");
    const double validation = settings->validation, test = settings->test;
    if (!(validation >= 0 && test >= 0 && validation + test < 1))
        return fail(error, "data.validation = %g and data.test = %g leave nothing to train on",
                    validation, test);
    const char *augment = settings->augment;
    if (augment && strcmp(augment, "none") != 0 && strcmp(augment, "shift") != 0)
        return fail(error, "data.augment = %s is not known: none, shift", augment);
    return true;
}

static bool open_digits(struct DataStorage *storage) {
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

static bool open_files(const char *source, struct DataStorage *storage, DataError *error) {
    char *images = source_path(source);
    if (!images)
        return no_memory(error);
    char *labels = labels_path(images);
    const char *fault;
    bool ok = file_view_open(images, &storage->images);
    if (!ok)
        fail(error, "can't read the images %s: %s", images, strerror(errno));
    if (ok && labels && !open_labels(labels, &storage->labels) && errno != ENOENT)
        ok = fail(error, "can't read the labels %s: %s", labels, strerror(errno));
    if (ok && !file_view_unpack(&storage->images, &fault))
        ok = fail(error, "the image file of %s %s", source, fault);
    if (ok && !file_view_unpack(&storage->labels, &fault))
        ok = fail(error, "the label file of %s %s", source, fault);
    free(images);
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
    IdxArray *tokens = &data->storage->tokens;
    const char *fault;
    if (!idx_parse(data->storage->images.bytes, data->storage->images.size, tokens, &fault))
        return fail(error, "the image file of %s %s", data->source, fault);
    if (tokens->rank != 2 && tokens->rank != 3)
        return fail(error,
                    "the image file of %s has %u axes; [image, row, column] is what is read here",
                    data->source, tokens->rank);
    if (tokens->extents[0] > INT32_MAX)
        return fail(error, "the image file of %s has more than %d images", data->source, INT32_MAX);
    data->count = tokens->extents[0];
    data->height = tokens->rank == 3 ? tokens->extents[1] : 1;
    data->width = tokens->extents[tokens->rank - 1];
    data->positions = data->height * data->width;
    int64_t least;
    idx_range(tokens, &least, &data->colours);
    if (least < 0 || data->colours > MAX_COLOURS)
        return fail(error, "the images of %s have colours from %lld to %lld; 0 to %d are possible",
                    data->source, (long long)least, (long long)data->colours - 1, MAX_COLOURS - 1);
    return true;
}

static bool read_labels(DataSet *data, DataError *error) {
    const FileView *file = &data->storage->labels;
    if (!file->bytes)
        return true;
    IdxArray labels;
    const char *fault;
    if (!idx_parse(file->bytes, file->size, &labels, &fault))
        return fail(error, "the label file of %s %s", data->source, fault);
    if (labels.rank != 1 || labels.extents[0] != data->count)
        return fail(
            error, "the label file of %s has %lld labels and %u axes; there are %lld images",
            data->source, (long long)labels.extents[0], labels.rank, (long long)data->count);
    data->labels = malloc((size_t)data->count * sizeof *data->labels);
    if (!data->labels)
        return no_memory(error);
    int64_t least;
    idx_range(&labels, &least, &data->classes);
    if (least < 0 || data->classes > MAX_CLASSES)
        return fail(error, "the labels of %s go from %lld to %lld; 0 to %d are possible",
                    data->source, (long long)least, (long long)data->classes - 1, MAX_CLASSES - 1);
    for (int64_t image = 0; image < data->count; image++)
        data->labels[image] = idx_value(&labels, image);
    return true;
}

/* --- names of classes --- */

static bool given_names(DataSet *data, const char *given, DataError *error) {
    char *path = source_path(given);
    if (!path)
        return no_memory(error);
    const bool ok = class_names_read(path, &data->names, error->text, sizeof error->text);
    free(path);
    if (ok && data->names.count < data->classes)
        return fail(error, "data.classes: %s names %lld classes; %s has %lld", given,
                    (long long)data->names.count, data->source, (long long)data->classes);
    return ok;
}

/* A list beside the images is taken for that of the classes if there are as many. */
static bool found_names(DataSet *data, DataError *error) {
    static const char *const usual[] = {"classes.txt", "labels.txt"};
    char *images = source_path(data->source);
    if (!images)
        return no_memory(error);
    const char *slash = strrchr(images, '/');
    const int folder = slash ? (int)(slash + 1 - images) : 0;
    bool ok = true;
    for (size_t i = 0; i < sizeof usual / sizeof *usual && ok && !data->names.at; i++) {
        char *path = NULL, ignored[sizeof error->text];
        ok = asprintf(&path, "%.*s%s", folder, images, usual[i]) >= 0 || no_memory(error);
        if (ok && class_names_read(path, &data->names, ignored, sizeof ignored) &&
            data->names.count != data->classes)
            class_names_free(&data->names);
        free(ok ? path : NULL);
    }
    free(images);
    return ok;
}

static bool read_names(DataSet *data, const DataSettings *settings, DataError *error) {
    if (settings->classes)
        return given_names(data, settings->classes, error);
    return !data->labels || strcmp(data->source, DIGITS) == 0 || found_names(data, error);
}

const char *data_class_name(const DataSet *data, int64_t class, DataClassNumber *number) {
    if (class < data->names.count)
        return data->names.at[class];
    snprintf(number->text, sizeof number->text, "%lld", (long long)class);
    return number->text;
}

/* --- the whole --- */

static bool make_hashes(DataSet *data, DataError *error) {
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        return no_memory(error);
    const struct DataStorage *storage = data->storage;
    XXH3_128bits_reset(state);
    XXH3_128bits_update(state, storage->images.bytes, storage->images.size);
    XXH3_128bits_update(state, storage->labels.bytes, storage->labels.size);
    const XXH128_hash_t content = XXH3_128bits_digest(state);
    XXH3_128bits_reset(state);
    for (int split = 0; split < DATA_SPLIT_COUNT; split++) {
        const DataImages *list = &data->splits[split];
        XXH3_128bits_update(state, &list->count, sizeof list->count);
        XXH3_128bits_update(state, list->images, (size_t)list->count * sizeof *list->images);
    }
    const XXH128_hash_t lists = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    snprintf(data->hash, sizeof data->hash, "%016llx%016llx", (unsigned long long)content.high64,
             (unsigned long long)content.low64);
    snprintf(data->split_hash, sizeof data->split_hash, "%016llx%016llx",
             (unsigned long long)lists.high64, (unsigned long long)lists.low64);
    return true;
}

static bool check_shift(const DataSet *data, const DataSettings *settings, DataError *error) {
    if (data_augmentation(settings, 0).shift == 0)
        return true;
    const int64_t smaller = data->height < data->width ? data->height : data->width;
    if (settings->shift < 0 || settings->shift >= smaller)
        return fail(error, "data.shift = %lld: an image of %lld x %lld can be shifted by 0 to %lld",
                    (long long)settings->shift, (long long)data->height, (long long)data->width,
                    (long long)smaller - 1);
    return true;
}

static bool fill(DataSet *data, const DataSettings *settings, DataError *error) {
    data->source = strdup(settings->source);
    data->storage = calloc(1, sizeof *data->storage);
    if (!data->source || !data->storage)
        return no_memory(error);
    const bool opened = strcmp(data->source, DIGITS) == 0
                            ? open_digits(data->storage)
                            : open_files(data->source, data->storage, error);
    if (!opened || !read_images(data, error) || !read_labels(data, error) ||
        !read_names(data, settings, error) || !check_shift(data, settings, error))
        return false;
    if (!data_split_make(data->labels, data->count, settings->validation, settings->test,
                         settings->seed, data->splits))
        return no_memory(error);
    if (data->splits[DATA_TRAIN].count == 0)
        return fail(error, "the split of %s leaves no image to train on", data->source);
    return make_hashes(data, error);
}

DataSet *data_open(const DataSettings *settings, DataError *error) {
    if (!check_settings(settings, error))
        return NULL;
    DataSet *data = calloc(1, sizeof *data);
    if (!data) {
        no_memory(error);
        return NULL;
    }
    if (!fill(data, settings, error)) {
        data_close(data);
        return NULL;
    }
    return data;
}

void data_close(DataSet *data) {
    if (!data)
        return;
    for (int split = 0; split < DATA_SPLIT_COUNT; split++)
        free(data->splits[split].images);
    if (data->storage) {
        file_view_close(&data->storage->images);
        file_view_close(&data->storage->labels);
    }
    free(data->storage);
    class_names_free(&data->names);
    free(data->labels);
    free(data->source);
    free(data);
}

const char *data_split_name(DataSplit split) {
    static const char *const names[DATA_SPLIT_COUNT] = {"train", "validation", "test"};
    return names[split];
}

/* --- what a model needs of it --- */

static bool tokens_fit(const DataSet *data, const DataInput *input, DataError *error) {
    int64_t positions = 1;
    for (uint32_t axis = 0; axis < input->axis_count; axis++)
        if (__builtin_mul_overflow(positions, input->extents[axis], &positions))
            positions = INT64_MAX;
    if (positions != data->positions)
        return fail(error,
                    "the model reads %lld tokens an image; those of %s have %lld (%lld x %lld)",
                    (long long)positions, data->source, (long long)data->positions,
                    (long long)data->height, (long long)data->width);
    if (input->limit < data->colours)
        return fail(error, "the model has %lld colours; the images of %s have %lld",
                    (long long)input->limit, data->source, (long long)data->colours);
    return true;
}

static bool label_fits(const DataSet *data, const DataInput *input, DataError *error) {
    if (input->axis_count != 0)
        return fail(error, "the input `label` has axes; a data set has one label an image");
    if (data->classes == 0)
        return fail(error, "the model reads a label; %s has none", data->source);
    if (input->limit < data->classes)
        return fail(error, "the model has %lld classes; %s has %lld", (long long)input->limit,
                    data->source, (long long)data->classes);
    return true;
}

bool data_fits(const DataSet *data, const DataInput *inputs, uint32_t input_count,
               DataError *error) {
    for (uint32_t i = 0; i < input_count; i++) {
        const DataInput *input = &inputs[i];
        if (strcmp(input->name, "tokens") == 0) {
            if (!tokens_fit(data, input, error))
                return false;
        } else if (strcmp(input->name, "label") == 0) {
            if (!label_fits(data, input, error))
                return false;
        } else {
            return fail(error,
                        "nothing in a data set is called `%s`; an input is `tokens` or `label`",
                        input->name);
        }
    }
    return true;
}

/* --- batches --- */

DataAugmentation data_augmentation(const DataSettings *settings, int64_t seed) {
    const bool shift = settings->augment && strcmp(settings->augment, "shift") == 0;
    return (DataAugmentation){.shift = shift ? settings->shift : 0, .seed = seed};
}

/* The file may have changed since it was checked: a colour never leaves its range. */
static int32_t token(const DataSet *data, int32_t image, int64_t row, int64_t column) {
    const int64_t position = row * data->width + column;
    const int32_t colour = idx_value(&data->storage->tokens, image * data->positions + position);
    return colour < 0 || colour >= data->colours ? 0 : colour;
}

/* How far an image goes down and to the right: each uniform in [-shift, shift]. */
static void draw_shift(const DataAugmentation *augmentation, int64_t step, int32_t image,
                       int64_t *down, int64_t *right) {
    *down = *right = 0;
    if (!augmentation || augmentation->shift == 0)
        return;
    const PhiloxBlock counter = {
        {(uint32_t)image, (uint32_t)step, (uint32_t)((uint64_t)step >> 32), SHIFT_DOMAIN}};
    const uint64_t seed = (uint64_t)augmentation->seed;
    const PhiloxBlock draws = philox4x32(counter, (uint32_t)seed, (uint32_t)(seed >> 32));
    const uint64_t places = 2 * (uint64_t)augmentation->shift + 1;
    *down = (int64_t)(draws.word[0] * places >> 32) - augmentation->shift;
    *right = (int64_t)(draws.word[1] * places >> 32) - augmentation->shift;
}

static void read_image(const DataSet *data, int32_t image, int64_t down, int64_t right,
                       int32_t *tokens) {
    for (int64_t row = 0; row < data->height; row++)
        for (int64_t column = 0; column < data->width; column++) {
            const int64_t y = row - down, x = column - right;
            const bool inside = y >= 0 && y < data->height && x >= 0 && x < data->width;
            *tokens++ = inside ? token(data, image, y, x) : 0;
        }
}

void data_batch(const DataSet *data, const DataAugmentation *augmentation, int64_t step,
                const int32_t *images, int64_t count, int32_t *tokens, int32_t *labels) {
    for (int64_t i = 0; i < count; i++) {
        if (tokens) {
            int64_t down, right;
            draw_shift(augmentation, step, images[i], &down, &right);
            read_image(data, images[i], down, right, tokens + i * data->positions);
        }
        if (labels)
            labels[i] = data->labels ? data->labels[images[i]] : 0;
    }
}
