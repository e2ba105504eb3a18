#include "runtime/commands/search.h"

#include "runtime/commands/command.h"

#include <math.h>
#include <stdlib.h>

/* --- as JSON --- */

static json_t *spikes_json(const Spikes *spikes) {
    if (!spikes->count)
        return json_pack("{s:I}", "count", (json_int_t)0);
    return json_pack("{s:I, s:I, s:f, s:f}", "count", (json_int_t)spikes->count, "step",
                     (json_int_t)spikes->step, "loss", spikes->value, "height", spikes->height);
}

static json_t *loss_json(double loss) { return isfinite(loss) ? json_real(loss) : json_null(); }

static json_t *trial_json(const SearchTrial *trial) {
    return json_pack("{s:s, s:s, s:s, s:I, s:o, s:o, s:I, s:{s:o, s:o}}", "value", trial->value,
                     "run", trial->run, "state", trial->diverged ? "diverged" : "done", "steps",
                     (json_int_t)trial->steps, "final_loss", loss_json(trial->final_loss),
                     "best_loss", loss_json(trial->best_loss), "best_step",
                     (json_int_t)trial->best_step, "spikes", "train", spikes_json(&trial->train),
                     "validation", spikes_json(&trial->validation));
}

static const char *end_of(const Search *search) {
    if (!search_over(search))
        return "not yet";
    return !search->all && search_rose(search) ? "the loss rose" : "every value was tried";
}

static json_t *search_json(const Search *search) {
    const SearchTrial *best = search_best(search);
    json_t *values = json_array(), *trials = json_array();
    for (uint32_t i = 0; i < search->value_count; i++)
        json_array_append_new(values, json_string(search->values[i]));
    for (uint32_t i = 0; i < search->trial_count; i++)
        json_array_append_new(trials, trial_json(&search->trials[i]));
    json_t *found = best ? json_pack("{s:s, s:s, s:f}", "value", best->value, "run", best->run,
                                     "final_loss", best->final_loss)
                         : json_null();
    return json_pack("{s:s, s:o, s:o, s:o, s:s}", "key", search->key, "values", values, "trials",
                     trials, "best", found, "end", end_of(search));
}

bool search_write(const Search *search, const char *folder, RunError *error) {
    json_t *json = search_json(search);
    const Command command = {.folder = folder};
    char *text = command_json_text(json);
    const bool written = command_write_text(&command, "search.json", text, error);
    free(text);
    json_decref(json);
    return written;
}

/* --- as text --- */

static void print_trial(FILE *out, const SearchTrial *trial) {
    fprintf(out, "  %-10s", trial->value);
    if (trial->diverged)
        fprintf(out, "  diverged");
    else
        fprintf(out, "  %8.4f", trial->final_loss);
    if (isfinite(trial->best_loss))
        fprintf(out, "  %8.4f  %8lld", trial->best_loss, (long long)trial->best_step);
    else
        fprintf(out, "  %8s  %8s", "-", "-");
    fprintf(out, "  %6lld  %10lld  %s\n", (long long)trial->train.count,
            (long long)trial->validation.count, trial->run);
}

static void print_spikes(FILE *out, const char *value, const char *split, const Spikes *spikes) {
    if (spikes->count)
        fprintf(out, "%s: the highest spike of the %s loss is at step %lld: %.4f, %.4f above\n",
                value, split, (long long)spikes->step, spikes->value, spikes->height);
}

static void print_end(FILE *out, const Search *search) {
    const SearchTrial *best = search_best(search);
    if (!best) {
        fprintf(out, "every trial diverged: try lower values, --over %s=...\n", search->key);
        return;
    }
    fprintf(out, "best: %s=%s, %.4f nats, run %s\n", search->key, best->value, best->final_loss,
            best->run);
    if (best == &search->trials[search->trial_count - 1])
        fprintf(out, "it is the last that was tried: a lower one may be better, --over %s=...\n",
                search->key);
}

static void print_text(FILE *out, const Search *search, const char *folder) {
    fprintf(out, "  %-10s  %8s  %8s  %8s  %6s  %10s\n  %-10s  %8s  %8s  %8s  %6s  %10s  run\n", "",
            "final", "best", "", "spikes", "spikes", search->key, "loss", "loss", "at step",
            "train", "validation");
    for (uint32_t i = 0; i < search->trial_count; i++)
        print_trial(out, &search->trials[i]);
    for (uint32_t i = 0; i < search->trial_count; i++) {
        print_spikes(out, search->trials[i].value, "training", &search->trials[i].train);
        print_spikes(out, search->trials[i].value, "validation", &search->trials[i].validation);
    }
    print_end(out, search);
    fprintf(out, "%s/search.json\n", folder);
}

bool search_print(const Search *search, const char *folder, bool json, FILE *results,
                  RunError *error) {
    if (!json) {
        print_text(results, search, folder);
        return true;
    }
    json_t *found = search_json(search);
    char *text = command_json_text(found);
    json_decref(found);
    if (!text)
        return run_no_memory(error, "the results");
    fputs(text, results);
    free(text);
    return true;
}
