/* scanline sample: images drawn from a run's model. */
#include "frontend/cli/commands.h"
#include "frontend/cli/drawing_options.h"
#include "frontend/cli/on_run.h"

#include "runtime/commands/sample.h"

typedef struct SampleArguments {
    OnRun task;
    DrawingOptions drawing;
    int64_t images; /* 0: as the spec has it */
} SampleArguments;

enum { KEY_IMAGES = 0x200 };

static const struct argp_option keys[] = {
    {"images", KEY_IMAGES, "N", 0, "how many to draw (default: the spec's sample.images)", 0},
    DRAWING_KEYS,
    {0}};

static error_t parse(int key, char *argument, void *user) {
    SampleArguments *arguments = user;
    double value = 0;
    if (key != KEY_IMAGES)
        return drawing_parse(&arguments->drawing, key, argument);
    arguments->images = drawing_number(argument, 1, 1e6, &value) ? (int64_t)value : -1;
    return arguments->images > 0 ? 0 : EINVAL;
}

static int64_t images_of(const SampleArguments *arguments, const Experiment *experiment) {
    return arguments->images ? arguments->images : experiment->sample.images;
}

static int64_t side_by_side(const Experiment *experiment, void *user) {
    const SampleArguments *arguments = user;
    return drawing_batch(&arguments->drawing, images_of(arguments, experiment));
}

static bool sample(const Command *command, void *user, RunError *error) {
    const SampleArguments *arguments = user;
    const Experiment *experiment = command->program->experiment;
    const SampleCommand wanted = {
        .options = drawing_settle(&arguments->drawing, &experiment->sample),
        .images = images_of(arguments, experiment),
        .files = arguments->drawing.files,
    };
    return commands_sample(command, &wanted, error);
}

ExitCode command_sample(int count, char **words) {
    SampleArguments arguments = {.task = {.act = sample, .images = side_by_side},
                                 .drawing = drawing_options()};
    arguments.task.user = &arguments;
    const CommandLine line = {
        .command = "sample",
        .arguments = "[RUN]",
        .doc = "Draw images from a run's model; a PNG grid of them goes into the run's folder."
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
