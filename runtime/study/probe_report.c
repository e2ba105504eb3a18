/* JSON is built from the leaves up: a part that could not be allocated is NULL, and makes the whole
 * NULL. */
#include "runtime/study/probe_report.h"

#include "runtime/study/interval.h"

#include <string.h>

/* Adds to an object, or lets all of it go. */
static json_t *with(json_t *object, const char *key, json_t *value) {
    if (json_object_set_new(object, key, value) == 0)
        return object;
    json_decref(object);
    return NULL;
}

/* The same for an array. */
static json_t *with_item(json_t *array, json_t *value) {
    if (json_array_append_new(array, value) == 0)
        return array;
    json_decref(array);
    return NULL;
}

/* --- one fit --- */

static json_t *score_json(const LogisticScore *score) {
    return json_pack("{sI sI sf sf}", "n", (json_int_t)score->count, "correct",
                     (json_int_t)score->correct, "accuracy", probe_accuracy(score), "cross_entropy",
                     score->cross_entropy);
}

static json_t *test_json(const LogisticScore *score) {
    const Interval interval = interval_of_share(score->correct, score->count);
    return with(score_json(score), "interval", json_pack("[ff]", interval.low, interval.high));
}

static json_t *fit_json(const Probed *probed, const ProbeFit *fit) {
    const bool sgd = strcmp(probed->experiment->probe.solver, "sgd") == 0;
    return json_pack("{sf sb so so so}", sgd ? "rate" : "l2", fit->choice, "converged",
                     fit->status == LOGISTIC_CONVERGED, "train", score_json(&fit->train),
                     "validation", score_json(&fit->validation), "test", test_json(&fit->test));
}

/* --- a layer --- */

static const ProbeFit *draws_of(const ProbeResult *result, uint32_t few) {
    return result->few + few * PROBE_SUBSETS;
}

static json_t *few_json(const Probed *probed, const ProbeResult *result, uint32_t few) {
    const ProbeFit *fits = draws_of(result, few);
    const ProbeSpread spread = probe_spread(fits, PROBE_SUBSETS);
    json_t *draws = json_array();
    for (uint32_t i = 0; i < PROBE_SUBSETS; i++)
        draws = with_item(draws, fit_json(probed, &fits[i]));
    return json_pack("{sI sf sf so}", "labels_per_class", (json_int_t)probed->report.labels[few],
                     "mean", spread.mean, "deviation", spread.deviation, "draws", draws);
}

static json_t *result_json(const Probed *probed, const ProbeResult *result, const char *name,
                           int64_t width) {
    json_t *json = json_pack("{ss sI so}", "features", name, "width", (json_int_t)width,
                             "all_labels", fit_json(probed, &result->all));
    json_t *few = json_array();
    for (uint32_t i = 0; i < probed->report.label_count; i++)
        few = with_item(few, few_json(probed, result, i));
    return with(json, "few_labels", few);
}

static json_t *table_json(const Probed *probed, uint32_t which) {
    const FeatureTable *table = &probed->features.layers[which];
    return result_json(probed, &probed->report.results[which], table->name, table->width);
}

/* --- classes --- */

static json_t *classes_json(const Probed *probed, const ProbeResult *result) {
    const DataImages *test = &probed->labelled.splits[DATA_TEST];
    json_t *array = json_array();
    for (int64_t c = 0; c < probed->data->classes; c++) {
        LogisticScore score = {.correct = result->all.right[c]};
        for (int64_t i = 0; i < test->count; i++)
            score.count += probed->labelled.class_of[test->images[i]] == c;
        DataClassNumber number;
        array = with_item(
            array, json_pack("{ss sI sI sf}", "class", data_class_name(probed->data, c, &number),
                             "n", (json_int_t)score.count, "correct", (json_int_t)score.correct,
                             "accuracy", probe_accuracy(&score)));
    }
    return array;
}

/* --- layers side by side --- */

static json_t *side_json(const Probed *probed) {
    const ProbeReport *report = &probed->report;
    int64_t width = 0;
    json_t *names = json_array();
    for (uint32_t i = 0; i < report->side_count; i++) {
        const FeatureTable *table = &probed->features.layers[report->side_index[i]];
        width += table->width;
        names = with_item(names, json_string(table->name));
    }
    json_t *json = result_json(probed, &report->side, "concatenated", width);
    return with(with(json, "layers", names), "classes", classes_json(probed, &report->side));
}

/* --- all --- */

static json_t *best_few_json(const Probed *probed) {
    const ProbeReport *report = &probed->report;
    json_t *array = json_array();
    for (uint32_t i = 0; i < report->label_count; i++) {
        const uint32_t best = report->best_few[i];
        const ProbeSpread spread = probe_spread(draws_of(&report->results[best], i), PROBE_SUBSETS);
        array = with_item(array, json_pack("{sI ss sf sf}", "labels_per_class",
                                           (json_int_t)report->labels[i], "features",
                                           probed->features.layers[best].name, "mean", spread.mean,
                                           "deviation", spread.deviation));
    }
    return array;
}

json_t *probe_json(const Probed *probed) {
    const ProbeReport *report = &probed->report;
    const ProbeSettings *settings = &probed->experiment->probe;
    json_t *layers = json_array();
    for (uint32_t i = 0; i < probed->features.layer_count; i++)
        layers = with_item(layers, table_json(probed, i));
    json_t *best = with(table_json(probed, report->best), "classes",
                        classes_json(probed, &report->results[report->best]));
    json_t *json = json_pack("{ss ss so so so so}", "series", settings->features, "solver",
                             settings->solver, "best", best, "layers", layers, "pixels",
                             table_json(probed, probed->features.layer_count), "best_few",
                             best_few_json(probed));
    return json && report->side_count ? with(json, "concatenated", side_json(probed)) : json;
}
