/* scanline probe: what every layer of a run has learnt. */
#include "frontend/cli/commands.h"
#include "frontend/cli/on_run.h"

#include "runtime/commands/probe.h"

static bool probe(const Command *command, void *user, RunError *error) {
    (void)user;
    return commands_probe(command, error);
}

ExitCode command_probe(int count, char **words) {
    OnRun task = {.act = probe};
    const CommandLine line = {
        .command = "probe",
        .arguments = "[RUN]",
        .doc = "Fit logistic regression to the features of every layer of a run, with all labels "
               "and with a few, beside "
               "the raw pixels. Charts and figures go into the run's folder."
               "\vExamples:\n"
               "  scanline probe @last\n"
               "  scanline probe 7 --json",
        .groups = OPTIONS_JSON | OPTIONS_THREADS,
        .keys = on_run_keys,
        .parse = on_run_parse,
        .user = &task,
    };
    Options options;
    options_parse(&line, count, words, &options);
    return on_run(&options, &task);
}
