/* scanline data inspect: what a data file holds. */
#include "frontend/cli/commands.h"
#include "frontend/cli/session.h"

#include "runtime/commands/inspect.h"
#include "runtime/images/resample.h"
#include "runtime/integer.h"

enum { KEY_SHEET = 0x200, KEY_VERIFY, KEY_RESOLUTION };

static const struct argp_option keys[] = {
    {"sheet", KEY_SHEET, "FILE", 0, "draw some images of each class into a PNG", 0},
    {"verify", KEY_VERIFY, 0, 0, "check all pixels against their sums", 0},
    {"resolution", KEY_RESOLUTION, "PIXELS", 0,
     "look for duplicates between splits also after making the images' centres so small", 0},
    {0}};

static error_t parse(int key, char *argument, void *user) {
    InspectOptions *inspect = user;
    switch (key) {
    case KEY_RESOLUTION:
        return integer_read(argument, 1, RESAMPLE_MOST_RESOLUTION, &inspect->resolution) ? 0
                                                                                         : EINVAL;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static ExitCode work(Session *session, void *user) {
    InspectOptions *inspect = user;
    if (!session->options->subject)
        return session_fail(session, EXIT_USAGE, "arguments",
                            "which file? scanline data inspect NAME.images");
    inspect->path = session->options->subject;
    inspect->json = session->options->json;
    inspect->threads = options_threads(session->options);
    RunError error = {0};
    if (commands_inspect(inspect, session->log, stdout, &error))
        return EXIT_DONE;
    return session_fail(session, error.code, "inspect", "%s", error.text);
}

ExitCode command_data_inspect(int count, char **words) {
    InspectOptions inspect = {0};
    const OptionTarget targets[] = {
        {KEY_SHEET, .text = &inspect.sheet}, {KEY_VERIFY, .flag = &inspect.verify}, {0}};
    const CommandLine line = {
        .command = "data inspect",
        .arguments = "NAME.images",
        .doc =
            "Look at a data file: counts by class and split, sizes, means, images that are in two "
            "splits, where it is from and what was left out."
            "\vExamples:\n"
            "  scanline data inspect cifar10.images --sheet cifar10.png\n"
            "  scanline data inspect imagenet64.images --verify --resolution 32 --json",
        .groups = OPTIONS_JSON | OPTIONS_THREADS,
        .keys = keys,
        .targets = targets,
        .parse = parse,
        .user = &inspect,
    };
    Options options;
    options_parse(&line, count, words, &options);
    return session_run(&options, work, &inspect);
}
