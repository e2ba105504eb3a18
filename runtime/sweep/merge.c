#include "runtime/sweep/merge.h"

#include <string.h>

/* Copies rows: `read` of the part, which is given `trial` where that is not 0, to `write`. */
static bool copy_rows(Store *into, Store *part, const char *read, const char *write, int64_t trial,
                      RunError *error) {
    RunError fault = {0};
    sqlite3_stmt *to = store_query(into, error, write, "");
    if (!to)
        return false;
    sqlite3_stmt *from =
        trial ? store_query(part, &fault, read, "i", trial) : store_query(part, &fault, read, "");
    while (store_next(part, &from, &fault)) {
        for (int i = 0; i < sqlite3_column_count(from); i++)
            sqlite3_bind_value(to, i + 1, sqlite3_column_value(from, i));
        if (sqlite3_step(to) != SQLITE_DONE)
            run_fail(&fault, EXIT_MACHINE, "%s: %s", into->path, sqlite3_errmsg(into->database));
        sqlite3_reset(to);
        if (*fault.text)
            break;
    }
    sqlite3_finalize(from);
    sqlite3_finalize(to);
    if (*fault.text)
        *error = fault;
    return !*fault.text;
}

/* What a part is of, where `into` is of nothing yet. */
static bool begin(Store *into, Store *part, RunError *error) {
    int64_t sweeps;
    return store_integer(into, error, &sweeps, "SELECT count(*) FROM sweep", "") &&
           (sweeps > 0 ||
            (copy_rows(into, part, "SELECT name, description, identity, figure, runs FROM sweep",
                       "INSERT INTO sweep VALUES (1, ?, ?, ?, ?, 0, 1, ?)", 0, error) &&
             copy_rows(into, part, "SELECT id, name FROM trials",
                       "INSERT INTO trials (id, name, state) VALUES (?, ?, 'waiting')", 0, error) &&
             copy_rows(into, part, "SELECT trial, position, key, value FROM settings",
                       "INSERT INTO settings VALUES (?, ?, ?, ?)", 0, error)));
}

static bool same_sweep(Store *into, Store *part, RunError *error) {
    RunError fault = {0};
    static const char sql[] = "SELECT identity, parts FROM sweep";
    sqlite3_stmt *ours = store_query(into, &fault, sql, "");
    sqlite3_stmt *theirs = ours ? store_query(part, &fault, sql, "") : NULL;
    const bool both = store_next(into, &ours, &fault) && store_next(part, &theirs, &fault);
    const bool same = both && strcmp(store_text(ours, 0), store_text(theirs, 0)) == 0;
    const bool whole = both && sqlite3_column_int64(ours, 1) == 1;
    sqlite3_finalize(ours);
    sqlite3_finalize(theirs);
    if (!*fault.text && !both)
        run_fail(&fault, EXIT_INPUT, "%s has no sweep in it", part->path);
    else if (!*fault.text && !same)
        run_fail(&fault, EXIT_INPUT, "%s and %s are of different sweeps", into->path, part->path);
    else if (!*fault.text && !whole)
        run_fail(&fault, EXIT_INPUT, "%s is a part itself: merge into another database",
                 into->path);
    if (*fault.text)
        *error = fault;
    return !*fault.text;
}

static bool copy_trials(Store *into, Store *part, RunError *error) {
    RunError fault = {0};
    sqlite3_stmt *row =
        store_query(part, &fault, "SELECT id FROM trials WHERE state <> 'elsewhere'", "");
    while (!*fault.text && store_next(part, &row, &fault)) {
        const int64_t id = sqlite3_column_int64(row, 0);
        static const char trial[] =
            "SELECT CASE state WHEN 'running' THEN 'waiting' ELSE state END, rung, tries, step, "
            "steps, loss, value, best, best_step, objective, data, run, code, reason, seconds, "
            "process, host, id, name FROM trials WHERE id = ?";
        static const char update[] =
            "UPDATE trials SET state = ?, rung = ?, tries = ?, step = ?, steps = ?, loss = ?, "
            "value = ?, best = ?, best_step = ?, objective = ?, data = ?, run = ?, code = ?, "
            "reason = ?, seconds = ?, process = ?, host = ? WHERE id = ? AND name = ?";
        if (copy_rows(into, part, trial, update, id, &fault) && !sqlite3_changes(into->database))
            run_fail(&fault, EXIT_INPUT, "%s has a trial %lld that %s has not", part->path,
                     (long long)id, into->path);
        if (!*fault.text && store_run(into, &fault, "DELETE FROM metrics WHERE trial = ?", "i", id))
            copy_rows(into, part,
                      "SELECT trial, split, name, step, value FROM metrics WHERE trial = ?",
                      "INSERT INTO metrics VALUES (?, ?, ?, ?, ?)", id, &fault);
    }
    sqlite3_finalize(row);
    if (*fault.text)
        *error = fault;
    return !*fault.text;
}

bool sweep_merge(Store *into, Store *part, RunError *error) {
    if (!store_begin(into, error))
        return false;
    const bool merged =
        begin(into, part, error) && same_sweep(into, part, error) && copy_trials(into, part, error);
    return store_end(into, merged, error);
}
