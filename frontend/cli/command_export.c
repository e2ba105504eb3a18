/* scanline export: a run's checkpoint for another program. */
#include "frontend/cli/commands.h"
#include "frontend/cli/map_open.h"

#include "runtime/commands/export.h"
#include "runtime/run/run_folder.h"

#include <stdlib.h>

typedef struct ExportArguments {
    const char *map, *out;
} ExportArguments;

enum { KEY_MAP = 0x100 };

static const struct argp_option keys[] = {
    {"map", KEY_MAP, "FILE", 0,
     "how the other program calls and shapes the tensors: igpt-hf (the default), gpt2-hf, or a "
     "file of yours",
     0},
    {"out", 'o', "FOLDER", 0, "the folder to make; it must not exist", 0},
    {0}};

static ExitCode export_run(Session *session, const ExportArguments *arguments, const Map *map,
                           const char *folder) {
    ExitCode code = session_read_run(session, folder);
    if (code)
        return code;
    const ExportCommand command = {
        .experiment = &session->experiment,
        .map = map,
        .folder = folder,
        .checkpoint = session->options->checkpoint,
        .out = arguments->out,
        .results = stdout,
        .log = session->log,
    };
    RunError error = {0};
    return export_command(&command, &error)
               ? EXIT_DONE
               : session_fail(session, error.code, "export", "%s", error.text);
}

static ExitCode work(Session *session, void *user) {
    const ExportArguments *arguments = user;
    const char *address = session->options->subject ? session->options->subject : "@last";
    FileError error;
    Map *map;
    if (!arguments->out)
        return session_fail(session, EXIT_USAGE, "export", "where to? Give -o FOLDER");
    ExitCode code = map_open(session, arguments->map, &map);
    char *folder = code ? NULL : run_find(runs_root(), address, &error);
    if (!code)
        code = folder ? export_run(session, arguments, map, folder)
                      : session_fail(session, EXIT_INPUT, "run", "%s", error.text);
    map_free(map);
    free(folder);
    return code;
}

ExitCode command_export(int count, char **words) {
    ExportArguments arguments = {0};
    const OptionTarget targets[] = {
        {KEY_MAP, .text = &arguments.map}, {'o', .text = &arguments.out}, {0}};
    const CommandLine line = {
        .command = "export",
        .arguments = "[RUN] -o FOLDER",
        .doc = "Write a checkpoint of a run for Hugging Face transformers: config.json and "
               "model.safetensors, which ImageGPTForCausalImageModeling.from_pretrained(FOLDER) "
               "reads and gives the same logits by (of a classifier, also "
               "ImageGPTForImageClassification)."
               "\vThere the start token is fed by hand: input_ids [v, x_0 ... x_(n-2)].\n\n"
               "Examples:\n"
               "  scanline export @last -o exported\n"
               "  scanline export 7 --checkpoint runs/0007-*/checkpoints/last.safetensors -o last",
        .groups = OPTIONS_CHECKPOINT | OPTIONS_JSON,
        .keys = keys,
        .targets = targets,
        .user = &arguments,
    };
    Options options;
    options_parse(&line, count, words, &options);
    return session_run(&options, work, &arguments);
}
