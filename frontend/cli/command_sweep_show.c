/* scanline sweep show, best, export and merge: on the database of a sweep. */
#include "frontend/cli/commands.h"
#include "frontend/cli/session.h"

#include "runtime/sweep/merge.h"
#include "runtime/sweep/results.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { KEY_METRICS = 0x100 };

static ExitCode fail(const Session *session, const RunError *error) {
    return session_fail(session, error->code, "sweep", "%s", error->text);
}

/* A database, or the folder that it is in. */
static const char *path_of(const Session *session, const char *named) {
    struct stat status;
    const bool folder = stat(named, &status) == 0 && S_ISDIR(status.st_mode);
    return folder ? arena_printf(session->arena, "%s/sweep.db", named) : named;
}

static ExitCode open_named(const Session *session, const char *named, Store **store) {
    RunError error = {0};
    *store = NULL;
    if (!named)
        return session_fail(session, EXIT_USAGE, "sweep",
                            "which sweep? Give its database, or its folder among the runs "
                            "(sweep-NAME-HASH)");
    *store = store_open(path_of(session, named), STORE_READ, &error);
    return *store ? EXIT_DONE : fail(session, &error);
}

/* Does `act` on what the database that is named holds. */
static ExitCode on_results(Session *session, const char *named,
                           bool (*act)(const Results *results, bool json, FILE *out,
                                       RunError *error)) {
    Store *store;
    Results results;
    RunError error = {0};
    ExitCode code = open_named(session, named, &store);
    if (code)
        return code;
    bool done = results_read(store, &results, &error);
    if (done) {
        done = act(&results, session->options->json, stdout, &error);
        results_free(&results);
    }
    store_close(store);
    return done ? EXIT_DONE : fail(session, &error);
}

/* --- show, best --- */

static ExitCode show(Session *session, void *user) {
    (void)user;
    return on_results(session, session->options->subject, results_show);
}

ExitCode command_sweep_show(int count, char **words) {
    const CommandLine line = {
        .command = "sweep show",
        .arguments = "DB",
        .doc = "Show the trials of a sweep: their settings, how they stand, their losses."
               "\vDB is the database or the folder that it is in. A sweep may be under way "
               "meanwhile.\n\nExamples:\n"
               "  scanline sweep show runs/sweep-digits-3fa9c2e1\n"
               "  scanline sweep show mine.db --json",
        .groups = OPTIONS_JSON,
    };
    Options options;
    options_parse(&line, count, words, &options);
    return session_run(&options, show, NULL);
}

static ExitCode best(Session *session, void *user) {
    (void)user;
    return on_results(session, session->options->subject, results_best);
}

ExitCode command_sweep_best(int count, char **words) {
    const CommandLine line = {
        .command = "sweep best",
        .arguments = "DB",
        .doc = "Show the best trial of a sweep, of each objective on each data set, by what its "
               "evaluations on validation came to."
               "\vExamples:\n"
               "  scanline sweep best runs/sweep-digits-3fa9c2e1",
        .groups = OPTIONS_JSON,
    };
    Options options;
    options_parse(&line, count, words, &options);
    return session_run(&options, best, NULL);
}

/* --- export --- */

typedef struct ExportArguments {
    const char *database;
    const char *out; /* NULL: standard output */
    bool metrics;
} ExportArguments;

static error_t parse_export(int key, char *argument, void *user) {
    ExportArguments *arguments = user;
    if (key != ARGP_KEY_ARG || arguments->database)
        return ARGP_ERR_UNKNOWN;
    arguments->database = argument;
    return 0;
}

static bool write_csv(Store *store, bool metrics, FILE *out, RunError *error) {
    Results results;
    if (metrics)
        return results_csv_metrics(store, out, error);
    if (!results_read(store, &results, error))
        return false;
    results_csv(&results, out);
    results_free(&results);
    return true;
}

/* To a file that is there whole or not at all. */
static bool write_file(Store *store, bool metrics, const char *path, RunError *error) {
    FileWriter writer;
    FileError fault;
    if (!file_begin(&writer, path, &fault))
        return run_fail(error, EXIT_MACHINE, "%s", fault.text);
    if (!write_csv(store, metrics, writer.stream, error)) {
        file_abandon(&writer);
        return false;
    }
    return file_commit(&writer, &fault) || run_fail(error, EXIT_MACHINE, "%s", fault.text);
}

