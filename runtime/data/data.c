/* Opening a data set (source, names of classes, split, hash) and reading batches from it. */
#include "runtime/data/data.h"

#include "runtime/data/data_source.h"
#include "runtime/data/data_split.h"
#include "runtime/files/hash.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The first that takes a source reads it; the last takes any. */
static const DataSource *const sources[] = {&data_source_images, &data_source_idx};

bool data_fail(DataError *error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return false;
}

bool data_no_memory(DataError *error) { return data_fail(error, "no memory for the data set"); }

char *data_path(const char *source) {
    const char *folder = getenv("SCANLINE_DATA");
    if (source[0] != '/' && folder && *folder && access(source, F_OK) != 0) {
        char *path = file_path(folder, source);
        if (!path || access(path, F_OK) == 0)
            return path;
        free(path);
    }
    return strdup(source);
}

/* --- opening --- */

static bool check_settings(const DataSettings *settings, DataError *error) {
    if (!settings->source || !*settings->source)
        return data_fail(error, "data.source names no data set");
    const double validation = settings->validation, test = settings->test;
    if (!(validation >= 0 && test >= 0 && validation + test < 1))
        return data_fail(error, "data.validation = %g and data.test = %g leave nothing to train on",
                         validation, test);
    const char *augment = settings->augment;
    if (augment && strcmp(augment, "none") != 0 && strcmp(augment, "shift") != 0 &&
        strcmp(augment, "crop") != 0 && strcmp(augment, "pad") != 0)
        return data_fail(error, "data.augment = %s is not known: none, shift, crop, pad", augment);
    return true;
}

static bool given_names(DataSet *data, const char *given, DataError *error) {
    char *path = data_path(given);
    if (!path)
        return data_no_memory(error);
    const bool ok = class_names_read(path, &data->names, error->text, sizeof error->text);
    free(path);
    if (ok && data->names.count < data->classes)
        return data_fail(error, "data.classes: %s names %lld classes; %s has %lld", given,
                         (long long)data->names.count, data->source, (long long)data->classes);
    return ok;
}

const char *data_class_name(const DataSet *data, int64_t class, DataClassNumber *number) {
    if (class < data->names.count)
        return data->names.at[class];
    snprintf(number->text, sizeof number->text, "%lld", (long long)class);
    return number->text;
}

static bool hash_splits(const DataSet *data, char text[DATA_HASH_SIZE], DataError *error) {
    HashPart parts[2 * DATA_SPLIT_COUNT];
    for (int split = 0; split < DATA_SPLIT_COUNT; split++) {
        const DataImages *list = &data->splits[split];
        parts[2 * split] = (HashPart){&list->count, sizeof list->count};
        parts[2 * split + 1] = (HashPart){list->images, (size_t)list->count * sizeof *list->images};
    }
    return hash_parts(parts, 2 * DATA_SPLIT_COUNT, text) || data_no_memory(error);
}

static void count_unlabelled(DataSet *data) {
    for (int split = 0; data->labels && split < DATA_SPLIT_COUNT; split++) {
        const DataImages *list = &data->splits[split];
        data->unlabelled[split] = 0;
        for (int64_t i = 0; i < list->count; i++)
            data->unlabelled[split] += data->labels[list->images[i]] < 0;
    }
}

static bool keep_labelled(DataSet *data, DataError *error) {
    count_unlabelled(data);
    for (int split = 0; split < DATA_SPLIT_COUNT; split++)
        data_split_keep_labelled(&data->splits[split], data->labels);
    return data->splits[DATA_TRAIN].count > 0 ||
           data_fail(error, "none of the %lld images of %s that are for training has a label",
                     (long long)data->unlabelled[DATA_TRAIN], data->source);
}

/* Of the images to train on, those that are asked for. */
static bool take_part(DataSet *data, const DataSettings *settings, DataError *error) {
    const bool labels = settings->labels > 0, share = settings->share > 0 && settings->share < 1;
    if (labels && !data->labels)
        return data_fail(error, "data.labels takes so many images of each class; %s has no labels",
                         data->source);
    if (!labels && !share)
        return true;
    DataImages *train = &data->splits[DATA_TRAIN], part;
    if (labels)
        data_split_keep_labelled(train, data->labels);
    const int64_t seed = settings->seed + settings->subset;
    const bool taken = labels
                           ? data_split_subset(train, data->labels, settings->labels, seed, &part)
                           : data_split_share(train, data->labels, settings->share, seed, &part);
    if (!taken)
        return data_no_memory(error);
    free(train->images);
    *train = part;
    return true;
}

