/* What a probe has found, as JSON and as charts. */
#ifndef SCANLINE_RUNTIME_PROBE_REPORT_H
#define SCANLINE_RUNTIME_PROBE_REPORT_H

#include "runtime/study/chart.h"
#include "runtime/study/probed.h"

#include <jansson.h>

/* An object:
 *
 *     series, solver          "feature", "lbfgs"
 *     layers                  a result of each layer
 *     best                    that of the chosen layer, with the accuracy of each class
 *     concatenated            of several layers side by side, where asked for; the same
 *     pixels                  of the raw pixels
 *     best_few                {labels_per_class, features, mean, deviation} of each number of
 * labels
 *
 * A result has features ("feature[3]"), width, all_labels (l2 or rate, converged, and n, correct,
 * accuracy and cross_entropy of train, validation, test), and few_labels (labels_per_class, mean,
 * deviation, draws) for each number of labels. NULL: no memory. */
json_t *probe_json(const Probed *probed);

/* A chart of the test accuracy by layer. */
typedef struct ProbeChart {
    Chart chart;
    ChartBar *bars;
    char *labels, *title, *subtitle;
} ProbeChart;

/* title: what was probed, "0007-digits-ar-s1". few: which of the report's numbers of labels (mean
 * and standard deviation over the draws); -1: all labels. False: no memory. */
bool probe_chart_make(const Probed *probed, const char *title, int few, ProbeChart *chart);
void probe_chart_free(ProbeChart *chart);

#endif
