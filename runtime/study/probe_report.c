/* JSON is built from the leaves up: a part that could not be allocated is NULL, and makes the whole
 * NULL. */
#include "runtime/study/probe_report.h"

#include "runtime/study/interval.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_SIZE = 24 };

/* --- JSON --- */

static json_t *score_json(const LogisticScore *score) {
    return json_pack("{sI sI sf sf}", "n", (json_int_t)score->count, "correct",
                     (json_int_t)score->correct, "accuracy", probe_accuracy(score), "cross_entropy",
                     score->cross_entropy);
}

static json_t *test_json(const LogisticScore *score) {
    const Interval interval = interval_of_share(score->correct, score->count);
    json_t *json = score_json(score);
    if (json && json_object_set_new(json, "interval",
                                    json_pack("[ff]", interval.low, interval.high)) != 0) {
        json_decref(json);
        return NULL;
    }
    return json;
}

static json_t *fit_json(const ProbeFit *fit) {
    return json_pack("{sf sb so so so}", "l2", fit->l2, "converged",
                     fit->status == LOGISTIC_CONVERGED, "train", score_json(&fit->train),
                     "validation", score_json(&fit->validation), "test", test_json(&fit->test));
}

/* Appends and lets go; false when there was nothing to append, or no memory. */
static bool append(json_t *array, json_t *value) {
    return json_array_append_new(array, value) == 0;
}

static json_t *few_json(const ProbeSummary *summary, const ProbeFit *fits) {
    const uint32_t subsets = summary->report->subsets;
    const ProbeSpread spread = probe_spread(fits, subsets);
    json_t *draws = json_array();
    bool ok = draws != NULL;
    for (uint32_t i = 0; ok && i < subsets; i++)
        ok = append(draws, fit_json(&fits[i]));
    if (!ok) {
        json_decref(draws);
        return NULL;
    }
    return json_pack("{sI sf sf so}", "labels_per_class", (json_int_t)summary->labels, "mean",
                     spread.mean, "deviation", spread.deviation, "draws", draws);
}

static json_t *result_json(const ProbeSummary *summary, uint32_t which) {
    const ProbeResult *result = &summary->report->results[which];
    json_t *json = json_pack("{ss sI so}", "features", summary->features->layers[which].name,
                             "width", (json_int_t)summary->features->layers[which].width,
                             "all_labels", fit_json(&result->all));
    if (json && summary->report->subsets &&
        json_object_set_new(json, "few_labels", few_json(summary, result->few)) != 0) {
        json_decref(json);
        return NULL;
    }
    return json;
}

json_t *probe_json(const ProbeSummary *summary) {
    const ProbeReport *report = summary->report;
    const uint32_t layers = summary->features->layer_count;
    json_t *array = json_array();
    bool ok = array != NULL;
    for (uint32_t i = 0; ok && i < layers; i++)
        ok = append(array, result_json(summary, i));
    if (!ok) {
        json_decref(array);
        return NULL;
    }
    json_t *json = json_pack("{so so so}", "best", result_json(summary, report->best), "layers",
                             array, "pixels", result_json(summary, layers));
    if (json && report->subsets &&
        json_object_set_new(json, "best_few", result_json(summary, report->best_few)) != 0) {
        json_decref(json);
        return NULL;
    }
    return json;
}

/* --- charts --- */

static ChartBar bar_of(const ProbeSummary *summary, uint32_t which, bool few) {
    const ProbeResult *result = &summary->report->results[which];
    if (few) {
        const ProbeSpread spread = probe_spread(result->few, summary->report->subsets);
        return (ChartBar){.value = spread.mean,
                          .low = spread.mean - spread.deviation,
                          .high = spread.mean + spread.deviation,
                          .chosen = which == summary->report->best_few};
    }
    const LogisticScore *test = &result->all.test;
    const Interval interval = interval_of_share(test->correct, test->count);
    return (ChartBar){.value = probe_accuracy(test),
                      .low = interval.low,
                      .high = interval.high,
                      .chosen = which == summary->report->best};
}

static char *subtitle_of(const ProbeSummary *summary, bool few) {
    const long long n = summary->report->results[0].all.test.count;
    char *text = NULL;
    const int length =
        few ? asprintf(&text,
                       "%lld labels a class, mean and standard deviation of %u draws, n = %lld "
                       "test images",
                       (long long)summary->labels, summary->report->subsets, n)
            : asprintf(&text, "all training labels, 95 %% intervals, n = %lld test images", n);
    return length < 0 ? NULL : text;
}

static char *title_of(const ProbeSummary *summary) {
    char *text = NULL;
    return asprintf(&text, "Linear probe of %s", summary->title) < 0 ? NULL : text;
}

bool probe_chart_make(const ProbeSummary *summary, bool few, ProbeChart *made) {
    const uint32_t layers = summary->features->layer_count;
    *made = (ProbeChart){.bars = calloc(layers, sizeof *made->bars),
                         .labels = calloc(layers, LABEL_SIZE),
                         .title = title_of(summary),
                         .subtitle = subtitle_of(summary, few)};
    if (!made->bars || !made->labels || !made->title || !made->subtitle) {
        probe_chart_free(made);
        return false;
    }
    for (uint32_t i = 0; i < layers; i++) {
        char *label = made->labels + (size_t)i * LABEL_SIZE;
        snprintf(label, LABEL_SIZE, "%lld", (long long)summary->features->numbers[i]);
        made->bars[i] = bar_of(summary, i, few);
        made->bars[i].label = label;
    }
    made->chart = (Chart){.title = made->title,
                          .subtitle = made->subtitle,
                          .bar_axis = "layer",
                          .value_axis = "test accuracy",
                          .chosen = "chosen on validation",
                          .bars = made->bars,
                          .count = layers,
                          .reference_label = "raw pixels",
                          .reference = bar_of(summary, layers, few).value};
    return true;
}

void probe_chart_free(ProbeChart *chart) {
    free(chart->bars);
    free(chart->labels);
    free(chart->title);
    free(chart->subtitle);
    *chart = (ProbeChart){0};
}
