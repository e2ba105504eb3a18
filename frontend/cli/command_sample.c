/* scanline sample: images drawn from a run's model. */
#include "frontend/cli/commands.h"
#include "frontend/cli/on_run.h"

#include "runtime/commands/sample.h"

#include <stdlib.h>

typedef struct SampleArguments {
    OnRun task;
    SampleOptions options;
    int64_t images;
    double temperature; /* below 0: as the spec has it */
    int64_t seed;       /* below 0: the same */
} SampleArguments;

enum { KEY_IMAGES = 0x200, KEY_TEMPERATURE, KEY_TOP_K, KEY_TOP_P, KEY_SEED };

static const struct argp_option keys[] = {
    {"images", KEY_IMAGES, "N", 0, "how many to draw (default: the spec's sample.images)", 0},
    {"temperature", KEY_TEMPERATURE, "T", 0, "1: as the model says; 0: always the likeliest colour",
     0},
    {"top-k", KEY_TOP_K, "K", 0, "only the K likeliest colours", 0},
    {"top-p", KEY_TOP_P, "P", 0, "only the likeliest colours that make up the share P", 0},
    {"seed", KEY_SEED, "N", 0, "another seed, other images", 0},
    {0}};

static bool number(const char *text, double least, double most, double *value) {
    char *end;
    *value = strtod(text, &end);
    return *text && !*end && *value >= least && *value <= most;
}

static error_t parse(int key, char *argument, void *user) {
    SampleArguments *arguments = user;
    double value = 0;
    switch (key) {
    case KEY_IMAGES:
        arguments->images = number(argument, 1, 1e6, &value) ? (int64_t)value : -1;
        return arguments->images > 0 ? 0 : EINVAL;
    case KEY_TEMPERATURE:
        return number(argument, 0, 1e6, &arguments->temperature) ? 0 : EINVAL;
    case KEY_TOP_K:
        if (!number(argument, 0, 1e9, &value))
            return EINVAL;
        arguments->options.top_k = (int64_t)value;
        return 0;
    case KEY_TOP_P:
        return number(argument, 0, 1, &arguments->options.top_p) ? 0 : EINVAL;
    case KEY_SEED:
        if (!number(argument, 0, 2147483647, &value))
            return EINVAL;
        arguments->seed = (int64_t)value;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static bool sample(const Command *command, void *user, RunError *error) {
    const SampleArguments *arguments = user;
    const SampleSettings *settings = &command->program->experiment->sample;
    SampleOptions options = arguments->options;
    options.temperature =
        arguments->temperature < 0 ? settings->temperature : arguments->temperature;
    options.seed = arguments->seed < 0 ? settings->seed : arguments->seed;
    int64_t images = arguments->images ? arguments->images : settings->images;
    return commands_sample(command, &options, images, error);
}

ExitCode command_sample(int count, char **words) {
    SampleArguments arguments = {
        .task = {.act = sample}, .options = {.top_p = 1}, .temperature = -1, .seed = -1};
    arguments.task.user = &arguments;
    const CommandLine line = {
        .command = "sample",
        .arguments = "[RUN]",
        .doc = "Draw images from a run's model, and complete the lower halves of real ones; PNG "
               "grids go into the run's "
               "folder."
               "\vExamples:\n"
               "  scanline sample @last\n"
               "  scanline sample 7 --images 16 --temperature 0.9 --seed 5",
        .groups = OPTIONS_CHECKPOINT | OPTIONS_JSON | OPTIONS_THREADS | OPTIONS_PERF,
        .keys = keys,
        .parse = parse,
        .user = &arguments,
    };
    Options options;
    options_parse(&line, count, words, &options);
    return on_run(&options, &arguments.task);
}
