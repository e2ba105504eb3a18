/* How far a piece of work is that may take long: on a terminal a line that is written over, else a
 * line every ten seconds. Of what ends sooner than in two seconds nothing is said. */
#ifndef SCANLINE_RUNTIME_WORK_H
#define SCANLINE_RUNTIME_WORK_H

#include "runtime/run/log.h"

#include <stdint.h>

typedef struct Work {
    Log *log;         /* NULL: nobody listens */
    const char *what; /* "features" */
    double total, done;
    double start, shown; /* seconds, of a clock that only goes forward */
} Work;

void work_begin(Work *work, Log *log, const char *what, double total);
void work_advance(Work *work, double amount); /* from any thread */

/* For work that is told of in its own words, without work_advance, by one thread: whether a line is
 * due, and the line. */
bool work_is_due(const Work *work);
void work_say(Work *work, const char *format, ...) __attribute__((format(printf, 2, 3)));

void work_end(Work *work);

#endif
