/* What the SVG files of all charts have in common: the sheet, the plot's place on it, text, grid
 * lines, a key. Coordinates are SVG's: y grows downwards. */
#ifndef SCANLINE_RUNTIME_SVG_H
#define SCANLINE_RUNTIME_SVG_H

#include <stdbool.h>
#include <stdio.h>

/* A sheet, and the rectangle on it that values are drawn in. */
typedef struct SvgSheet {
    int width, height;
    int left, top, plot_width, plot_height;
} SvgSheet;

typedef enum SvgAnchor { SVG_START, SVG_MIDDLE, SVG_END } SvgAnchor;

/* Opens the file: title and subtitle (NULL: none) above the plot, names of the axes beside it. */
void svg_begin(FILE *out, const SvgSheet *sheet, const char *title, const char *subtitle);
void svg_axis_names(FILE *out, const SvgSheet *sheet, const char *x, const char *y);
void svg_end(FILE *out);

/* `attributes`: further ones, as they stand in the file. `text` may hold anything. */
void svg_text(FILE *out, double x, double y, SvgAnchor anchor, const char *attributes,
              const char *text);

/* A line across the plot at y with its label left of it; the axis itself is darker. */
void svg_grid_line(FILE *out, const SvgSheet *sheet, double y, bool is_axis, const char *label);
/* The label of a place on the x axis. */
void svg_x_label(FILE *out, const SvgSheet *sheet, double x, const char *label);

/* An upright line with short ends: an interval. */
void svg_interval(FILE *out, double x, double low, double high, const char *colour);

#endif
