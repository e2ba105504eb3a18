/* Making run folders. A folder appears whole: it is filled under another name, which nothing lists,
 * and given its own at last. What a killed process leaves under that name the next one clears away.
 *
 * Folders are numbered; a number is given once, under a lock of the folder of runs, so that
 * processes may start together. A folder is never made in the place of another. */
#ifndef SCANLINE_RUNTIME_RUN_CREATE_H
#define SCANLINE_RUNTIME_RUN_CREATE_H

#include "runtime/run_error.h"

/* Puts into `draft` what the folder is to hold when it appears as `folder`. False and `error`: then
 * there will be none. */
typedef bool RunFill(void *user, const char *draft, const char *folder, RunError *error);

/* Makes the next folder of `root` (and `root` itself), or, with `out` not NULL, exactly that
 * folder, which must not exist; and checkpoints/ in it. `fill` may be NULL. The path, malloc'ed;
 * NULL and `error`: EXIT_INPUT where `out` is taken. */
char *run_create(const char *root, const char *out, const char *name, RunFill *fill, void *user,
                 RunError *error);

#endif
