#include "runtime/run/work.h"

#include "runtime/clock.h"

#include <stdarg.h>
#include <stdio.h>

static const double quiet = 2, seconds_between_lines = 10, seconds_between_shows = 0.1;

void work_begin(Work *work, Log *log, const char *what, double total) {
    const double time = clock_seconds();
    *work = (Work){.log = log, .what = what, .total = total, .start = time, .shown = time};
}

bool work_is_due(const Work *work) {
    const double time = work->log ? clock_seconds() : work->start;
    const double between = log_is_live(work->log) ? seconds_between_shows : seconds_between_lines;
    return work->log && time - work->start >= quiet && time - work->shown >= between;
}

void work_say(Work *work, const char *format, ...) {
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (log_is_live(work->log))
        log_show(work->log, line);
    else
        log_say(work->log, "%s", line);
    work->shown = clock_seconds();
}

void work_advance(Work *work, double amount) {
#pragma omp critical(work_advance)
    {
        work->done += amount;
        if (work_is_due(work)) {
            const double passed = clock_seconds() - work->start, share = work->done / work->total;
            const long long left = share > 0 ? (long long)(passed / share - passed + 0.5) : 0;
            work_say(work, "%s: %.0f %%, %lld:%02lld left", work->what, 100 * share, left / 60,
                     left % 60);
        }
    }
}

void work_end(Work *work) { log_clear(work->log); }
