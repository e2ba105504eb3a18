/* What came of a trial: its metrics, its figures, which go on. */
#include "runtime/sweep/trials.h"

#include "runtime/run/metrics_read.h"
#include "runtime/run/run_folder.h"

#include <stdlib.h>
#include <string.h>

/* --- metrics --- */

typedef struct Copying {
    Store *store;
    int64_t trial;
    int64_t step; /* of the last line */
    RunError *error;
    bool failed;
} Copying;

static void copy_line(void *user, int64_t step, const char *split, const MetricsFigure *figures,
                      uint32_t count) {
    Copying *copying = user;
    copying->step = step;
    for (uint32_t i = 0; i < count && !copying->failed; i++)
        copying->failed = !store_run(
            copying->store, copying->error, "INSERT OR REPLACE INTO metrics VALUES (?, ?, ?, ?, ?)",
            "ittid", copying->trial, split, figures[i].name, step, figures[i].value);
}

static bool copy_metrics(Copying *copying, const char *folder, RunError *error) {
    FileError fault;
    uint64_t strange;
    if (!store_run(copying->store, error, "DELETE FROM metrics WHERE trial = ?", "i",
                   copying->trial))
        return false;
    if (!metrics_read(folder, copy_line, copying, &strange, &fault))
        return run_fail(error, EXIT_MACHINE, "%s", fault.text);
    return !copying->failed;
}

/* The last and the best of the figure that trials are judged by, from the metrics up to the end of
 * the rung: where the run had come further before, that must not show. */
static bool note_figures(Copying *copying, const SweepPlan *plan, uint32_t rung, RunError *error) {
    const int64_t until = plan->rungs.steps[rung] ? plan->rungs.steps[rung] : INT64_MAX;
    static const char last[] =
        "UPDATE trials SET step = ?2, loss = (SELECT value FROM metrics WHERE "
        "trial = ?1 AND split = 'train' AND name = 'loss' ORDER BY step DESC LIMIT 1), "
        "value = (SELECT value FROM metrics WHERE trial = ?1 AND split = 'validation' AND "
        "name = ?3 AND step <= ?4 ORDER BY step DESC LIMIT 1) WHERE id = ?1";
    static const char lowest[] =
        "UPDATE trials SET (best, best_step) = (SELECT value, step FROM metrics WHERE trial = ? "
        "AND split = 'validation' AND name = ? AND step <= ? AND value IS NOT NULL "
        "ORDER BY value, step LIMIT 1) WHERE id = ?";
    static const char highest[] =
        "UPDATE trials SET (best, best_step) = (SELECT value, step FROM metrics WHERE trial = ? "
        "AND split = 'validation' AND name = ? AND step <= ? AND value IS NOT NULL "
        "ORDER BY value DESC, step LIMIT 1) WHERE id = ?";
    const bool low = strcmp(plan->figure, "loss") == 0;
    return store_run(copying->store, error, last, "iiti", copying->trial, copying->step,
                     plan->figure, until) &&
           store_run(copying->store, error, low ? lowest : highest, "itii", copying->trial,
                     plan->figure, until, copying->trial);
}

static bool note_run(Store *store, const SweepPlan *plan, const SweepTrial *trial,
                     const char *folder, RunError *error) {
    const char *slash = strrchr(folder, '/');
    Copying copying = {.store = store, .trial = trial->id, .error = error};
    return store_run(store, error, "UPDATE trials SET run = ? WHERE id = ?", "ti",
                     slash ? slash + 1 : folder, trial->id) &&
           copy_metrics(&copying, folder, error) &&
           note_figures(&copying, plan, trial->rung, error);
}

/* --- ended --- */

