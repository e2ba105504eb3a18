#include "runtime/commands/compare.h"

#include "runtime/commands/command.h"
#include "runtime/report/comparison.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- as text --- */

static void print_set(FILE *out, const char *name, const FindingsSet *set) {
    fprintf(out, "%s: ", name);
    for (uint32_t i = 0; i < set->count; i++) {
        const RunFindings *run = &set->runs[i];
        fprintf(out, "%s%s", i ? ", " : "", run->address);
        if (run->seed >= 0)
            fprintf(out, " (seed %lld)", (long long)run->seed);
    }
    fprintf(out, "; objective %s\n", set->runs[0].objective);
}

/* "1.4617 ± 0.0056", or in per cent. */
static void format_mean(const Sample *sample, bool is_share, char *text, size_t size) {
    const double factor = is_share ? 100 : 1;
    const int digits = is_share ? 2 : 4;
    if (sample->count > 1)
        snprintf(text, size, "%.*f +- %.*f", digits, factor * sample_mean(sample), digits,
                 factor * sample_deviation(sample));
    else
        snprintf(text, size, "%.*f", digits, factor * sample_mean(sample));
}

static void print_figure(FILE *out, const ComparedFigure *figure) {
    const double factor = figure->is_share ? 100 : 1;
    const int digits = figure->is_share ? 2 : 4;
    const Estimate *difference = &figure->difference;
    char name[40], a[40], b[40];
    snprintf(name, sizeof name, "%s%s", figure->name, figure->is_share ? ", %" : ", nats");
    format_mean(&figure->a, figure->is_share, a, sizeof a);
    format_mean(&figure->b, figure->is_share, b, sizeof b);
    fprintf(out, "%-27s  %-18s  %-18s  %+.*f", name, a, b, digits, factor * difference->value);
    if (difference->has_interval)
        fprintf(out, "  (%+.*f to %+.*f)", digits, factor * difference->interval.low, digits,
                factor * difference->interval.high);
    fputc('\n', out);
}

static void print_text(FILE *out, const FindingsSet *a, const FindingsSet *b,
                       const Comparison *comparison) {
    print_set(out, "A", a);
    print_set(out, "B", b);
    for (uint32_t i = 0; i < comparison->setting_count; i++) {
        const ComparedSetting *setting = &comparison->settings[i];
        fprintf(out, "%s: A %s, B %s\n", setting->key, setting->a ? setting->a : "several",
                setting->b ? setting->b : "several");
    }
    fprintf(out, "\n%-27s  %-18s  %-18s  %s\n", "", "A, mean +- sd", "B, mean +- sd",
            "B - A (95 % interval)");
    for (uint32_t i = 0; i < comparison->figure_count; i++)
        print_figure(out, &comparison->figures[i]);
    fprintf(out, "\n%s; n = %u and %u\n", comparison->method, a->count, b->count);
    for (uint32_t i = 0; i < comparison->note_count; i++)
        fprintf(out, "note: %s\n", comparison->notes[i]);
}

/* --- as JSON --- */

static json_t *sample_json(const Sample *sample) {
    json_t *values = json_array();
    for (uint32_t i = 0; i < sample->count; i++)
        json_array_append_new(values, json_real(sample->values[i]));
    return json_pack("{sf sf sI so}", "mean", sample_mean(sample), "deviation",
                     sample_deviation(sample), "n", (json_int_t)sample->count, "values", values);
}

static json_t *figure_json(const ComparedFigure *figure) {
    const Estimate *difference = &figure->difference;
    json_t *interval = difference->has_interval
                           ? json_pack("[ff]", difference->interval.low, difference->interval.high)
                           : json_null();
    json_t *freedom = difference->has_interval ? json_real(difference->freedom) : json_null();
    return json_pack("{ss so so sf so so}", "name", figure->name, "a", sample_json(&figure->a), "b",
                     sample_json(&figure->b), "difference", difference->value, "interval", interval,
                     "degrees_of_freedom", freedom);
}

static json_t *set_json(const FindingsSet *set) {
    json_t *runs = json_array();
    for (uint32_t i = 0; i < set->count; i++)
        json_array_append_new(runs,
                              json_pack("{ss ss ss sI}", "run", set->runs[i].id, "folder",
                                        set->runs[i].folder, "objective", set->runs[i].objective,
                                        "seed", (json_int_t)set->runs[i].seed));
    return runs;
}

static json_t *comparison_json(const FindingsSet *a, const FindingsSet *b,
                               const Comparison *comparison) {
    json_t *figures = json_array(), *settings = json_object(), *notes = json_array();
    for (uint32_t i = 0; i < comparison->figure_count; i++)
        json_array_append_new(figures, figure_json(&comparison->figures[i]));
    for (uint32_t i = 0; i < comparison->setting_count; i++) {
        const ComparedSetting *setting = &comparison->settings[i];
        json_object_set_new(settings, setting->key, json_pack("[s?s?]", setting->a, setting->b));
    }
    for (uint32_t i = 0; i < comparison->note_count; i++)
        json_array_append_new(notes, json_string(comparison->notes[i]));
    return json_pack("{so so sb ss so so so}", "a", set_json(a), "b", set_json(b), "paired",
                     (int)comparison->paired, "method", comparison->method, "settings", settings,
                     "figures", figures, "notes", notes);
}

static bool print_json(FILE *out, const FindingsSet *a, const FindingsSet *b,
                       const Comparison *comparison, RunError *error) {
    return command_print_json(comparison_json(a, b, comparison), out) ||
           run_no_memory(error, "the result");
}

/* --- the command --- */

static bool read_set(const FoundRun *found, uint32_t count, Pool *pool, FindingsSet *set,
                     RunError *error) {
    *set = (FindingsSet){pool_array(pool, count, sizeof *set->runs), count};
    return set->runs ? findings_read_all(found, count, NULL, pool, set->runs, error)
                     : run_no_memory(error, "the runs");
}

bool commands_compare(const CompareCommand *command, RunError *error) {
    Pool pool = {0};
    FindingsSet a, b;
    Comparison comparison;
    bool done = read_set(command->a, command->a_count, &pool, &a, error) &&
                read_set(command->b, command->b_count, &pool, &b, error) &&
                comparison_make(&a, &b, command->across, &pool, &comparison, error);
    if (done && command->json)
        done = print_json(command->results, &a, &b, &comparison, error);
    else if (done)
        print_text(command->results, &a, &b, &comparison);
    pool_free(&pool);
    return done;
}
