/* What a sweep has found, as its database says, shown and exported. */
#ifndef SCANLINE_RUNTIME_RESULTS_H
#define SCANLINE_RUNTIME_RESULTS_H

#include "runtime/report/pool.h"
#include "runtime/sweep/store.h"

#include <stdio.h>

typedef struct ResultRow {
    int64_t id, rung, step, steps, best_step, code;
    const char *state, *objective, *data, *run, *reason; /* "": none */
    const char **values;                                 /* by key; "": it has none */
    double loss, value, best;                            /* NaN: none */
    double seconds;
} ResultRow;

typedef struct Results {
    const char *path, *name, *description, *figure, *runs;
    const char **keys;
    uint32_t key_count;
    ResultRow *rows; /* by trial */
    uint32_t row_count;
    Pool pool; /* of all that */
} Results;

/* False and `error`. */
bool results_read(Store *store, Results *results, RunError *error);
void results_free(Results *results);

/* A table of all trials, with the reasons of those that failed, or JSON. */
bool results_show(const Results *results, bool json, FILE *out, RunError *error);

/* Of each objective on each data set the trial that is done and has the best figure: between them
 * losses can't be compared. False and `error` where no trial is done. */
bool results_best(const Results *results, bool json, FILE *out, RunError *error);

/* CSV (RFC 4180): a row a trial. */
void results_csv(const Results *results, FILE *out);

/* CSV: a row a line and figure of the trials' metrics. False and `error`. */
bool results_csv_metrics(Store *store, FILE *out, RunError *error);

/* Whether trial `row` is better than `other`, which may be NULL; only what is done is compared. */
bool results_better(const Results *results, const ResultRow *row, const ResultRow *other);

#endif
