#include "frontend/cli/trial.h"

#include "runtime/run/run_lock.h"

#include <stdlib.h>

typedef struct TrialRun {
    const Trial *trial;
    char *folder;
} TrialRun;

const Options *trial_options(Arena *arena, const Options *options, const char *const *settings,
                             uint32_t count) {
    Options *more = arena_alloc(arena, sizeof *more);
    *more = *options;
    more->settings = arena_array(arena, options->setting_count + count + 1, sizeof *more->settings);
    for (uint32_t i = 0; i < options->setting_count; i++)
        more->settings[i] = options->settings[i];
    for (uint32_t i = 0; i < count; i++)
        more->settings[more->setting_count++] = settings[i];
    return more;
}

static bool look_after(const Session *session, const Trial *trial, const char *folder,
                       RunError *error) {
    const Command command = {.program = &session->program,
                             .folder = folder,
                             .threads = options_threads(session->options)};
    return !trial->after || trial->after(&command, trial->user, error);
}

static ExitCode work(Session *session, void *user) {
    TrialRun *run = user;
    const Trial *trial = run->trial;
    const TrainRequest request = {
        .words = trial->words, .from = trial->from, .checkpoint = trial->checkpoint, .once = true};
    RunError error;
    session->options =
        trial_options(session->arena, trial->options, trial->settings, trial->setting_count);
    ExitCode code = session_train(session, &request, &run->folder, &error);
    if (!code && !run->folder)
        run_no_memory(&error, "a path");
    else if (!code)
        look_after(session, trial, run->folder, &error);
    if (code == EXIT_DIVERGED && run->folder) {
        log_say(session->log, "%s diverged: %s", run->folder, error.text);
        return code;
    }
    if (code == EXIT_STOPPED)
        log_say(session->log, "the same command goes on from here");
    return *error.text ? session_fail(session, error.code, "trial", "%s", error.text) : code;
}

ExitCode trial_run(const Trial *trial, char **folder) {
    TrialRun run = {.trial = trial};
    ExitCode code = session_run(trial->options, work, &run);
    *folder = run.folder;
    if (code == EXIT_DONE || code == EXIT_DIVERGED)
        return code;
    free(run.folder);
    *folder = NULL;
    return code;
}

ExitCode trials_locked(Session *session, const char *folder,
                       ExitCode (*act)(Session *session, void *user), void *user) {
    RunError error;
    const int lock = run_lock(folder, &error);
    if (lock < 0)
        return session_fail(session, error.code, session->options->command, "%s", error.text);
    const ExitCode code = act(session, user);
    run_unlock(lock);
    return code;
}

ExitCode trials_judged(const Session *session, const DataSettings *settings) {
    DataError fault;
    DataSet *data = data_open(settings, &fault);
    if (!data)
        return session_fail(session, EXIT_INPUT, "data", "%s", fault.text);
    const bool judged = data->splits[DATA_VALIDATION].count > 0;
    data_close(data);
    return judged ? EXIT_DONE
                  : session_fail(session, EXIT_INPUT, "data",
                                 "trials are judged on the validation split, and there is none: "
                                 "give data.validation a share");
}
