/* scanline features: what the layers of a run hold, for other programs. */
#include "frontend/cli/commands.h"
#include "frontend/cli/on_run.h"

#include "runtime/commands/features.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct FeaturesArguments {
    OnRun task;
    FeaturesOptions options;
    char *layers; /* "probe.layers=[...]"; NULL: as the spec has it */
    bool raw;
} FeaturesArguments;

enum { KEY_SPLIT = 0x200, KEY_LAYERS, KEY_RAW };

static const struct argp_option keys[] = {
    {"split", KEY_SPLIT, "NAME", 0,
     "train, validation, test or all (the default); reads of the test split are counted in "
     "run.json",
     0},
    {"layers", KEY_LAYERS, "LIST", 0, "which layers: 0,4..6 (default: the spec's probe.layers)", 0},
    {"raw", KEY_RAW, 0, 0, "before the norm: the tap `raw' instead of the spec's probe.features",
     0},
    {"output", 'o', "FOLDER", 0, "where to write them (default: features/ of the run's folder)", 0},
    {0}};

static bool split_of(const char *name, int *split) {
    for (*split = 0; *split < DATA_SPLIT_COUNT; ++*split)
        if (strcmp(name, data_split_name((DataSplit)*split)) == 0)
            return true;
    return strcmp(name, "all") == 0;
}

static error_t parse(int key, char *argument, void *user) {
    FeaturesArguments *arguments = user;
    switch (key) {
    case KEY_SPLIT:
        return split_of(argument, &arguments->options.split) ? 0 : EINVAL;
    case KEY_LAYERS:
        free(arguments->layers);
        return asprintf(&arguments->layers, "probe.layers=[%s]", argument) < 0 ? ENOMEM : 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static bool features(const Command *command, void *user, RunError *error) {
    const FeaturesArguments *arguments = user;
    return commands_features(command, &arguments->options, error);
}

ExitCode command_features(int count, char **words) {
    FeaturesArguments arguments = {.task = {.act = features, .sections = "probe"},
                                   .options = {.split = DATA_SPLIT_COUNT}};
    arguments.task.user = &arguments;
    const OptionTarget targets[] = {
        {KEY_RAW, .flag = &arguments.raw}, {'o', .text = &arguments.options.folder}, {0}};
    const CommandLine line = {
        .command = "features",
        .arguments = "[RUN] [probe.KEY=VALUE...]",
        .doc = "Write the features of a run's layers as .npy files, one a layer, with labels, "
               "splits and indices beside them, and features.json, which says what they are."
               "\vNothing is standardised. Memory does not grow with the data set.\n\n"
               "Examples:\n"
               "  scanline features @last\n"
               "  scanline features 7 --layers 2..4 --split train -o train-features\n\n"
               "In Python: numpy.load(\"feature.3.npy\").",
        .groups =
            OPTIONS_CHECKPOINT | OPTIONS_JSON | OPTIONS_THREADS | OPTIONS_PERF | OPTIONS_SETTINGS,
        .keys = keys,
        .targets = targets,
        .parse = parse,
        .user = &arguments,
    };
    Options options;
    options_parse(&line, count, words, &options);
    ExitCode code = EXIT_MACHINE;
    if ((!arguments.layers || options_set(&options, arguments.layers)) &&
        (!arguments.raw || options_set(&options, "probe.features=raw")))
        code = on_run(&options, &arguments.task);
    else
        fprintf(stderr, "scanline features: out of memory\n");
    free(arguments.layers);
    return code;
}
