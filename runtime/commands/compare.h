/* The command compare: the difference of two sets of runs, with its interval. */
#ifndef SCANLINE_RUNTIME_COMMANDS_COMPARE_H
#define SCANLINE_RUNTIME_COMMANDS_COMPARE_H

#include "runtime/report/findings.h"
#include "runtime/run_error.h"

#include <stdio.h>

typedef struct CompareCommand {
    const FoundRun *a, *b;
    uint32_t a_count, b_count;
    unsigned across; /* ComparisonAcross */
    bool json;
    FILE *results;
} CompareCommand;

bool commands_compare(const CompareCommand *command, RunError *error);

#endif
