#include "runtime/report/plot_build.h"
#include "runtime/study/rank_correlation.h"

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

/* Of all points of a plot, of whatever run: fewer than three say nothing. */
static void add_correlation(Plot *plot, Pool *pool) {
    uint32_t count = 0, most = 0;
    for (uint32_t s = 0; s < plot->count; s++)
        most += plot->series[s].count;
    double *x = pool_array(pool, most, sizeof *x), *y = pool_array(pool, most, sizeof *y), value;
    for (uint32_t s = 0; x && y && s < plot->count; s++)
        for (uint32_t i = 0; i < plot->series[s].count; i++, count++) {
            x[count] = plot->series[s].points[i].x;
            y[count] = plot->series[s].points[i].y;
        }
    if (count < 3)
        return;
    if (!rank_correlation(x, y, count, &value)) {
        pool->failed = true;
        return;
    }
    if (!isfinite(value))
        return;
    plot->correlation = value;
    plot->correlated = count;
    plot->subtitle = pool_print(pool, "%s; Spearman's rank correlation %.2f of %u points",
                                plot->subtitle, value, count);
}

PlotList plots_of_loss_and_probe(const PlotRuns *runs) {
    static const PlotKind kind = {.kind = "loss-probe",
                                  .title = "Probe against loss",
                                  .subtitle = "checkpoints, best layer, test split, 95 % "
                                              "intervals",
                                  .x_axis = "validation loss",
                                  .y_axis = "test accuracy",
                                  .y_share = true,
                                  .by_objective = true,
                                  .loss_on_x = true,
                                  .fill = add_probes};
    const PlotList list = plots_gather(runs, &kind);
    for (uint32_t i = 0; i < list.count; i++)
        add_correlation(&list.plots[i], runs->pool);
    return list;
}
