/* Each layer is an array of its own. */
#include "runtime/study/features.h"

#include <stdlib.h>
#include <string.h>

/* --- room for them --- */

/* Table `which` of [count, width]; the name is the caller's until it is one. */
static bool add_table(Features *features, uint32_t which, const char *name, int64_t count,
                      int64_t width, const char *folder, RunError *error) {
    FeatureTable *table = &features->layers[which];
    size_t size;
    if (__builtin_mul_overflow((size_t)(count * (int64_t)sizeof(float)), (size_t)width, &size))
        return run_no_memory(error, "the features");
    if (!feature_store_create(&features->stores[which], size, folder, error))
        return false;
    *table = (FeatureTable){strdup(name), features->stores[which].bytes, width};
    return table->name || run_no_memory(error, "the features");
}

/* What a pixel is by itself: the channels of its colour, or, without a palette, its token. */
static int64_t pixel_channels(const DataSet *data) {
    return data->palette.centres ? data->palette.channels : 1;
}

/* For so many images, of which `pixels` is the width of their pixels. */
static bool make_room(const FeatureReader *reader, int64_t count, int64_t pixels, int64_t memory,
                      const char *folder, Features *features, RunError *error) {
    double width = (double)pixels;
    features->layer_count = reader->layer_count;
    features->numbers = calloc(reader->layer_count, sizeof *features->numbers);
    features->layers = calloc(reader->layer_count + 1, sizeof *features->layers);
    features->stores = calloc(reader->layer_count + 1, sizeof *features->stores);
    if (!features->numbers || !features->layers || !features->stores)
        return run_no_memory(error, "the features");
    for (uint32_t i = 0; i < reader->layer_count; i++)
        width += (double)reader->layers[i].width;
    if (width * (double)count * (double)sizeof(float) <= (double)memory)
        folder = NULL;
    for (uint32_t i = 0; i < reader->layer_count; i++) {
        features->numbers[i] = reader->layers[i].number;
        if (!add_table(features, i, reader->layers[i].name, count, reader->layers[i].width, folder,
                       error))
            return false;
    }
    return add_table(features, reader->layer_count, "pixels", count, pixels, folder, error);
}

/* --- reading --- */

static void take(void *user, uint32_t layer, int64_t first, int64_t count, const float *values) {
    const Features *features = user;
    const int64_t width = features->layers[layer].width;
    memcpy((float *)features->stores[layer].bytes + first * width, values,
           (size_t)(count * width) * sizeof *values);
}

static float *put_pixel(const DataSet *data, int32_t token, float *to) {
    const Palette *palette = &data->palette;
    if (!palette->centres) {
        *to = (float)token;
        return to + 1;
    }
    const float *colour = palette->centres + token * palette->channels;
    memcpy(to, colour, (size_t)palette->channels * sizeof *to);
    return to + palette->channels;
}

/* The reference: the image as the model sees it. False: no memory. */
static bool read_pixels(const DataSet *data, const DataImages *images, float *values) {
    const int64_t positions = data->positions;
    int32_t *tokens = malloc((size_t)positions * sizeof *tokens);
    for (int64_t i = 0; tokens && i < images->count; i++) {
        data_batch(data, NULL, 0, &images->images[i], 1, tokens, NULL);
        for (int64_t p = 0; p < positions; p++)
            values = put_pixel(data, tokens[p], values);
    }
    const bool read = tokens != NULL;
    free(tokens);
    return read;
}

bool features_read(const Program *program, const Model *model, const DataSet *data,
                   const DataImages *images, const FeaturesUse *use, Features *features,
                   RunError *error) {
    FeatureReader reader;
    *features = (Features){0};
    if (!feature_reader_create(&reader, program, model, use->threads, error))
        return false;
    bool ok = make_room(&reader, images->count, data->positions * pixel_channels(data),
                        program->experiment->probe.memory, use->folder, features, error);
    if (ok) {
        feature_reader_run(&reader, data, images, use->log, take, features);
        ok = read_pixels(data, images, features->stores[features->layer_count].bytes) ||
             run_no_memory(error, "the pixels");
    }
    feature_reader_free(&reader);
    if (!ok)
        features_free(features);
    return ok;
}

void features_free(Features *features) {
    for (uint32_t i = 0; features->layers && features->stores && i <= features->layer_count; i++) {
        free((char *)features->layers[i].name);
        feature_store_free(&features->stores[i]);
    }
    free(features->layers);
    free(features->stores);
    free(features->numbers);
    *features = (Features){0};
}
