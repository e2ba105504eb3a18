/* What the makers of plots share. */
#ifndef SCANLINE_RUNTIME_PLOT_BUILD_H
#define SCANLINE_RUNTIME_PLOT_BUILD_H

#include "runtime/report/plots.h"

/* Appends; what there is no memory for is left out, as the pool remembers. */
PlotSeries *plot_add_series(Plot *plot, const PlotSeries *series, Pool *pool);
void plot_add_point(PlotSeries *series, const PlotPoint *point, Pool *pool);

/* Appends a plot that has points; one without is dropped. `table` may be NULL. */
void plots_add(PlotList *list, const Plot *plot, const PlotTable *table, Pool *pool);

/* "loss-ar"; the second of that name is "loss-ar-2". Of letters, digits, '.' and '-' alone, as a
 * file and an HTML id are called so. */
const char *plot_name(const PlotList *list, const char *kind, const char *of, Pool *pool);

/* "91.2 % (88.0 to 94.0), n = 360" */
const char *plot_share_note(const Share *share, Pool *pool);

/* What an objective's loss is counted by: "nats per token", where that is known. */
const char *plot_loss_unit(const char *objective);

/* Gathers plots of groups of runs: `fill` adds a run's series to its group's plot. `kind` and
 * `title` ("Loss of %s") become the plot's, by the objective of its first run; with by_objective
 * false, of all objectives. */
typedef struct PlotKind {
    const char *kind, *title, *subtitle, *x_axis, *y_axis;
    bool x_whole, y_share, by_objective;
    bool loss_on_x, loss_on_y; /* the axis' name goes on with the unit of the loss */
    void (*fill)(const PlotRuns *runs, uint32_t run, Plot *plot);
} PlotKind;

PlotList plots_gather(const PlotRuns *runs, const PlotKind *kind);

#endif
