#include "runtime/sweep/store.h"

#include "runtime/files/file.h"
#include "runtime/sweep/store_schema.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WAIT_MILLISECONDS = 60000 };

/* --- faults --- */

static bool fail(const Store *store, RunError *error) {
    sqlite3 *database = store->database;
    const int code = sqlite3_errcode(database) & 0xff;
    switch (code) {
    case SQLITE_NOTADB:
        return run_fail(error, EXIT_INPUT, "%s is not a database of SQLite", store->path);
    case SQLITE_CORRUPT:
        return run_fail(error, EXIT_INPUT,
                        "%s is damaged (%s). Give another --db: the runs that there are will be "
                        "found by what they are, and not trained again",
                        store->path, sqlite3_errmsg(database));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return run_fail(error, EXIT_MACHINE, "another process has %s, and does not let go of it",
                        store->path);
    case SQLITE_NOMEM:
        return run_no_memory(error, "the database");
    case SQLITE_READONLY:
        return run_fail(error, EXIT_MACHINE, "%s may not be written", store->path);
    default:
        return run_fail(error, EXIT_MACHINE, "%s: %s", store->path,
                        code ? sqlite3_errmsg(database) : "a statement of the database failed");
    }
}

/* --- statements --- */

static bool bind(sqlite3_stmt *statement, const char *types, va_list arguments) {
    int code = SQLITE_OK;
    for (int i = 0; types[i] && code == SQLITE_OK; i++) {
        if (types[i] == 't') {
            code = sqlite3_bind_text(statement, i + 1, va_arg(arguments, const char *), -1,
                                     SQLITE_STATIC);
        } else if (types[i] == 'i') {
            code = sqlite3_bind_int64(statement, i + 1, va_arg(arguments, int64_t));
        } else {
            const double value = va_arg(arguments, double);
            if (isfinite(value)) /* parameters are NULL until they are bound */
                code = sqlite3_bind_double(statement, i + 1, value);
        }
    }
    return code == SQLITE_OK;
}

static sqlite3_stmt *query(Store *store, RunError *error, const char *sql, const char *types,
                           va_list arguments) {
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(store->database, sql, -1, &statement, NULL) == SQLITE_OK &&
        bind(statement, types, arguments))
        return statement;
    fail(store, error);
    sqlite3_finalize(statement);
    return NULL;
}

sqlite3_stmt *store_query(Store *store, RunError *error, const char *sql, const char *types, ...) {
    va_list arguments;
    va_start(arguments, types);
    sqlite3_stmt *statement = query(store, error, sql, types, arguments);
    va_end(arguments);
    return statement;
}

bool store_next(Store *store, sqlite3_stmt **statement, RunError *error) {
    const int code = *statement ? sqlite3_step(*statement) : SQLITE_DONE;
    if (code == SQLITE_ROW)
        return true;
    if (code != SQLITE_DONE)
        fail(store, error);
    sqlite3_finalize(*statement);
    *statement = NULL;
    return false;
}

/* To the end; the first column of the first row to `value`, unless that is NULL. */
static bool finish(Store *store, sqlite3_stmt *statement, int64_t *value, RunError *error) {
    bool found = !value;
    if (!statement)
        return false;
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW)
        if (!found) {
            *value = sqlite3_column_int64(statement, 0);
            found = true;
        }
    if (code != SQLITE_DONE)
        fail(store, error);
    else if (!found)
        run_fail(error, EXIT_INPUT, "%s lacks what a sweep has", store->path);
    sqlite3_finalize(statement);
    return found && code == SQLITE_DONE;
}

bool store_run(Store *store, RunError *error, const char *sql, const char *types, ...) {
    va_list arguments;
    va_start(arguments, types);
    sqlite3_stmt *statement = query(store, error, sql, types, arguments);
    va_end(arguments);
    return finish(store, statement, NULL, error);
}

bool store_integer(Store *store, RunError *error, int64_t *value, const char *sql,
                   const char *types, ...) {
    va_list arguments;
    va_start(arguments, types);
    sqlite3_stmt *statement = query(store, error, sql, types, arguments);
    va_end(arguments);
    return finish(store, statement, value, error);
}

const char *store_text(sqlite3_stmt *statement, int column) {
    const unsigned char *text = sqlite3_column_text(statement, column);
    return text ? (const char *)text : "";
}

bool store_begin(Store *store, RunError *error) {
    return store_run(store, error, "BEGIN IMMEDIATE", "");
}

