/* scanline train: a new run, or one that goes on. */
#include "frontend/cli/commands.h"
#include "frontend/cli/session.h"

#include "runtime/commands/train.h"
#include "runtime/run_folder.h"

#include <stdlib.h>
#include <string.h>

typedef struct TrainArguments {
    const char *resume;
    const char *words; /* the whole command */
} TrainArguments;

enum { KEY_RESUME = 0x100 };

static const struct argp_option keys[] = {
    {"resume", KEY_RESUME, "RUN", 0,
     "go on with RUN (a number, a path, @last) from its last checkpoint", 0},
    {0}};

static error_t parse(int key, char *argument, void *user) {
    TrainArguments *arguments = user;
    if (key != KEY_RESUME)
        return ARGP_ERR_UNKNOWN;
    arguments->resume = argument;
    return 0;
}

/* Settings of a run that goes on are those in its folder. */
static ExitCode resume_folder(const Session *session, const TrainArguments *arguments,
                              char **folder) {
    const Options *options = session->options;
    FileError error;
    if (options->setting_count || options->subject || options->out)
        return session_fail(
            session, EXIT_USAGE, "resume",
            "--resume takes no spec, settings or --out: the run goes on as it was begun");
    *folder = run_find(runs_root(), arguments->resume, &error);
    if (!*folder)
        return session_fail(session, EXIT_INPUT, "run", "%s", error.text);
    return EXIT_DONE;
}

static ExitCode train(Session *session, const TrainArguments *arguments, const char *folder) {
    ExitCode code = folder ? session_read_run(session, folder) : session_read(session, NULL);
    if (!code)
        code = session_settle_memory(session);
    if (!code)
        code = session_compile(session);
    if (code)
        return code;
    const TrainCommand command = {
        .program = &session->program,
        .version = SCANLINE_VERSION,
        .command = arguments->words,
        .resume = folder,
        .out = session->options->out,
        .threads = options_threads(session->options),
        .json = session->options->json,
        .results = stdout,
    };
    RunError error = {0};
    code = train_command(&command, &error);
    return code ? session_fail(session, code, "train", "%s", error.text) : EXIT_DONE;
}

static ExitCode work(Session *session, void *user) {
    const TrainArguments *arguments = user;
    char *folder = NULL;
    ExitCode code = arguments->resume ? resume_folder(session, arguments, &folder) : EXIT_DONE;
    if (!code)
        code = train(session, arguments, folder);
    free(folder);
    return code;
}

/* The words with spaces between them, as people type them. malloc'ed; NULL: no memory. */
static char *join_words(int count, char **words) {
    char *text = strdup("scanline");
    for (int i = 0; text && i < count; i++) {
        char *longer;
        if (asprintf(&longer, "%s %s", text, words[i]) < 0)
            longer = NULL;
        free(text);
        text = longer;
    }
    return text;
}

ExitCode command_train(int count, char **words) {
    char *text = join_words(count, words);
    TrainArguments arguments = {.words = text ? text : "scanline train"};
    const CommandLine line = {
        .command = "train",
        .arguments = "[SPEC] [KEY=VALUE...]",
        .doc = "Train a model; everything about it goes into a new folder in runs/. Ctrl-C saves a "
               "checkpoint first."
               "\vExamples:\n"
               "  scanline train digits\n"
               "  scanline train digits d=128 train.steps=1600 train.seed=2\n"
               "  scanline train mine.scan train.objective=bert --out runs/bert\n"
               "  scanline train --resume @last",
        .groups = OPTIONS_JSON | OPTIONS_COMPILE | OPTIONS_THREADS | OPTIONS_MEMORY | OPTIONS_OUT |
                  OPTIONS_SETTINGS,
        .keys = keys,
        .parse = parse,
        .user = &arguments,
    };
    Options options;
    options_parse(&line, count, words, &options);
    ExitCode code = session_run(&options, work, &arguments);
    free(text);
    return code;
}
