/* Upright bars over an axis from 0 to 100 %, each with its interval; the reference is a dashed line
 * across. */
#include "runtime/study/chart.h"

#include <stdio.h>
#include <stdlib.h>

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

static const char *const BAR = "#9db8d6", *const CHOSEN = "#2f6690", *const LINE = "#b3423a";

static void print_escaped(FILE *out, const char *text) {
    for (; *text; text++)
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        default:
            /* Control characters are not allowed in XML. */
            fputc((unsigned char)*text < 0x20 ? ' ' : *text, out);
        }
}

/* anchor: "start", "middle", "end"; extra: further attributes */
static void print_text(FILE *out, double x, double y, const char *anchor, const char *extra,
                       const char *text) {
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" %s>", x, y, anchor, extra);
    print_escaped(out, text);
    fputs("</text>\n", out);
}

static double share(double value) { return value < 0 ? 0 : value > 1 ? 1 : value; }

static double y_of(double value) { return TOP + (1 - share(value)) * PLOT_HEIGHT; }

static void print_axes(FILE *out, const Chart *chart) {
    for (int tick = 0; tick <= TICKS; tick++) {
        const double value = (double)tick / TICKS;
        char label[16];
        snprintf(label, sizeof label, "%d %%", tick * 100 / TICKS);
        fprintf(out, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", LEFT,
                LEFT + PLOT_WIDTH, y_of(value), y_of(value), tick ? "#e4e4e4" : "#444");
        print_text(out, LEFT - 8, y_of(value) + 4, "end", "fill=\"#444\"", label);
    }
    print_text(out, LEFT + PLOT_WIDTH / 2.0, TOP + PLOT_HEIGHT + 44, "middle", "fill=\"#444\"",
               chart->bar_axis);
    fprintf(out, "<g transform=\"translate(22 %.1f) rotate(-90)\">", TOP + PLOT_HEIGHT / 2.0);
    print_text(out, 0, 0, "middle", "fill=\"#444\"", chart->value_axis);
    fputs("</g>\n", out);
}

static void print_bar(FILE *out, const ChartBar *bar, double centre, double width) {
    const double top = y_of(bar->value);
    fprintf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n",
            centre - width / 2, top, width, y_of(0) - top, bar->chosen ? CHOSEN : BAR);
    fprintf(out,
            "<path d=\"M%.1f %.1fV%.1fM%.1f %.1fh8M%.1f %.1fh8\" stroke=\"#333\" fill=\"none\"/>\n",
            centre, y_of(bar->low), y_of(bar->high), centre - 4, y_of(bar->low), centre - 4,
            y_of(bar->high));
    char value[16];
    snprintf(value, sizeof value, "%.1f", 100 * bar->value);
    /* At the foot of the bar, where neither interval nor reference can cross it; a low bar has no
     * room there. */
    const bool inside = bar->value > 0.1;
    print_text(out, centre, inside ? y_of(0) - 8 : y_of(bar->high) - 6, "middle",
               inside && bar->chosen ? "font-size=\"12\" fill=\"white\""
                                     : "font-size=\"12\" fill=\"#222\"",
               value);
    print_text(out, centre, TOP + PLOT_HEIGHT + 20, "middle", "fill=\"#444\"", bar->label);
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
    print_text(out, LEFT + PLOT_WIDTH + 8, y - 2, "start", attributes, chart->reference_label);
    print_text(out, LEFT + PLOT_WIDTH + 8, y + 14, "start", attributes, value);
}

static void print_chart(FILE *out, const Chart *chart) {
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d "
            "%d\" "
            "font-family=\"system-ui, 'DejaVu Sans', sans-serif\" font-size=\"13\">\n",
            WIDTH, HEIGHT, WIDTH, HEIGHT);
    fprintf(out, "<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n", WIDTH, HEIGHT);
    print_text(out, LEFT, 28, "start", "font-size=\"18\" font-weight=\"600\" fill=\"#222\"",
               chart->title);
    if (chart->subtitle)
        print_text(out, LEFT, 48, "start", "fill=\"#666\"", chart->subtitle);
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
        print_text(out, LEFT + 18, HEIGHT - 11, "start", "fill=\"#444\"", chart->chosen);
    }
    fputs("</svg>\n", out);
}

char *chart_svg(const Chart *chart) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    print_chart(out, chart);
    const bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}
