#include "runtime/sweep/results.h"

#include <math.h>
#include <string.h>

static const char *copy(Results *results, sqlite3_stmt *row, int column) {
    const char *text = pool_copy_clean(&results->pool, store_text(row, column));
    return text ? text : "";
}

static double number(sqlite3_stmt *row, int column) {
    return sqlite3_column_type(row, column) == SQLITE_NULL ? NAN
                                                           : sqlite3_column_double(row, column);
}

/* --- parts --- */

static void read_sweep(Store *store, Results *results, RunError *fault) {
    sqlite3_stmt *row =
        store_query(store, fault, "SELECT name, description, figure, runs FROM sweep", "");
    if (store_next(store, &row, fault)) {
        results->name = copy(results, row, 0);
        results->description = copy(results, row, 1);
        results->figure = copy(results, row, 2);
        results->runs = copy(results, row, 3);
    } else if (!*fault->text) {
        run_fail(fault, EXIT_INPUT, "%s has no sweep in it yet", store->path);
    }
    sqlite3_finalize(row);
}

static void read_keys(Store *store, Results *results, RunError *fault) {
    sqlite3_stmt *row = store_query(
        store, fault, "SELECT key FROM settings GROUP BY key ORDER BY min(position), key", "");
    while (!*fault->text && store_next(store, &row, fault)) {
        const char **keys =
            pool_grow(&results->pool, results->keys, results->key_count, sizeof *keys);
        if (!keys)
            break;
        results->keys = keys;
        keys[results->key_count++] = copy(results, row, 0);
    }
    sqlite3_finalize(row);
}

static ResultRow row_of(Results *results, sqlite3_stmt *row) {
    ResultRow found = {
        .id = sqlite3_column_int64(row, 0),
        .state = copy(results, row, 1),
        .rung = sqlite3_column_int64(row, 2),
        .step = sqlite3_column_int64(row, 3),
        .steps = sqlite3_column_int64(row, 4),
        .loss = number(row, 5),
        .value = number(row, 6),
        .best = number(row, 7),
        .best_step = sqlite3_column_int64(row, 8),
        .objective = copy(results, row, 9),
        .data = copy(results, row, 10),
        .run = copy(results, row, 11),
        .code = sqlite3_column_int64(row, 12),
        .reason = pool_copy(&results->pool, store_text(row, 13)),
        .seconds = sqlite3_column_double(row, 14),
        .values = pool_array(&results->pool, results->key_count + 1, sizeof *found.values),
    };
    for (uint32_t i = 0; found.values && i < results->key_count; i++)
        found.values[i] = "";
    return found;
}

static void read_rows(Store *store, Results *results, RunError *fault) {
    sqlite3_stmt *row = store_query(
        store, fault,
        "SELECT id, state, rung, step, steps, loss, value, best, best_step, objective, data, run, "
        "code, reason, seconds FROM trials ORDER BY id",
        "");
    while (!*fault->text && !results->pool.failed && store_next(store, &row, fault)) {
        ResultRow *rows =
            pool_grow(&results->pool, results->rows, results->row_count, sizeof *rows);
        if (!rows)
            break;
        results->rows = rows;
        rows[results->row_count++] = row_of(results, row);
    }
    sqlite3_finalize(row);
}

/* Both are by trial. */
static void read_values(Store *store, Results *results, RunError *fault) {
    uint32_t at = 0;
    sqlite3_stmt *row =
        store_query(store, fault, "SELECT trial, key, value FROM settings ORDER BY trial", "");
    while (!*fault->text && !results->pool.failed && store_next(store, &row, fault)) {
        while (at < results->row_count && results->rows[at].id < sqlite3_column_int64(row, 0))
            at++;
        for (uint32_t i = 0; at < results->row_count && i < results->key_count; i++)
            if (strcmp(results->keys[i], store_text(row, 1)) == 0)
                results->rows[at].values[i] = copy(results, row, 2);
    }
    sqlite3_finalize(row);
}

bool results_read(Store *store, Results *results, RunError *error) {
    static void (*const parts[])(Store *, Results *, RunError *) = {read_sweep, read_keys,
                                                                    read_rows, read_values};
    RunError fault = {0};
    *results = (Results){.path = store->path};
    bool read = store_run(store, error, "BEGIN", ""); /* all of one moment */
    if (!read)
        return false;
    for (size_t i = 0; i < sizeof parts / sizeof *parts && !*fault.text; i++)
        parts[i](store, results, &fault);
    store_run(store, &(RunError){0}, "ROLLBACK", "");
    if (!*fault.text && results->pool.failed)
        run_no_memory(&fault, "the results");
    if (!*fault.text)
        return true;
    *error = fault;
    results_free(results);
    return false;
}

void results_free(Results *results) {
    pool_free(&results->pool);
    *results = (Results){0};
}

/* --- which is better --- */

bool results_better(const Results *results, const ResultRow *row, const ResultRow *other) {
    if (strcmp(row->state, "done") != 0 || isnan(row->best))
        return false;
    if (!other)
        return true;
    return strcmp(results->figure, "loss") == 0 ? row->best < other->best : row->best > other->best;
}
