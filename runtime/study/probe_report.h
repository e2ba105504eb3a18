/* What a probe has found, as JSON and as charts. */
#ifndef SCANLINE_RUNTIME_PROBE_REPORT_H
#define SCANLINE_RUNTIME_PROBE_REPORT_H

#include "runtime/study/chart.h"
#include "runtime/study/features.h"
#include "runtime/study/probe.h"

#include <jansson.h>

typedef struct ProbeSummary {
    const ProbeReport *report;
    const Features *features; /* parallel to the report's results: the layers, then the pixels */
    const char *title;        /* what was probed: "0007-digits-ar-s1" */
    int64_t labels;           /* images a class of the probe with few labels */
} ProbeSummary;

/* NULL: no memory. */
json_t *probe_json(const ProbeSummary *summary);

/* A chart of the test accuracy by layer. */
typedef struct ProbeChart {
    Chart chart;
    ChartBar *bars;
    char *labels, *title, *subtitle;
} ProbeChart;

/* few: with few labels (mean and standard deviation over the draws) instead of all. False: no
 * memory. */
bool probe_chart_make(const ProbeSummary *summary, bool few, ProbeChart *chart);
void probe_chart_free(ProbeChart *chart);

#endif
