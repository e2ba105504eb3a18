/* Upright bars over an axis from 0 to 100 %, each with its interval; the reference is a dashed line
 * across. */
#include "runtime/study/chart.h"

#include "runtime/study/printed.h"
#include "runtime/study/svg.h"

enum {
    WIDTH = 760,
    HEIGHT = 440,
    LEFT = 72,
    RIGHT = 132, /* room for the reference's name */
    TOP = 76,
    BOTTOM = 76,
    PLOT_WIDTH = WIDTH - LEFT - RIGHT,
    PLOT_HEIGHT = HEIGHT - TOP - BOTTOM,
    TICKS = 5,
    MOST_BAR_WIDTH = 64,
};

static const SvgSheet SHEET = {.width = WIDTH,
                               .height = HEIGHT,
                               .left = LEFT,
                               .top = TOP,
                               .plot_width = PLOT_WIDTH,
                               .plot_height = PLOT_HEIGHT};

static const char *const BAR = "#9db8d6", *const CHOSEN = "#2f6690", *const LINE = "#b3423a";

static double share(double value) { return value < 0 ? 0 : value > 1 ? 1 : value; }

static double y_of(double value) { return TOP + (1 - share(value)) * PLOT_HEIGHT; }

static void print_axes(FILE *out, const Chart *chart) {
    for (int tick = 0; tick <= TICKS; tick++) {
        char label[16];
        snprintf(label, sizeof label, "%d %%", tick * 100 / TICKS);
        svg_grid_line(out, &SHEET, y_of((double)tick / TICKS), tick == 0, label);
    }
    svg_axis_names(out, &SHEET, chart->bar_axis, chart->value_axis);
}

static void print_bar(FILE *out, const ChartBar *bar, double centre, double width) {
    const double top = y_of(bar->value);
    fprintf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n",
            centre - width / 2, top, width, y_of(0) - top, bar->chosen ? CHOSEN : BAR);
    svg_interval(out, centre, y_of(bar->low), y_of(bar->high), "#333");
    char value[16];
    snprintf(value, sizeof value, "%.1f", 100 * bar->value);
    /* At the foot of the bar, where neither interval nor reference can cross it; a low bar has no
     * room there. */
    const bool inside = bar->value > 0.1;
    svg_text(out, centre, inside ? y_of(0) - 8 : y_of(bar->high) - 6, SVG_MIDDLE,
             inside && bar->chosen ? "font-size=\"12\" fill=\"white\""
                                   : "font-size=\"12\" fill=\"#222\"",
             value);
    svg_x_label(out, &SHEET, centre, bar->label);
}

static void print_reference(FILE *out, const Chart *chart) {
    const double y = y_of(chart->reference);
    fprintf(out,
            "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"1.5\" "
            "stroke-dasharray=\"6 4\"/>\n",
            LEFT, LEFT + PLOT_WIDTH, y, y, LINE);
    char value[16], attributes[64];
    snprintf(value, sizeof value, "%.1f %%", 100 * chart->reference);
    snprintf(attributes, sizeof attributes, "fill=\"%s\"", LINE);
    svg_text(out, LEFT + PLOT_WIDTH + 8, y - 2, SVG_START, attributes, chart->reference_label);
    svg_text(out, LEFT + PLOT_WIDTH + 8, y + 14, SVG_START, attributes, value);
}

static void print_chart(FILE *out, const void *what) {
    const Chart *chart = what;
    svg_begin(out, &SHEET, chart->title, chart->subtitle);
    print_axes(out, chart);
    const double pitch = chart->count ? (double)PLOT_WIDTH / chart->count : PLOT_WIDTH;
    const double width = 0.62 * pitch < MOST_BAR_WIDTH ? 0.62 * pitch : MOST_BAR_WIDTH;
    for (uint32_t i = 0; i < chart->count; i++)
        print_bar(out, &chart->bars[i], LEFT + (i + 0.5) * pitch, width);
    if (chart->reference_label)
        print_reference(out, chart);
    if (chart->chosen) {
        fprintf(out, "<rect x=\"%d\" y=\"%d\" width=\"12\" height=\"12\" fill=\"%s\"/>\n", LEFT,
                HEIGHT - 22, CHOSEN);
        svg_text(out, LEFT + 18, HEIGHT - 11, SVG_START, "fill=\"#444\"", chart->chosen);
    }
    svg_end(out);
}

char *chart_svg(const Chart *chart) { return printed(print_chart, chart); }
