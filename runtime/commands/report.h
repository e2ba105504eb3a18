/* The command report: what runs have found, as one HTML page, and its plots as SVG files. Those of
 * an earlier report of the same page that are no longer made are removed. */
#ifndef SCANLINE_RUNTIME_COMMANDS_REPORT_H
#define SCANLINE_RUNTIME_COMMANDS_REPORT_H

#include "runtime/report/findings.h"
#include "runtime/run_error.h"

#include <stdio.h>

typedef struct ReportCommand {
    const FoundRun *runs;
    uint32_t count;
    const char *out; /* the page; NULL: report.html in the run's folder, or, of several runs, in the
                        folder of runs. Plots go into the folder of its name without ".html" */
    bool tensorboard; /* make the event files of the runs as well, which nobody may be training */
    bool json;
    FILE *results;
    Log *log; /* for how far it is; NULL: nobody listens */
} ReportCommand;

bool commands_report(const ReportCommand *command, RunError *error);

#endif