static ExitCode export(Session *session, void *user) {
    const ExportArguments *arguments = user;
    const char *format = session->options->subject, *out = arguments->out;
    Store *store;
    RunError error = {0};
    if (!format || strcmp(format, "csv") != 0)
        return session_fail(session, EXIT_USAGE, "format",
                            "it is exported as csv: scanline sweep export csv DB");
    ExitCode code = open_named(session, arguments->database, &store);
    if (code)
        return code;
    const bool done = out ? write_file(store, arguments->metrics, out, &error)
                          : write_csv(store, arguments->metrics, stdout, &error);
    store_close(store);
    return done ? EXIT_DONE : fail(session, &error);
}

ExitCode command_sweep_export(int count, char **words) {
    static const struct argp_option keys[] = {
        {"output", 'o', "FILE", 0, "write here (default: standard output)", 0},
        {"metrics", KEY_METRICS, NULL, 0, "the metrics of all steps, a row a figure", 0},
        {0}};
    ExportArguments arguments = {0};
    const OptionTarget targets[] = {
        {'o', .text = &arguments.out}, {KEY_METRICS, .flag = &arguments.metrics}, {0}};
    const CommandLine line = {
        .command = "sweep export",
        .arguments = "csv DB",
        .doc = "Write the trials of a sweep as CSV, a row a trial."
               "\vExamples:\n"
               "  scanline sweep export csv runs/sweep-digits-3fa9c2e1 -o digits.csv\n"
               "  scanline sweep export csv mine.db --metrics",
        .keys = keys,
        .targets = targets,
        .parse = parse_export,
        .user = &arguments,
    };
    Options options;
    options_parse(&line, count, words, &options);
    return session_run(&options, export, &arguments);
}

/* --- merge --- */

typedef struct MergeArguments {
    const char **parts; /* [part_count] */
    uint32_t part_count;
} MergeArguments;

static error_t parse_merge(int key, char *argument, void *user) {
    MergeArguments *arguments = user;
    if (key != ARGP_KEY_ARG)
        return ARGP_ERR_UNKNOWN;
    arguments->parts[arguments->part_count++] = argument; /* there is room for all words */
    return 0;
}

static bool merge_one(const Session *session, Store *into, const char *named, RunError *error) {
    Store *part = store_open(path_of(session, named), STORE_READ, error);
    const bool merged = part && sweep_merge(into, part, error);
    store_close(part);
    if (merged)
        log_say(session->log, "%s is merged", named);
    return merged;
}

static ExitCode merge(Session *session, void *user) {
    const MergeArguments *arguments = user;
    RunError error = {0};
    if (!session->options->subject || !arguments->part_count)
        return session_fail(session, EXIT_USAGE, "merge",
                            "give the database to merge into, and then the parts");
    Store *into = store_open(session->options->subject, STORE_CREATE, &error);
    bool merged = into != NULL;
    for (uint32_t i = 0; i < arguments->part_count && merged; i++)
        merged = merge_one(session, into, arguments->parts[i], &error);
    store_close(into);
    return merged ? EXIT_DONE : fail(session, &error);
}

ExitCode command_sweep_merge(int count, char **words) {
    MergeArguments arguments = {.parts = calloc((size_t)count + 1, sizeof(char *))};
    const CommandLine line = {
        .command = "sweep merge",
        .arguments = "DB PART...",
        .doc = "Put the parts of a sweep (--part, --slurm) together in one database, which is made "
               "where it is not there. A part may be merged again."
               "\vThe whole can be shown, exported, and gone on with: give the command of the "
               "sweep, without --part and with --db DB.\n\nExamples:\n"
               "  scanline sweep merge all.db part-0.db part-1.db",
        .parse = parse_merge,
        .user = &arguments,
    };
    Options options;
    if (!arguments.parts)
        return EXIT_MACHINE;
    options_parse(&line, count, words, &options);
    ExitCode code = session_run(&options, merge, &arguments);
    free(arguments.parts);
    return code;
}
