#include "runtime/study/svg.h"

#include "runtime/study/markup.h"

enum { AXIS_NAME_BELOW = 44, AXIS_NAME_LEFT = 22, INTERVAL_END = 4 };

void svg_text(FILE *out, double x, double y, SvgAnchor anchor, const char *attributes,
              const char *text) {
    static const char *const anchors[] = {"start", "middle", "end"};
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" %s>", x, y, anchors[anchor],
            attributes);
    markup_escape(out, text);
    fputs("</text>\n", out);
}

void svg_begin(FILE *out, const SvgSheet *sheet, const char *title, const char *subtitle) {
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d "
            "%d\" "
            "font-family=\"system-ui, 'DejaVu Sans', sans-serif\" font-size=\"13\">\n",
            sheet->width, sheet->height, sheet->width, sheet->height);
    fprintf(out, "<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n", sheet->width,
            sheet->height);
    svg_text(out, sheet->left, 28, SVG_START, "font-size=\"18\" font-weight=\"600\" fill=\"#222\"",
             title);
    if (subtitle)
        svg_text(out, sheet->left, 48, SVG_START, "fill=\"#666\"", subtitle);
}

void svg_axis_names(FILE *out, const SvgSheet *sheet, const char *x, const char *y) {
    svg_text(out, sheet->left + sheet->plot_width / 2.0,
             sheet->top + sheet->plot_height + AXIS_NAME_BELOW, SVG_MIDDLE, "fill=\"#444\"", x);
    fprintf(out, "<g transform=\"translate(%d %.1f) rotate(-90)\">", AXIS_NAME_LEFT,
            sheet->top + sheet->plot_height / 2.0);
    svg_text(out, 0, 0, SVG_MIDDLE, "fill=\"#444\"", y);
    fputs("</g>\n", out);
}

void svg_end(FILE *out) { fputs("</svg>\n", out); }

void svg_grid_line(FILE *out, const SvgSheet *sheet, double y, bool is_axis, const char *label) {
    fprintf(out, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", sheet->left,
            sheet->left + sheet->plot_width, y, y, is_axis ? "#444" : "#e4e4e4");
    svg_text(out, sheet->left - 8, y + 4, SVG_END, "fill=\"#444\"", label);
}

void svg_x_label(FILE *out, const SvgSheet *sheet, double x, const char *label) {
    svg_text(out, x, sheet->top + sheet->plot_height + 20, SVG_MIDDLE, "fill=\"#444\"", label);
}

void svg_interval(FILE *out, double x, double low, double high, const char *colour) {
    fprintf(out,
            "<path d=\"M%.1f %.1fV%.1fM%.1f %.1fh%dM%.1f %.1fh%d\" stroke=\"%s\" "
            "fill=\"none\"/>\n",
            x, low, high, x - INTERVAL_END, low, 2 * INTERVAL_END, x - INTERVAL_END, high,
            2 * INTERVAL_END, colour);
}
