#include "runtime/study/probe.h"

#include "runtime/data/data_split.h"
#include "runtime/study/probe_jobs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- what can be probed --- */

static bool check_values(const ProbeTask *task, const FeatureTable *table, RunError *error) {
    for (int split = 0; split < DATA_SPLIT_COUNT; split++)
        for (int64_t i = 0; i < task->splits[split].count; i++) {
            const int32_t image = task->splits[split].images[i];
            for (int64_t j = 0; j < table->width; j++)
                if (!isfinite(table->values[image * table->width + j]))
                    return run_fail(error, EXIT_INPUT, "%s of image %d is not a finite number",
                                    table->name, task->images ? task->images[image] : image);
        }
    return true;
}

static bool check(const ProbeTask *task, RunError *error) {
    if (task->layer_count == 0 || task->layer_count > task->feature_count)
        return run_fail(error, EXIT_INPUT, "there is no layer to probe");
    if (task->classes < 2)
        return run_fail(error, EXIT_INPUT, "a probe needs labels of at least two classes");
    for (int split = 0; split < DATA_SPLIT_COUNT; split++)
        if (task->splits[split].count == 0)
            return run_fail(error, EXIT_INPUT,
                            "a probe needs images for training, validation and test: see "
                            "data.validation, data.test");
    for (uint32_t which = 0; which < task->feature_count; which++)
        if (!check_values(task, &task->features[which], error))
            return false;
    return true;
}

/* --- few labels --- */

/* The training images of the class that has the fewest; of those that have any. -1: no memory. */
static int64_t fewest_of_a_class(const ProbeTask *task) {
    const DataImages *train = &task->splits[DATA_TRAIN];
    int64_t *counts = calloc((size_t)task->classes, sizeof *counts), fewest = train->count;
    for (int64_t i = 0; counts && i < train->count; i++)
        counts[task->class_of[train->images[i]]]++;
    for (int64_t c = 0; counts && c < task->classes; c++)
        fewest = counts[c] && counts[c] < fewest ? counts[c] : fewest;
    const bool counted = counts != NULL;
    free(counts);
    return counted ? fewest : -1;
}

/* Those numbers of labels that every class has. False: no memory. */
static bool choose_labels(const ProbeTask *task, ProbeReport *report) {
    const IntegerList *asked = &task->settings->labels;
    const int64_t fewest = asked->count ? fewest_of_a_class(task) : 0;
    report->labels = calloc(asked->count + 1, sizeof *report->labels);
    if (!report->labels || fewest < 0)
        return false;
    for (uint32_t i = 0; i < asked->count; i++)
        if (asked->items[i] <= fewest)
            report->labels[report->label_count++] = asked->items[i];
        else
            log_say(task->log,
                    "probe.labels: %lld a class are left out, as some class has but %lld images to "
                    "train on",
                    (long long)asked->items[i], (long long)fewest);
    report->best_few = calloc(report->label_count + 1, sizeof *report->best_few);
    return report->best_few != NULL;
}

/* The images of each draw, [label_count, PROBE_SUBSETS]; NULL: no memory. */
static DataImages *draw_few(const ProbeTask *task, const ProbeReport *report) {
    const uint32_t count = report->label_count * PROBE_SUBSETS;
    DataImages *few = calloc(count + 1, sizeof *few);
    bool ok = few != NULL;
    for (uint32_t i = 0; ok && i < count; i++)
        ok = data_split_subset(&task->splits[DATA_TRAIN], task->class_of,
                               report->labels[i / PROBE_SUBSETS], task->seed + i % PROBE_SUBSETS,
                               &few[i]);
    if (ok)
        return few;
    for (uint32_t i = 0; few && i < count; i++)
        free(few[i].images);
    free(few);
    return NULL;
}

static void few_free(DataImages *few, const ProbeReport *report) {
    for (uint32_t i = 0; few && i < report->label_count * PROBE_SUBSETS; i++)
        free(few[i].images);
    free(few);
}

/* --- the fits --- */

