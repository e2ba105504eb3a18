/* The trials of a sweep, in its database: entered once, claimed by one process at a time, ended.
 *
 *     waiting ──claimed──▶ running ──▶ done
 *        ▲                    ├─────▶ failed    with its reason; asked for again: waiting
 *        ├──── stopped ◀──────┤
 *        └─ promoted ◀─ paused ◀──── at the end of its rung, until all of the rung are; or dropped
 *
 * A trial of a part that another database is for is elsewhere. */
#ifndef SCANLINE_RUNTIME_TRIALS_H
#define SCANLINE_RUNTIME_TRIALS_H

#include "runtime/sweep/rungs.h"
#include "runtime/sweep/space.h"
#include "runtime/sweep/store.h"

typedef enum SweepMethod { SWEEP_GRID, SWEEP_RANDOM } SweepMethod;

/* What is swept. */
typedef struct SweepPlan {
    const char *name;        /* "digits-ar-s1" */
    const char *description; /* method, keys and values, for people */
    const char *identity;    /* a hash of all that results depend on, but for the number of draws */
    const char *figure;      /* "loss", "accuracy": trials are judged by it, on validation */
    const char *runs;        /* the folder of runs */
    SweepSpace space;
    SweepMethod method;
    int64_t count; /* of draws */
    uint32_t seed;
    SweepRungs rungs;
    int64_t part, parts; /* trials of this part alone, of so many: number % parts == part */
} SweepPlan;

/* The values of the trials in their order, each set once. `visit` answers false to end it. False
 * and `error`; also where there are fewer different draws than asked for, which it then says. */
typedef bool SweepVisit(void *user, const char *const *values, const char *name, RunError *error);
bool trials_each(const SweepPlan *plan, SweepVisit *visit, void *user, RunError *error);

/* Makes the database that of the plan: enters the trials that are not there yet. Refused
 * (EXIT_INPUT) where it is of another. */
bool trials_enter(Store *store, const SweepPlan *plan, RunError *error);

/* Failed trials wait again. */
bool trials_retry(Store *store, RunError *error);

/* A trial that this process has. */
typedef struct SweepTrial {
    int64_t id;
    uint32_t rung;
    int claim;             /* runtime/sweep/claim.h */
    const char *name;      /* these three in a pool of the trial's own: */
    const char **settings; /* "layers=2" */
    uint32_t setting_count;
    Pool pool;
} SweepTrial;

/* The next trial that waits, or whose process died. `trial->id` is 0 where there is none. False and
 * `error`. */
bool trials_claim(Store *store, SweepTrial *trial, RunError *error);
void trials_release(SweepTrial *trial);

/* How far it is. */
bool trials_progress(Store *store, const SweepTrial *trial, int64_t step, double loss,
                     RunError *error);

/* How it ended or stopped. */
typedef struct SweepOutcome {
    const char *state;     /* "done", "failed", "paused", "waiting" */
    bool again;            /* it was not begun: somebody else has its run */
    ExitCode code;         /* of "failed", and its reason */
    const char *reason;    /* or NULL */
    const char *folder;    /* of the run; NULL: there is none */
    const char *objective; /* NULL: not known, and so is data */
    const char *data;
    int64_t steps; /* 0: not known */
    double seconds;
} SweepOutcome;

/* Notes it, with the metrics of its run, and lets the trial go. */
bool trials_end(Store *store, const SweepPlan *plan, SweepTrial *trial, const SweepOutcome *outcome,
                RunError *error);

/* Where all trials of a rung have come to its end, lets the best of them wait for the next. */
bool trials_promote(Store *store, const SweepPlan *plan, RunError *error);

typedef struct SweepCounts {
    int64_t waiting, running, paused, done, dropped, failed;
    int64_t steps_done, steps; /* together; of those whose number is not known, 0 */
} SweepCounts;

bool trials_count(Store *store, SweepCounts *counts, RunError *error);

#endif
