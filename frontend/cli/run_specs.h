/* Runs that are named on a command line, and what their specs set, without lowering them. */
#ifndef SCANLINE_FRONTEND_CLI_RUN_SPECS_H
#define SCANLINE_FRONTEND_CLI_RUN_SPECS_H

#include "frontend/cli/session.h"
#include "runtime/report/findings.h"
#include "runtime/run/run_set.h"

/* For each run its folder and what its spec.scan sets: dims that do not follow from others, consts,
 * settings; in the session's arena, the folders in the set. Of a spec that cannot be read or has
 * errors none: then a warning has said so. */
const FoundRun *run_specs_read(Session *session, const RunSet *set);

#endif
