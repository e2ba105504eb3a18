#include "runtime/study/search.h"

#include "runtime/run/run_folder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- a trial --- */

static void read_losses(SearchTrial *trial, const MetricsSeries *losses) {
    trial->final_loss = trial->best_loss = INFINITY;
    for (int64_t i = 0; i < losses->count; i++) {
        const MetricsPoint *point = &losses->points[i];
        trial->final_loss = point->value;
        if (point->value < trial->best_loss) {
            trial->best_loss = point->value;
            trial->best_step = point->step;
        }
    }
    if (trial->diverged)
        trial->final_loss = INFINITY;
}

static bool read_metrics(SearchTrial *trial, const char *folder, RunError *error) {
    MetricsSeries train = {0}, validation = {0};
    FileError fault;
    const bool read = metrics_series_read(folder, "train", "loss", &train, &fault) &&
                      metrics_series_read(folder, "validation", "loss", &validation, &fault);
    if (read) {
        read_losses(trial, &validation);
        trial->train = spikes_find(&train);
        trial->validation = spikes_find(&validation);
    }
    metrics_series_free(&train);
    metrics_series_free(&validation);
    return read || run_fail(error, EXIT_INPUT, "%s", fault.text);
}

static bool read_record(SearchTrial *trial, const char *folder, RunError *error) {
    FileError fault;
    json_t *record = run_record_read(folder, &fault);
    if (!record)
        return run_fail(error, EXIT_INPUT, "%s", fault.text);
    const char *state = json_string_value(json_object_get(record, "state"));
    trial->diverged = state && strcmp(state, "diverged") == 0;
    trial->steps = json_integer_value(json_object_get(record, "steps"));
    json_decref(record);
    return true;
}

bool search_add(Search *search, const char *folder, RunError *error) {
    const char *slash = strrchr(folder, '/');
    SearchTrial *trial = &search->trials[search->trial_count];
    *trial = (SearchTrial){.value = search->values[search->trial_count],
                           .run = strdup(slash ? slash + 1 : folder)};
    if ((trial->run || run_no_memory(error, "a trial")) && read_record(trial, folder, error) &&
        read_metrics(trial, folder, error)) {
        search->trial_count++;
        return true;
    }
    free(trial->run);
    return false;
}

void search_free(Search *search) {
    for (uint32_t i = 0; i < search->trial_count; i++)
        free(search->trials[i].run);
    free(search->trials);
    search->trials = NULL;
    search->trial_count = 0;
}

/* --- the search --- */

bool search_rose(const Search *search) {
    const SearchTrial *last = NULL;
    for (uint32_t i = search->trial_count; i-- > 0;) {
        const SearchTrial *trial = &search->trials[i];
        if (trial->diverged && !last)
            return false;
        if (last && !trial->diverged)
            return last->final_loss > trial->final_loss;
        if (!last)
            last = trial;
    }
    return false;
}

bool search_over(const Search *search) {
    return search->trial_count == search->value_count || (!search->all && search_rose(search));
}

const SearchTrial *search_best(const Search *search) {
    const SearchTrial *best = NULL;
    for (uint32_t i = 0; i < search->trial_count; i++) {
        const SearchTrial *trial = &search->trials[i];
        if (!trial->diverged && (!best || trial->final_loss < best->final_loss))
            best = trial;
    }
    return best;
}
