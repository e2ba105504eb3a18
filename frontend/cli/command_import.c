/* scanline import: a run of another program's checkpoint. */
#include "frontend/cli/commands.h"
#include "frontend/cli/map_open.h"

#include "runtime/commands/import.h"
#include "runtime/interchange/map_config.h"

#include <stdlib.h>
#include <string.h>

typedef struct ImportArguments {
    Options options;
    const char *spec, *map, *palette, *out;
    const char *words; /* the whole command */
} ImportArguments;

enum { KEY_MAP = 0x100, KEY_PALETTE };

static const struct argp_option keys[] = {
    {"map", KEY_MAP, "FILE", 0,
     "how FILE's tensors are called and shaped: igpt-hf (the default), gpt2-hf, or a file of yours",
     0},
    {"palette", KEY_PALETTE, "FILE", 0,
     "the colours of its tokens: OpenAI's kmeans_centers.npy, [colours, 3] in [-1, 1] (default: "
     "what "
     "lies beside FILE)",
     0},
    {"out", 'o', "DIR", 0, "make the run in DIR, which must not exist, instead of in runs/", 0},
    {0}};

static error_t parse(int key, char *argument, void *user) {
    ImportArguments *arguments = user;
    switch (key) {
    case ARGP_KEY_ARG:
        if (arguments->spec)
            return EINVAL;
        arguments->spec = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static bool is_given(const Options *options, const char *dim) {
    const size_t length = strlen(dim);
    for (uint32_t i = 0; i < options->setting_count; i++)
        if (strncmp(options->settings[i], dim, length) == 0 && options->settings[i][length] == '=')
            return true;
    return false;
}

/* The dims that the config tells and the command line does not, as settings. */
static ExitCode take_dims(Session *session, Options *options, const Map *map,
                          const json_t *config) {
    const char **settings =
        arena_array(session->arena, options->setting_count + map->dim_count + 1, sizeof *settings);
    uint32_t count = options->setting_count;
    if (count)
        memcpy(settings, options->settings, count * sizeof *settings);
    for (uint32_t i = 0; i < map->dim_count; i++) {
        const MapDim *dim = &map->dims[i];
        int64_t value;
        FileError error;
        if (!config_dim(dim, config, &value, &error))
            return session_fail(session, EXIT_INPUT, "config", "%s", error.text);
        if (value && !is_given(options, dim->dim))
            settings[count++] = arena_printf(session->arena, "%s=%lld", dim->dim, (long long)value);
    }
    free(options->settings);
    options->settings = settings;
    options->setting_count = count;
    return EXIT_DONE;
}

/* What lies beside the weights. */
typedef struct Beside {
    json_t *config;
    Palette palette;
} Beside;

static bool read_beside(const ImportArguments *arguments, const Weights *weights, Beside *beside,
                        FileError *error) {
    const char *folder = weights_folder(weights);
    if (!config_read(folder, "config.json", &beside->config, error))
        return false;
    if (!arguments->palette)
        return clusters_find(&beside->palette, folder, error);
    return clusters_read(&beside->palette, arguments->palette, error) &&
           (beside->palette.centres ||
            file_fault(error, arguments->palette, "there are no \"clusters\" in it"));
}

static ExitCode import(Session *session, ImportArguments *arguments, const Map *map,
                       const Weights *weights, const Beside *beside) {
    const char *spec = arguments->spec ? arguments->spec : map->spec;
    if (!spec)
        return session_fail(session, EXIT_USAGE, "spec", "%s names no spec: give one", map->path);
    ExitCode code = take_dims(session, &arguments->options, map, beside->config);
    if (!code)
        code = session_read(session, spec);
    if (code)
        return code;
    const ImportCommand command = {
        .experiment = &session->experiment,
        .map = map,
        .weights = weights,
        .config = beside->config,
        .palette = &beside->palette,
        .versions = session_versions(session),
        .command = arguments->words,
        .out = arguments->out,
        .json = session->options->json,
        .results = stdout,
        .log = session->log,
    };
    RunError error = {0};
    code = import_command(&command, &error);
    return code ? session_fail(session, code, "import", "%s", error.text) : EXIT_DONE;
}

static ExitCode import_mapped(Session *session, ImportArguments *arguments, const Map *map) {
    FileError error;
    Beside beside = {0};
    Weights *weights = weights_open(arguments->options.subject, &error);
    ExitCode code = EXIT_INPUT;
    if (weights && read_beside(arguments, weights, &beside, &error))
        code = import(session, arguments, map, weights, &beside);
    else
        session_fail(session, code, "import", "%s", error.text);
    json_decref(beside.config);
    palette_free(&beside.palette);
    weights_close(weights);
    return code;
}

static ExitCode work(Session *session, void *user) {
    ImportArguments *arguments = user;
    Map *map;
    if (!arguments->options.subject)
        return session_fail(session, EXIT_USAGE, "import",
                            "which checkpoint? Give a file, or the folder that it lies in");
    ExitCode code = map_open(session, arguments->map, &map);
    if (!code)
        code = import_mapped(session, arguments, map);
    map_free(map);
    return code;
}

ExitCode command_import(int count, char **words) {
    char *text = options_words(count, words);
    ImportArguments arguments = {.words = text ? text : "scanline import"};
    const OptionTarget targets[] = {{KEY_MAP, .text = &arguments.map},
                                    {KEY_PALETTE, .text = &arguments.palette},
                                    {'o', .text = &arguments.out},
                                    {0}};
    const CommandLine line = {
        .command = "import",
        .arguments = "FILE|FOLDER [SPEC] [KEY=VALUE...]",
        .doc = "Make a run whose parameters are those of another program's checkpoint: "
               "safetensors, or a state dict that PyTorch saved (it is read, nothing in it is "
               "executed), also in several files with an index. config.json beside it gives the "
               "dims. The run can be evaluated, probed, sampled and finetuned as any other; give "
               "the images with data.source=."
               "\vThe default SPEC is the map's: for image GPTs igpt-hf, which has biases. Where "
               "all of them are zero, igpt-s, -m, -l or another spec without biases will do.\n\n"
               "Examples:\n"
               "  scanline import imagegpt-small data.source=cifar10.images\n"
               "  scanline import imagegpt-small igpt-s\n"
               "  scanline import pytorch_model.bin n=1024 v=512 d=512 h=8 layers=24\n"
               "  scanline import gpt2 --map gpt2-hf -o runs/gpt2",
        .groups = OPTIONS_JSON | OPTIONS_SETTINGS,
        .keys = keys,
        .targets = targets,
        .parse = parse,
        .user = &arguments,
    };
    options_parse(&line, count, words, &arguments.options);
    ExitCode code = session_run(&arguments.options, work, &arguments);
    free(text);
    return code;
}
