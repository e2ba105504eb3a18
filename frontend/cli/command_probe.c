/* scanline probe: what every layer of a run has learnt. */
#include "frontend/cli/commands.h"
#include "frontend/cli/on_run.h"
#include "frontend/cli/program.h"

#include "runtime/commands/probe.h"
#include "runtime/commands/probe_steps.h"

#include <stdio.h>

typedef struct ProbeArguments {
    OnRun task;
    ProbeSteps steps;
} ProbeArguments;

enum { KEY_STEPS = 0x200, KEY_AGAIN };

static const struct argp_option keys[] = {
    {"steps", KEY_STEPS, "all|N,N,...", 0,
     "probe the checkpoints of these steps, each into probe/step-NNNNNN/, and show a table; those "
     "that were probed before are left as they are",
     0},
    {"again", KEY_AGAIN, NULL, 0, "with --steps: probe also what was probed before", 0},
    {0}};

static bool probe(const Command *command, void *user, RunError *error) {
    const ProbeArguments *arguments = user;
    return arguments->steps.which ? commands_probe_steps(command, &arguments->steps, error)
                                  : commands_probe(command, error);
}

ExitCode command_probe(int count, char **words) {
    ProbeArguments arguments = {.task = {.act = probe, .sections = "probe data"}};
    arguments.task.user = &arguments;
    const OptionTarget targets[] = {{KEY_STEPS, .text = &arguments.steps.which},
                                    {KEY_AGAIN, .flag = &arguments.steps.again},
                                    {0}};
    const CommandLine line = {
        .command = "probe",
        .arguments = "[RUN] [KEY=VALUE...]",
        .doc = "Fit logistic regression to the features of every layer of a run, with all labels "
               "and with a few, beside "
               "the raw pixels. Charts and figures go into the run's folder."
               "\vSettings of `probe' and `data' may be given. With another data.source it is a "
               "transfer: features of a model that was trained on one set, probed on another of as "
               "many positions and no more colours; what is found goes into probe/NAME-HASH/. "
               "data.labels and data.share fit it to a part of the training images.\n\n"
               "Examples:\n"
               "  scanline probe @last\n"
               "  scanline probe 7 --json\n"
               "  scanline probe 7 probe.features=raw probe.concat=5\n"
               "  scanline probe 7 probe.labels=[4, 25, 400]\n"
               "  scanline probe 7 probe.solver=sgd probe.epochs=30\n"
               "  scanline probe 7 --steps all data.labels=500\n"
               "  scanline probe 7 data.source=other-images.idx",
        .groups =
            OPTIONS_CHECKPOINT | OPTIONS_JSON | OPTIONS_THREADS | OPTIONS_PERF | OPTIONS_SETTINGS,
        .keys = keys,
        .targets = targets,
        .user = &arguments,
    };
    Options options;
    options_parse(&line, count, words, &options);
    const bool both = arguments.steps.which && options.checkpoint;
    if (both || (arguments.steps.again && !arguments.steps.which)) {
        fprintf(stderr, "%s probe: %s\n", program_name(),
                both ? "--steps or --checkpoint, not both" : "--again goes with --steps");
        return EXIT_USAGE;
    }
    return on_run(&options, &arguments.task);
}
