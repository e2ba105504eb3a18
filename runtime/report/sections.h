/* The parts of a report that have plots: which plots, and what is said where there is nothing to be
 * plotted yet. */
#ifndef SCANLINE_RUNTIME_SECTIONS_H
#define SCANLINE_RUNTIME_SECTIONS_H

#include "runtime/report/page.h"
#include "runtime/report/plots.h"

typedef struct Sections {
    PageSection *sections;
    uint32_t count;
} Sections;

/* NULL sections: no memory. The SVG texts are malloc'ed. */
Sections sections_make(const PlotRuns *runs);
void sections_free(Sections *sections);

#endif
