/* A line through each series, a disc on each point, intervals upright; the key stands below, a line
 * a series. */
#include "runtime/study/plot.h"

#include "runtime/study/printed.h"
#include "runtime/study/scale.h"
#include "runtime/study/svg.h"

#include <math.h>
#include <stdio.h>

enum {
    WIDTH = 760,
    LEFT = 78,
    RIGHT = 28,
    TOP = 76,
    PLOT_WIDTH = WIDTH - LEFT - RIGHT,
    PLOT_HEIGHT = 300,
    KEY_TOP = TOP + PLOT_HEIGHT + 66,
    KEY_LINE = 19,
    TICKS = 6,
    LABEL_SIZE = 48,
};

static const PlotColour colours[PLOT_COLOURS] = {
    {"#0072b2", "#4aa8e0"}, {"#d55e00", "#f0813a"}, {"#009e73", "#2cc79a"}, {"#b0559a", "#dd8fc9"},
    {"#b27d00", "#e6b23c"}, {"#56b4e9", "#a9dcf8"}, {"#882255", "#d66f9f"}, {"#777733", "#bdbd6a"},
    {"#444444", "#c4c4c4"}, {"#332288", "#9c8fe8"},
};

PlotColour plot_colour(uint32_t number) { return colours[number % PLOT_COLOURS]; }

typedef struct View {
    const Plot *plot;
    SvgSheet sheet;
    Scale x, y;
} View;

static double x_of(const View *view, double x) {
    return LEFT + scale_place(&view->x, x) * PLOT_WIDTH;
}

static double y_of(const View *view, double y) {
    return TOP + (1 - scale_place(&view->y, y)) * PLOT_HEIGHT;
}

/* --- what is seen --- */

static void widen(double *low, double *high, double value) {
    *low = fmin(*low, value);
    *high = fmax(*high, value);
}

static bool has_interval(const PlotPoint *point) { return point->high > point->low; }

static void find_scales(View *view) {
    const Plot *plot = view->plot;
    double x[2] = {INFINITY, -INFINITY}, y[2] = {INFINITY, -INFINITY};
    for (uint32_t s = 0; s < plot->count; s++)
        for (uint32_t i = 0; i < plot->series[s].count; i++) {
            const PlotPoint *point = &plot->series[s].points[i];
            widen(&x[0], &x[1], point->x);
            widen(&y[0], &y[1], point->y);
            if (has_interval(point)) {
                widen(&y[0], &y[1], point->low);
                widen(&y[0], &y[1], point->high);
            }
        }
    const bool empty = !(x[0] <= x[1]);
    view->x = scale_of(empty ? 0 : x[0], empty ? 1 : x[1], TICKS, plot->x_whole ? 1 : 0);
    view->y = scale_of(empty ? 0 : y[0], empty ? 1 : y[1], TICKS, 0);
}

static uint32_t key_lines(const Plot *plot) {
    uint32_t lines = 0;
    for (uint32_t s = 0; s < plot->count; s++)
        lines += plot->series[s].name != NULL;
    return lines;
}

/* --- printed --- */

static void print_axes(FILE *out, const View *view) {
    char label[LABEL_SIZE];
    const Plot *plot = view->plot;
    for (int tick = 0; tick < view->y.ticks; tick++) {
        scale_label(&view->y, tick, plot->y_share ? 100 : 1, plot->y_share ? " %" : "", label,
                    sizeof label);
        svg_grid_line(out, &view->sheet, y_of(view, scale_tick(&view->y, tick)), tick == 0, label);
    }
    for (int tick = 0; tick < view->x.ticks; tick++) {
        scale_label(&view->x, tick, 1, "", label, sizeof label);
        svg_x_label(out, &view->sheet, x_of(view, scale_tick(&view->x, tick)), label);
    }
    svg_axis_names(out, &view->sheet, plot->x_axis, plot->y_axis);
}

/* The rest of the tag of a line in the manner of a series. */
static void print_stroke(FILE *out, const PlotSeries *series) {
    fprintf(out, "stroke=\"%s\" stroke-width=\"%s\"%s%s fill=\"none\"/>\n",
            plot_colour(series->colour).light, series->faint ? "1" : "2",
            series->faint ? " stroke-opacity=\"0.45\"" : "",
            series->dashed ? " stroke-dasharray=\"6 4\"" : "");
}

static void print_series(FILE *out, const View *view, const PlotSeries *series) {
    const char *colour = plot_colour(series->colour).light;
    if (series->line && series->count) {
        fputs("<path d=\"", out);
        for (uint32_t i = 0; i < series->count; i++)
            fprintf(out, "%c%.1f %.1f", i ? 'L' : 'M', x_of(view, series->points[i].x),
                    y_of(view, series->points[i].y));
        fputs("\" stroke-linejoin=\"round\" ", out);
        print_stroke(out, series);
    }
    for (uint32_t i = 0; i < series->count; i++) {
        const PlotPoint *point = &series->points[i];
        const double x = x_of(view, point->x);
        if (has_interval(point))
            svg_interval(out, x, y_of(view, point->low), y_of(view, point->high), colour);
        if (series->marks)
            fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"%s\"/>\n", x,
                    y_of(view, point->y), colour);
    }
}

static void print_key(FILE *out, const Plot *plot) {
    int y = KEY_TOP;
    for (uint32_t s = 0; s < plot->count; s++) {
        const PlotSeries *series = &plot->series[s];
        if (!series->name)
            continue;
        if (series->line) {
            fprintf(out, "<path d=\"M%d %dh22\" ", LEFT, y);
            print_stroke(out, series);
        }
        if (series->marks)
            fprintf(out, "<circle cx=\"%d\" cy=\"%d\" r=\"3.5\" fill=\"%s\"/>\n", LEFT + 11, y,
                    plot_colour(series->colour).light);
        svg_text(out, LEFT + 30, y + 4, SVG_START, "fill=\"#444\"", series->name);
        y += KEY_LINE;
    }
}

static void print_plot(FILE *out, const void *what) {
    const Plot *plot = what;
    View view = {.plot = plot,
                 .sheet = {.width = WIDTH,
                           .height = KEY_TOP + KEY_LINE * (int)key_lines(plot),
                           .left = LEFT,
                           .top = TOP,
                           .plot_width = PLOT_WIDTH,
                           .plot_height = PLOT_HEIGHT}};
    find_scales(&view);
    svg_begin(out, &view.sheet, plot->title, plot->subtitle);
    print_axes(out, &view);
    for (uint32_t s = 0; s < plot->count; s++)
        print_series(out, &view, &plot->series[s]);
    print_key(out, plot);
    svg_end(out);
}

char *plot_svg(const Plot *plot) { return printed(print_plot, plot); }
