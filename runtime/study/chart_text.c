/* One line a bar, growing to the right from 0 to 100 %; the reference is a mark in each line. */
#include "runtime/study/chart.h"

#include "runtime/study/printed.h"

#include <string.h>

enum { LEAST_BAR = 10, MOST_BAR = 60, EIGHTHS = 8 };

/* How wide the parts of a line are, in columns. */
typedef struct Layout {
    int label, bar;
} Layout;

static Layout layout_of(const Chart *chart, const ChartStyle *style) {
    size_t label = chart->reference_label ? strlen(chart->reference_label) : 0;
    for (uint32_t i = 0; i < chart->count; i++) {
        const size_t length = strlen(chart->bars[i].label);
        label = length > label ? length : label;
    }
    const int beside = (int)strlen("  _ 100.0 % (100.0 to 100.0) *");
    int bar = style->columns - (int)label - beside;
    bar = bar < LEAST_BAR ? LEAST_BAR : bar > MOST_BAR ? MOST_BAR : bar;
    return (Layout){(int)label, bar};
}

static double share(double value) { return value < 0 ? 0 : value > 1 ? 1 : value; }

/* The column of the reference's mark; -1: none. */
static int mark_of(const Chart *chart, const Layout *layout) {
    if (!chart->reference_label)
        return -1;
    const int at = (int)(share(chart->reference) * layout->bar);
    return at < layout->bar ? at : layout->bar - 1;
}

static void print_bar(FILE *out, double value, int mark, const Layout *layout,
                      const ChartStyle *style) {
    static const char *const partial[EIGHTHS] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const int eighths = (int)(share(value) * layout->bar * EIGHTHS + 0.5);
    for (int column = 0; column < layout->bar; column++) {
        const int filled = eighths - column * EIGHTHS;
        if (column == mark && filled < EIGHTHS)
            fputs(style->utf8 ? "┆" : ":", out);
        else if (!style->utf8)
            fputc(filled >= EIGHTHS / 2 ? '#' : ' ', out);
        else
            fputs(filled >= EIGHTHS ? "█" : filled > 0 ? partial[filled] : " ", out);
    }
}

static void print_line(FILE *out, const Chart *chart, const ChartBar *bar, const Layout *layout,
                       const ChartStyle *style) {
    const bool coloured = style->colours && bar->chosen;
    fprintf(out, "  %*s ", layout->label, bar->label);
    fputs(coloured ? "\033[32m" : "", out);
    print_bar(out, bar->value, mark_of(chart, layout), layout, style);
    fputs(coloured ? "\033[0m" : "", out);
    fprintf(out, " %5.1f %% (%.1f to %.1f)%s\n", 100 * bar->value, 100 * bar->low, 100 * bar->high,
            bar->chosen ? " *" : "");
}

typedef struct Printing {
    const Chart *chart;
    const ChartStyle *style;
} Printing;

static void print_chart(FILE *out, const void *what) {
    const Printing *printing = what;
    const Chart *chart = printing->chart;
    const ChartStyle *style = printing->style;
    const Layout layout = layout_of(chart, style);
    fprintf(out, "%s%s%s\n", style->colours ? "\033[1m" : "", chart->title,
            style->colours ? "\033[0m" : "");
    if (chart->subtitle)
        fprintf(out, "  %s\n", chart->subtitle);
    for (uint32_t i = 0; i < chart->count; i++)
        print_line(out, chart, &chart->bars[i], &layout, style);
    if (chart->reference_label) {
        fprintf(out, "  %*s ", layout.label, chart->reference_label);
        print_bar(out, 0, mark_of(chart, &layout), &layout, style);
        fprintf(out, " %5.1f %%\n", 100 * chart->reference);
    }
    if (chart->chosen)
        fprintf(out, "  * %s\n", chart->chosen);
}

char *chart_text(const Chart *chart, const ChartStyle *style) {
    return printed(print_chart, &(Printing){chart, style});
}
