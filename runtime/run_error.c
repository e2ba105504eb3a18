#include "runtime/run_error.h"

#include <stdarg.h>
#include <stdio.h>

bool run_fail(RunError *error, ExitCode code, const char *format, ...) {
    error->code = code;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return false;
}

bool run_no_memory(RunError *error, const char *what) {
    return run_fail(error, EXIT_MACHINE, "no memory for %s", what);
}
