/* All layers are read by one pass over the images; each goes to an array of its own. */
#include "runtime/features.h"

#include "runtime/inference.h"

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
static bool prepare(const Experiment *experiment, const PlanFunction *function, int64_t chunk,
                    int64_t count, Features *features, int64_t *outputs, RunError *error) {
    for (uint32_t i = 0; i < features->layer_count; i++) {
        char name[256];
        snprintf(name, sizeof name, "tap.%s.%lld", experiment->probe.features,
                 (long long)features->numbers[i]);
        outputs[i] = plan_find_output(function, name);
        if (outputs[i] < 0 || function->outputs[outputs[i]].type != PLAN_F32)
            return run_fail(error, EXIT_INPUT, "the program has no output %s to probe", name);
        ProbeFeatures *layer = &features->layers[i];
        layer->width = function->outputs[outputs[i]].elements / chunk;
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

static bool read_layers(const Program *program, float *const *parameters, int threads,
                        const InferenceImages *images, Features *features, RunError *error) {
    const Experiment *experiment = program->experiment;
    Inference *inference = inference_create(program, "features", parameters, threads, error);
    if (!inference)
        return false;
    int64_t *outputs = calloc(features->layer_count, sizeof *outputs);
    bool ok = outputs ? prepare(experiment, inference_function(inference),
                                inference_chunk(inference), images->count, features, outputs, error)
                      : run_no_memory(error, "the features");
    Reading reading = {features, outputs};
    if (ok && !inference_run(inference, images, take_features, &reading))
        ok =
            run_fail(error, EXIT_INPUT, "the features depend on labels, and the data set has none");
    free(outputs);
    inference_free(inference);
    return ok;
}

/* The reference: the tokens themselves. */
static bool read_pixels(const DataSet *data, const int32_t *tokens, ProbeFeatures *pixels) {
    float *values = malloc((size_t)(data->count * data->positions) * sizeof *values);
    *pixels = (ProbeFeatures){strdup("pixels"), values, data->positions};
    for (int64_t i = 0; values && i < data->count * data->positions; i++)
        values[i] = (float)tokens[i];
    return values && pixels->name;
}

bool features_read(const Program *program, float *const *parameters, const DataSet *data,
                   int threads, Features *features, RunError *error) {
    *features = (Features){0};
    int32_t *tokens = malloc((size_t)(data->count * data->positions) * sizeof *tokens);
    int32_t *images = malloc((size_t)data->count * sizeof *images);
    bool ok = tokens && images ? choose_layers(program->experiment, features, error)
                               : run_no_memory(error, "the images");
    if (ok) {
        for (int64_t i = 0; i < data->count; i++)
            images[i] = (int32_t)i;
        data_batch(data, NULL, 0, images, data->count, tokens, NULL);
        const InferenceImages all = {.count = data->count,
                                     .tokens = tokens,
                                     .labels = data->labels,
                                     .images = images,
                                     .seed = (int32_t)program->experiment->train.seed};
        ok = read_layers(program, parameters, threads, &all, features, error);
        if (ok && !read_pixels(data, tokens, &features->layers[features->layer_count]))
            ok = run_no_memory(error, "the pixels");
    }
    free(tokens);
    free(images);
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
