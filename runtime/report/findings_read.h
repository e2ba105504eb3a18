/* The parts of findings.h, a file or a kind of file each. What cannot be read is noted in the run;
 * no memory is remembered by the pool. */
#ifndef SCANLINE_RUNTIME_FINDINGS_READ_H
#define SCANLINE_RUNTIME_FINDINGS_READ_H

#include "runtime/report/findings.h"

#include <jansson.h>

/* metrics.jsonl: both curves, and what follows from them: steps, the best loss. */
void findings_read_curves(RunFindings *run, Pool *pool);

/* probe/probe.json, and with `all`, or where it is not there, those of probe/step-NNNNNN/. */
void findings_read_probes(RunFindings *run, bool all, Pool *pool);

/* eval/test.json */
void findings_read_test(RunFindings *run, Pool *pool);

/* A JSON object in a file of the run, the caller's; NULL: there is no such file, or it cannot be
 * read, which is noted. */
json_t *findings_read_json(RunFindings *run, const char *name, Pool *pool);

/* Whether a run has the file. */
bool findings_have(const RunFindings *run, const char *name);

#endif
