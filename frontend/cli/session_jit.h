/* Sessions of scanline itself: from functions to plans, to objects, to code in memory. */
#ifndef SCANLINE_FRONTEND_CLI_SESSION_JIT_H
#define SCANLINE_FRONTEND_CLI_SESSION_JIT_H

#include "frontend/cli/program.h"
#include "passes/compile.h"

/* The file that a name means: a path; or, with the suffix added, a file here or among the models.
 * Where there is none, the name itself. */
const char *session_find(Session *session, const char *name, const char *suffix);

/* Where `use` and bare names look, beside the using file: $SCANLINE_MODELS, then the models built
 * in. How many. */
uint32_t session_directories(const char *directories[2]);

/* The options that the command line gives, and what the experiment and its memory ask for. */
CompileOptions session_compile_options(Session *session);

/* The plan alone, for training. */
ExitCode session_plan(Session *session, const Plan **plan);

/* Adds the functions that draw so many images side by side to the others; where the objective's
 * images cannot be drawn there are none. */
void session_add_decode(Session *session, int64_t images);

/* The plan and an object for each kernel, for session->target. The caller's to compile_free. */
ExitCode session_objects(Session *session, CompiledModule **compiled);

#endif
