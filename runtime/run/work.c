#include "runtime/run/work.h"

#include <stdio.h>
#include <time.h>

static const double quiet = 2, seconds_between_lines = 10, seconds_between_shows = 0.1;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

void work_begin(Work *work, Log *log, const char *what, double total) {
    const double time = now();
    *work = (Work){.log = log, .what = what, .total = total, .start = time, .shown = time};
}

static void show(Work *work, double time) {
    const double passed = time - work->start, share = work->done / work->total;
    const long long left = share > 0 ? (long long)(passed / share - passed + 0.5) : 0;
    char line[128];
    snprintf(line, sizeof line, "%s: %.0f %%, %lld:%02lld left", work->what, 100 * share, left / 60,
             left % 60);
    if (log_is_live(work->log))
        log_show(work->log, line);
    else
        log_say(work->log, "%s", line);
    work->shown = time;
}

void work_advance(Work *work, double amount) {
#pragma omp critical(work_advance)
    {
        work->done += amount;
        const double time = work->log ? now() : 0;
        const double between =
            log_is_live(work->log) ? seconds_between_shows : seconds_between_lines;
        if (work->log && time - work->start >= quiet && time - work->shown >= between)
            show(work, time);
    }
}

void work_end(Work *work) { log_clear(work->log); }
