/* Several runs, named in one word: "1,2,3", "1..3", "4..6,9", "@last", paths. */
#ifndef SCANLINE_RUNTIME_RUN_SET_H
#define SCANLINE_RUNTIME_RUN_SET_H

#include "runtime/files/file.h"

#include <stdint.h>

typedef struct RunSet {
    char **folders; /* each once, in the order in which they were named */
    uint32_t count;
} RunSet;

enum { RUN_SET_MOST = 1024 };

/* Adds the runs that `words` names to the set. False and `error`: there is no such run, or no
 * memory; the set is to be freed all the same. */
bool run_set_add(RunSet *set, const char *root, const char *words, FileError *error);
void run_set_free(RunSet *set);

#endif
