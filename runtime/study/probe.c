/* Every fit is a job of its own, so that jobs may run on any thread in any order without changing a
 * bit. */
#include "runtime/study/probe.h"

#include "runtime/data/data_split.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Strongest first: each fit starts from the weights of the one before. */
static const double L2_GRID[] = {1, 3e-1, 1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5};
enum { L2_COUNT = sizeof L2_GRID / sizeof *L2_GRID };

/* --- one fit --- */

typedef struct Scaling {
    double *mean, *factor; /* [width] */
} Scaling;

/* Mean and 1 / deviation of the features over `images`; a feature that is constant there is only
 * centred. */
static void measure(const ProbeFeatures *features, const DataImages *images,
                    const Scaling *scaling) {
    const int64_t width = features->width;
    memset(scaling->mean, 0, (size_t)width * sizeof(double));
    memset(scaling->factor, 0, (size_t)width * sizeof(double));
    for (int64_t i = 0; i < images->count; i++)
        for (int64_t j = 0; j < width; j++)
            scaling->mean[j] += (double)features->values[images->images[i] * width + j];
    for (int64_t j = 0; j < width; j++)
        scaling->mean[j] /= (double)images->count;
    for (int64_t i = 0; i < images->count; i++)
        for (int64_t j = 0; j < width; j++) {
            const double d =
                (double)features->values[images->images[i] * width + j] - scaling->mean[j];
            scaling->factor[j] += d * d;
        }
    for (int64_t j = 0; j < width; j++) {
        const double deviation = sqrt(scaling->factor[j] / (double)images->count);
        scaling->factor[j] = deviation > 0 ? 1 / deviation : 1;
    }
}

typedef struct Rows {
    LogisticData data;
    double *features;
    int32_t *labels;
} Rows;

static void rows_free(Rows *rows) {
    free(rows->features);
    free(rows->labels);
}

static bool rows_make(const ProbeTask *task, const ProbeFeatures *features,
                      const DataImages *images, const Scaling *scaling, Rows *rows) {
    const int64_t width = features->width, count = images->count;
    rows->features = malloc((size_t)(count * (width + 1) + 1) * sizeof(double));
    rows->labels = malloc((size_t)(count + 1) * sizeof(int32_t));
    if (!rows->features || !rows->labels)
        return false;
    for (int64_t i = 0; i < count; i++) {
        const int32_t image = images->images[i];
        double *row = rows->features + i * (width + 1);
        for (int64_t j = 0; j < width; j++)
            row[j] = ((double)features->values[image * width + j] - scaling->mean[j]) *
                     scaling->factor[j];
        row[width] = 1;
        rows->labels[i] = task->class_of[image];
    }
    rows->data = (LogisticData){rows->features, rows->labels, count, width, task->classes};
    return true;
}

/* Along the grid; keeps the scores of the strength that is best on validation. */
static bool fit_grid(const Rows rows[DATA_SPLIT_COUNT], ProbeFit *fit) {
    const LogisticData *train = &rows[DATA_TRAIN].data;
    const size_t size = (size_t)((train->width + 1) * train->classes) * sizeof(double);
    double *weights = calloc(1, size), *best = malloc(size);
    bool ok = weights && best;
    for (int i = 0; ok && i < L2_COUNT; i++) {
        const LogisticStatus status = logistic_fit(train, L2_GRID[i], weights);
        LogisticScore validation;
        ok = status != LOGISTIC_NO_MEMORY &&
             logistic_score(&rows[DATA_VALIDATION].data, weights, &validation);
        if (ok && (i == 0 || validation.cross_entropy < fit->validation.cross_entropy)) {
            *fit = (ProbeFit){.l2 = L2_GRID[i], .status = status, .validation = validation};
            memcpy(best, weights, size);
        }
    }
    ok = ok && logistic_score(train, best, &fit->train) &&
         logistic_score(&rows[DATA_TEST].data, best, &fit->test);
    free(weights);
    free(best);
    return ok;
}

/* False: no memory. */
static bool fit_one(const ProbeTask *task, const ProbeFeatures *features, const DataImages *train,
                    ProbeFit *fit) {
    const size_t width = (size_t)features->width;
    const Scaling scaling = {calloc(width, sizeof(double)), calloc(width, sizeof(double))};
    const DataImages *lists[DATA_SPLIT_COUNT] = {train, &task->splits[DATA_VALIDATION],
                                                 &task->splits[DATA_TEST]};
    Rows rows[DATA_SPLIT_COUNT] = {{.features = NULL}};
    bool ok = scaling.mean && scaling.factor;
    if (ok)
        measure(features, train, &scaling);
    for (int split = 0; ok && split < DATA_SPLIT_COUNT; split++)
        ok = rows_make(task, features, lists[split], &scaling, &rows[split]);
    ok = ok && fit_grid(rows, fit);
    for (int split = 0; split < DATA_SPLIT_COUNT; split++)
        rows_free(&rows[split]);
    free(scaling.mean);
    free(scaling.factor);
    return ok;
}

/* --- all of them --- */

/* Job j is fit j / features of features j % features: 0 on all training images, the others on few.
 */