static bool result_create(const ProbeReport *report, int64_t classes, ProbeResult *result) {
    const uint32_t few = report->label_count * PROBE_SUBSETS;
    result->all.right = calloc((size_t)classes, sizeof *result->all.right);
    result->few = few ? calloc(few, sizeof *result->few) : NULL;
    return result->all.right && (result->few || !few);
}

void probe_result_free(ProbeResult *result) {
    free(result->all.right);
    free(result->few);
    *result = (ProbeResult){0};
}

bool probe_result_copy(const ProbeReport *report, int64_t classes, const ProbeResult *from,
                       ProbeResult *to) {
    if (!result_create(report, classes, to))
        return false;
    int64_t *right = to->all.right;
    memcpy(right, from->all.right, (size_t)classes * sizeof *right);
    to->all = from->all;
    to->all.right = right;
    if (to->few)
        memcpy(to->few, from->few, (size_t)report->label_count * PROBE_SUBSETS * sizeof *to->few);
    return true;
}

/* The jobs of one result, all labels first. Returns how many. */
static int add_jobs(const ProbeTask *task, const ProbeReport *report, const DataImages *few,
                    const FeatureTable *const *tables, uint32_t table_count, ProbeResult *result,
                    ProbeJob *jobs) {
    const uint32_t draws = report->label_count * PROBE_SUBSETS;
    jobs[0] = (ProbeJob){{tables, table_count, &task->splits[DATA_TRAIN], result->all.right},
                         &result->all};
    for (uint32_t i = 0; i < draws; i++)
        jobs[1 + i] = (ProbeJob){{tables, table_count, &few[i], NULL}, &result->few[i]};
    return 1 + (int)draws;
}

static double cost_of(const ProbeJob *jobs, int count) {
    double cost = 0;
    for (int i = 0; i < count; i++)
        cost += probe_job_cost(&jobs[i]);
    return cost;
}

/* Every layer, and what is for comparison. */
static bool run_layers(const ProbeTask *task, const DataImages *few, ProbeReport *report) {
    const uint32_t each = 1 + report->label_count * PROBE_SUBSETS;
    ProbeJob *jobs = calloc((size_t)each * task->feature_count, sizeof *jobs);
    const FeatureTable **tables = calloc(task->feature_count, sizeof *tables);
    bool ok = jobs && tables;
    int count = 0;
    for (uint32_t i = 0; ok && i < task->feature_count; i++) {
        ProbeResult *result = &report->results[i];
        const bool known = i >= task->layer_count && task->reference;
        tables[i] = &task->features[i];
        ok = known ? probe_result_copy(report, task->classes, task->reference, result)
                   : result_create(report, task->classes, result);
        if (ok && !known)
            count += add_jobs(task, report, few, &tables[i], 1, result, jobs + count);
    }
    Work work;
    if (ok) {
        work_begin(&work, task->log, "probe", cost_of(jobs, count));
        ok = probe_jobs_run(task, jobs, count, &work);
        work_end(&work);
    }
    free(tables);
    free(jobs);
    return ok;
}

/* Layers side by side: the fit on all labels has the threads to itself, as it takes longest. */
static bool run_side(const ProbeTask *task, const DataImages *few, ProbeReport *report) {
    ProbeJob *jobs = calloc(1 + report->label_count * PROBE_SUBSETS, sizeof *jobs);
    const FeatureTable **tables = calloc(report->side_count, sizeof *tables);
    bool ok = jobs && tables && result_create(report, task->classes, &report->side);
    if (ok) {
        for (uint32_t i = 0; i < report->side_count; i++)
            tables[i] = &task->features[report->side_index[i]];
        const int count =
            add_jobs(task, report, few, tables, report->side_count, &report->side, jobs);
        Work work;
        work_begin(&work, task->log, "probe of several layers", cost_of(jobs, count));
        ok = probe_jobs_run(task, jobs, 1, &work) &&
             probe_jobs_run(task, jobs + 1, count - 1, &work);
        work_end(&work);
    }
    free(tables);
    free(jobs);
    return ok;
}

/* --- choosing --- */

