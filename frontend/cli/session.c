#include "frontend/cli/session.h"

#include "frontend/cli/program.h"
#include "frontend/lower.h"
#include "runtime/model/worker.h"
#include "runtime/run/run_folder.h"
#include "runtime/training/training.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool terminal_has_colour(int file) {
    const char *none = getenv("NO_COLOR");
    return isatty(file) && !(none && *none);
}

Session *session_create(const Options *options, Log *log) {
    Session *session = calloc(1, sizeof *session);
    Arena *arena = arena_create();
    if (session && log && arena) {
        *session = (Session){.options = options, .log = log, .arena = arena};
        return session;
    }
    arena_destroy(arena);
    log_free(log);
    free(session);
    return NULL;
}

void session_free(Session *session) {
    if (!session)
        return;
    externals_close(session->externals);
    program_close(session);
    arena_destroy(session->arena);
    log_free(session->log);
    free(session);
}

static ExitCode session_open(Session *session) {
    session->fault = arena_alloc(session->arena, sizeof *session->fault);
    session->target = session->options->target;
    return program_open(session);
}

ExitCode session_do(Session *session, ExitCode (*work)(Session *session, void *user), void *user) {
    static const char no_memory[] = "out of memory";
    if (setjmp(*arena_boundary(session->arena))) {
        log_say(session->log, "%s %s: %s", program_name(), session->options->command, no_memory);
        if (session->fault)
            *session->fault = no_memory;
        return EXIT_MACHINE;
    }
    const ExitCode code = session->diagnostics ? EXIT_DONE : session_open(session);
    return code ? code : work(session, user);
}

ExitCode session_run(const Options *options, ExitCode (*work)(Session *session, void *user),
                     void *user) {
    Session *session = session_create(options, log_create());
    if (!session) {
        fprintf(stderr, "%s %s: out of memory\n", program_name(), options->command);
        return EXIT_MACHINE;
    }
    const ExitCode code = session_do(session, work, user);
    session_free(session);
    return code;
}

ExitCode session_fail_at(const Session *session, Span place, ExitCode code, const char *identifier,
                         const char *message) {
    *session->fault = message;
    if (!session->options->json && place.file)
        log_say(session->log, "%s:%u:%u: error: %s", place.file, place.line, place.column, message);
    else if (!session->options->json)
        log_say(session->log, "%s %s: error: %s", program_name(), session->options->command,
                message);
    if (!session->options->json)
        return code;
    json_t *line = place.file ? json_integer(place.line) : json_null();
    json_t *column = place.file ? json_integer(place.column) : json_null();
    json_t *error = json_pack("{s:[{s:s, s:s, s:s, s:s?, s:o, s:o, s:n}]}", "errors", "severity",
                              "error", "code", identifier, "message", message, "file", place.file,
                              "line", line, "column", column, "hint");
    if (error)
        json_dumpf(error, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(error);
    return code;
}

ExitCode session_fail(const Session *session, ExitCode code, const char *identifier,
                      const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *message = arena_vprintf(session->arena, format, arguments);
    va_end(arguments);
    return session_fail_at(session, (Span){0}, code, identifier, message);
}

ExitCode session_show(const Session *session) {
    bool failed = diagnostics_error_count(session->diagnostics) > 0;
    if (failed)
        *session->fault = diagnostics_text(session->diagnostics, false);
    if (session->options->json && failed)
        printf("{\"errors\": %s}\n", diagnostics_json(session->diagnostics));
    else
        log_text(session->log,
                 diagnostics_text(session->diagnostics, terminal_has_colour(STDERR_FILENO)),
                 diagnostics_text(session->diagnostics, false));
    return failed ? EXIT_INPUT : EXIT_DONE;
}

static ExitCode lower_spec(Session *session) {
    if (session->spec)
        session->lowered = lower_experiment(session->arena, session->spec, NULL,
                                            &session->experiment, session->diagnostics);
    ExitCode code = session_show(session);
    if (code)
        return code;
    if (!session->lowered)
        return EXIT_INPUT;
    session->experiment.spec = spec_flatten(session->spec);
    return program_accept(session);
}

const char **session_settings(const Session *session, uint32_t *count) {
    const Options *options = session->options;
    const char **settings =
        arena_array(session->arena, options->setting_count + 1, sizeof *settings);
    for (*count = 0; *count < options->setting_count; ++*count)
        settings[*count] = options->settings[*count];
    if (options->memory)
        settings[(*count)++] = arena_printf(session->arena, "train.memory=%s", options->memory);
    return settings;
}

ExitCode session_load(Session *session, const char *subject) {
    SpecOptions options = {0};
    const char *path;
    session->file = subject;
    ExitCode code = program_spec(session, subject, &options, &path);
    if (!code)
        session->spec =
            spec_load(session->arena, session->sources, path, &options, session->diagnostics);
    return code;
}

ExitCode session_read(Session *session, const char *subject) {
    ExitCode code = session_load(session, subject);
    return code ? code : lower_spec(session);
}

const char *session_spec_of(const Session *session, const char *folder) {
    return arena_printf(session->arena, "%s/spec.scan", folder);
}

json_t *session_record(const Session *session, const char *folder) {
    FileError error;
    json_t *record = run_record_read(folder, &error);
    if (!record)
        session_fail(session, EXIT_INPUT, "run", "%s", error.text);
    return record;
}

static ExitCode take_name(Session *session, const char *folder) {
    json_t *record = session_record(session, folder);
    const char *name = json_string_value(json_object_get(record, "name"));
    if (name)
        session->experiment.name = arena_string(session->arena, name, strlen(name));
    json_decref(record);
    return record ? EXIT_DONE : EXIT_INPUT;
}

ExitCode session_read_child(Session *session, const char *folder) {
    ExitCode code = session_read(session, session_spec_of(session, folder));
    return code ? code : take_name(session, folder);
}

/* Flattening a flattened spec changes the comments that say where values are from; a run keeps
 * those that it has, so that its checkpoints are the same bytes whether it was resumed or not. */
ExitCode session_read_run(Session *session, const char *folder) {
    ExitCode code = session_read_child(session, folder);
    if (code)
        return code;
    FileError error;
    size_t size;
    char *text = file_read(session_spec_of(session, folder), SOURCE_MAX_BYTES, &size, &error);
    if (text)
        session->experiment.spec = arena_string(session->arena, text, size);
    free(text);
    return text ? EXIT_DONE : session_fail(session, EXIT_INPUT, "run", "%s", error.text);
}

/* --- memory --- */

int64_t session_bytes(const Session *session, const Plan *plan) {
    const Program program = {.experiment = &session->experiment, .plan = plan};
    return training_bytes(&program, options_threads(session->options));
}

ExitCode session_fits(const Session *session, const Plan *plan) {
    const int64_t most = session->experiment.train.memory, mebibyte = 1 << 20;
    const int64_t bytes = session_bytes(session, plan);
    const int threads = options_threads(session->options);
    if (bytes <= most)
        return EXIT_DONE;
    return session_fail(
        session, EXIT_INPUT, "memory",
        "training does not fit in train.memory, %.1f MiB: with %d threads it takes "
        "at least %lldM%s",
        (double)most / (double)mebibyte, threads, (long long)((bytes + mebibyte - 1) / mebibyte),
        worker_count(session->experiment.train.chunks, threads) > 1 ? " (less with fewer --threads)"
                                                                    : "");
}
