/* One process at a time trains a run, or reproduces it. The lock is the system's, on the file
 * `lock` of the run's folder: it ends with the process, however that ends. */
#ifndef SCANLINE_RUNTIME_RUN_LOCK_H
#define SCANLINE_RUNTIME_RUN_LOCK_H

#include "runtime/run_error.h"

/* To be closed by run_unlock. -1 and `error` (EXIT_MACHINE), which names the process that has it.
 */
int run_lock(const char *folder, RunError *error);
void run_unlock(int lock); /* -1: nothing */

/* Whether some process has it. Takes nothing, so it is in nobody's way. */
bool run_is_locked(const char *folder);

#endif
