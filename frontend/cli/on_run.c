#include "frontend/cli/on_run.h"

#include "frontend/cli/session.h"
#include "runtime/files/hash.h"
#include "runtime/run/run_folder.h"
#include "runtime/run/run_libraries.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

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

/* The section of "data.seed=1", if it is one of those in "probe data"; its length, or 0. */
static size_t section_of(const char *setting, const char *sections) {
    for (const char *at = sections; at && *at;) {
        const size_t length = strcspn(at, " ");
        if (strncmp(setting, at, length) == 0 && setting[length] == '.')
            return length;
        at += length + (at[length] == ' ');
    }
    return 0;
}

/* A run is what it was trained as: only what is asked of it may change. */
static ExitCode check_settings(const Session *session, const char *sections) {
    const Options *options = session->options;
    for (uint32_t i = 0; i < options->setting_count; i++)
        if (!section_of(options->settings[i], sections))
            return session_fail(session, EXIT_INPUT, "setting",
                                "%s: of a run that is trained, settings of these sections can be "
                                "changed here: %s",
                                options->settings[i], sections ? sections : "none");
    return EXIT_DONE;
}

/* A part of the labels is of the same data. */
static bool has_other_data(const Session *session) {
    static const char *const parts[] = {"data.labels=", "data.share=", "data.subset="};
    for (uint32_t i = 0; i < session->options->setting_count; i++) {
        const char *setting = session->options->settings[i];
        bool is_part = false;
        for (size_t part = 0; part < sizeof parts / sizeof *parts; part++)
            is_part |= strncmp(setting, parts[part], strlen(parts[part])) == 0;
        if (!is_part && section_of(setting, "data"))
            return true;
    }
    return false;
}

/* "probe/fashion-mnist-1f0c33aa": the name of the data, and the hash of all settings of it. */
static const char *directory_of_data(Session *session, const char *command) {
    const Experiment *experiment = &session->experiment;
    const char *slash = strrchr(experiment->data.source, '/'), *settings = "";
    const char *name = slash ? slash + 1 : experiment->data.source;
    char hash[HASH_SIZE];
    for (uint32_t i = 0; i < experiment->setting_count; i++)
        if (section_of(experiment->settings[i].key, "data"))
            settings = arena_printf(session->arena, "%s%s=%s\n", settings,
                                    experiment->settings[i].key, experiment->settings[i].value);
    hash_text(settings, hash);
    return arena_printf(session->arena, "%s/%.*s-%.8s", command, (int)strcspn(name, "."), name,
                        hash);
}

static ExitCode act(Session *session, const OnRun *on_run, const char *folder) {
    ExitCode code = check_settings(session, on_run->sections);
    if (!code)
        code = session_read_run(session, folder);
    if (!code && on_run->images)
        code = session_decode(session, on_run->images(&session->experiment, on_run->user));
    if (!code)
        code = session_compile(session);
    if (code)
        return code;
    run_libraries_warn(folder, &session->program, session->log);
    const bool transfer = has_other_data(session);
    const Command command = {
        .program = &session->program,
        .folder = folder,
        .into = transfer ? directory_of_data(session, session->options->command) : NULL,
        .checkpoint = session->options->checkpoint,
        .transfer = transfer,
        .threads = options_threads(session->options),
        .json = session->options->json,
        .style = terminal_style(),
        .results = stdout,
        .log = session->log,
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
