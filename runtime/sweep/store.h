/* The database of a sweep: an SQLite file (WAL) that says which trials there are, how each stands,
 * and what came of it. The trials themselves are runs like others (runtime/README.md); the database
 * is their index, and a lost one is made again from them.
 *
 * Schema, version 1 (PRAGMA user_version; PRAGMA application_id is STORE_APPLICATION):
 *
 *     sweep     one row: what is swept; identity says whether it is the same
 *     trials    a row a trial; id counts from 1 in the order of the sweep
 *     settings  what sets a trial apart: key and value, in the order of the keys
 *     metrics   the lines of metrics.jsonl of the trial's run, as of when it last ended or stopped;
 *               value is NULL where it is not finite
 *
 * A file from elsewhere is hostile until checked: it must be a sound database, of this
 * application, of this version, with these very tables and no triggers or views.
 *
 * The connection must not be used by a process that was forked. */
#ifndef SCANLINE_RUNTIME_STORE_H
#define SCANLINE_RUNTIME_STORE_H

#include "runtime/run_error.h"

#include <sqlite3.h>
#include <stdint.h>

enum { STORE_APPLICATION = 0x5363536e /* "ScSn" */, STORE_VERSION = 1 };

typedef struct Store {
    sqlite3 *database;
    char *path;
} Store;

typedef enum StoreUse {
    STORE_READ,   /* it is there; nothing is changed */
    STORE_CHANGE, /* it is there */
    STORE_CREATE, /* it is made where it is not there, or is an empty file */
} StoreUse;

/* NULL and `error`: EXIT_INPUT where the file is not what it should be, EXIT_MACHINE where another
 * process has it for a minute, or the disk fails. */
Store *store_open(const char *path, StoreUse use, RunError *error);
void store_close(Store *store);

/* A transaction that changes something. store_end with `done` false takes all back, and answers
 * false. */
bool store_begin(Store *store, RunError *error);
bool store_end(Store *store, bool done, RunError *error);

/* A statement with its parameters bound, a letter of `types` for each: 't' const char * (NULL:
 * NULL), 'i' int64_t, 'd' double (not finite: NULL). NULL and `error`. Texts must outlive it. */
sqlite3_stmt *store_query(Store *store, RunError *error, const char *sql, const char *types, ...);

/* Whether there is another row. At the end, or a fault (`error`), the statement is gone and NULL.
 */
bool store_next(Store *store, sqlite3_stmt **statement, RunError *error);

/* A statement without rows. */
bool store_run(Store *store, RunError *error, const char *sql, const char *types, ...);

/* The first column of the first row, which must be there. */
bool store_integer(Store *store, RunError *error, int64_t *value, const char *sql,
                   const char *types, ...);

/* Texts of a row: "" for NULL, and never beyond their length. */
const char *store_text(sqlite3_stmt *statement, int column);

#endif
