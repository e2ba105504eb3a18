/* Compiling ahead of time: the kernels of several targets, and what a program of its own needs
 * besides them. */
#ifndef SCANLINE_FRONTEND_CLI_AHEAD_H
#define SCANLINE_FRONTEND_CLI_AHEAD_H

#include "frontend/cli/session_jit.h"
#include "passes/link.h"
#include "runtime/execution/carried.h"

enum { AHEAD_TARGETS = 16 };

typedef struct Ahead {
    uint32_t count;
    CompiledModule *compiled[AHEAD_TARGETS]; /* by target */
    CarriedTarget targets[AHEAD_TARGETS];    /* without `kernels` */
    const Plan *plans[AHEAD_TARGETS];
} Ahead;

/* For each of session->options->target, a list with commas between, of session->module. */
ExitCode ahead_compile(Session *session, Ahead *ahead);
void ahead_free(Ahead *ahead);

/* Writes what was compiled, and all that runs it, to a file. */
ExitCode ahead_link(Session *session, const Ahead *ahead, LinkKind kind, const char *path);

/* The kernels that a program would have for a single target, as text. malloc'ed. */
ExitCode ahead_listing(Session *session, bool assembly, char **text);

#endif
