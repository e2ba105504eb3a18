#include "frontend/cli/session.h"

#include "frontend/builtin.h"
#include "frontend/cli/table.h"
#include "frontend/lower.h"
#include "passes/derive.h"
#include "passes/emit/target.h"
#include "passes/perf_map.h"
#include "passes/resident.h"
#include "runtime/model/worker.h"
#include "runtime/run/run_folder.h"
#include "runtime/training/memory.h"
#include "runtime/training/training.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool terminal_has_colour(int file) {
    const char *none = getenv("NO_COLOR");
    return isatty(file) && !(none && *none);
}

ExitCode session_run(const Options *options, ExitCode (*work)(Session *session, void *user),
                     void *user) {
    Session *volatile session = calloc(1, sizeof *session);
    Log *log = log_create();
    Arena *arena = arena_create();
    volatile ExitCode code = EXIT_MACHINE;
    if (!session || !log || !arena || setjmp(*arena_boundary(arena))) {
        fprintf(stderr, "scanline %s: out of memory\n", options->command);
    } else {
        session->options = options;
        session->log = log;
        session->target = options->compile.target;
        session->arena = arena;
        session->sources = sources_create(arena, builtin_models, builtin_model_count);
        session->diagnostics = diagnostics_create(arena, session->sources);
        code = table_open(session);
        if (!code)
            code = work(session, user);
    }
    if (session) {
        jit_free(session->jit);
        compile_free(session->compiled);
    }
    arena_destroy(arena);
    log_free(log);
    free(session);
    return code;
}

