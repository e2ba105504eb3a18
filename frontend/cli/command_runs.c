/* scanline runs: what there is. */
#include "frontend/cli/commands.h"
#include "frontend/cli/program.h"

#include "runtime/report/findings.h"
#include "runtime/run/run_folder.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A folder that is no whole run is listed all the same. */
static void read_row(const RunEntry *entry, Pool *pool, RunFindings *run) {
    RunError error = {0};
    char *folder = file_path(runs_root(), entry->name);
    if (!folder || !findings_read_summary(folder, pool, run, &error)) {
        *run = (RunFindings){.state = "no run.json", .objective = "", .best_loss = NAN};
        run->best_step = run->steps = -1;
    }
    free(folder);
}

/* --- as JSON --- */

static json_t *row_json(const RunEntry *entry, const RunFindings *run) {
    json_t *row = json_pack("{s:I, s:s, s:s, s:s, s:I}", "number", (json_int_t)entry->number,
                            "name", entry->name, "state", run->state, "objective", run->objective,
                            "steps", (json_int_t)run->steps);
    if (row && isfinite(run->best_loss)) {
        json_object_set_new(row, "best_validation_loss", json_real(run->best_loss));
        json_object_set_new(row, "best_step", json_integer(run->best_step));
    }
    if (row && run->probe) {
        const ProbedLayer *best = &run->probe->best;
        json_object_set_new(row, "best_probe",
                            json_pack("{ss sf sI}", "features", best->name, "accuracy",
                                      best->test.value, "n", (json_int_t)best->test.count));
    }
    return row;
}

/* --- as text --- */

static void print_row(const RunEntry *entry, const RunFindings *run) {
    char steps[24] = "", loss[24] = "", probe[24] = "";
    if (run->steps >= 0)
        snprintf(steps, sizeof steps, "%lld", (long long)run->steps);
    if (isfinite(run->best_loss))
        snprintf(loss, sizeof loss, "%.4f", run->best_loss);
    if (run->probe)
        snprintf(probe, sizeof probe, "%.1f %%", 100 * run->probe->best.test.value);
    printf("%5lld  %-10s  %-13s  %8s  %8s  %7s  %s\n", (long long)entry->number, run->state,
           run->objective, steps, loss, probe, entry->name);
}

static void show(const RunEntry *entries, int64_t count, bool json) {
    json_t *rows = json ? json_array() : NULL;
    if (!json)
        printf("%5s  %-10s  %-13s  %8s  %8s  %7s  %s\n", "run", "state", "objective", "steps",
               "best", "probe", "name");
    for (int64_t i = 0; i < count; i++) {
        Pool pool = {0};
        RunFindings run;
        read_row(&entries[i], &pool, &run);
        if (json)
            json_array_append_new(rows, row_json(&entries[i], &run));
        else
            print_row(&entries[i], &run);
        pool_free(&pool);
    }
    if (json) {
        json_dumpf(rows, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(rows);
}

static ExitCode list_runs(const Options *options) {
    RunEntry *entries;
    FileError error;
    const int64_t count = runs_list(runs_root(), &entries, &error);
    if (count < 0) {
        fprintf(stderr, "%s runs: error: %s\n", program_name(), error.text);
        return EXIT_MACHINE;
    }
    if (count || options->json)
        show(entries, count, options->json);
    else
        fprintf(stderr, "There are no runs in %s; `%s train' makes one.\n", runs_root(),
                program_name());
    runs_free(entries, count);
    return EXIT_DONE;
}

ExitCode command_runs(int count, char **words) {
    const CommandLine line = {
        .command = "runs",
        .arguments = "",
        .doc = "List the runs in $SCANLINE_RUNS (default: runs): state, objective, steps done, "
               "best validation loss, and the accuracy of the best layer of the probe (the last "
               "`scanline probe'), on the test split."
               "\vLosses of two objectives are not on one scale: of BERT's it is that of a hidden "
               "token.\n\nExamples:\n"
               "  scanline runs\n"
               "  scanline runs --json",
        .groups = OPTIONS_JSON,
    };
    Options options;
    options_parse(&line, count, words, &options);
    return list_runs(&options);
}