static bool note_end(Store *store, const SweepTrial *trial, const SweepOutcome *outcome,
                     RunError *error) {
    static const char sql[] = "UPDATE trials SET state = ?1, code = nullif(?2, 0), reason = ?3, "
                              "objective = coalesce(?4, objective), data = coalesce(?5, data), "
                              "steps = coalesce(nullif(?6, 0), steps), seconds = seconds + ?7, "
                              "tries = tries - (?8 AND tries > 0) WHERE id = ?9";
    /* One that was stopped is as good as not begun, and goes on before others. */
    const bool stopped = strcmp(outcome->state, "waiting") == 0 && !outcome->again;
    return store_run(store, error, sql, "titttidii", outcome->state, (int64_t)outcome->code,
                     outcome->reason, outcome->objective, outcome->data, outcome->steps,
                     outcome->seconds, (int64_t)stopped, trial->id);
}

bool trials_end(Store *store, const SweepPlan *plan, SweepTrial *trial, const SweepOutcome *outcome,
                RunError *error) {
    bool noted = store_begin(store, error);
    if (noted) {
        noted = note_end(store, trial, outcome, error) &&
                (!outcome->folder || note_run(store, plan, trial, outcome->folder, error));
        noted = store_end(store, noted, error);
    }
    trials_release(trial);
    return noted;
}

/* --- halving --- */

/* Of a rung that all its trials have come to the end of: those that are paused there, and those
 * that ended before it. */
static bool promote_rung(Store *store, const SweepPlan *plan, int64_t rung, RunError *error) {
    static const char sql[] =
        "WITH ranked AS (SELECT id, state, row_number() OVER (ORDER BY value IS NULL, "
        "CASE ?2 WHEN 'loss' THEN value ELSE -value END, id) AS place FROM trials "
        "WHERE rung = ?1 AND state IN ('paused', 'done')) "
        "UPDATE trials SET state = CASE WHEN place <= ?3 THEN 'waiting' ELSE 'dropped' END, "
        "rung = rung + (place <= ?3), tries = 0 "
        "FROM ranked WHERE ranked.id = trials.id AND trials.state = 'paused'";
    int64_t open, entered, paused;
    if (!store_integer(store, error, &open,
                       "SELECT count(*) FROM trials WHERE rung <= ? AND state IN ('waiting', "
                       "'running')",
                       "i", rung) ||
        !store_integer(store, error, &entered, "SELECT count(*) FROM trials WHERE rung >= ?", "i",
                       rung) ||
        !store_integer(store, error, &paused,
                       "SELECT count(*) FROM trials WHERE rung = ? AND state = 'paused'", "i",
                       rung))
        return false;
    return open || !paused ||
           store_run(store, error, sql, "iti", rung, plan->figure,
                     rungs_kept(&plan->rungs, entered));
}

bool trials_promote(Store *store, const SweepPlan *plan, RunError *error) {
    if (plan->rungs.count < 2)
        return true;
    bool promoted = store_begin(store, error);
    if (!promoted)
        return false;
    for (int64_t rung = 0; rung + 1 < plan->rungs.count && promoted; rung++)
        promoted = promote_rung(store, plan, rung, error);
    return store_end(store, promoted, error);
}

/* --- counted --- */

bool trials_count(Store *store, SweepCounts *counts, RunError *error) {
    const struct {
        const char *state;
        int64_t *count;
    } states[] = {{"waiting", &counts->waiting}, {"running", &counts->running},
                  {"paused", &counts->paused},   {"done", &counts->done},
                  {"dropped", &counts->dropped}, {"failed", &counts->failed}};
    RunError fault = {0};
    *counts = (SweepCounts){0};
    sqlite3_stmt *row = store_query(store, &fault,
                                    "SELECT state, count(*), sum(step), sum(steps) FROM trials "
                                    "GROUP BY state",
                                    "");
    while (store_next(store, &row, &fault))
        for (size_t i = 0; i < sizeof states / sizeof *states; i++)
            if (strcmp(store_text(row, 0), states[i].state) == 0) {
                *states[i].count = sqlite3_column_int64(row, 1);
                counts->steps_done += sqlite3_column_int64(row, 2);
                counts->steps += sqlite3_column_int64(row, 3);
            }
    if (*fault.text)
        *error = fault;
    return !*fault.text;
}
