/* scanline data import: a data set as it is distributed becomes a data file. */
#include "frontend/cli/commands.h"
#include "frontend/cli/session.h"

#include "runtime/commands/inspect.h"
#include "runtime/integer.h"

#include <stdlib.h>
#include <string.h>

enum {
    KEY_FORMAT = 0x200,
    KEY_VALIDATION,
    KEY_TEST,
    KEY_SEED,
    KEY_SHORTER,
    KEY_GREY,
    KEY_LABELS,
    KEY_BROKEN,
    KEY_SKIP_BROKEN,
    MOST_SOURCES = 1024,
};

static const struct argp_option keys[] = {
    {"output", 'o', "FILE", 0, "the data file to make: NAME.images", 0},
    {"format", KEY_FORMAT, "NAME", 0,
     "cifar10, cifar100, stl10, idx, npy, folder, imagenet (default: by what is there)", 0},
    {"validation", KEY_VALIDATION, "SHARE", 0,
     "of the images to train on, where the source has none for validation (default: 10%; 4% of "
     "ImageNet, or where there are 1000 classes)",
     0},
    {"test", KEY_TEST, "SHARE", 0, "likewise for testing (default: 10%)", 0},
    {"seed", KEY_SEED, "N", 0, "of the split (default: 0)", 0},
    {"shorter", KEY_SHORTER, "PIXELS", 0,
     "make images smaller, by area average, until their shorter side has so many", 0},
    {"grey", KEY_GREY, 0, 0, "keep one channel", 0},
    {"labels", KEY_LABELS, "fine|coarse", 0, "which of CIFAR-100's (default: fine)", 0},
    {"broken", KEY_BROKEN, "fail|skip", 0,
     "what becomes of broken images: all are named, then nothing is made, or they are left out "
     "(default: fail)",
     0},
    {"skip-broken", KEY_SKIP_BROKEN, 0, 0, "the same as --broken=skip", 0},
    {0}};

typedef struct ImportArguments {
    ImportSettings settings;
    const char *sources[MOST_SOURCES]; /* the first is the subject */
} ImportArguments;

/* "10%" or "0.1". */
static bool share_of(const char *text, double *share) {
    char *end;
    *share = strtod(text, &end);
    if (*text && *end == '%') {
        *share /= 100;
        end++;
    }
    return *text && !*end && *share >= 0 && *share < 1;
}

static error_t parse(int key, char *argument, void *user) {
    ImportArguments *arguments = user;
    ImportSettings *settings = &arguments->settings;
    switch (key) {
    case KEY_VALIDATION:
        return share_of(argument, &settings->validation) ? 0 : EINVAL;
    case KEY_TEST:
        return share_of(argument, &settings->test) ? 0 : EINVAL;
    case KEY_SEED:
        return integer_read(argument, 0, INT64_MAX, &settings->seed) ? 0 : EINVAL;
    case KEY_SHORTER:
        return integer_read(argument, 1, 4096, &settings->shorter) ? 0 : EINVAL;
    case KEY_LABELS:
        settings->coarse = strcmp(argument, "coarse") == 0;
        return settings->coarse || strcmp(argument, "fine") == 0 ? 0 : EINVAL;
    case KEY_BROKEN:
        settings->skip_broken = strcmp(argument, "skip") == 0;
        return settings->skip_broken || strcmp(argument, "fail") == 0 ? 0 : EINVAL;
    case ARGP_KEY_ARG:
        if (settings->source_count == MOST_SOURCES - 1)
            return E2BIG;
        arguments->sources[++settings->source_count] = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static ExitCode work(Session *session, void *user) {
    ImportArguments *arguments = user;
    ImportSettings *settings = &arguments->settings;
    if (!session->options->subject || !settings->path)
        return session_fail(session, EXIT_USAGE, "arguments",
                            "what is to be imported, and where to? scanline data import SOURCE... "
                            "-o NAME.images");
    if (settings->validation >= 0 && settings->test >= 0 &&
        settings->validation + settings->test >= 1)
        return session_fail(session, EXIT_USAGE, "arguments",
                            "--validation and --test leave nothing to train on");
    arguments->sources[0] = session->options->subject;
    settings->sources = arguments->sources;
    settings->source_count++;
    settings->threads = options_threads(session->options);
    RunError error = {0};
    if (commands_import(settings, session->options->json, session->log, stdout, &error))
        return EXIT_DONE;
    return session_fail(session, error.code, "import", "%s", error.text);
}

ExitCode command_data_import(int count, char **words) {
    ImportArguments arguments = {.settings = {.validation = -1, .test = -1}};
    const OptionTarget targets[] = {{'o', .text = &arguments.settings.path},
                                    {KEY_FORMAT, .text = &arguments.settings.format},
                                    {KEY_GREY, .flag = &arguments.settings.grey},
                                    {KEY_SKIP_BROKEN, .flag = &arguments.settings.skip_broken},
                                    {0}};
    const CommandLine line = {
        .command = "data import",
        .arguments = "SOURCE... -o NAME.images",
        .doc = "Make a data file of a data set as it is distributed: CIFAR-10 and CIFAR-100 "
               "(binary), STL-10 "
               "(binary), MNIST and what is like it (IDX), folders of JPEG and PNG files by class, "
               ".npy and "
               ".npz arrays. Each may be packed (.gz, .xz, ...) or in an archive (.tar, .tar.gz, "
               ".zip)."
               "\vWhat the source has for testing is for that. Every broken image is named; an "
               "import that "
               "was killed goes on with the same command, to the same bytes.\n\nExamples:\n"
               "  scanline data import cifar-10-binary.tar.gz -o cifar10.images\n"
               "  scanline data import fashion-mnist/ -o fashion.images\n"
               "  scanline data import ILSVRC/Data/CLS-LOC -o imagenet64.images --shorter 64 "
               "--skip-broken\n"
               "  scanline data import train_images.npy train_labels.npy -o mine.images --test 20%",
        .groups = OPTIONS_JSON | OPTIONS_THREADS,
        .keys = keys,
        .targets = targets,
        .parse = parse,
        .user = &arguments,
    };
    Options options;
    options_parse(&line, count, words, &options);
    return session_run(&options, work, &arguments);
}
