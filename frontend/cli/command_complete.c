/* scanline complete: the rest of images of which the upper part is given. */
#include "frontend/cli/commands.h"
#include "frontend/cli/drawing_options.h"
#include "frontend/cli/on_run.h"

#include "runtime/commands/complete.h"

#include <stdlib.h>
#include <string.h>

enum { ORIGINALS = 8, EACH = 6 };

typedef struct CompleteArguments {
    OnRun task;
    DrawingOptions drawing;
    CompleteCommand complete;
    const char **paths; /* the words after the run */
} CompleteArguments;

enum { KEY_IMAGES = 0x200, KEY_EACH, KEY_GIVEN, KEY_SPLIT };

static const struct argp_option keys[] = {
    {"images", KEY_IMAGES, "N", 0, "how many of the data set's (default: 8)", 0},
    {"each", KEY_EACH, "N", 0, "how often each is completed (default: 6)", 0},
    {"given", KEY_GIVEN, "SHARE", 0, "of its rows, from the top (default: 0.5)", 0},
    {"split", KEY_SPLIT, "NAME", 0,
     "train, validation (the default) or test; reads of the test split are counted in run.json", 0},
    DRAWING_KEYS,
    {0}};

static error_t parse_split(const char *name, int *split) {
    for (*split = 0; *split < DATA_SPLIT_COUNT; ++*split)
        if (strcmp(name, data_split_name((DataSplit)*split)) == 0)
            return 0;
    return EINVAL;
}

static error_t add_path(CompleteArguments *arguments, const char *path) {
    CompleteCommand *complete = &arguments->complete;
    const size_t size = (size_t)(complete->path_count + 1) * sizeof *arguments->paths;
    const char **larger = realloc(arguments->paths, size);
    if (!larger)
        return ENOMEM;
    arguments->paths = larger;
    larger[complete->path_count++] = path;
    return 0;
}

static error_t parse(int key, char *argument, void *user) {
    CompleteArguments *arguments = user;
    CompleteCommand *complete = &arguments->complete;
    double value = 0;
    switch (key) {
    case ARGP_KEY_ARG:
        return add_path(arguments, argument);
    case KEY_IMAGES:
    case KEY_EACH:
        if (!drawing_number(argument, 1, 1e6, &value))
            return EINVAL;
        *(key == KEY_EACH ? &complete->each : &complete->images) = (int64_t)value;
        return 0;
    case KEY_GIVEN:
        return drawing_number(argument, 0, 1, &complete->given) ? 0 : EINVAL;
    case KEY_SPLIT:
        return parse_split(argument, &complete->split);
    default:
        return drawing_parse(&arguments->drawing, key, argument);
    }
}

static int64_t side_by_side(const Experiment *experiment, void *user) {
    (void)experiment;
    const CompleteArguments *arguments = user;
    const CompleteCommand *complete = &arguments->complete;
    const int64_t images = complete->path_count ? complete->path_count : complete->images;
    return drawing_batch(&arguments->drawing, images * complete->each);
}

static bool complete(const Command *command, void *user, RunError *error) {
    const CompleteArguments *arguments = user;
    CompleteCommand wanted = arguments->complete;
    wanted.options = drawing_settle(&arguments->drawing, &command->program->experiment->sample);
    wanted.files = arguments->drawing.files;
    wanted.paths = arguments->paths;
    return commands_complete(command, &wanted, error);
}

ExitCode command_complete(int count, char **words) {
    CompleteArguments arguments = {
        .task = {.act = complete, .images = side_by_side},
        .drawing = drawing_options(),
        .complete = {.images = ORIGINALS, .each = EACH, .given = 0.5, .split = DATA_SPLIT_COUNT}};
    arguments.task.user = &arguments;
    const CommandLine line = {
        .command = "complete",
        .arguments = "[RUN] [IMAGE...]",
        .doc =
            "Complete images of which the upper part is given: those of the data set, or PNG and "
            "JPEG files; a PNG grid of originals, what is given of them, and completions goes "
            "into the run's folder."
            "\vExamples:\n"
            "  scanline complete @last\n"
            "  scanline complete 7 --split test --images 4 --each 10 --given 0.25\n"
            "  scanline complete 7 cat.png dog.jpg --files --temperature 0.9",
        .groups = OPTIONS_CHECKPOINT | OPTIONS_JSON | OPTIONS_THREADS | OPTIONS_PERF,
        .keys = keys,
        .parse = parse,
        .user = &arguments,
    };
    Options options;
    options_parse(&line, count, words, &options);
    const ExitCode code = on_run(&options, &arguments.task);
    free(arguments.paths);
    return code;
}
