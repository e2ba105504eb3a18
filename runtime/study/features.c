/* All layers are read by one pass over the images; each goes to an array of its own. */
#include "runtime/study/features.h"

#include "runtime/model/inference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- which layers --- */

static const TapSeries *find_series(const Experiment *experiment, const char *name) {
    for (uint32_t i = 0; i < experiment->tap_count; i++)
        if (strcmp(experiment->taps[i].name, name) == 0)
            return &experiment->taps[i];
    return NULL;
}

static bool choose_layers(const Experiment *experiment, Features *features, RunError *error) {
    const ProbeSettings *settings = &experiment->probe;
    const TapSeries *series =
        settings->features ? find_series(experiment, settings->features) : NULL;
    if (!series || series->count == 0)
        return run_fail(error, EXIT_INPUT, "probe.features = %s: the objective %s has no such tap",
                        settings->features ? settings->features : "", experiment->train.objective);
    const uint32_t count = settings->layer_count ? settings->layer_count : series->count;
    features->numbers = calloc(count, sizeof *features->numbers);
    features->layers = calloc(count + 1, sizeof *features->layers);
    if (!features->numbers || !features->layers)
        return run_no_memory(error, "the features");
    for (uint32_t i = 0; i < count; i++) {
        const int64_t layer = settings->layer_count ? settings->layers[i] : i;
        if (layer < 0 || layer >= series->count)
            return run_fail(error, EXIT_INPUT,
                            "probe.layers: there is no layer %lld; %s has 0 to %u",
                            (long long)layer, series->name, series->count - 1);
        features->numbers[i] = layer;
    }
    features->layer_count = count;
    return true;
}

/* Makes room for `count` images of each layer; outputs[i] is the layer's output of the function. */
static bool prepare(const Experiment *experiment, const Inference *inference, int64_t count,
                    Features *features, int64_t *outputs, RunError *error) {
    for (uint32_t i = 0; i < features->layer_count; i++) {
        ProbeFeatures *layer = &features->layers[i];
        char name[256];
        snprintf(name, sizeof name, "tap.%s.%lld", experiment->probe.features,
                 (long long)features->numbers[i]);
        outputs[i] = inference_output(inference, name, &layer->width);
        if (outputs[i] < 0)
            return run_fail(error, EXIT_INPUT, "the program has no output %s of each image", name);
        layer->values = calloc((size_t)count, (size_t)layer->width * sizeof *layer->values);
        char *label = NULL;
        if (asprintf(&label, "%s[%lld]", experiment->probe.features,
                     (long long)features->numbers[i]) < 0)
            label = NULL;
        layer->name = label;
        if (!layer->values || !layer->name)
            return run_no_memory(error, "the features");
    }
    return true;
}

/* --- reading --- */

typedef struct Reading {
    Features *features;
    const int64_t *outputs; /* of each layer */
} Reading;

static void take_features(void *user, int64_t first, int64_t count, void *const *outputs) {
    const Reading *reading = user;
    for (uint32_t i = 0; i < reading->features->layer_count; i++) {
        const ProbeFeatures *layer = &reading->features->layers[i];
        memcpy((float *)layer->values + first * layer->width, outputs[reading->outputs[i]],
               (size_t)(count * layer->width) * sizeof(float));
    }
}

static bool read_layers(const Experiment *experiment, Inference *inference, const DataSet *data,
                        const DataImages *all, Features *features, RunError *error) {
    int64_t *outputs = calloc(features->layer_count, sizeof *outputs);
    bool ok = outputs ? prepare(experiment, inference, all->count, features, outputs, error)
                      : run_no_memory(error, "the features");
    Reading reading = {features, outputs};
    if (ok)
        inference_run_data(inference, data, all, 0, take_features, &reading);
    free(outputs);
    return ok;
}

/* The reference: the tokens themselves. */
static bool read_pixels(const DataSet *data, const DataImages *all, ProbeFeatures *pixels) {
    const int64_t positions = data->positions;
    float *values = malloc((size_t)(all->count * positions) * sizeof *values);
    int32_t *tokens = malloc((size_t)positions * sizeof *tokens);
    *pixels = (ProbeFeatures){strdup("pixels"), values, positions};
    for (int64_t i = 0; values && tokens && i < all->count; i++) {
        data_batch(data, NULL, 0, &all->images[i], 1, tokens, NULL);
        for (int64_t p = 0; p < positions; p++)
            values[i * positions + p] = (float)tokens[p];
    }
    const bool read = values && tokens && pixels->name;
    free(tokens);
    return read;
}

bool features_read(const Program *program, const Model *model, const DataSet *data, int threads,
                   Features *features, RunError *error) {
    *features = (Features){0};
    if (!choose_layers(program->experiment, features, error)) {
        features_free(features);
        return false;
    }
    DataImages all = {data->count, malloc((size_t)data->count * sizeof *all.images)};
    for (int32_t i = 0; all.images && i < data->count; i++)
        all.images[i] = i;
    Inference *inference = inference_create(program, "features", model, NULL, threads, error);
    bool ok = inference && (all.images || run_no_memory(error, "the images")) &&
              read_layers(program->experiment, inference, data, &all, features, error) &&
              (read_pixels(data, &all, &features->layers[features->layer_count]) ||
               run_no_memory(error, "the pixels"));
    inference_free(inference);
    free(all.images);
    if (!ok)
        features_free(features);
    return ok;
}

void features_free(Features *features) {
    for (uint32_t i = 0; features->layers && i <= features->layer_count; i++) {
        free((char *)features->layers[i].name);
        free((float *)features->layers[i].values);
    }
    free(features->layers);
    free(features->numbers);
    *features = (Features){0};
}
