/* Objectives beside each other: runs that differ by nothing but their seeds are one line of the
 * plot, and one row of its table. */
#include "runtime/report/plot_build.h"
#include "runtime/study/means.h"

#include <math.h>
#include <string.h>

static bool same_kind(const RunFindings *a, const RunFindings *b) {
    return a->probe && b->probe && a->probe->count == b->probe->count && runs_alike(a, b);
}

static bool is_first(const PlotRuns *runs, uint32_t r) {
    for (uint32_t before = 0; before < r; before++)
        if (same_kind(&runs->runs[before], &runs->runs[r]))
            return false;
    return runs->runs[r].probe != NULL;
}

/* --- a line --- */

/* Of the runs that are like run `first`, which is the first of them. */
static void add_mean(const PlotRuns *runs, uint32_t first, uint32_t colour, Plot *plot) {
    const RunFindings *run = &runs->runs[first];
    double *values = pool_array(runs->pool, runs->count, sizeof *values);
    PlotSeries *series = plot_add_series(
        plot, &(PlotSeries){.colour = colour, .line = true, .marks = true}, runs->pool);
    Sample sample = {values, 0};
    for (uint32_t layer = 0; values && series && layer < run->probe->count; layer++) {
        sample.count = 0;
        for (uint32_t r = first; r < runs->count; r++)
            if (same_kind(run, &runs->runs[r]))
                values[sample.count++] = runs->runs[r].probe->layers[layer].test.value;
        const Estimate mean = estimate_mean(&sample);
        PlotPoint point = {.x = (double)run->probe->layers[layer].number, .y = mean.value};
        if (mean.has_interval) {
            point.low = mean.interval.low;
            point.high = mean.interval.high;
            point.note = pool_print(runs->pool, "%.1f %% (%.1f to %.1f), %u runs", 100 * mean.value,
                                    100 * point.low, 100 * point.high, sample.count);
        }
        plot_add_point(series, &point, runs->pool);
    }
    if (series)
        series->name = pool_print(runs->pool, "%s (%u run%s)",
                                  runs_kind_label(runs->runs, first, runs->settings, runs->pool),
                                  sample.count, sample.count == 1 ? "" : "s");
}

/* --- a row --- */

enum { COLUMNS = 5 };
static const char *const heads[COLUMNS] = {"objective", "runs", "best probe, test accuracy",
                                           "test images", "finetuned, accuracy"};

/* "61.3 ± 0.4 %"; of one measurement "61.3 %". */
static const char *mean_text(const Sample *sample, Pool *pool) {
    return sample->count > 1 ? pool_print(pool, "%.1f ± %.1f %%", 100 * sample_mean(sample),
                                          100 * sample_deviation(sample))
                             : pool_print(pool, "%.1f %%", 100 * sample_mean(sample));
}

/* Whether a run is a classifier that began with the parameters of the other: "ar.classify" of "ar".
 */
static bool is_finetuned(const RunFindings *run, const RunFindings *from) {
    const size_t length = strlen(from->objective);
    return *run->parent && strcmp(run->parent, from->id) == 0 &&
           strncmp(run->objective, from->objective, length) == 0 &&
           strcmp(run->objective + length, ".classify") == 0;
}

/* What the classifiers came to: on the test split, or, where none was judged there, on that for
 * validation. */
static const char *finetuned_text(const PlotRuns *runs, const RunFindings *kind) {
    Pool *pool = runs->pool;
    double *tested = pool_array(pool, runs->count, sizeof *tested),
           *validated = pool_array(pool, runs->count, sizeof *validated);
    Sample test = {tested, 0}, validation = {validated, 0};
    for (uint32_t c = 0; tested && validated && c < runs->count; c++) {
        const RunFindings *child = &runs->runs[c];
        bool of_kind = false;
        for (uint32_t r = 0; r < runs->count; r++)
            of_kind |= same_kind(kind, &runs->runs[r]) && is_finetuned(child, &runs->runs[r]);
        if (of_kind && child->test && child->test->accuracy.count)
            tested[test.count++] = child->test->accuracy.value;
        if (of_kind && isfinite(child->best_accuracy))
            validated[validation.count++] = child->best_accuracy;
    }
    const Sample *known = test.count ? &test : &validation;
    if (!known->count)
        return "–";
    return pool_print(pool, "%s, %s split (%u run%s)", mean_text(known, pool),
                      known == &test ? "test" : "validation", known->count,
                      known->count == 1 ? "" : "s");
}

static void add_row(const PlotRuns *runs, uint32_t first, PlotTable *table) {
    const RunFindings *kind = &runs->runs[first];
    Pool *pool = runs->pool;
    double *values = pool_array(pool, runs->count, sizeof *values);
    Sample sample = {values, 0};
    for (uint32_t r = first; values && r < runs->count; r++)
        if (same_kind(kind, &runs->runs[r]))
            values[sample.count++] = runs->runs[r].probe->best.test.value;
    const char **row = pool_array(pool, COLUMNS, sizeof *row);
    const char ***larger =
        row ? pool_grow(pool, table->rows, table->count, sizeof *table->rows) : NULL;
    if (!larger || !values)
        return;
    row[0] = runs_kind_label(runs->runs, first, runs->settings, pool);
    row[1] = pool_print(pool, "%u", sample.count);
    row[2] = mean_text(&sample, pool);
    row[3] = pool_print(pool, "%lld", (long long)kind->probe->best.test.count);
    row[4] = finetuned_text(runs, kind);
    table->rows = larger;
    larger[table->count++] = row;
}

/* --- the plots --- */

PlotList plots_of_objectives(const PlotRuns *runs) {
    PlotList list = {0};
    uint32_t *groups, *objectives;
    const uint32_t count = runs_group(runs->runs, runs->count, false, runs->pool, &groups);
    runs_group(runs->runs, runs->count, true, runs->pool, &objectives);
    for (uint32_t group = 0; objectives && group < count; group++) {
        PlotTable table = {.heads = heads, .columns = COLUMNS};
        Plot plot = {.name = plot_name(&list, "objectives", "", runs->pool),
                     .title = "Objectives beside each other",
                     .subtitle = "mean probe accuracy over seeds; 95 % interval of the mean",
                     .x_axis = "layer",
                     .y_axis = "test accuracy",
                     .x_whole = true,
                     .y_share = true};
        uint32_t first = runs->count;
        bool several = false;
        for (uint32_t r = 0; r < runs->count && plot.name; r++) {
            if (groups[r] != group || !is_first(runs, r))
                continue;
            first = first < runs->count ? first : r;
            several |= objectives[r] != objectives[first];
            add_mean(runs, r, plot.count, &plot);
            add_row(runs, r, &table);
        }
        if (several)
            plots_add(&list, &plot, &table, runs->pool);
    }
    return list;
}
