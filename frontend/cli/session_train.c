#include "frontend/cli/session_train.h"

#include "runtime/commands/train.h"
#include "runtime/run/run_folder.h"

#include <stdlib.h>

ExitCode session_find_run(const Session *session, const char *address, char **folder) {
    FileError error;
    *folder = address ? run_find(runs_root(), address, &error) : NULL;
    return address && !*folder ? session_fail(session, EXIT_INPUT, "run", "%s", error.text)
                               : EXIT_DONE;
}

ExitCode session_read_new(Session *session, const char *from) {
    return from && !session->options->subject ? session_read_child(session, from)
                                              : session_read(session, NULL);
}

static ExitCode read_spec(Session *session, const TrainRequest *request) {
    if (!request->resume)
        return session_read_new(session, request->from);
    ExitCode code = session_target_run(session, request->resume);
    return code ? code : session_read_run(session, request->resume);
}

ExitCode session_train_read(Session *session, const TrainRequest *request) {
    ExitCode code = read_spec(session, request);
    return code ? code : session_settle_memory(session);
}

ExitCode session_train_compiled(Session *session, const TrainRequest *request, char **folder,
                                RunError *error) {
    *error = (RunError){0};
    const TrainCommand command = {
        .program = &session->program,
        .versions = session_versions(session),
        .command = request->words,
        .resume = request->resume,
        .from = request->from,
        .checkpoint = request->checkpoint,
        .out = session->options->out,
        .threads = options_threads(session->options),
        .ranks = request->ranks,
        .once = request->once,
        .json = session->options->json,
        .profile = request->profile,
        .tensorboard = request->tensorboard,
        .until = request->until,
        .data = request->data,
        .figures = request->figures,
        .figures_user = request->figures_user,
        .results = request->results,
        .log = session->log,
        .folder = folder,
    };
    return train_command(&command, error);
}

ExitCode session_train(Session *session, const TrainRequest *request, char **folder,
                       RunError *error) {
    *error = (RunError){0};
    ExitCode code = session_train_read(session, request);
    if (!code)
        code = session_compile(session);
    return code ? code : session_train_compiled(session, request, folder, error);
}
