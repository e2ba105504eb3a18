#include "runtime/report/plot_build.h"

#include <ctype.h>
#include <string.h>

PlotSeries *plot_add_series(Plot *plot, const PlotSeries *series, Pool *pool) {
    PlotSeries *larger = pool_grow(pool, plot->series, plot->count, sizeof *plot->series);
    if (!larger)
        return NULL;
    plot->series = larger;
    larger[plot->count] = *series;
    return &larger[plot->count++];
}

void plot_add_point(PlotSeries *series, const PlotPoint *point, Pool *pool) {
    PlotPoint *larger = pool_grow(pool, series->points, series->count, sizeof *series->points);
    if (!larger)
        return;
    series->points = larger;
    larger[series->count++] = *point;
}

void plots_add(PlotList *list, const Plot *plot, const PlotTable *table, Pool *pool) {
    bool any = false;
    for (uint32_t s = 0; s < plot->count; s++)
        any |= plot->series[s].count > 0;
    Plot *larger = any ? pool_grow(pool, list->plots, list->count, sizeof *list->plots) : NULL;
    PlotTable *tables =
        larger ? pool_grow(pool, list->tables, list->count, sizeof *list->tables) : NULL;
    if (!tables)
        return;
    list->plots = larger;
    list->tables = tables;
    tables[list->count] = table ? *table : (PlotTable){0};
    larger[list->count++] = *plot;
}

static bool is_taken(const PlotList *list, const char *name) {
    for (uint32_t i = 0; i < list->count; i++)
        if (strcmp(list->plots[i].name, name) == 0)
            return true;
    return false;
}

const char *plot_name(const PlotList *list, const char *kind, const char *of, Pool *pool) {
    char *name = pool_print(pool, *of ? "%s-%.60s" : "%s", kind, of);
    for (char *at = name; at && *at; at++)
        if (!isalnum((unsigned char)*at) && *at != '.' && *at != '-')
            *at = '-';
    const char *free_name = name;
    for (int number = 2; free_name && is_taken(list, free_name); number++)
        free_name = pool_print(pool, "%s-%d", name, number);
    return free_name;
}

const char *plot_share_note(const Share *share, Pool *pool) {
    return pool_print(pool, "%.1f %% (%.1f to %.1f), n = %lld", 100 * share->value,
                      100 * share->interval.low, 100 * share->interval.high,
                      (long long)share->count);
}

const char *plot_loss_unit(const char *objective) {
    if (strcmp(objective, "ar") == 0)
        return "nats per token";
    return strcmp(objective, "bert") == 0 ? "nats per hidden token" : "nats";
}

static Plot begin(const PlotRuns *runs, const PlotKind *kind, uint32_t first,
                  const PlotList *list) {
    const char *objective = runs->runs[first].objective;
    const char *unit = plot_loss_unit(objective);
    const char *of = kind->by_objective ? objective : "";
    Pool *pool = runs->pool;
    return (Plot){
        .name = plot_name(list, kind->kind, of, pool),
        .title = kind->by_objective ? pool_print(pool, "%s of %s", kind->title, of) : kind->title,
        .subtitle = kind->subtitle,
        .x_axis = kind->loss_on_x ? pool_print(pool, "%s (%s)", kind->x_axis, unit) : kind->x_axis,
        .y_axis = kind->loss_on_y ? pool_print(pool, "%s (%s)", kind->y_axis, unit) : kind->y_axis,
        .x_whole = kind->x_whole,
        .y_share = kind->y_share};
}

PlotList plots_gather(const PlotRuns *runs, const PlotKind *kind) {
    PlotList list = {0};
    uint32_t *groups;
    const uint32_t count =
        runs_group(runs->runs, runs->count, kind->by_objective, runs->pool, &groups);
    for (uint32_t group = 0; group < count; group++) {
        uint32_t first = 0;
        while (groups[first] != group)
            first++;
        Plot plot = begin(runs, kind, first, &list);
        for (uint32_t r = first; r < runs->count && plot.name; r++)
            if (groups[r] == group)
                kind->fill(runs, r, &plot);
        if (plot.name)
            plots_add(&list, &plot, NULL, runs->pool);
    }
    return list;
}
