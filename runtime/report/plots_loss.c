/* A training has as many lines as steps; a plot shows means of so many that a line has about
 * MOST_POINTS. */
#include "runtime/report/plot_build.h"

#include <math.h>

enum { MOST_POINTS = 400, MARKED_POINTS = 60 };

static void add_means(PlotSeries *series, const Curve *curve, Pool *pool) {
    const uint32_t size = 1 + (curve->count - 1) / MOST_POINTS;
    for (uint32_t first = 0; first < curve->count; first += size) {
        const uint32_t end = first + size < curve->count ? first + size : curve->count;
        double step = 0, loss = 0;
        for (uint32_t i = first; i < end; i++) {
            step += (double)curve->points[i].step / (end - first);
            loss += curve->points[i].loss / (end - first);
        }
        plot_add_point(series, &(PlotPoint){.x = step, .y = loss}, pool);
    }
}

static void add_losses(const PlotRuns *runs, uint32_t r, Plot *plot) {
    const RunFindings *run = &runs->runs[r];
    if (run->train.count) {
        const PlotSeries training = {.name = run->validation.count ? NULL : runs->labels[r],
                                     .colour = r,
                                     .line = true,
                                     .faint = true};
        PlotSeries *series = plot_add_series(plot, &training, runs->pool);
        if (series)
            add_means(series, &run->train, runs->pool);
    }
    if (run->validation.count) {
        const PlotSeries validation = {.name = runs->labels[r],
                                       .colour = r,
                                       .line = true,
                                       .marks = run->validation.count <= MARKED_POINTS};
        PlotSeries *series = plot_add_series(plot, &validation, runs->pool);
        if (series)
            add_means(series, &run->validation, runs->pool);
    }
}

PlotList plots_of_loss(const PlotRuns *runs) {
    static const PlotKind kind = {.kind = "loss",
                                  .title = "Loss",
                                  .subtitle = "bold: validation; thin: training",
                                  .x_axis = "step",
                                  .y_axis = "loss",
                                  .x_whole = true,
                                  .by_objective = true,
                                  .loss_on_y = true,
                                  .fill = add_losses};
    return plots_gather(runs, &kind);
}

static void add_accuracy(const PlotRuns *runs, uint32_t r, Plot *plot) {
    const Curve *curve = &runs->runs[r].validation;
    const PlotSeries line = {
        .name = runs->labels[r], .colour = r, .line = true, .marks = curve->count <= MARKED_POINTS};
    PlotSeries *series = NULL;
    for (uint32_t i = 0; i < curve->count; i++) {
        const CurvePoint *point = &curve->points[i];
        if (!isfinite(point->accuracy))
            continue;
        if (!series)
            series = plot_add_series(plot, &line, runs->pool);
        if (series)
            plot_add_point(series, &(PlotPoint){.x = (double)point->step, .y = point->accuracy},
                           runs->pool);
    }
}

PlotList plots_of_accuracy(const PlotRuns *runs) {
    static const PlotKind kind = {.kind = "accuracy",
                                  .title = "Validation accuracy while training",
                                  .x_axis = "step",
                                  .y_axis = "validation accuracy",
                                  .x_whole = true,
                                  .y_share = true,
                                  .fill = add_accuracy};
    return plots_gather(runs, &kind);
}
