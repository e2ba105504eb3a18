/* scanline runs: what there is. */
#include "frontend/cli/commands.h"
#include "frontend/cli/options.h"

#include "runtime/run/run_folder.h"
#include "runtime/run/run_lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A run that says it is running, but that nobody trains, was killed. */
static const char *state_of(const json_t *record, const char *folder) {
    const char *state = json_string_value(json_object_get(record, "state"));
    if (!state)
        return "no run.json";
    return strcmp(state, "running") == 0 && !run_is_locked(folder) ? "killed" : state;
}

static json_t *row_of(const RunEntry *entry) {
    FileError error;
    char *folder = run_file(runs_root(), entry->name);
    json_t *record = folder ? run_record_read(folder, &error) : NULL;
    json_t *row = json_pack("{s:I, s:s, s:s}", "number", (json_int_t)entry->number, "name",
                            entry->name, "state", state_of(record, folder));
    json_t *loss = json_object_get(record, "best_validation_loss");
    if (row && loss)
        json_object_set(row, "best_validation_loss", loss);
    json_decref(record);
    free(folder);
    return row;
}

static void print_row(const json_t *row) {
    const json_t *loss = json_object_get(row, "best_validation_loss");
    printf("%5lld  %-10s  ", (long long)json_integer_value(json_object_get(row, "number")),
           json_string_value(json_object_get(row, "state")));
    if (loss)
        printf("%8.4f", json_real_value(loss));
    else
        printf("%8s", "");
    printf("  %s\n", json_string_value(json_object_get(row, "name")));
}

static ExitCode list_runs(const Options *options) {
    RunEntry *entries;
    FileError error;
    int64_t count = runs_list(runs_root(), &entries, &error);
    if (count < 0) {
        fprintf(stderr, "scanline runs: error: %s\n", error.text);
        return EXIT_MACHINE;
    }
    json_t *rows = json_array();
    for (int64_t i = 0; i < count; i++)
        json_array_append_new(rows, row_of(&entries[i]));
    runs_free(entries, count);
    if (options->json) {
        json_dumpf(rows, stdout, JSON_INDENT(2));
        putchar('\n');
    } else if (count) {
        printf("%5s  %-10s  %8s  %s\n", "run", "state", "best", "name");
        for (int64_t i = 0; i < count; i++)
            print_row(json_array_get(rows, (size_t)i));
    } else {
        fprintf(stderr, "There are no runs in %s; `scanline train' makes one.\n", runs_root());
    }
    json_decref(rows);
    return EXIT_DONE;
}

ExitCode command_runs(int count, char **words) {
    const CommandLine line = {
        .command = "runs",
        .arguments = "",
        .doc = "List the runs in $SCANLINE_RUNS (default: runs), with the best validation loss of "
               "each."
               "\vExamples:\n"
               "  scanline runs\n"
               "  scanline runs --json",
        .groups = OPTIONS_JSON,
    };
    Options options;
    options_parse(&line, count, words, &options);
    return list_runs(&options);
}
