/* What trials of a sweep share in memory: machine code, and data with its palette. Trials that
 * differ by what code does not depend on (seeds, rates, steps) have one program, which is compiled
 * once; trials forked later have its pages, and those of the data. */
#ifndef SCANLINE_FRONTEND_CLI_SWEEP_SHARED_H
#define SCANLINE_FRONTEND_CLI_SWEEP_SHARED_H

#include "frontend/cli/session.h"
#include "runtime/data/data.h"
#include "runtime/files/hash.h"

enum { SHARED_PROGRAMS = 16, SHARED_DATA = 8 };

typedef struct SharedProgram {
    char code[HASH_SIZE]; /* what the code depends on */
    Session *session;     /* that compiled it */
    uint64_t used;
} SharedProgram;

typedef struct SharedData {
    char settings[HASH_SIZE];
    DataSet *data;
    uint64_t used;
} SharedData;

/* Of each the ones used last; what is used longest ago goes when there is no room. */
typedef struct SweepShared {
    SharedProgram programs[SHARED_PROGRAMS];
    SharedData data[SHARED_DATA];
    uint64_t clock;
    int64_t compiled; /* how many programs were */
} SweepShared;

/* For a session that has been read: completes session->program, by code that is there or by
 * compiling. From then on the session may be one that others need: let it go by shared_release. */
ExitCode shared_compile(SweepShared *shared, Session *session);
void shared_release(SweepShared *shared, Session *session);

/* The data set of the session's experiment; shared's. NULL after session_fail. */
const DataSet *shared_data(SweepShared *shared, Session *session);

void shared_free(SweepShared *shared);

#endif
