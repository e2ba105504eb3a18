#include "runtime/study/feature_reader.h"

#include "runtime/model/inference.h"
#include "runtime/run/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const TapSeries *find_series(const Experiment *experiment, const char *name) {
    for (uint32_t i = 0; i < experiment->tap_count; i++)
        if (strcmp(experiment->taps[i].name, name) == 0)
            return &experiment->taps[i];
    return NULL;
}

static bool find_layer(const FeatureReader *reader, const TapSeries *series, int64_t number,
                       FeatureLayer *layer, int64_t *output, RunError *error) {
    if (number < 0 || number >= series->count)
        return run_fail(error, EXIT_INPUT, "probe.layers: there is no layer %lld; %s has 0 to %u",
                        (long long)number, series->name, series->count - 1);
    char name[256];
    snprintf(name, sizeof name, "tap.%s.%lld", series->name, (long long)number);
    *output = inference_output(reader->inference, name, &layer->width);
    if (*output < 0)
        return run_fail(error, EXIT_INPUT, "the program has no output %s of each image", name);
    layer->number = number;
    if (asprintf(&layer->name, "%s[%lld]", series->name, (long long)number) < 0)
        layer->name = NULL;
    return layer->name || run_no_memory(error, "the features");
}

static bool find_layers(FeatureReader *reader, const Experiment *experiment, RunError *error) {
    const ProbeSettings *settings = &experiment->probe;
    const TapSeries *series =
        settings->features ? find_series(experiment, settings->features) : NULL;
    if (!series || series->count == 0)
        return run_fail(error, EXIT_INPUT, "probe.features = %s: the objective %s has no such tap",
                        settings->features ? settings->features : "", experiment->train.objective);
    const uint32_t count = settings->layers.count ? settings->layers.count : series->count;
    reader->layers = calloc(count, sizeof *reader->layers);
    reader->outputs = calloc(count, sizeof *reader->outputs);
    if (!reader->layers || !reader->outputs)
        return run_no_memory(error, "the features");
    for (uint32_t i = 0; i < count; i++) {
        const int64_t number = settings->layers.count ? settings->layers.items[i] : i;
        reader->layer_count = i + 1;
        if (!find_layer(reader, series, number, &reader->layers[i], &reader->outputs[i], error))
            return false;
    }
    return true;
}

bool feature_reader_create(FeatureReader *reader, const Program *program, const Model *model,
                           int threads, RunError *error) {
    *reader = (FeatureReader){0};
    reader->inference = inference_create(program, "features", model, NULL, threads, error);
    if (reader->inference && find_layers(reader, program->experiment, error))
        return true;
    feature_reader_free(reader);
    return false;
}

void feature_reader_free(FeatureReader *reader) {
    inference_free(reader->inference);
    for (uint32_t i = 0; reader->layers && i < reader->layer_count; i++)
        free(reader->layers[i].name);
    free(reader->layers);
    free(reader->outputs);
    *reader = (FeatureReader){0};
}

typedef struct Reading {
    const FeatureReader *reader;
    FeatureTake *take;
    void *user;
    Work work;
} Reading;

static void take_chunk(void *user, int64_t first, int64_t count, void *const *outputs) {
    Reading *reading = user;
    for (uint32_t i = 0; i < reading->reader->layer_count; i++)
        reading->take(reading->user, i, first, count, outputs[reading->reader->outputs[i]]);
    work_advance(&reading->work, (double)count);
}

void feature_reader_run(const FeatureReader *reader, const DataSet *data, const DataImages *images,
                        Log *log, FeatureTake *take, void *user) {
    Reading reading = {reader, take, user, {0}};
    work_begin(&reading.work, log, "features", (double)images->count);
    inference_run_data(reader->inference, data, images, 0, take_chunk, &reading);
    work_end(&reading.work);
}
