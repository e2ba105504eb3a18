/* CSV as of RFC 4180, but for its line ends, which are those of the system. */
#include "runtime/sweep/results.h"

#include <math.h>
#include <string.h>

static void put_text(FILE *out, const char *text) {
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

/* Reads back to the same bits; nothing for what is none. */
static void put_number(FILE *out, double value) {
    fputc(',', out);
    if (!isnan(value))
        fprintf(out, "%.17g", value);
}

static void put_row(FILE *out, const Results *results, const ResultRow *row) {
    fprintf(out, "%lld,%s", (long long)row->id, row->state);
    for (uint32_t i = 0; i < results->key_count; i++) {
        fputc(',', out);
        put_text(out, row->values[i]);
    }
    fprintf(out, ",%lld,%lld,%lld", (long long)row->rung, (long long)row->step,
            (long long)row->steps);
    put_number(out, row->loss);
    put_number(out, row->value);
    put_number(out, row->best);
    fprintf(out, ",%lld,", (long long)row->best_step);
    put_text(out, row->objective);
    fprintf(out, ",%.3f,", row->seconds);
    put_text(out, row->run);
    fputc(',', out);
    put_text(out, row->reason);
    fputc('\n', out);
}

void results_csv(const Results *results, FILE *out) {
    fputs("trial,state", out);
    for (uint32_t i = 0; i < results->key_count; i++) {
        fputc(',', out);
        put_text(out, results->keys[i]);
    }
    fprintf(out,
            ",rung,step,steps,train_loss,validation_%s,best_validation_%s,best_step,objective,"
            "seconds,run,reason\n",
            results->figure, results->figure);
    for (uint32_t i = 0; i < results->row_count; i++)
        put_row(out, results, &results->rows[i]);
}

bool results_csv_metrics(Store *store, FILE *out, RunError *error) {
    RunError fault = {0};
    sqlite3_stmt *row = store_query(store, &fault,
                                    "SELECT trial, step, split, name, value FROM metrics "
                                    "ORDER BY trial, step, split DESC, name",
                                    "");
    fputs("trial,step,split,figure,value\n", out);
    while (store_next(store, &row, &fault)) {
        fprintf(out, "%lld,%lld,", (long long)sqlite3_column_int64(row, 0),
                (long long)sqlite3_column_int64(row, 1));
        put_text(out, store_text(row, 2));
        fputc(',', out);
        put_text(out, store_text(row, 3));
        put_number(out, sqlite3_column_type(row, 4) == SQLITE_NULL ? NAN
                                                                   : sqlite3_column_double(row, 4));
        fputc('\n', out);
    }
    if (*fault.text)
        *error = fault;
    return !*fault.text;
}
