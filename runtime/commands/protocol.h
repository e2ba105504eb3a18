/* The folder of a protocol that makes many runs: beside them in the folder of runs, it says which
 * they are and what came of them. */
#ifndef SCANLINE_RUNTIME_COMMANDS_PROTOCOL_H
#define SCANLINE_RUNTIME_COMMANDS_PROTOCOL_H

#include "runtime/run_error.h"

/* Makes runs/KIND-NAME-HASH, if need be, and the folder of runs. `identity` is hashed: what a
 * protocol is apart from its name. malloc'ed; NULL and `error`. */
char *protocol_folder(const char *kind, const char *name, const char *identity, RunError *error);

#endif
