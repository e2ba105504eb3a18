/* The commands: each takes the command line from its own name on, and returns the exit code. */
#ifndef SCANLINE_FRONTEND_CLI_COMMANDS_H
#define SCANLINE_FRONTEND_CLI_COMMANDS_H

#include "frontend/cli/options.h"

#define COMMAND(NAME, doc) ExitCode command_##NAME(int count, char **arguments);
#include "frontend/cli/commands.def"
#undef COMMAND

/* Those of `data`, from the second word on. */
ExitCode command_data_import(int count, char **arguments);
ExitCode command_data_inspect(int count, char **arguments);
ExitCode command_data_palette(int count, char **arguments);

/* Those of `sweep`. */
ExitCode command_sweep_show(int count, char **arguments);
ExitCode command_sweep_best(int count, char **arguments);
ExitCode command_sweep_export(int count, char **arguments);
ExitCode command_sweep_merge(int count, char **arguments);

#endif
