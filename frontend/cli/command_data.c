/* scanline data: what is in the data set of a spec. */
#include "frontend/cli/commands.h"
#include "frontend/cli/session.h"

#include "runtime/commands/data.h"

#include <string.h>

static int64_t colours_of(const Experiment *experiment) {
    for (uint32_t i = 0; i < experiment->input_count; i++)
        if (strcmp(experiment->inputs[i].name, "tokens") == 0)
            return experiment->inputs[i].limit;
    return 0;
}

static ExitCode work(Session *session, void *user) {
    (void)user;
    ExitCode code = session_read(session, NULL);
    if (code)
        return code;
    RunError error = {0};
    if (commands_data(&session->experiment.data, colours_of(&session->experiment),
                      session->options->json, stdout, &error))
        return EXIT_DONE;
    return session_fail(session, error.code, "data", "%s", error.text);
}

ExitCode command_data(int count, char **words) {
    const CommandLine line = {
        .command = "data",
        .arguments = "[SPEC] [KEY=VALUE...]",
        .doc = "Look at the data set that a spec trains on: counts by class and split, hashes, and "
               "how well models that "
               "know little do on it."
               "\vAn IDX file may be gzipped; labels are in the file beside it that has \"labels\" "
               "for "
               "\"images\" in its name. Classes are called as data.classes says, a text file with "
               "a name on "
               "each line; or as classes.txt or labels.txt beside the images does, if it has as "
               "many lines "
               "as there are classes.\n\nExamples:\n"
               "  scanline data digits\n"
               "  scanline data digits data.source=train-images-idx3-ubyte.gz --json\n"
               "  scanline data digits data.classes=names.txt",
        .groups = OPTIONS_JSON | OPTIONS_SETTINGS,
    };
    Options options;
    options_parse(&line, count, words, &options);
    return session_run(&options, work, NULL);
}
