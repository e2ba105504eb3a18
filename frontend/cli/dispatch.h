/* From the words of a command line to the command that they begin with. */
#ifndef SCANLINE_FRONTEND_CLI_DISPATCH_H
#define SCANLINE_FRONTEND_CLI_DISPATCH_H

#include "runtime/exit_code.h"

#include <stddef.h>
#include <stdio.h>

typedef struct CommandEntry {
    const char *name;
    ExitCode (*run)(int count, char **arguments);
    const char *doc; /* a line */
} CommandEntry;

typedef struct CommandList {
    const CommandEntry *entries;
    size_t count;
    const char *version;
    /* What --help says of the program before and after its commands. */
    void (*print_head)(FILE *stream);
    void (*print_foot)(FILE *stream);
} CommandList;

/* What a program's main does. */
ExitCode dispatch(const CommandList *list, int count, char **arguments);

#endif
