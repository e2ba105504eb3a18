/* The linear probe: how well a layer's features tell the classes apart, by logistic regression.
 *
 * For every set of features: standardise on the training images alone, fit along a grid of L2
 * strengths, choose the strength with the least cross-entropy on validation, then score the test
 * images. The layer is chosen by accuracy on validation (of equals, the one with less
 * cross-entropy). The test split chooses nothing. With few labels the same is done on `subsets`
 * draws of `labels` images a class from the training images. */
#ifndef SCANLINE_RUNTIME_PROBE_H
#define SCANLINE_RUNTIME_PROBE_H

#include "runtime/data/data.h"
#include "runtime/study/logistic.h"

typedef struct ProbeFeatures {
    const char *name;    /* "feature[3]", "pixels" */
    const float *values; /* [images of the set, width] */
    int64_t width;
} ProbeFeatures;

typedef struct ProbeTask {
    const int32_t *class_of; /* [images of the set] */
    int64_t classes;
    const DataImages *splits; /* DATA_SPLIT_COUNT of them */
    const ProbeFeatures *features;
    uint32_t feature_count;
    uint32_t layer_count; /* the first so many features are layers to choose from; the others are
                             for comparison */
    int64_t labels;       /* images a class for the probe with few labels; 0: leave that out */
    uint32_t subsets;     /* how many draws of them; >= 1 if labels > 0 */
    int64_t seed;         /* of the draws */
} ProbeTask;

/* One fit. */
typedef struct ProbeFit {
    double l2;
    LogisticStatus status;
    LogisticScore train, validation, test;
} ProbeFit;

typedef struct ProbeResult {
    ProbeFit all;  /* on every training image */
    ProbeFit *few; /* [subsets], or NULL */
} ProbeResult;

typedef struct ProbeReport {
    ProbeResult *results; /* [feature_count] */
    uint32_t feature_count, subsets;
    uint32_t best, best_few; /* chosen layers */
} ProbeReport;

/* False and `error` when the task is at fault or memory runs out. */
bool probe_run(const ProbeTask *task, ProbeReport *report, DataError *error);
void probe_free(ProbeReport *report);

double probe_accuracy(const LogisticScore *score);

/* Mean and standard deviation (n - 1) of the test accuracy over the draws with few labels. */
typedef struct ProbeSpread {
    double mean, deviation;
} ProbeSpread;
ProbeSpread probe_spread(const ProbeFit *fits, uint32_t count);

#endif
