/* The linear probe: how well a layer's features tell the classes apart, by logistic regression.
 *
 * For every set of features: standardise on the training images alone, fit, and score the test
 * images. What has to be chosen, validation chooses: of L-BFGS the L2 strength, of SGD the learning
 * rate (probe_fit.c), by the least cross-entropy; the layer by accuracy (of equals, the one with
 * less cross-entropy). The test split chooses nothing.
 *
 * The same is done with few labels, on PROBE_SUBSETS draws from the training images of each number
 * of images a class that is asked for; and with the features of several layers side by side. */
#ifndef SCANLINE_RUNTIME_PROBE_H
#define SCANLINE_RUNTIME_PROBE_H

#include "runtime/data/data.h"
#include "runtime/run/log.h"
#include "runtime/run_error.h"
#include "runtime/study/feature_rows.h"
#include "runtime/study/logistic.h"

enum { PROBE_SUBSETS = 5 };

/* One fit. */
typedef struct ProbeFit {
    double choice; /* the L2 strength, or the learning rate */
    LogisticStatus status;
    LogisticScore train, validation, test;
    int64_t *right; /* [classes]: test images found; NULL with few labels */
} ProbeFit;

typedef struct ProbeResult {
    ProbeFit all;  /* on every training image */
    ProbeFit *few; /* [label_count, PROBE_SUBSETS], or NULL */
} ProbeResult;

typedef struct ProbeTask {
    const ProbeSettings *settings;
    const int32_t *images;   /* [images]: where they are in the set; NULL: all of it */
    const int32_t *class_of; /* [images] */
    int64_t classes;
    const DataImages *splits; /* DATA_SPLIT_COUNT of them; of the images here, not of the set */
    const FeatureTable *features;
    uint32_t feature_count;
    uint32_t layer_count;   /* the first so many features are layers to choose from; the others are
                               for comparison */
    const int64_t *numbers; /* [layer_count]: which layers they are */
    const ProbeResult *reference; /* what the one behind the layers gave before, in all else
                                            the same; NULL: it is to be fitted */
    int64_t seed;                 /* of draws and orders */
    int threads;
    Log *log; /* NULL: nobody listens */
} ProbeTask;

typedef struct ProbeReport {
    ProbeResult *results; /* [feature_count] */
    uint32_t feature_count;
    int64_t *labels; /* [label_count]: images a class of the probes with few labels */
    uint32_t label_count;
    uint32_t best;        /* the chosen layer */
    uint32_t *best_few;   /* [label_count] */
    ProbeResult side;     /* of layers side by side, if side_count > 0 */
    uint32_t *side_index; /* [side_count]: features */
    uint32_t side_count;
} ProbeReport;

/* False and `error` when the task is at fault or memory runs out. */
bool probe_run(const ProbeTask *task, ProbeReport *report, RunError *error);
void probe_free(ProbeReport *report);

/* A result of a report of so many `classes`, for as long as the caller wants it. False: no memory.
 */
bool probe_result_copy(const ProbeReport *report, int64_t classes, const ProbeResult *from,
                       ProbeResult *to);
void probe_result_free(ProbeResult *result);

double probe_accuracy(const LogisticScore *score);

/* Mean and standard deviation (n - 1) of the test accuracy over the draws with few labels. */
typedef struct ProbeSpread {
    double mean, deviation;
} ProbeSpread;
ProbeSpread probe_spread(const ProbeFit *fits, uint32_t count);

#endif
