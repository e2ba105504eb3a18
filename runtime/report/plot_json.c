#include "runtime/report/plot_json.h"

static json_t *point_json(const PlotPoint *point) {
    const bool plain = !point->note && !(point->high > point->low);
    return plain ? json_pack("[ff]", point->x, point->y)
                 : json_pack("[ffffs?]", point->x, point->y, point->low, point->high, point->note);
}

static json_t *series_json(const PlotSeries *series) {
    const PlotColour colour = plot_colour(series->colour);
    json_t *points = json_array();
    for (uint32_t i = 0; points && i < series->count; i++)
        if (json_array_append_new(points, point_json(&series->points[i])) != 0) {
            json_decref(points);
            points = NULL;
        }
    return json_pack("{ss? ss ss sb sb sb sb so}", "name", series->name, "light", colour.light,
                     "dark", colour.dark, "line", series->line, "marks", series->marks, "faint",
                     series->faint, "dashed", series->dashed, "points", points);
}

json_t *plot_json(const Plot *plot) {
    json_t *series = json_array();
    for (uint32_t s = 0; series && s < plot->count; s++)
        if (json_array_append_new(series, series_json(&plot->series[s])) != 0) {
            json_decref(series);
            series = NULL;
        }
    return json_pack("{ss ss sb sb so}", "x_axis", plot->x_axis, "y_axis", plot->y_axis, "x_whole",
                     plot->x_whole, "y_share", plot->y_share, "series", series);
}
