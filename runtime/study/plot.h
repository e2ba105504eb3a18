/* Points in a plane, with or without lines through them: curves of losses, accuracy by layer, one
 * figure against another. A plot says what is to be seen, not how: it becomes an SVG file here, and
 * a chart of a page elsewhere. */
#ifndef SCANLINE_RUNTIME_PLOT_H
#define SCANLINE_RUNTIME_PLOT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct PlotPoint {
    double x, y;      /* finite */
    double low, high; /* an interval about y; equal: none */
    const char *note; /* what it is, for who points at it; NULL: nothing to be said */
} PlotPoint;

typedef struct PlotSeries {
    const char *name; /* NULL: not in the key */
    uint32_t colour;  /* of plot_colour */
    bool line;        /* through the points, in their order */
    bool marks;       /* a disc on each */
    bool faint;       /* behind others: thin */
    bool dashed;
    PlotPoint *points;
    uint32_t count;
} PlotSeries;

typedef struct Plot {
    const char *name;     /* of its file, and of its place in a page: "loss-ar" */
    const char *title;    /* "Loss of ar" */
    const char *subtitle; /* what was measured, on how much; NULL: nothing more */
    const char *x_axis, *y_axis;
    bool x_whole; /* x is a number of something: no ticks between */
    bool y_share; /* y is a share: shown in per cent */
    PlotSeries *series;
    uint32_t count;
    double correlation;  /* Spearman's rank correlation of x and y */
    uint32_t correlated; /* over so many points; 0: it is not asked for, or there is none */
} Plot;

/* malloc'ed; NULL: no memory. */
char *plot_svg(const Plot *plot);

/* Colours that can be told apart, also by those who see few: Okabe and Ito's and three of Tol's, on
 * white and on black. There are PLOT_COLOURS; then they begin anew. */
typedef struct PlotColour {
    const char *light, *dark;
} PlotColour;
enum { PLOT_COLOURS = 10 };
PlotColour plot_colour(uint32_t number);

#endif