static bool better(const LogisticScore *a, const LogisticScore *b) {
    return a->correct != b->correct ? a->correct > b->correct : a->cross_entropy < b->cross_entropy;
}

/* What the layer is chosen by, over the draws with few labels. */
static LogisticScore sum_of_validations(const ProbeFit *fits) {
    LogisticScore sum = {0};
    for (uint32_t i = 0; i < PROBE_SUBSETS; i++) {
        sum.count += fits[i].validation.count;
        sum.correct += fits[i].validation.correct;
        sum.cross_entropy += fits[i].validation.cross_entropy;
    }
    return sum;
}

static void choose(const ProbeTask *task, ProbeReport *report) {
    const ProbeResult *results = report->results;
    for (uint32_t layer = 1; layer < task->layer_count; layer++) {
        if (better(&results[layer].all.validation, &results[report->best].all.validation))
            report->best = layer;
        for (uint32_t i = 0; i < report->label_count; i++) {
            const uint32_t first = i * PROBE_SUBSETS;
            const LogisticScore few = sum_of_validations(results[layer].few + first);
            const LogisticScore best = sum_of_validations(results[report->best_few[i]].few + first);
            if (better(&few, &best))
                report->best_few[i] = layer;
        }
    }
}

static bool choose_listed(const ProbeTask *task, ProbeReport *report, RunError *error) {
    const IntegerList *listed = &task->settings->concat_layers;
    for (uint32_t i = 0; i < listed->count; i++) {
        uint32_t at = 0;
        while (at < task->layer_count && task->numbers[at] != listed->items[i])
            at++;
        if (at == task->layer_count)
            return run_fail(error, EXIT_INPUT,
                            "probe.concat: layer %lld is not among those that are probed "
                            "(probe.layers)",
                            (long long)listed->items[i]);
        report->side_index[i] = at;
    }
    return true;
}

/* Which layers to put side by side: those listed, or so many about the best one, which is in the
 * middle unless it is near an end. */
static bool choose_side(const ProbeTask *task, ProbeReport *report, RunError *error) {
    const ProbeSettings *settings = task->settings;
    const int64_t layers = task->layer_count;
    const int64_t about = settings->concat < layers ? settings->concat : layers;
    report->side_count =
        settings->concat_layers.count ? settings->concat_layers.count : (uint32_t)about;
    report->side_index = calloc(report->side_count + 1, sizeof *report->side_index);
    if (!report->side_index)
        return run_no_memory(error, "the probe");
    if (settings->concat_layers.count)
        return choose_listed(task, report, error);
    int64_t first = report->best - (about - 1) / 2;
    first = first < 0 ? 0 : first > layers - about ? layers - about : first;
    for (int64_t i = 0; i < about; i++)
        report->side_index[i] = (uint32_t)(first + i);
    return true;
}

/* --- all of it --- */

static bool run(const ProbeTask *task, const DataImages *few, ProbeReport *report,
                RunError *error) {
    if (task->settings->concat_layers.count && !choose_side(task, report, error))
        return false; /* before anything is computed */
    if (!run_layers(task, few, report))
        return run_no_memory(error, "the probe");
    choose(task, report);
    if (!report->side_index && !choose_side(task, report, error))
        return false;
    return !report->side_count || run_side(task, few, report) || run_no_memory(error, "the probe");
}

bool probe_run(const ProbeTask *task, ProbeReport *report, RunError *error) {
    *report = (ProbeReport){.feature_count = task->feature_count};
    if (!check(task, error))
        return false;
    report->results = calloc(task->feature_count, sizeof *report->results);
    bool ok = report->results && choose_labels(task, report);
    DataImages *few = ok ? draw_few(task, report) : NULL;
    ok = few ? run(task, few, report, error) : run_no_memory(error, "the probe");
    few_free(few, report);
    if (!ok)
        probe_free(report);
    return ok;
}

void probe_free(ProbeReport *report) {
    for (uint32_t i = 0; report->results && i < report->feature_count; i++)
        probe_result_free(&report->results[i]);
    probe_result_free(&report->side);
    free(report->results);
    free(report->labels);
    free(report->best_few);
    free(report->side_index);
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
