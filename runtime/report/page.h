/* A report as one HTML page that needs nothing else: style, scripts (Chart.js among them), plots,
 * pictures are all in it, and a policy in it forbids to load anything. With scripts off, and on
 * paper, plots are shown as SVG. */
#ifndef SCANLINE_RUNTIME_PAGE_H
#define SCANLINE_RUNTIME_PAGE_H

#include "runtime/report/plots.h"

/* What stands before the plots in a page, {"loss-ar": ..., ...}, in a script element. */
#define PAGE_PLOTS "<script type=\"application/json\" id=\"plots\">"

/* A plot, the same as SVG, and figures beside it. */
typedef struct PagePlot {
    const Plot *plot;
    const PlotTable *table; /* without rows: none */
    char *svg;
} PagePlot;

/* A part of the page with plots in it. */
typedef struct PageSection {
    const char *title;
    PagePlot *plots;
    uint32_t count;
    const char **absent; /* what is not there, and the command that makes it, in backquotes */
    uint32_t absent_count;
} PageSection;

typedef struct Page {
    const RunFindings *runs;
    const char *const *labels;
    uint32_t count;
    const SettingTable *settings;
    const PageSection *sections;
    uint32_t section_count;
} Page;

/* False: no memory. What cannot be written is kept in the stream. */
bool page_print(FILE *out, const Page *page);

#endif
