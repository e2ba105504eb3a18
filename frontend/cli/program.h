/* What differs between the programs that share the commands here: scanline, which compiles what it
 * is given (session_jit.c), and one that was compiled ahead of time
 * (frontend/standalone/session_carried.c). Each program links its own definitions of all that is
 * declared here. */
#ifndef SCANLINE_FRONTEND_CLI_PROGRAM_H
#define SCANLINE_FRONTEND_CLI_PROGRAM_H

#include "frontend/cli/session.h"

/* What it is called in what it prints. */
const char *program_name(void);

/* The options of the groups OPTIONS_COMPILE and OPTIONS_PERF. */
extern const struct argp_option program_compile_keys[], program_perf_keys[];

/* Whether it takes other specs than its own, and so may be helped with examples of them. */
extern const bool program_takes_specs;

/* What it has to have before anything is read: session->sources, and what options ask for. */
ExitCode program_open(Session *session);
void program_close(Session *session);

/* How a spec is read, that of a file or (NULL) the one that the command line means: its path, the
 * directories and settings. */
ExitCode program_spec(Session *session, const char *subject, SpecOptions *options,
                      const char **path);

/* Takes what a spec was lowered to, session->lowered. */
ExitCode program_accept(Session *session);

#endif
