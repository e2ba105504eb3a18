/* The run that is the very training that would begin: of one spec, data, split, target, table of
 * choices and parent. Its bits would be the same, so whoever has many trainings to make takes it in
 * the place of another. */
#ifndef SCANLINE_RUNTIME_RUN_SAME_H
#define SCANLINE_RUNTIME_RUN_SAME_H

#include "runtime/run/run_record.h"

typedef struct RunSame {
    char *folder;   /* malloc'ed; NULL: there is none */
    bool ended;     /* it is done, done early or diverged; else it can be gone on with */
    char *diverged; /* why it did, malloc'ed; NULL: it did not */
} RunSame;

/* Of several one that has ended, and of these the first. Runs whose record can't be read are none.
 * False and `error`: the folder of runs can't be read. */
bool run_same_find(const char *root, const RunOrigin *origin, RunSame *same, RunError *error);
void run_same_free(RunSame *same);

#endif
