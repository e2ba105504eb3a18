#include "runtime/commands/few_labels.h"

#include "runtime/run/run_folder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint32_t trial_count(const FewLabels *few) { return few->label_count * few->subsets; }

/* --- life --- */

bool few_labels_begin(FewLabels *few, RunError *error) {
    few->trials = calloc(trial_count(few), sizeof *few->trials);
    char *path = file_path(few->folder, "fewlabels.json");
    if (!few->trials || !path) {
        free(path);
        return run_no_memory(error, "the trials");
    }
    for (uint32_t i = 0; i < trial_count(few); i++) {
        few->trials[i].labels = few->labels[i / few->subsets];
        few->trials[i].subset = i % few->subsets;
    }
    json_t *file = json_load_file(path, JSON_REJECT_DUPLICATES, NULL); /* none: nothing is known */
    few->before = json_incref(json_object_get(file, "trials"));
    json_decref(file);
    free(path);
    return true;
}

void few_labels_end(FewLabels *few) {
    for (uint32_t i = 0; few->trials && i < trial_count(few); i++)
        free(few->trials[i].run);
    free(few->trials);
    json_decref(few->before);
}

/* --- one training --- */

static bool read_accuracy(const json_t *json, EvalAccuracy *accuracy) {
    const json_t *count = json_object_get(json, "n"), *correct = json_object_get(json, "correct");
    *accuracy = (EvalAccuracy){json_integer_value(count), json_integer_value(correct)};
    return json_is_integer(count) && json_is_integer(correct) && accuracy->correct >= 0 &&
           accuracy->count >= accuracy->correct && accuracy->count > 0;
}

static bool is(const json_t *row, const char *key, const char *text) {
    const char *value = json_string_value(json_object_get(row, key));
    return value && strcmp(value, text) == 0;
}

static bool known_before(const FewLabels *few, FewLabelsTrial *trial) {
    size_t i;
    json_t *row;
    json_array_foreach(few->before, i, row) {
        if (is(row, "run", trial->run) && is(row, "checkpoint", trial->checkpoint) &&
            read_accuracy(json_object_get(row, "validation"), &trial->validation) &&
            read_accuracy(json_object_get(row, "test"), &trial->test))
            return true;
    }
    return false;
}

static bool take_run(FewLabelsTrial *trial, const char *folder, RunError *error) {
    const char *slash = strrchr(folder, '/');
    trial->run = strdup(slash ? slash + 1 : folder);
    return trial->run || run_no_memory(error, "a trial");
}

bool few_labels_diverged(FewLabelsTrial *trial, const char *folder, RunError *error) {
    trial->diverged = true;
    return take_run(trial, folder, error);
}

bool few_labels_judge(FewLabels *few, FewLabelsTrial *trial, const Command *command,
                      RunError *error) {
    FileError fault = {"no memory for a path"};
    if (!take_run(trial, command->folder, error))
        return false;
    char *best = run_checkpoint(command->folder);
    const bool hashed = best && hash_file(best, trial->checkpoint, &fault);
    free(best);
    if (!hashed)
        return run_fail(error, EXIT_MACHINE, "%s", fault.text);
    return known_before(few, trial) ||
           (commands_accuracy(command, DATA_VALIDATION, "fewlabels", &trial->validation, error) &&
            commands_accuracy(command, DATA_TEST, "fewlabels", &trial->test, error));
}

/* --- figures --- */

typedef struct Spread {
    uint32_t count;
    double mean, deviation; /* n - 1; NaN where there are too few */
} Spread;

static double share(const EvalAccuracy *accuracy) {
    return (double)accuracy->correct / (double)accuracy->count;
}