static bool run_jobs(const ProbeTask *task, const DataImages *few, ProbeReport *report) {
    const int features = (int)report->feature_count, jobs = features * (int)(1 + report->subsets);
    int failures = 0;
#pragma omp parallel for schedule(dynamic, 1) reduction(+ : failures)
    for (int job = 0; job < jobs; job++) {
        const int which = job % features, subset = job / features - 1;
        ProbeResult *result = &report->results[which];
        const DataImages *train = subset < 0 ? &task->splits[DATA_TRAIN] : &few[subset];
        failures += !fit_one(task, &task->features[which], train,
                             subset < 0 ? &result->all : &result->few[subset]);
    }
    return failures == 0;
}

static bool better(const LogisticScore *a, const LogisticScore *b) {
    return a->correct != b->correct ? a->correct > b->correct : a->cross_entropy < b->cross_entropy;
}

/* What the layer is chosen by, over the draws with few labels. */
static LogisticScore sum_of_validations(const ProbeFit *fits, uint32_t count) {
    LogisticScore sum = {0};
    for (uint32_t i = 0; i < count; i++) {
        sum.count += fits[i].validation.count;
        sum.correct += fits[i].validation.correct;
        sum.cross_entropy += fits[i].validation.cross_entropy;
    }
    return sum;
}

static void choose(const ProbeTask *task, ProbeReport *report) {
    for (uint32_t layer = 1; layer < task->layer_count; layer++) {
        const ProbeResult *results = report->results;
        if (better(&results[layer].all.validation, &results[report->best].all.validation))
            report->best = layer;
        const LogisticScore few = sum_of_validations(results[layer].few, report->subsets);
        const LogisticScore best =
            sum_of_validations(results[report->best_few].few, report->subsets);
        if (report->subsets && better(&few, &best))
            report->best_few = layer;
    }
}

static bool check(const ProbeTask *task, DataError *error) {
    const char *fault = NULL;
    if (task->layer_count == 0 || task->layer_count > task->feature_count)
        fault = "there is no layer to probe";
    else if (task->classes < 2)
        fault = "a probe needs labels of at least two classes";
    else if (task->splits[DATA_TRAIN].count == 0 || task->splits[DATA_VALIDATION].count == 0 ||
             task->splits[DATA_TEST].count == 0)
        fault = "a probe needs images for training, validation and test: see data.validation, "
                "data.test";
    if (fault) {
        snprintf(error->text, sizeof error->text, "%s", fault);
        return false;
    }
    for (uint32_t which = 0; which < task->feature_count; which++)
        for (int split = 0; split < DATA_SPLIT_COUNT; split++)
            for (int64_t i = 0; i < task->splits[split].count; i++) {
                const ProbeFeatures *features = &task->features[which];
                const int32_t image = task->splits[split].images[i];
                for (int64_t j = 0; j < features->width; j++)
                    if (!isfinite(features->values[image * features->width + j])) {
                        snprintf(error->text, sizeof error->text,
                                 "%s of image %d is not a finite number", features->name, image);
                        return false;
                    }
            }
    return true;
}

static bool report_make(const ProbeTask *task, ProbeReport *report) {
    const uint32_t subsets = task->labels > 0 ? task->subsets : 0;
    *report = (ProbeReport){.feature_count = task->feature_count, .subsets = subsets};
    report->results = calloc(task->feature_count, sizeof *report->results);
    bool ok = report->results != NULL;
    for (uint32_t i = 0; ok && subsets && i < task->feature_count; i++) {
        report->results[i].few = calloc(subsets, sizeof *report->results[i].few);
        ok = report->results[i].few != NULL;
    }
    return ok;
}

bool probe_run(const ProbeTask *task, ProbeReport *report, DataError *error) {
    *report = (ProbeReport){0};
    if (!check(task, error))
        return false;
    bool ok = report_make(task, report);
    DataImages *few = calloc(report->subsets + 1, sizeof *few);
    ok = ok && few;
    for (uint32_t i = 0; ok && i < report->subsets; i++)
        ok = data_split_subset(&task->splits[DATA_TRAIN], task->class_of, task->labels,
                               task->seed + i, &few[i]);
    ok = ok && run_jobs(task, few, report);
    if (ok)
        choose(task, report);
    else
        snprintf(error->text, sizeof error->text, "no memory for the probe");
    for (uint32_t i = 0; few && i < report->subsets; i++)
        free(few[i].images);
    free(few);
    if (!ok)
        probe_free(report);
    return ok;
}

void probe_free(ProbeReport *report) {
    for (uint32_t i = 0; report->results && i < report->feature_count; i++)
        free(report->results[i].few);
    free(report->results);
    *report = (ProbeReport){0};
}

/* --- figures --- */

double probe_accuracy(const LogisticScore *score) {
    return score->count ? (double)score->correct / (double)score->count : 0;
}

ProbeSpread probe_spread(const ProbeFit *fits, uint32_t count) {
    double sum = 0, squares = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += probe_accuracy(&fits[i].test);
    const double mean = count ? sum / count : 0;
    for (uint32_t i = 0; i < count; i++) {
        const double d = probe_accuracy(&fits[i].test) - mean;
        squares += d * d;
    }
    return (ProbeSpread){mean, count > 1 ? sqrt(squares / (count - 1)) : 0};
}
