/* The parts of a page that are not plots. */
#ifndef SCANLINE_RUNTIME_PAGE_PARTS_H
#define SCANLINE_RUNTIME_PAGE_PARTS_H

#include "runtime/report/page.h"

/* A table with a line a run: what it is, what has come of it. */
void page_print_summary(FILE *out, const Page *page);

/* The settings that differ between runs, then all. */
void page_print_settings(FILE *out, const Page *page);

/* What belongs to a plot; nothing where it has no rows. */
void page_print_table(FILE *out, const PlotTable *table);

/* The pictures in samples/ of each run. */
void page_print_samples(FILE *out, const Page *page);

void page_print_specs(FILE *out, const Page *page);

/* What could not be read. */
void page_print_notes(FILE *out, const Page *page);

/* A line on what is not there; what stands in backquotes is a command. */
void page_print_absent(FILE *out, const char *text);

#endif
