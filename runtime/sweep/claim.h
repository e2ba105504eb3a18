/* Who has a trial. A claim is the system's lock on a byte of DATABASE-claims, that of the trial's
 * number: it is held by the process that conducts the sweep and by the one that trains, and ends
 * when neither is left, however they ended. So a trial that the database says is running, and of
 * which nobody has the byte, is one whose process died. */
#ifndef SCANLINE_RUNTIME_CLAIM_H
#define SCANLINE_RUNTIME_CLAIM_H

#include "runtime/run_error.h"

#include <stdint.h>

enum { CLAIM_HELD = -1, CLAIM_FAILED = -2 };

/* A file that holds the claim, to be closed; CLAIM_HELD: another process, or this one, has it;
 * CLAIM_FAILED and `error`. */
int claim_take(const char *database, int64_t trial, RunError *error);

#endif
