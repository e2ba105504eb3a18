/* scanline reproduce: does training a run again give the same bits? */
#include "frontend/cli/commands.h"
#include "frontend/cli/session.h"

#include "runtime/commands/reproduce.h"
#include "runtime/run/run_folder.h"

#include <stdlib.h>

static ExitCode reproduce(Session *session, const char *words, const char *folder) {
    ExitCode code = session_target_run(session, folder);
    if (!code)
        code = session_read_run(session, folder);
    if (!code)
        code = session_settle_memory(session);
    if (!code)
        code = session_compile(session);
    if (code)
        return code;
    const ReproduceCommand command = {
        .program = &session->program,
        .versions = session_versions(session),
        .command = words,
        .folder = folder,
        .out = session->options->out,
        .threads = options_threads(session->options),
        .json = session->options->json,
        .results = stdout,
        .log = session->log,
    };
    RunError error = {0};
    code = reproduce_command(&command, &error);
    return code == EXIT_DONE || code == EXIT_DIFFERS
               ? code
               : session_fail(session, code, "reproduce", "%s", error.text);
}

static ExitCode work(Session *session, void *user) {
    const char *words = user;
    const char *address = session->options->subject ? session->options->subject : "@last";
    FileError error;
    char *folder = run_find(runs_root(), address, &error);
    if (!folder)
        return session_fail(session, EXIT_INPUT, "run", "%s", error.text);
    ExitCode code = reproduce(session, words, folder);
    free(folder);
    return code;
}

ExitCode command_reproduce(int count, char **words) {
    char *text = options_words(count, words);
    const CommandLine line = {
        .command = "reproduce",
        .arguments = "[RUN]",
        .doc =
            "Train the spec of a run again, compare metrics.jsonl and the checkpoints, and name "
            "the first step, and the figure or tensor, in which the two differ. The exit code is 0 "
            "where nothing differs and 5 where something does. A run that was stopped or killed is "
            "compared as far as it got."
            "\vIt is trained in the folder `reproduction' of the run, which is left there when it "
            "differs; or in --out, which is always left. Images, split, spec or target that are "
            "not those of the run are an error: equality could not be expected.\n\n"
            "Examples:\n"
            "  scanline reproduce @last\n"
            "  scanline reproduce 7 --json\n"
            "  scanline reproduce 7 --threads 1 --out /tmp/again",
        .groups = OPTIONS_JSON | OPTIONS_COMPILE | OPTIONS_THREADS | OPTIONS_PERF | OPTIONS_MEMORY |
                  OPTIONS_OUT,
    };
    Options options;
    options_parse(&line, count, words, &options);
    ExitCode code = session_run(&options, work, text ? text : (char[]){"scanline reproduce"});
    free(text);
    return code;
}