ExitCode session_fail(const Session *session, ExitCode code, const char *identifier,
                      const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *message = arena_vprintf(session->arena, format, arguments);
    va_end(arguments);
    if (!session->options->json) {
        log_say(session->log, "scanline %s: error: %s", session->options->command, message);
        return code;
    }
    json_t *error =
        json_pack("{s:[{s:s, s:s, s:s, s:n, s:n, s:n, s:n}]}", "errors", "severity", "error",
                  "code", identifier, "message", message, "file", "line", "column", "hint");
    if (error)
        json_dumpf(error, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(error);
    return code;
}

ExitCode session_show(const Session *session) {
    bool failed = diagnostics_error_count(session->diagnostics) > 0;
    if (session->options->json && failed)
        printf("{\"errors\": %s}\n", diagnostics_json(session->diagnostics));
    else
        log_text(session->log,
                 diagnostics_text(session->diagnostics, terminal_has_colour(STDERR_FILENO)),
                 diagnostics_text(session->diagnostics, false));
    return failed ? EXIT_INPUT : EXIT_DONE;
}

static void warn(void *user, const SpanSet *spans, const char *text) {
    const Session *session = user;
    if (spans && spans->count)
        log_say(session->log, "%s:%u:%u: warning: %s", spans->at[0].file, spans->at[0].line,
                spans->at[0].column, text);
    else
        log_say(session->log, "scanline %s: warning: %s", session->options->command, text);
}

/* Where `use` and bare names look, beside the using file: $SCANLINE_MODELS, then the models built
 * in. */
static uint32_t model_directories(const char *directories[2]) {
    uint32_t count = 0;
    const char *given = getenv("SCANLINE_MODELS");
    if (given && *given)
        directories[count++] = given;
    directories[count++] = BUILTIN_DIRECTORY;
    return count;
}

static bool is_file(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && !S_ISDIR(status.st_mode);
}

const char *session_find(Session *session, const char *name, const char *suffix) {
    const Source *source;
    const char *reason;
    if (strchr(name, '/') || is_file(name))
        return name;
    const size_t length = strlen(name), ending = strlen(suffix);
    bool suffixed = length > ending && strcmp(name + length - ending, suffix) == 0;
    const char *file = arena_printf(session->arena, "%s%s", name, suffixed ? "" : suffix);
    if (is_file(file))
        return file;
    const char *directories[2];
    uint32_t count = model_directories(directories);
    for (uint32_t i = 0; i < count; i++) {
        const char *path = arena_printf(session->arena, "%s/%s", directories[i], file);
        if (sources_open(session->sources, path, &source, &reason) == SOURCE_FOUND)
            return path;
    }
    return name;
}

ExitCode session_read(Session *session, const char *subject) {
    const Options *options = session->options;
    const char *directories[2];
    const char **overrides =
        arena_array(session->arena, options->setting_count + 1, sizeof *overrides);
    SpecOptions spec_options = {
        .directories = directories,
        .directory_count = model_directories(directories),
        .overrides = overrides,
        .override_count = options->setting_count,
    };
    for (uint32_t i = 0; i < options->setting_count; i++)
        overrides[i] = options->settings[i];
    if (options->memory)
        overrides[spec_options.override_count++] =
            arena_printf(session->arena, "train.memory=%s", options->memory);
    if (!subject)
        subject = options->subject ? options->subject : "digits";
    session->spec =
        spec_load(session->arena, session->sources, session_find(session, subject, ".scan"),
                  &spec_options, session->diagnostics);
    if (session->spec)
        session->lowered = lower_experiment(session->arena, session->spec, NULL,
                                            &session->experiment, session->diagnostics);
    ExitCode code = session_show(session);
    if (code)
        return code;
    if (!session->lowered)
        return EXIT_INPUT;
    session->experiment.spec = spec_flatten(session->spec);
    PassContext context = {.warn = warn, .user = session};
    session->graphs = arena_within(session->arena);
    session->module = derive_experiment(module_within(session->lowered, session->graphs),
                                        lower_batch_axis(session->spec), &context);
    return EXIT_DONE;
}

static const char *spec_of(const Session *session, const char *folder) {
    return arena_printf(session->arena, "%s/spec.scan", folder);
}

/* A run's record; NULL after saying why there is none. */
static json_t *record_of(const Session *session, const char *folder) {
    FileError error;
    json_t *record = run_record_read(folder, &error);
    if (!record)
        session_fail(session, EXIT_INPUT, "run", "%s", error.text);
    return record;
}

static ExitCode take_name(Session *session, const char *folder) {
    json_t *record = record_of(session, folder);
    const char *name = json_string_value(json_object_get(record, "name"));
    if (name)
        session->experiment.name = arena_string(session->arena, name, strlen(name));
    json_decref(record);
    return record ? EXIT_DONE : EXIT_INPUT;
}

ExitCode session_read_child(Session *session, const char *folder) {
    ExitCode code = session_read(session, spec_of(session, folder));
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
    char *text = file_read(spec_of(session, folder), SOURCE_MAX_BYTES, &size, &error);
    if (text)
        session->experiment.spec = arena_string(session->arena, text, size);
    free(text);
    return text ? EXIT_DONE : session_fail(session, EXIT_INPUT, "run", "%s", error.text);
}

/* A target that was not named is this machine's, which has no other name than "native". */
ExitCode session_target_run(Session *session, const char *folder) {
    Target native, wanted;
    char fault[1024];
    json_t *record = session->target ? NULL : record_of(session, folder);
    const char *name = json_string_value(json_object_get(record, "target"));
    ExitCode code = session->target || record ? EXIT_DONE : EXIT_INPUT;
    if (name && target_find(NULL, &native, fault, sizeof fault) && strcmp(name, native.name) != 0) {
        if (target_find(name, &wanted, fault, sizeof fault) && target_runs_on(&wanted, &native))
            session->target = arena_string(session->arena, name, strlen(name));
        else
            code = session_fail(session, EXIT_INPUT, "target",
                                "the run was trained for %s, and this machine is %s: the bits "
                                "cannot be the same",
                                name, native.name);
    }
    json_decref(record);
    return code;
}

CompileOptions session_compile_options(Session *session) {
    CompileOptions options = session->options->compile;
    const CompileOptions wanted = compile_options_of(&session->experiment);
    options.precision = wanted.precision;
    options.accumulate = wanted.accumulate;
    options.step = wanted.step;
    options.threads = options_threads(session->options);
    options.lines = session->options->perf_map;
    options.arena_bytes = session->arena_bytes;
    options.target = session->target;
    options.table = session->table;
    options.warn = warn;
    options.user = session;
    return options;
}

/* --- memory --- */

static int64_t bytes_with(const Session *session, const Plan *plan) {
    const Program program = {.experiment = &session->experiment, .plan = plan};
    return training_bytes(&program, options_threads(session->options));
}

/* Whether training fits by this plan, if it was made for that. */
static ExitCode memory_check(const Session *session, const Plan *plan) {
    const int64_t most = session->experiment.train.memory, mebibyte = 1 << 20;
    const int64_t bytes = session->arena_bytes ? bytes_with(session, plan) : 0;
    const int threads = options_threads(session->options);
    if (bytes <= most)
        return EXIT_DONE;
    return session_fail(
        session, EXIT_INPUT, "memory",
        "training does not fit in train.memory, %.1f MiB: with %d threads it takes "
        "at least %lldM%s",
        (double)most / (double)mebibyte, threads, (long long)((bytes + mebibyte - 1) / mebibyte),
        worker_count(&session->experiment, threads) > 1 ? " (less with fewer --threads)" : "");
}

static ExitCode plan_make(const Session *session, const CompileOptions *options,
                          const Plan **plan) {
    CompileError error = {0};
    *plan = compile_plan(session->module, options, &error);
    return *plan ? EXIT_DONE : session_fail(session, EXIT_INPUT, "plan", "%s", error.text);
}

/* The plan of training in any memory. What there is to be said of the passes, the plan that is to
 * be used says. */
static ExitCode plan_at_first(Session *session, const Plan **plan) {
    CompileOptions options = session_compile_options(session);
    options.dump = options.stop_after = NULL;
    options.verify = options.check = false;
    options.warn = NULL;
    return plan_make(session, &options, plan);
}

ExitCode session_settle_memory(Session *session) {
    const int64_t most = session->experiment.train.memory;
    const Plan *plan;
    ExitCode code = most ? plan_at_first(session, &plan) : EXIT_DONE;
    if (code || !most || bytes_with(session, plan) <= most)
        return code;
    const Program program = {.experiment = &session->experiment, .plan = plan};
    session->arena_bytes = program_arena_limit(&program, options_threads(session->options), most);
    if (!session->arena_bytes)
        session->arena_bytes = 1; /* the smallest that there is, to be named */
    return EXIT_DONE;
}

ExitCode session_plan(Session *session, const Plan **plan) {
    ExitCode code = session_settle_memory(session);
    if (code)
        return code;
    const CompileOptions options = session_compile_options(session);
    code = plan_make(session, &options, plan);
    return code ? code : memory_check(session, *plan);
}

/* --- machine code --- */

/* A run needs no map, so it goes on without. */
static void add_to_perf_map(const Session *session) {
    char reason[256];
    if (session->options->perf_map &&
        !perf_map_add(session->compiled, jit_kernels(session->jit), reason, sizeof reason))
        log_say(session->log, "scanline %s: warning: perf will not know the kernels: %s",
                session->options->command, reason);
}

ExitCode session_compile(Session *session) {
    const CompileOptions options = session_compile_options(session);
    CompileError error = {0};
    const Module *module = module_within(session->module, session->arena); /* so will the plan be */
    session->compiled = compile_module(module, &options, &error);
    if (!session->compiled)
        return session_fail(session, error.input ? EXIT_INPUT : EXIT_MACHINE, "compile", "%s",
                            error.text);
    ExitCode code = memory_check(session, session->compiled->plan);
    if (code)
        return code;
    session->jit = jit_load(session->compiled, &error);
    if (!session->jit)
        return session_fail(session, EXIT_MACHINE, "jit", "%s", error.text);
    add_to_perf_map(session);
    arena_destroy(session->graphs);
    session->graphs = NULL;
    session->module = NULL;
    resident_trim(); /* what compiling took, training may need */
    session->program = (Program){
        .experiment = &session->experiment,
        .plan = session->compiled->plan,
        .kernels = jit_kernels(session->jit),
    };
    return EXIT_DONE;
}

RunVersions session_versions(const Session *session) {
    enum { VERSION_LENGTH = 32 };
    char *llvm = arena_alloc(session->arena, VERSION_LENGTH);
    compile_llvm_version(llvm, VERSION_LENGTH);
    return (RunVersions){SCANLINE_VERSION, llvm};
}
