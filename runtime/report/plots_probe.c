#include "runtime/report/plot_build.h"
#include "runtime/study/means.h"

#include <math.h>
#include <string.h>

/* --- by layer --- */

static PlotPoint point_of(const ProbedLayer *layer, Pool *pool) {
    return (PlotPoint){.x = (double)layer->number,
                       .y = layer->test.value,
                       .low = layer->test.interval.low,
                       .high = layer->test.interval.high,
                       .note = plot_share_note(&layer->test, pool)};
}

/* A level line under all layers of the plot, once: it is the same for all runs on the images. */
static void add_pixels(const ProbeFindings *probe, Plot *plot, Pool *pool) {
    static const char name[] = "raw pixels";
    PlotSeries *series = NULL;
    for (uint32_t s = 0; s < plot->count; s++)
        if (plot->series[s].name && strcmp(plot->series[s].name, name) == 0)
            series = &plot->series[s];
    if (!series) {
        const PlotSeries line = {
            .name = name, .colour = PLOT_COLOURS - 2, .line = true, .dashed = true};
        series = plot_add_series(plot, &line, pool);
    }
    PlotPoint point = point_of(&probe->pixels, pool);
    point.low = point.high = 0;
    for (uint32_t i = 0; series && i < probe->count; i++) {
        point.x = (double)probe->layers[i].number;
        if (!series->count || series->points[series->count - 1].x < point.x)
            plot_add_point(series, &point, pool);
    }
}

static void add_layers(const PlotRuns *runs, uint32_t r, Plot *plot) {
    const ProbeFindings *probe = runs->runs[r].probe;
    if (!probe)
        return;
    const PlotSeries line = {.name = runs->labels[r],
                             .colour = r,
                             .line = true,
                             .marks = true,
                             .dashed = strncmp(runs->runs[r].objective, "bert", 4) == 0};
    PlotSeries *series = plot_add_series(plot, &line, runs->pool);
    for (uint32_t i = 0; series && i < probe->count; i++) {
        const PlotPoint point = point_of(&probe->layers[i], runs->pool);
        plot_add_point(series, &point, runs->pool);
    }
    if (probe->has_pixels)
        add_pixels(probe, plot, runs->pool);
}

PlotList plots_of_layers(const PlotRuns *runs) {
    static const PlotKind kind = {.kind = "layers",
                                  .title = "Probe accuracy by layer",
                                  .subtitle = "test split, all training labels, 95 % intervals; "
                                              "dashed: BERT",
                                  .x_axis = "layer",
                                  .y_axis = "test accuracy",
                                  .x_whole = true,
                                  .y_share = true,
                                  .fill = add_layers};
    return plots_gather(runs, &kind);
}

/* --- against the loss --- */

static void add_probes(const PlotRuns *runs, uint32_t r, Plot *plot) {
    const RunFindings *run = &runs->runs[r];
    const PlotSeries line = {
        .name = runs->labels[r], .colour = r, .line = true, .marks = true, .faint = true};
    PlotSeries *series = NULL;
    for (uint32_t i = 0; i < run->probe_count; i++) {
        const ProbeFindings *probe = &run->probes[i];
        const double loss = findings_loss_at(run, probe->step);
        if (!isfinite(loss))
            continue;
        if (!series)
            series = plot_add_series(plot, &line, runs->pool);
        PlotPoint point = point_of(&probe->best, runs->pool);
        point.x = loss;
        point.note = pool_print(runs->pool, "step %lld, %s: %s", (long long)probe->step,
                                probe->best.name, point.note ? point.note : "");
        if (series)
            plot_add_point(series, &point, runs->pool);
    }
}

PlotList plots_of_loss_and_probe(const PlotRuns *runs) {
    static const PlotKind kind = {.kind = "loss-probe",
                                  .title = "Probe against loss",
                                  .subtitle = "each probed checkpoint; its best layer on the test "
                                              "split, 95 % intervals",
                                  .x_axis = "validation loss",
                                  .y_axis = "test accuracy",
                                  .y_share = true,
                                  .by_objective = true,
                                  .loss_on_x = true,
                                  .fill = add_probes};
    return plots_gather(runs, &kind);
}

/* --- objectives --- */

static bool same_kind(const RunFindings *a, const RunFindings *b) {
    return a->probe && b->probe && a->probe->count == b->probe->count && runs_alike(a, b);
}

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

static bool is_first(const PlotRuns *runs, uint32_t r) {
    for (uint32_t before = 0; before < r; before++)
        if (same_kind(&runs->runs[before], &runs->runs[r]))
            return false;
    return runs->runs[r].probe != NULL;
}

PlotList plots_of_objectives(const PlotRuns *runs) {
    PlotList list = {0};
    uint32_t *groups, *objectives;
    const uint32_t count = runs_group(runs->runs, runs->count, false, runs->pool, &groups);
    runs_group(runs->runs, runs->count, true, runs->pool, &objectives);
    for (uint32_t group = 0; objectives && group < count; group++) {
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
        }
        if (several)
            plots_add(&list, &plot, runs->pool);
    }
    return list;
}
