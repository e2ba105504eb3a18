/* scanline eval: losses and metrics of a run's checkpoint. */
#include "frontend/cli/commands.h"
#include "frontend/cli/on_run.h"

#include "runtime/commands/eval.h"

#include <string.h>

typedef struct EvalArguments {
    OnRun task;
    DataSplit split;
} EvalArguments;

enum { KEY_SPLIT = 0x200 };

static const struct argp_option keys[] = {
    {"split", KEY_SPLIT, "NAME", 0,
     "train, validation (the default) or test; reads of the test split are counted in run.json", 0},
    {0}};

static error_t parse(int key, char *argument, void *user) {
    EvalArguments *arguments = user;
    if (key != KEY_SPLIT)
        return ARGP_ERR_UNKNOWN;
    for (int split = 0; split < DATA_SPLIT_COUNT; split++)
        if (strcmp(argument, data_split_name((DataSplit)split)) == 0) {
            arguments->split = (DataSplit)split;
            return 0;
        }
    return EINVAL;
}

static bool eval(const Command *command, void *user, RunError *error) {
    const EvalArguments *arguments = user;
    return commands_eval(command, arguments->split, error);
}

ExitCode command_eval(int count, char **words) {
    EvalArguments arguments = {.task = {.act = eval}, .split = DATA_VALIDATION};
    arguments.task.user = &arguments;
    const CommandLine line = {
        .command = "eval",
        .arguments = "[RUN]",
        .doc = "Evaluate a checkpoint of a run on a whole split: loss, metrics, and of a "
               "classifier the "
               "accuracy with its 95 % interval."
               "\vWhere `random` takes part in the objective (BERT's masks) classes are the vote "
               "of five "
               "draws, ties at random by the run's seed; the loss is the first draw's. --json adds "
               "the "
               "table of labels (rows) against classes.\n\nExamples:\n"
               "  scanline eval @last\n"
               "  scanline eval 7 --split test --json",
        .groups = OPTIONS_CHECKPOINT | OPTIONS_JSON | OPTIONS_THREADS | OPTIONS_PERF,
        .keys = keys,
        .parse = parse,
        .user = &arguments,
    };
    Options options;
    options_parse(&line, count, words, &options);
    return on_run(&options, &arguments.task);
}
