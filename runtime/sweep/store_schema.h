/* The tables of a sweep's database. Private to store.c. */
#ifndef SCANLINE_RUNTIME_STORE_SCHEMA_H
#define SCANLINE_RUNTIME_STORE_SCHEMA_H

static const char *const store_schema[] = {
    "CREATE TABLE sweep ("
    "id INTEGER PRIMARY KEY CHECK (id = 1), "
    "name TEXT NOT NULL, "
    "description TEXT NOT NULL, " /* for people: method, keys and values */
    "identity TEXT NOT NULL, "    /* a hash of all that results depend on */
    "figure TEXT NOT NULL CHECK (figure IN ('loss', 'accuracy')), " /* what trials are judged by */
    "part INTEGER NOT NULL, "  /* of the trials, those of this part of so many parts are for */
    "parts INTEGER NOT NULL, " /* this database */
    "runs TEXT NOT NULL"       /* the folder of runs */
    ") STRICT",

    "CREATE TABLE trials ("
    "id INTEGER PRIMARY KEY, "
    "name TEXT NOT NULL UNIQUE, " /* 'layers=2 rate=0.01' */
    "state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'paused', 'done', 'dropped', "
    "'failed', 'elsewhere')), "
    "rung INTEGER NOT NULL DEFAULT 0, "  /* of halving: that it is on, or on its way to */
    "tries INTEGER NOT NULL DEFAULT 0, " /* how often it was begun or gone on with */
    "step INTEGER NOT NULL DEFAULT 0, "  /* how far it is */
    "steps INTEGER, "                    /* train.steps */
    "loss REAL, "                        /* of training, at that step */
    "value REAL, "                       /* the figure on validation at the last evaluation */
    "best REAL, "                        /* the best one, and its step */
    "best_step INTEGER, "
    "objective TEXT, "
    "data TEXT, "    /* the hash of the images as tokens */
    "run TEXT, "     /* the folder's own name */
    "code INTEGER, " /* the exit code of a training that failed, */
    "reason TEXT, "  /* and why it did */
    "seconds REAL NOT NULL DEFAULT 0, "
    "process INTEGER, " /* that has it, or had it last */
    "host TEXT"
    ") STRICT",

    "CREATE INDEX trials_by_state ON trials (state, rung)",

    "CREATE TABLE settings ("
    "trial INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE, "
    "position INTEGER NOT NULL, "
    "key TEXT NOT NULL, "
    "value TEXT NOT NULL, "
    "PRIMARY KEY (trial, key)"
    ") STRICT, WITHOUT ROWID",

    "CREATE INDEX settings_by_value ON settings (key, value)",

    "CREATE TABLE metrics ("
    "trial INTEGER NOT NULL REFERENCES trials (id) ON DELETE CASCADE, "
    "split TEXT NOT NULL, "
    "name TEXT NOT NULL, "
    "step INTEGER NOT NULL, "
    "value REAL, "
    "PRIMARY KEY (trial, split, name, step)"
    ") STRICT, WITHOUT ROWID",
};

enum { STORE_SCHEMA_COUNT = sizeof store_schema / sizeof *store_schema };

#endif
