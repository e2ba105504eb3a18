#include "frontend/cli/drawing_options.h"

#include <errno.h>
#include <stdlib.h>

DrawingOptions drawing_options(void) {
    return (DrawingOptions){.sample = {.top_p = 1}, .temperature = -1, .seed = -1};
}

bool drawing_number(const char *text, double least, double most, double *value) {
    char *end;
    *value = strtod(text, &end);
    return *text && !*end && *value >= least && *value <= most;
}

static error_t whole_number(const char *text, int64_t least, int64_t most, int64_t *result) {
    double value;
    if (!drawing_number(text, (double)least, (double)most, &value) ||
        value != (double)(int64_t)value)
        return EINVAL;
    *result = (int64_t)value;
    return 0;
}

error_t drawing_parse(DrawingOptions *options, int key, const char *argument) {
    switch (key) {
    case KEY_TEMPERATURE:
        return drawing_number(argument, 0, 1e6, &options->temperature) ? 0 : EINVAL;
    case KEY_TOP_K:
        return whole_number(argument, 0, 1000000000, &options->sample.top_k);
    case KEY_TOP_P:
        return drawing_number(argument, 0, 1, &options->sample.top_p) ? 0 : EINVAL;
    case KEY_SEED:
        return whole_number(argument, 0, INT32_MAX, &options->seed);
    case KEY_BATCH:
        return whole_number(argument, 1, DRAWING_MOST_SIDE_BY_SIDE, &options->batch);
    case KEY_FILES:
        options->files = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

SampleOptions drawing_settle(const DrawingOptions *options, const SampleSettings *settings) {
    SampleOptions sample = options->sample;
    sample.temperature = options->temperature < 0 ? settings->temperature : options->temperature;
    sample.seed = options->seed < 0 ? settings->seed : options->seed;
    return sample;
}

int64_t drawing_batch(const DrawingOptions *options, int64_t images) {
    const int64_t most = options->batch ? options->batch : DRAWING_SIDE_BY_SIDE;
    return images < 1 ? 1 : images < most ? images : most;
}
