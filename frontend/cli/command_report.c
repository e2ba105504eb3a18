/* scanline report: what runs have found, as a page. */
#include "frontend/cli/commands.h"
#include "frontend/cli/run_specs.h"

#include "runtime/commands/report.h"
#include "runtime/run/run_folder.h"

#include <stdlib.h>

typedef struct ReportArguments {
    const char **words; /* RUNs after the first */
    size_t word_count;
    const char *out;
    bool tensorboard;
} ReportArguments;

enum { KEY_TENSORBOARD = 0x100 };

static const struct argp_option keys[] = {
    {"output", 'o', "FILE.html", 0,
     "the page (default: report.html in the run's folder; of several runs in the folder of runs); "
     "plots go into the folder FILE",
     0},
    {"tensorboard", KEY_TENSORBOARD, NULL, 0,
     "also make the event files of the runs for TensorBoard, from their metrics.jsonl", 0},
    {0}};

static error_t parse(int key, char *argument, void *user) {
    ReportArguments *arguments = user;
    switch (key) {
    case ARGP_KEY_ARG: {
        const char **larger =
            realloc(arguments->words, (arguments->word_count + 1) * sizeof *larger);
        if (!larger)
            return ENOMEM;
        arguments->words = larger;
        larger[arguments->word_count++] = argument;
        return 0;
    }
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static ExitCode report(Session *session, const ReportArguments *arguments, const RunSet *set) {
    const ReportCommand command = {.runs = run_specs_read(session, set),
                                   .count = set->count,
                                   .out = arguments->out,
                                   .tensorboard = arguments->tensorboard,
                                   .json = session->options->json,
                                   .results = stdout,
                                   .log = session->log};
    RunError error = {0};
    return commands_report(&command, &error)
               ? EXIT_DONE
               : session_fail(session, error.code, "report", "%s", error.text);
}

static ExitCode work(Session *session, void *user) {
    const ReportArguments *arguments = user;
    const char *first = session->options->subject;
    RunSet set = {0};
    FileError error;
    bool found = run_set_add(&set, runs_root(), first ? first : "@last", &error);
    for (size_t i = 0; found && i < arguments->word_count; i++)
        found = run_set_add(&set, runs_root(), arguments->words[i], &error);
    const ExitCode code = found ? report(session, arguments, &set)
                                : session_fail(session, EXIT_INPUT, "run", "%s", error.text);
    run_set_free(&set);
    return code;
}

ExitCode command_report(int count, char **words) {
    ReportArguments arguments = {0};
    const OptionTarget targets[] = {
        {'o', .text = &arguments.out}, {KEY_TENSORBOARD, .flag = &arguments.tensorboard}, {0}};
    const CommandLine line = {
        .command = "report",
        .arguments = "[RUN...]",
        .doc = "Write one HTML page about one or more runs, which needs no network: losses, probe "
               "accuracy by layer, loss against probe, objectives beside each other, samples, "
               "settings, spec. Each plot is an SVG file as well."
               "\vSeveral runs are 1 2 3, or 1,2,3, or 1..3.\n\nExamples:\n"
               "  scanline report @last\n"
               "  scanline report 1..3 7 -o study.html",
        .groups = OPTIONS_JSON,
        .keys = keys,
        .targets = targets,
        .parse = parse,
        .user = &arguments,
    };
    Options options;
    options_parse(&line, count, words, &options);
    const ExitCode code = session_run(&options, work, &arguments);
    free(arguments.words);
    return code;
}
