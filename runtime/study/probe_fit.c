/* L-BFGS goes along a grid of L2 strengths, strongest first, each from the weights of the one
 * before, until validation's cross-entropy has twice in a row not gained: the weakest, which take
 * longest, are tried only where they matter. SGD tries learning rates, largest first, until one
 * does not gain: the search of Chen et al., 2020. */
#include "runtime/study/probe_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double strengths[] = {1,    3e-1, 1e-1, 3e-2, 1e-2, 3e-3, 1e-3,
                                   3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6};
static const double rates[] = {30, 10, 3, 1, 3e-1, 1e-1, 3e-2, 1e-2, 3e-3, 1e-3};

/* Values to choose from, in the order in which they are tried. */
typedef struct Choices {
    const double *values;
    int count;
    int patience; /* after so many in a row that did not gain, the others are not tried */
} Choices;

static const double gain = 1e-4; /* of the least cross-entropy so far; less is none */

static bool descends(const ProbeSettings *settings) { return strcmp(settings->solver, "sgd") == 0; }

static Choices choices_of(const ProbeSettings *settings) {
    if (!descends(settings))
        return (Choices){strengths, sizeof strengths / sizeof *strengths, 2};
    if (settings->rate > 0)
        return (Choices){&settings->rate, 1, 1};
    return (Choices){rates, sizeof rates / sizeof *rates, 1};
}

typedef struct Fitting {
    const ProbeTask *task;
    LogisticData splits[DATA_SPLIT_COUNT];
    int threads;
    double *weights, *best;
    size_t size; /* of each, in bytes */
} Fitting;

static LogisticStatus fit_with(const Fitting *fitting, double choice) {
    const ProbeSettings *settings = fitting->task->settings;
    const LogisticData *train = &fitting->splits[DATA_TRAIN];
    if (descends(settings)) {
        const LogisticDescent descent = {choice, settings->epochs, settings->batch,
                                         fitting->task->seed};
        return logistic_descend(train, &descent, fitting->weights);
    }
    return logistic_fit(train, choice, fitting->threads, fitting->weights);
}

/* Leaves the weights with the least cross-entropy on validation in `best`. False: no memory. */
static bool choose(const Fitting *fitting, ProbeFit *fit) {
    const Choices choices = choices_of(fitting->task->settings);
    double least = INFINITY;
    for (int i = 0, idle = 0; i < choices.count && idle < choices.patience; i++) {
        const LogisticStatus status = fit_with(fitting, choices.values[i]);
        LogisticScore score;
        if (status == LOGISTIC_NO_MEMORY ||
            !logistic_score(&fitting->splits[DATA_VALIDATION], fitting->weights, NULL, &score))
            return false;
        const bool finite = status != LOGISTIC_FAILED && isfinite(score.cross_entropy);
        const double loss = finite ? score.cross_entropy : INFINITY;
        idle = !finite || loss < least * (1 - gain) ? 0 : idle + 1;
        if (i == 0 || loss < least) {
            least = loss;
            fit->choice = choices.values[i];
            fit->status = status;
            fit->validation = score;
            memcpy(fitting->best, fitting->weights, fitting->size);
        }
        if (!finite)
            memset(fitting->weights, 0, fitting->size);
    }
    return true;
}

static bool fit_and_score(Fitting *fitting, ProbeFit *fit) {
    const int64_t count = logistic_weights(&fitting->splits[DATA_TRAIN]);
    if (count < 0)
        return false;
    fitting->size = (size_t)count * sizeof(double);
    fitting->weights = calloc(1, fitting->size);
    fitting->best = malloc(fitting->size);
    const bool ok =
        fitting->weights && fitting->best && choose(fitting, fit) &&
        logistic_score(&fitting->splits[DATA_TRAIN], fitting->best, NULL, &fit->train) &&
        logistic_score(&fitting->splits[DATA_TEST], fitting->best, fit->right, &fit->test);
    free(fitting->weights);
    free(fitting->best);
    return ok;
}

bool probe_fit(const ProbeTask *task, const ProbeFitTask *what, int threads, ProbeFit *fit) {
    FeatureRows rows;
    *fit = (ProbeFit){.right = what->right};
    if (!feature_rows_create(&rows, what->tables, what->table_count, what->train))
        return false;
    Fitting fitting = {.task = task, .threads = threads};
    for (int split = 0; split < DATA_SPLIT_COUNT; split++) {
        const DataImages *images = split == DATA_TRAIN ? what->train : &task->splits[split];
        fitting.splits[split] =
            (LogisticData){&rows, images->images, task->class_of, images->count, task->classes};
    }
    const bool ok = fit_and_score(&fitting, fit);
    feature_rows_free(&rows);
    return ok;
}
