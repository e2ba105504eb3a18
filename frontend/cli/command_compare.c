/* scanline compare: what two sets of runs differ by. */
#include "frontend/cli/commands.h"
#include "frontend/cli/run_specs.h"

#include "runtime/commands/compare.h"
#include "runtime/report/comparison.h"
#include "runtime/run/run_folder.h"

#include <string.h>

typedef struct CompareArguments {
    const char *second; /* set */
    unsigned across;
} CompareArguments;

enum { KEY_ACROSS = 0x100 };

static const struct argp_option keys[] = {
    {"across", KEY_ACROSS, "WHAT", 0,
     "compare sets although their `objective' is another (losses are left out), or their `data'; "
     "may be given twice",
     0},
    {0}};

static error_t parse(int key, char *argument, void *user) {
    CompareArguments *arguments = user;
    if (key == ARGP_KEY_ARG && !arguments->second) {
        arguments->second = argument;
        return 0;
    }
    if (key != KEY_ACROSS)
        return ARGP_ERR_UNKNOWN;
    if (strcmp(argument, "objective") != 0 && strcmp(argument, "data") != 0)
        return EINVAL;
    arguments->across |= *argument == 'o' ? ACROSS_OBJECTIVES : ACROSS_DATA;
    return 0;
}

static ExitCode compare(Session *session, const CompareArguments *arguments, const RunSet *a,
                        const RunSet *b) {
    const CompareCommand command = {.a = run_specs_read(session, a),
                                    .b = run_specs_read(session, b),
                                    .a_count = a->count,
                                    .b_count = b->count,
                                    .across = arguments->across,
                                    .json = session->options->json,
                                    .results = stdout};
    RunError error = {0};
    return commands_compare(&command, &error)
               ? EXIT_DONE
               : session_fail(session, error.code, "compare", "%s", error.text);
}

static ExitCode work(Session *session, void *user) {
    const CompareArguments *arguments = user;
    RunSet a = {0}, b = {0};
    FileError error;
    if (!arguments->second)
        return session_fail(session, EXIT_USAGE, "compare",
                            "two sets of runs are compared: scanline compare 1,2,3 4,5,6");
    const bool found = run_set_add(&a, runs_root(), session->options->subject, &error) &&
                       run_set_add(&b, runs_root(), arguments->second, &error);
    const ExitCode code = found ? compare(session, arguments, &a, &b)
                                : session_fail(session, EXIT_INPUT, "run", "%s", error.text);
    run_set_free(&a);
    run_set_free(&b);
    return code;
}

ExitCode command_compare(int count, char **words) {
    CompareArguments arguments = {0};
    const CommandLine line = {
        .command = "compare",
        .arguments = "A B",
        .doc = "Compare two sets of runs that differ within a set by their seeds: the difference "
               "of the means, B less A, of the best validation loss, of the best layer's probe "
               "accuracy, and of what eval found on the test split, each with its 95 % interval."
               "\vWhere both sets have the same train.seed values runs are taken in pairs "
               "(Student's t), else Welch's t is used. Sets on other images, another split or of "
               "another objective are refused unless --across says that this is "
               "compared.\n\nExamples:\n"
               "  scanline compare 1,2,3 4,5,6\n"
               "  scanline compare 1..3 4..6 --json\n"
               "  scanline compare 1..3 7..9 --across objective",
        .groups = OPTIONS_JSON,
        .keys = keys,
        .parse = parse,
        .user = &arguments,
    };
    Options options;
    options_parse(&line, count, words, &options);
    return session_run(&options, work, &arguments);
}
