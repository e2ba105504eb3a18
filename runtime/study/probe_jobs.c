#include "runtime/study/probe_jobs.h"

#include <stdlib.h>

double probe_job_cost(const ProbeJob *job) {
    double width = 0;
    for (uint32_t i = 0; i < job->what.table_count; i++)
        width += (double)job->what.tables[i]->width;
    return width * (double)job->what.train->count;
}

static int longest_first(const void *a, const void *b) {
    const double x = probe_job_cost(a), y = probe_job_cost(b);
    return x > y ? -1 : x < y;
}

bool probe_jobs_run(const ProbeTask *task, ProbeJob *jobs, int count, Work *work) {
    qsort(jobs, (size_t)count, sizeof *jobs, longest_first);
    const int workers = task->threads < count ? task->threads : count;
    int failures = 0;
#pragma omp parallel for schedule(dynamic, 1) reduction(+ : failures) num_threads(workers)         \
    if (workers > 1)
    for (int i = 0; i < count; i++) {
        failures += !probe_fit(task, &jobs[i].what, workers > 1 ? 1 : task->threads, jobs[i].fit);
        work_advance(work, probe_job_cost(&jobs[i]));
    }
    return failures == 0;
}
