/* scanline data: what is in the data set of a spec; or, by the next word, what is done with files.
 */
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

static const struct {
    const char *name;
    ExitCode (*run)(int count, char **words);
} commands[] = {
    {"import", command_data_import},
    {"inspect", command_data_inspect},
    {"palette", command_data_palette},
};

ExitCode command_data(int count, char **words) {
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (count > 1 && strcmp(words[1], commands[i].name) == 0)
            return commands[i].run(count - 1, words + 1);
    const CommandLine line = {
        .command = "data",
        .arguments = "[SPEC] [KEY=VALUE...]\nimport SOURCE... -o NAME.images\ninspect "
                     "NAME.images\npalette NAME.images",
        .doc = "Look at the data set that a spec trains on: counts by class and split, hashes, and "
               "how well models that "
               "know little do on it."
               "\vAn IDX file may be gzipped; labels are in the file beside it that has \"labels\" "
               "for "
               "\"images\" in its name. Classes are called as data.classes says, a text file with "
               "a name on "
               "each line; or as classes.txt or labels.txt beside the images does, if it has as "
               "many lines "
               "as there are classes.\n\n`scanline data import --help' says how files of images "
               "are made of "
               "data sets as they are distributed, and `scanline data inspect --help' how they are "
               "looked "
               "at.\n\nExamples:\n"
               "  scanline data digits\n"
               "  scanline data digits data.source=train-images-idx3-ubyte.gz --json\n"
               "  scanline data digits data.classes=names.txt",
        .groups = OPTIONS_JSON | OPTIONS_SETTINGS,
    };
    Options options;
    options_parse(&line, count, words, &options);
    return session_run(&options, work, NULL);
}
