/* Commands on a trained model: find the run, compile its spec, and hand over to runtime/commands.
 */
#ifndef SCANLINE_FRONTEND_CLI_ON_RUN_H
#define SCANLINE_FRONTEND_CLI_ON_RUN_H

#include "frontend/cli/options.h"
#include "runtime/commands/command.h"

typedef struct OnRun {
    const char *checkpoint; /* --checkpoint; NULL: the run's best */
    const char *sections; /* whose settings may be changed, "probe data"; NULL: none. With settings
                             of `data` what is found goes into a directory of its own */
    bool (*act)(const Command *command, void *user, RunError *error);
    void *user;
} OnRun;

/* What all of them take, for CommandLine.keys and .parse (its user is an OnRun). */
extern const struct argp_option on_run_keys[];
error_t on_run_parse(int key, char *argument, void *user);

/* options->subject addresses the run; the default is @last. */
ExitCode on_run(const Options *options, OnRun *on_run);

#endif