bool store_end(Store *store, bool done, RunError *error) {
    if (done && store_run(store, error, "COMMIT", ""))
        return true;
    sqlite3_exec(store->database, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

/* --- what the file is --- */

static bool tables_check(Store *store, RunError *error) {
    int known = 0;
    RunError fault = {0};
    sqlite3_stmt *statement =
        store_query(store, &fault, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL", "");
    bool same = statement != NULL;
    while (store_next(store, &statement, &fault)) {
        bool found = false;
        for (int i = 0; i < STORE_SCHEMA_COUNT && !found; i++)
            found = strcmp(store_text(statement, 0), store_schema[i]) == 0;
        same = same && found;
        known++;
    }
    if (*fault.text) {
        *error = fault;
        return false;
    }
    return (same && known == STORE_SCHEMA_COUNT) ||
           run_fail(error, EXIT_INPUT, "%s: its tables are not those of a sweep (version %d)",
                    store->path, STORE_VERSION);
}

static bool sound(Store *store, RunError *error) {
    RunError fault = {0};
    sqlite3_stmt *statement = store_query(store, error, "PRAGMA quick_check(1)", "");
    if (!statement)
        return false;
    const bool row = store_next(store, &statement, &fault);
    const bool able = row && strcmp(store_text(statement, 0), "ok") == 0;
    if (row && !able)
        run_fail(&fault, EXIT_INPUT,
                 "%s is damaged (%.200s). Give another --db: the runs that there are will be found "
                 "by what they are, and not trained again",
                 store->path, store_text(statement, 0));
    sqlite3_finalize(statement);
    if (!able)
        *error = fault;
    return able;
}

static bool make_tables(Store *store, RunError *error) {
    bool made = true;
    for (int i = 0; i < STORE_SCHEMA_COUNT && made; i++)
        made = store_run(store, error, store_schema[i], "");
    char pragmas[96];
    snprintf(pragmas, sizeof pragmas, "PRAGMA application_id = %d", STORE_APPLICATION);
    made = made && store_run(store, error, pragmas, "");
    snprintf(pragmas, sizeof pragmas, "PRAGMA user_version = %d", STORE_VERSION);
    return made && store_run(store, error, pragmas, "");
}

/* Of two processes that find it empty one makes the tables. */
static bool create(Store *store, RunError *error) {
    int64_t tables;
    if (!store_begin(store, error))
        return false;
    bool made = store_integer(store, error, &tables, "SELECT count(*) FROM sqlite_schema", "") &&
                (tables > 0 || make_tables(store, error));
    return store_end(store, made, error);
}

static bool versions_check(Store *store, RunError *error) {
    int64_t application, version;
    if (!store_integer(store, error, &application, "PRAGMA application_id", "") ||
        !store_integer(store, error, &version, "PRAGMA user_version", ""))
        return false;
    if (application != STORE_APPLICATION)
        return run_fail(error, EXIT_INPUT,
                        "%s is a database, but not of a sweep: give another --db", store->path);
    if (version > STORE_VERSION)
        return run_fail(error, EXIT_INPUT,
                        "%s was made by a newer scanline (its schema has version %lld, this one "
                        "knows %d): use that, or another --db",
                        store->path, (long long)version, STORE_VERSION);
    return version == STORE_VERSION ||
           run_fail(error, EXIT_INPUT, "%s has a schema of no known version (%lld)", store->path,
                    (long long)version);
}

static bool check(Store *store, StoreUse use, RunError *error) {
    int64_t tables;
    if (!store_integer(store, error, &tables, "SELECT count(*) FROM sqlite_schema", ""))
        return false;
    if (!tables && use != STORE_CREATE)
        return run_fail(error, EXIT_INPUT, "%s is empty: there is no sweep in it", store->path);
    if (!tables && !create(store, error))
        return false;
    return versions_check(store, error) && sound(store, error) && tables_check(store, error);
}

/* --- opened --- */

/* The change of a journal's kind does not wait for others by itself. */
static bool use_wal(Store *store, RunError *error) {
    enum { TRIES = 100, MICROSECONDS = 50000 };
    for (int i = 0; i < TRIES; i++) {
        if (store_run(store, error, "PRAGMA journal_mode = WAL", ""))
            return true;
        if ((sqlite3_errcode(store->database) & 0xff) != SQLITE_BUSY)
            return false;
        usleep(MICROSECONDS);
    }
    return false;
}

static bool settle(Store *store, StoreUse use, RunError *error) {
    sqlite3 *database = store->database;
    sqlite3_extended_result_codes(database, 1);
    sqlite3_busy_timeout(database, WAIT_MILLISECONDS);
    sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    if (!check(store, use, error))
        return false;
    return use == STORE_READ ||
           (use_wal(store, error) && store_run(store, error, "PRAGMA synchronous = NORMAL", "") &&
            store_run(store, error, "PRAGMA foreign_keys = ON", ""));
}

Store *store_open(const char *path, StoreUse use, RunError *error) {
    struct stat status;
    Store *store = calloc(1, sizeof *store);
    if (store)
        store->path = strdup(path);
    const int flags = SQLITE_OPEN_READWRITE | (use == STORE_CREATE ? SQLITE_OPEN_CREATE : 0);
    bool opened = false;
    if (!store || !store->path)
        run_no_memory(error, "the database");
    else if (use != STORE_CREATE && stat(path, &status) != 0)
        run_fail(error, EXIT_INPUT, "there is no sweep in %s: %s", path, strerror(errno));
    else if (sqlite3_open_v2(path, &store->database, flags, NULL) != SQLITE_OK)
        store->database ? fail(store, error) : run_no_memory(error, "the database");
    else
        opened = settle(store, use, error);
    if (opened)
        return store;
    store_close(store);
    return NULL;
}

void store_close(Store *store) {
    if (!store)
        return;
    sqlite3_close(store->database);
    free(store->path);
    free(store);
}
