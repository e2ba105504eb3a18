/* Why a command stops, with the exit code that it leads to. Set once, where the fault is known. */
#ifndef SCANLINE_RUNTIME_RUN_ERROR_H
#define SCANLINE_RUNTIME_RUN_ERROR_H

#include "runtime/exit_code.h"

#include <stdbool.h>

typedef struct RunError {
    ExitCode code;
    char text[1024];
} RunError;

/* Always false, so that `return run_fail(...)` reads as what it is. */
bool run_fail(RunError *error, ExitCode code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* EXIT_MACHINE: no memory for `what`. */
bool run_no_memory(RunError *error, const char *what);

#endif
