/* A bar chart of shares (accuracies), as text for a terminal and as SVG. */
#ifndef SCANLINE_RUNTIME_CHART_H
#define SCANLINE_RUNTIME_CHART_H

#include <stdbool.h>
#include <stdint.h>

typedef struct ChartBar {
    const char *label;
    double value;     /* in [0, 1] */
    double low, high; /* an interval about it */
    bool chosen;      /* set off from the others */
} ChartBar;

typedef struct Chart {
    const char *title;
    const char *subtitle;   /* what was measured, on how much */
    const char *bar_axis;   /* what the bars are: "layer" */
    const char *value_axis; /* what they show: "test accuracy" */
    const char *chosen;     /* what it means to be chosen; NULL: no bar is */
    const ChartBar *bars;
    uint32_t count;
    const char *reference_label; /* NULL: no line */
    double reference;
} Chart;

typedef struct ChartStyle {
    int columns;  /* of the terminal */
    bool utf8;    /* block characters; else ASCII */
    bool colours; /* ANSI */
} ChartStyle;

/* malloc'ed; NULL: no memory. */
char *chart_text(const Chart *chart, const ChartStyle *style);
char *chart_svg(const Chart *chart);

#endif
