/* Results as text for people, and as JSON. */
#include "runtime/sweep/results.h"

#include "runtime/files/printable.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- JSON --- */

static json_t *number_json(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *settings_json(const Results *results, const ResultRow *row) {
    json_t *settings = json_object();
    for (uint32_t i = 0; i < results->key_count; i++)
        if (*row->values[i])
            json_object_set_new(settings, results->keys[i], json_string(row->values[i]));
    return settings;
}

static json_t *row_json(const Results *results, const ResultRow *row) {
    json_t *json = json_pack(
        "{s:I, s:s, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:I, s:s, s:s, s:s, s:f}", "trial",
        (json_int_t)row->id, "state", row->state, "settings", settings_json(results, row), "rung",
        (json_int_t)row->rung, "step", (json_int_t)row->step, "steps", (json_int_t)row->steps,
        "loss", number_json(row->loss), "validation", number_json(row->value), "best",
        number_json(row->best), "best_step", (json_int_t)row->best_step, "objective",
        row->objective, "data", row->data, "run", row->run, "seconds", row->seconds);
    if (json && *row->reason) {
        char *reason = printable(row->reason, strlen(row->reason));
        json_object_set_new(json, "reason", json_string(reason ? reason : ""));
        json_object_set_new(json, "code", json_integer(row->code));
        free(reason);
    }
    return json;
}

static bool print_json(json_t *json, FILE *out, RunError *error) {
    if (!json)
        return run_no_memory(error, "the results");
    json_dumpf(json, out, JSON_INDENT(2));
    fputc('\n', out);
    json_decref(json);
    return true;
}

static json_t *results_json(const Results *results) {
    json_t *trials = json_array();
    for (uint32_t i = 0; i < results->row_count; i++)
        json_array_append_new(trials, row_json(results, &results->rows[i]));
    return json_pack("{s:s, s:s, s:s, s:s, s:o}", "database", results->path, "sweep", results->name,
                     "description", results->description, "figure", results->figure, "trials",
                     trials);
}

/* --- text --- */

static void print_number(FILE *out, double value) {
    if (isnan(value))
        fprintf(out, "  %10s", "-");
    else
        fprintf(out, fabs(value) < 1e5 ? "  %10.4f" : "  %10.4g", value);
}

static int width_of(const Results *results, uint32_t key) {
    size_t width = strlen(results->keys[key]);
    for (uint32_t i = 0; i < results->row_count; i++) {
        const size_t length = strlen(results->rows[i].values[key]);
        width = length > width ? length : width;
    }
    return width < 40 ? (int)width : 40;
}

static void print_counts(FILE *out, const Results *results) {
    static const char *const states[] = {"done",   "running", "waiting",  "paused",
                                         "failed", "dropped", "elsewhere"};
    const char *between = "";
    for (size_t s = 0; s < sizeof states / sizeof *states; s++) {
        uint32_t count = 0;
        for (uint32_t i = 0; i < results->row_count; i++)
            count += strcmp(results->rows[i].state, states[s]) == 0;
        if (count)
            fprintf(out, "%s%u %s", between, count, states[s]);
        if (count)
            between = ", ";
    }
    fputc('\n', out);
}

static void print_row(FILE *out, const Results *results, const ResultRow *row, const int *widths) {
    fprintf(out, "%5lld", (long long)row->id);
    for (uint32_t i = 0; i < results->key_count; i++)
        fprintf(out, "  %-*s", widths[i], row->values[i]);
    fprintf(out, "  %-9s  %6lld", row->state, (long long)row->step);
    print_number(out, row->loss);
    print_number(out, row->value);
    print_number(out, row->best);
    if (isnan(row->best))
        fprintf(out, "  %7s", "-");
    else
        fprintf(out, "  %7lld", (long long)row->best_step);
    fprintf(out, "  %s\n", row->run);
}

/* Its first line: the rest shows a place in the spec. */
static void print_reason(FILE *out, const ResultRow *row) {
    char line[256];
    snprintf(line, sizeof line, "%.*s", (int)strcspn(row->reason, "\n"), row->reason);
    printable_clean(line, "");
    fprintf(out, "trial %lld failed: %s\n", (long long)row->id, line);
}

static bool print_table(const Results *results, FILE *out, RunError *error) {
    int *widths = calloc(results->key_count + 1, sizeof *widths);
    if (!widths)
        return run_no_memory(error, "the table");
    fprintf(out, "%s: %s\n%5s", results->name, results->description, "trial");
    for (uint32_t i = 0; i < results->key_count; i++) {
        widths[i] = width_of(results, i);
        fprintf(out, "  %-*s", widths[i], results->keys[i]);
    }
    fprintf(out, "  %-9s  %6s  %10s  %10s  %10s  %7s  run\n", "state", "step", "train loss",
            strcmp(results->figure, "loss") == 0 ? "validation" : results->figure, "best",
            "at step");
    for (uint32_t i = 0; i < results->row_count; i++)
        print_row(out, results, &results->rows[i], widths);
    free(widths);
    for (uint32_t i = 0; i < results->row_count; i++)
        if (*results->rows[i].reason)
            print_reason(out, &results->rows[i]);
    print_counts(out, results);
    return true;
}

bool results_show(const Results *results, bool json, FILE *out, RunError *error) {
    if (json)
        return print_json(results_json(results), out, error);
    return print_table(results, out, error);
}

/* --- the best --- */

static bool same_group(const ResultRow *a, const ResultRow *b) {
    return strcmp(a->objective, b->objective) == 0 && strcmp(a->data, b->data) == 0;
}

/* The best of each group, in the order of their first trials; of equals the first. To `best`, which
 * has room for all rows: how many. A place in it is NULL where the group has none that is done. */
static uint32_t best_of_groups(const Results *results, const ResultRow **first,
                               const ResultRow **best) {
    uint32_t groups = 0;
    for (uint32_t i = 0; i < results->row_count; i++) {
        const ResultRow *row = &results->rows[i];
        uint32_t group = 0;
        while (group < groups && !same_group(first[group], row))
            group++;
        if (group == groups)
            first[groups++] = row;
        if (results_better(results, row, best[group]))
            best[group] = row;
    }
    return groups;
}

static void print_best(FILE *out, const Results *results, const ResultRow *row) {
    fprintf(out, "%s: trial %lld", row->objective, (long long)row->id);
    for (uint32_t i = 0; i < results->key_count; i++)
        if (*row->values[i])
            fprintf(out, " %s=%s", results->keys[i], row->values[i]);
    fprintf(out, ": validation %s %.4f at step %lld of %lld\n%s/%s\n", results->figure, row->best,
            (long long)row->best_step, (long long)row->step, results->runs, row->run);
}

bool results_best(const Results *results, bool json, FILE *out, RunError *error) {
    const ResultRow **rows = calloc(2 * (size_t)results->row_count + 1, sizeof(ResultRow *));
    json_t *list = json_array();
    if (!rows || !list) {
        free(rows);
        json_decref(list);
        return run_no_memory(error, "the results");
    }
    const ResultRow **best = rows + results->row_count;
    const uint32_t groups = best_of_groups(results, rows, best);
    uint32_t found = 0;
    for (uint32_t i = 0; i < groups; i++) {
        found += best[i] != NULL;
        if (best[i] && json)
            json_array_append_new(list, row_json(results, best[i]));
        else if (best[i])
            print_best(out, results, best[i]);
    }
    free(rows);
    if (!found)
        run_fail(error, EXIT_INPUT,
                 "no trial of %s is done, with an evaluation on validation to judge it by",
                 results->path);
    if (found && json)
        return print_json(list, out, error);
    json_decref(list);
    return found > 0;
}