static bool fill(DataSet *data, const DataSettings *settings, const char *path, DataError *error) {
    const DataSource *const *kind = sources;
    while (!(*kind)->takes(data->source, path))
        kind++;
    data->kind = *kind;
    if (!data->kind->open(data, settings, path, error) ||
        (settings->classes && !given_names(data, settings->classes, error)))
        return false;
    if (!data->has_splits && !data_split_make(data->labels, data->count, settings->validation,
                                              settings->test, settings->seed, data->splits))
        return data_no_memory(error);
    if (data->splits[DATA_TRAIN].count == 0)
        return data_fail(error, "the split of %s leaves no image to train on", data->source);
    const bool labelled = settings->labelled && data->labels;
    if (!hash_splits(data, data->whole_split_hash, error) ||
        (labelled && !keep_labelled(data, error)) || !take_part(data, settings, error))
        return false;
    if (!labelled)
        count_unlabelled(data);
    return hash_splits(data, data->split_hash, error);
}

DataSet *data_open(const DataSettings *settings, DataError *error) {
    if (!check_settings(settings, error))
        return NULL;
    DataSet *data = calloc(1, sizeof *data);
    char *path = data_path(settings->source);
    if (data)
        data->source = strdup(settings->source);
    const bool opened =
        data && path && data->source ? fill(data, settings, path, error) : data_no_memory(error);
    free(path);
    if (opened)
        return data;
    data_close(data);
    return NULL;
}

void data_close(DataSet *data) {
    if (!data)
        return;
    for (int split = 0; split < DATA_SPLIT_COUNT; split++)
        free(data->splits[split].images);
    if (data->kind)
        data->kind->close(data);
    palette_free(&data->palette);
    class_names_free(&data->names);
    free(data->labels);
    free(data->source);
    free(data);
}

bool data_warning(const DataSet *data, int threads, char *text, size_t size) {
    *text = 0;
    return !data->kind->warn || data->kind->warn(data, threads, text, size);
}

bool data_seen_warning(const DataSet *data, const DataSeen *seen, int threads, char *text,
                       size_t size) {
    *text = 0;
    return !data->kind->warn_seen || data->kind->warn_seen(data, seen, threads, text, size);
}

void data_unlabelled_text(const DataSet *data, char *text, size_t size) {
    const int64_t *none = data->unlabelled;
    *text = 0;
    if (none[DATA_TRAIN] + none[DATA_VALIDATION] + none[DATA_TEST])
        snprintf(text, size,
                 "left out, as they have no label: %lld images for training, %lld for validation, "
                 "%lld for testing",
                 (long long)none[DATA_TRAIN], (long long)none[DATA_VALIDATION],
                 (long long)none[DATA_TEST]);
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
        return data_fail(
            error, "the model reads %lld tokens an image; those of %s have %lld (%lld x %lld)",
            (long long)positions, data->source, (long long)data->positions, (long long)data->height,
            (long long)data->width);
    if (input->limit < data->colours)
        return data_fail(error, "the model has %lld colours; the images of %s have %lld",
                         (long long)input->limit, data->source, (long long)data->colours);
    return true;
}

static bool label_fits(const DataSet *data, const DataInput *input, DataError *error) {
    if (input->axis_count != 0)
        return data_fail(error, "the input `label` has axes; a data set has one label an image");
    if (data->classes == 0)
        return data_fail(error, "the model reads a label; %s has none", data->source);
    if (input->limit < data->classes)
        return data_fail(error, "the model has %lld classes; %s has %lld", (long long)input->limit,
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
            return data_fail(
                error, "nothing in a data set is called `%s`; an input is `tokens` or `label`",
                input->name);
        }
    }
    return true;
}

/* --- batches --- */

void data_batch(const DataSet *data, const DataAugmentation *augmentation, int64_t step,
                const int32_t *images, int64_t count, int32_t *tokens, int32_t *labels) {
    for (int64_t i = 0; i < count; i++) {
        if (tokens) {
            const AugmentDraw draw = augment_draw(augmentation, step, images[i]);
            data->kind->read(data, augmentation, &draw, images[i], tokens + i * data->positions);
        }
        if (labels)
            labels[i] = data->labels && data->labels[images[i]] >= 0 ? data->labels[images[i]] : 0;
    }
}
