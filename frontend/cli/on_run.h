/* Commands on a trained model: find the run, compile its spec, and hand over to runtime/commands.
 */
#ifndef SCANLINE_FRONTEND_CLI_ON_RUN_H
#define SCANLINE_FRONTEND_CLI_ON_RUN_H

#include "frontend/cli/options.h"
#include "runtime/commands/command.h"

typedef struct OnRun {
    const char *sections; /* whose settings may be changed, "probe data"; NULL: none. With settings
                             of `data` what is found goes into a directory of its own */
    /* For what draws: how many images side by side. NULL: nothing is drawn. */
    int64_t (*images)(const Experiment *experiment, void *user);
    bool (*act)(const Command *command, void *user, RunError *error);
    void *user;
} OnRun;

/* options->subject addresses the run; the default is @last. What is
 * read is options->checkpoint. */
ExitCode on_run(const Options *options, OnRun *on_run);

#endif
