/* scanline data palette: gives a data file its palette. */
#include "frontend/cli/commands.h"
#include "frontend/cli/session.h"

#include "runtime/commands/palette.h"
#include "runtime/images/palette.h"
#include "runtime/images/resample.h"
#include "runtime/integer.h"

enum { KEY_COLOURS = 0x200, KEY_RESOLUTION, KEY_GREY, KEY_SEED, KEY_PALETTE, USUAL_COLOURS = 512 };

static const struct argp_option keys[] = {
    {"colours", KEY_COLOURS, "N", 0, "how many (default: 512)", 0},
    {"colors", KEY_COLOURS, 0, OPTION_ALIAS, 0, 0},
    {"resolution", KEY_RESOLUTION, "PIXELS", 0,
     "fit to images brought to so many pixels a side, as data.resolution will (default: as they "
     "are)",
     0},
    {"grey", KEY_GREY, 0, 0, "greys alone: images in colour become their luma", 0},
    {"seed", KEY_SEED, "N", 0, "of the start of k-means (default: 1)", 0},
    {"palette", KEY_PALETTE, "FILE.npy", 0,
     "take this palette, [colours, channels] in [-1, 1] (OpenAI's kmeans_centers.npy), instead of "
     "fitting one",
     0},
    {"output", 'o', "FILE.npy", 0, "write the palette to a file, too", 0},
    {0}};

static error_t parse(int key, char *argument, void *user) {
    PaletteOptions *palette = user;
    switch (key) {
    case KEY_COLOURS:
        return integer_read(argument, 1, PALETTE_MOST_COLOURS, &palette->colours) ? 0 : EINVAL;
    case KEY_RESOLUTION:
        return integer_read(argument, 1, RESAMPLE_MOST_RESOLUTION, &palette->resolution) ? 0
                                                                                         : EINVAL;
    case KEY_SEED:
        return integer_read(argument, 0, INT32_MAX, &palette->seed) ? 0 : EINVAL;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static ExitCode work(Session *session, void *user) {
    PaletteOptions *palette = user;
    if (!session->options->subject)
        return session_fail(session, EXIT_USAGE, "arguments",
                            "which file? scanline data palette NAME.images");
    palette->path = session->options->subject;
    palette->json = session->options->json;
    palette->threads = options_threads(session->options);
    RunError error = {0};
    if (commands_palette(palette, session->log, stdout, &error))
        return EXIT_DONE;
    return session_fail(session, error.code, "palette", "%s", error.text);
}

ExitCode command_data_palette(int count, char **words) {
    PaletteOptions palette = {.colours = USUAL_COLOURS, .seed = 1};
    const OptionTarget targets[] = {{KEY_GREY, .flag = &palette.grey},
                                    {KEY_PALETTE, .text = &palette.palette},
                                    {'o', .text = &palette.out},
                                    {0}};
    const CommandLine line = {
        .command = "data palette",
        .arguments = "NAME.images",
        .doc = "Give a data file its palette, the colours that its pixels become tokens of: by "
               "k-means of the pixels of its train split, at the resolution that a model will see. "
               "The same images, options and seed give the same palette."
               "\vExamples:\n"
               "  scanline data palette cifar10.images --colours 512 --resolution 16\n"
               "  scanline data palette cifar10.images --grey --colours 16 -o greys.npy\n"
               "  scanline data palette imagenet.images --palette kmeans_centers.npy",
        .groups = OPTIONS_JSON | OPTIONS_THREADS,
        .keys = keys,
        .targets = targets,
        .parse = parse,
        .user = &palette,
    };
    Options options;
    options_parse(&line, count, words, &options);
    return session_run(&options, work, &palette);
}
