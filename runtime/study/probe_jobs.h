/* Many fits at once: each is a job of its own, so that jobs may run on any thread in any order
 * without changing a bit. */
#ifndef SCANLINE_RUNTIME_PROBE_JOBS_H
#define SCANLINE_RUNTIME_PROBE_JOBS_H

#include "runtime/run/work.h"
#include "runtime/study/probe_fit.h"

typedef struct ProbeJob {
    ProbeFitTask what;
    ProbeFit *fit; /* where the result goes */
} ProbeJob;

/* What a job takes, in no unit. */
double probe_job_cost(const ProbeJob *job);

/* Reorders them: the longest first. A job that is alone has all threads. False: no memory. */
bool probe_jobs_run(const ProbeTask *task, ProbeJob *jobs, int count, Work *work);

#endif
