#include "frontend/cli/on_run.h"

#include "frontend/cli/session.h"
#include "runtime/run/run_folder.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { KEY_CHECKPOINT = 0x100 };

const struct argp_option on_run_keys[] = {
    {"checkpoint", KEY_CHECKPOINT, "FILE", 0, "this checkpoint (default: the run's best)", 0}, {0}};

error_t on_run_parse(int key, char *argument, void *user) {
    OnRun *on_run = user;
    if (key != KEY_CHECKPOINT)
        return ARGP_ERR_UNKNOWN;
    on_run->checkpoint = argument;
    return 0;
}

/* By the environment alone: the program never calls setlocale, so that numbers are read the same
 * everywhere. */
static bool speaks_utf8(void) {
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (int i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

static ChartStyle terminal_style(void) {
    struct winsize size = {0};
    bool terminal = isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    return (ChartStyle){.columns = terminal && size.ws_col ? size.ws_col : 80,
                        .utf8 = speaks_utf8(),
                        .colours = terminal_has_colour(STDOUT_FILENO)};
}

static ExitCode act(Session *session, const OnRun *on_run, const char *folder) {
    ExitCode code = session_read_run(session, folder);
    if (!code)
        code = session_compile(session);
    if (code)
        return code;
    const Command command = {
        .program = &session->program,
        .folder = folder,
        .checkpoint = on_run->checkpoint,
        .threads = options_threads(session->options),
        .json = session->options->json,
        .style = terminal_style(),
        .results = stdout,
    };
    RunError error = {0};
    if (on_run->act(&command, on_run->user, &error))
        return EXIT_DONE;
    return session_fail(session, error.code, session->options->command, "%s", error.text);
}

static ExitCode work(Session *session, void *user) {
    const char *address = session->options->subject ? session->options->subject : "@last";
    FileError error;
    char *folder = run_find(runs_root(), address, &error);
    if (!folder)
        return session_fail(session, EXIT_INPUT, "run", "%s", error.text);
    ExitCode code = act(session, user, folder);
    free(folder);
    return code;
}

ExitCode on_run(const Options *options, OnRun *on_run) {
    return session_run(options, work, on_run);
}
