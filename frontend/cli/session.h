/* What every command does first: read a spec, lower it, and come by its program, compiled here or
 * ahead of time (program.h). */
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
    Sources *sources;
    Diagnostics *diagnostics;
    const Spec *spec;
    const char *file; /* that it is from; NULL: it is what the command line means */
    Experiment experiment;
    const Module *lowered; /* init, forward, update */
    const char *target; /* to run code for; NULL: this machine, or the best that there is for it */
    Externals *externals; /* NULL: no functions of libraries are called */
    Program program;
    const char **fault; /* gets what is said of why a step failed; NULL in it: nothing was */

    /* Of scanline alone (session_jit.h): */
    Arena *graphs;        /* within the arena: what session_compile needs, and nobody after it */
    const Module *module; /* the functions that runs are made of (runtime/execution/plan.h), before
                             the passes */
    int64_t arena_bytes;  /* the most that gradients' may take for training to fit in train.memory;
                             0: no matter */
    const struct ChoicesTable *table; /* NULL: what ships */
    bool serial; /* one thread compiles: the process will fork, and OpenMP's threads are not there
                    in its children */
    struct CompiledModule *compiled;
    struct Jit *jit;

    /* Of a program compiled ahead of time alone (frontend/standalone/): */
    Plan *plan;
    const char *library_folder; /* where the program is, and so may be libraries that it calls */
} Session;

/* Makes a session, calls `work` in it, and releases everything; memory that runs out ends it with
 * EXIT_MACHINE. */
ExitCode session_run(const Options *options, ExitCode (*work)(Session *session, void *user),
                     void *user);

/* The same in three, for who has several sessions. It takes the log; NULL: no memory. */
Session *session_create(const Options *options, Log *log);
ExitCode session_do(Session *session, ExitCode (*work)(Session *session, void *user), void *user);
void session_free(Session *session);

/* Everything that was found in the texts that were read; EXIT_INPUT if there is an error among it.
 */
ExitCode session_show(const Session *session);

/* "key=value" of all settings that the options change, in the arena. */
const char **session_settings(const Session *session, uint32_t *count);

/* Each step prints what is at fault (text to stderr, or JSON to stdout) and returns the exit code.
 */

/* From a file, or (NULL) the spec that the command line means, to session->spec, lowered and
 * experiment. */
ExitCode session_read(Session *session, const char *subject);

/* The first part of it, which says nothing of the spec: session->spec, NULL where it can't be read,
 * and what is wrong with it in session->diagnostics. */
ExitCode session_load(Session *session, const char *subject);

/* The file of a run's spec. */
const char *session_spec_of(const Session *session, const char *folder);

/* The same from a run's folder: the spec that it was trained by, under its own name. */
ExitCode session_read_run(Session *session, const char *folder);

/* The same, as a new spec: with the settings that the options change. */
ExitCode session_read_child(Session *session, const char *folder);

/* --- the program: each of these is the linked program's own (program.h) --- */

/* From here on code is run for the target of a run, where the options name none and this machine
 * can. */
ExitCode session_target_run(Session *session, const char *folder);

/* For what trains, before session_compile: sees to it that it fits in train.memory. */
ExitCode session_settle_memory(Session *session);

/* For what draws, before session_compile: images that are drawn side by side, where the program is
 * not made for a number of them already. What cannot be drawn position by position is refused, with
 * its line. */
ExitCode session_decode(Session *session, int64_t images);

/* Opens the libraries that a plan calls, to session->externals; what is wrong is shown at its place
 * in the spec. */
ExitCode session_open_libraries(Session *session, const Plan *plan);

/* To session->program. */
ExitCode session_compile(Session *session);

/* What made it. */
RunVersions session_versions(const Session *session);

/* --- what they are made of --- */

/* What training by a plan takes; and whether that is no more than train.memory. */
int64_t session_bytes(const Session *session, const Plan *plan);
ExitCode session_fits(const Session *session, const Plan *plan);

/* A run's record; NULL after saying why there is none. */
json_t *session_record(const Session *session, const char *folder);

/* One fault of no place in a spec, in the form that the options ask for. Returns `code`. */
ExitCode session_fail(const Session *session, ExitCode code, const char *identifier,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The same of a place in a spec; of none where it has no file. */
ExitCode session_fail_at(const Session *session, Span place, ExitCode code, const char *identifier,
                         const char *message);

/* Whether a stream is a terminal that wants colours. */
bool terminal_has_colour(int file);

#endif
