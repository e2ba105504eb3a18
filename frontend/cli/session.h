/* What every command does first: read a spec, lower it, and compile it as far as the command needs.
 */
#ifndef SCANLINE_FRONTEND_CLI_SESSION_H
#define SCANLINE_FRONTEND_CLI_SESSION_H

#include "frontend/cli/options.h"
#include "frontend/diagnostic.h"
#include "frontend/spec.h"
#include "runtime/execution/program.h"
#include "runtime/run/log.h"
#include "runtime/run/run_record.h"

typedef struct Session {
    const Options *options;
    Log *log; /* all that goes to standard error */
    Arena *arena;
    Arena *graphs; /* within it: what session_compile needs, and nobody after it */
    Sources *sources;
    Diagnostics *diagnostics;
    const Spec *spec;
    Experiment experiment;
    const Module *lowered; /* init, forward, update */
    const Module *module;  /* the functions that runs are made of (runtime/execution/plan.h), before
                              the passes */
    const char *target;    /* to compile for; NULL: this machine */
    int64_t arena_bytes;   /* the most that gradients' may take for training to fit in train.memory;
                              0: no matter */
    const ChoicesTable *table; /* NULL: what ships */
    CompiledModule *compiled;
    Jit *jit;
    Externals *externals; /* NULL: no functions of libraries are called */
    Program program;
} Session;

/* Makes a session, calls `work` in it, and releases everything; memory that runs out ends it with
 * EXIT_MACHINE. */
ExitCode session_run(const Options *options, ExitCode (*work)(Session *session, void *user),
                     void *user);

/* Everything that was found in the texts that were read; EXIT_INPUT if there is an error among it.
 */
ExitCode session_show(const Session *session);

/* The file that a name means: a path; or, with the suffix added, a file here or among the models.
 * Where there is none, the name itself. */
const char *session_find(Session *session, const char *name, const char *suffix);

/* Each step prints what is at fault (text to stderr, or JSON to stdout) and returns the exit code.
 */

/* From the spec that the options name, to session->spec, experiment and module. NULL:
 * options->subject. */
ExitCode session_read(Session *session, const char *subject);

/* The same from a run's folder: the spec that it was trained by, under its own name. */
ExitCode session_read_run(Session *session, const char *folder);

/* The same, as a new spec: with the settings that the options change. */
ExitCode session_read_child(Session *session, const char *folder);

/* From here on code is made for the target of the run, where the options name none and this machine
 * can. */
ExitCode session_target_run(Session *session, const char *folder);

/* The options that the command line gives, and what the experiment and its memory ask for. */
CompileOptions session_compile_options(Session *session);

/* For what trains, before it is compiled: finds session->arena_bytes. What does not fit by any plan
 * is refused with the plan. */
ExitCode session_settle_memory(Session *session);

/* The plan alone, for training. */
ExitCode session_plan(Session *session, const Plan **plan);

/* Opens the libraries that a plan calls, to session->externals; what is wrong is shown at its place
 * in the spec. */
ExitCode session_open_libraries(Session *session, const Plan *plan);

/* Machine code, to session->program. session->module is gone then. */
ExitCode session_compile(Session *session);

/* What made it. */
RunVersions session_versions(const Session *session);

/* One fault of no place in a spec, in the form that the options ask for. Returns `code`. */
ExitCode session_fail(const Session *session, ExitCode code, const char *identifier,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Whether a stream is a terminal that wants colours. */
bool terminal_has_colour(int file);

#endif