/* Of the test accuracy of the subsets that are trained and did not diverge. */
static Spread spread_of(const FewLabels *few, uint32_t which) {
    const FewLabelsTrial *trials = few->trials + (size_t)which * few->subsets;
    Spread spread = {.mean = NAN, .deviation = NAN};
    double sum = 0, squares = 0;
    for (uint32_t i = 0; i < few->subsets; i++)
        if (trials[i].run && !trials[i].diverged) {
            sum += share(&trials[i].test);
            spread.count++;
        }
    if (spread.count)
        spread.mean = sum / spread.count;
    for (uint32_t i = 0; i < few->subsets; i++)
        if (trials[i].run && !trials[i].diverged)
            squares += pow(share(&trials[i].test) - spread.mean, 2);
    if (spread.count > 1)
        spread.deviation = sqrt(squares / (spread.count - 1));
    return spread;
}

/* --- as JSON --- */

static json_t *accuracy_json(const EvalAccuracy *accuracy) {
    return json_pack("{s:I, s:I, s:f}", "n", (json_int_t)accuracy->count, "correct",
                     (json_int_t)accuracy->correct, "accuracy", share(accuracy));
}

static json_t *trial_json(const FewLabelsTrial *trial) {
    json_t *json = json_pack("{s:I, s:I, s:s, s:s}", "labels_per_class", (json_int_t)trial->labels,
                             "subset", (json_int_t)trial->subset, "run", trial->run, "state",
                             trial->diverged ? "diverged" : "done");
    if (json && !trial->diverged) {
        json_object_set_new(json, "checkpoint", json_string(trial->checkpoint));
        json_object_set_new(json, "validation", accuracy_json(&trial->validation));
        json_object_set_new(json, "test", accuracy_json(&trial->test));
    }
    return json;
}

static json_t *number_json(double number) {
    return isfinite(number) ? json_real(number) : json_null();
}

static json_t *few_json(const FewLabels *few) {
    json_t *results = json_array(), *trials = json_array();
    for (uint32_t i = 0; i < few->label_count; i++) {
        const Spread spread = spread_of(few, i);
        json_array_append_new(results,
                              json_pack("{s:I, s:i, s:o, s:o}", "labels_per_class",
                                        (json_int_t)few->labels[i], "subsets", (int)spread.count,
                                        "mean", number_json(spread.mean), "deviation",
                                        number_json(spread.deviation)));
    }
    for (uint32_t i = 0; i < trial_count(few); i++)
        if (few->trials[i].run)
            json_array_append_new(trials, trial_json(&few->trials[i]));
    return json_pack("{s:o, s:o}", "results", results, "trials", trials);
}

static char *few_text(const FewLabels *few, RunError *error) {
    json_t *json = few_json(few);
    char *text = json ? command_json_text(json) : NULL;
    json_decref(json);
    if (!text)
        run_no_memory(error, "the results");
    return text;
}

bool few_labels_write(const FewLabels *few, RunError *error) {
    const Command command = {.folder = few->folder};
    char *text = few_text(few, error);
    const bool written = text && command_write_text(&command, "fewlabels.json", text, error);
    free(text);
    return written;
}

/* --- as text --- */

static void print_text(const FewLabels *few, FILE *out) {
    fprintf(out, "labels a class  subsets  test accuracy, mean and standard deviation\n");
    for (uint32_t i = 0; i < few->label_count; i++) {
        const Spread spread = spread_of(few, i);
        fprintf(out, "%14lld  %7u  ", (long long)few->labels[i], spread.count);
        if (spread.count)
            fprintf(out, "%.1f %%", 100 * spread.mean);
        else
            fprintf(out, "every training diverged");
        if (spread.count > 1)
            fprintf(out, " +- %.1f", 100 * spread.deviation);
        if (spread.count && spread.count < few->subsets)
            fprintf(out, "  (%u diverged)", few->subsets - spread.count);
        fputc('\n', out);
    }
    fprintf(out, "%s/fewlabels.json\n", few->folder);
}

bool few_labels_print(const FewLabels *few, bool json, FILE *results, RunError *error) {
    if (!json) {
        print_text(few, results);
        return true;
    }
    char *text = few_text(few, error);
    if (text)
        fputs(text, results);
    free(text);
    return text != NULL;
}
