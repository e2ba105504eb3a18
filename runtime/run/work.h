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
void work_end(Work *work);

#endif
