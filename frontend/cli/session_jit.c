/* scanline's own: specs are compiled here and now. */
#include "frontend/cli/session_jit.h"

#include "frontend/builtin.h"
#include "frontend/cli/table.h"
#include "frontend/lower.h"
#include "passes/decode.h"
#include "passes/derive.h"
#include "passes/emit/target.h"
#include "passes/perf_map.h"
#include "passes/resident.h"
#include "runtime/model/worker.h"
#include "runtime/training/memory.h"
#include "runtime/training/training.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const bool program_takes_specs = true;

const struct argp_option program_compile_keys[] = {
    {"target", OPTION_TARGET, "CPU", 0,
     "compile for CPU: native (the default), x86-64-v3, x86-64-v4, znver4, ...", 3},
    {"table", OPTION_TABLE, "FILE", 0,
     "cut products and attention into blocks by the choices in FILE (tests/bench/choose.sh "
     "measures "
     "them), instead of those that scanline ships with",
     3},
    {"dump", OPTION_DUMP, "PASS", 0, "print every function after PASS (or `all') to standard error",
     3},
    {"stop-after", OPTION_STOP_AFTER, "PASS", 0,
     "run the passes up to PASS alone, print the functions, and stop", 3},
    {"no-pass", OPTION_NO_PASS, "PASS,...", 0, "leave these passes out", 3},
    {"verify", OPTION_VERIFY, 0, 0, "verify the graph after every pass", 3},
    {"check-passes", OPTION_CHECK_PASSES, 0, 0,
     "compare values before and after every pass by the interpreter (small models)", 3},
    {0}};

const struct argp_option program_perf_keys[] = {
    {"perf-map", OPTION_PERF_MAP, 0, 0,
     "name kernels and their lines of the spec to perf (/tmp/perf-PID.map) and to gdb; they are "
     "compiled anew for it, to the same code",
     3},
    {0}};

const char *program_name(void) { return "scanline"; }

ExitCode program_open(Session *session) {
    session->sources = sources_create(session->arena, builtin_models, builtin_model_count);
    session->diagnostics = diagnostics_create(session->arena, session->sources);
    return table_open(session);
}

void program_close(Session *session) {
    jit_free(session->jit);
    compile_free(session->compiled);
}

/* --- specs --- */

uint32_t session_directories(const char *directories[2]) {
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
    uint32_t count = session_directories(directories);
    for (uint32_t i = 0; i < count; i++) {
        const char *path = arena_printf(session->arena, "%s/%s", directories[i], file);
        if (sources_open(session->sources, path, &source, &reason) == SOURCE_FOUND)
            return path;
    }
    return name;
}

ExitCode program_spec(Session *session, const char *subject, SpecOptions *options,
                      const char **path) {
    const char **directories = arena_array(session->arena, 2, sizeof *directories);
    if (!subject)
        subject = session->options->subject ? session->options->subject : "digits";
    options->directory_count = session_directories(directories);
    options->directories = directories;
    options->overrides = session_settings(session, &options->override_count);
    *path = session_find(session, subject, ".scan");
    return EXIT_DONE;
}

static void warn(void *user, const SpanSet *spans, const char *text) {
    const Session *session = user;
    if (spans && spans->count)
        log_say(session->log, "%s:%u:%u: warning: %s", spans->at[0].file, spans->at[0].line,
                spans->at[0].column, text);
    else
        log_say(session->log, "scanline %s: warning: %s", session->options->command, text);
}

ExitCode program_accept(Session *session) {
    PassContext context = {.warn = warn, .user = session};
    session->graphs = arena_within(session->arena);
    session->module = derive_experiment(module_within(session->lowered, session->graphs),
                                        lower_batch_axis(session->spec), &context);
    return EXIT_DONE;
}

/* A target that was not named is this machine's, which has no other name than "native". */
ExitCode session_target_run(Session *session, const char *folder) {
    Target native, wanted;
    char fault[1024];
    json_t *record = session->target ? NULL : session_record(session, folder);
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
    const Options *given = session->options;
    CompileOptions options = compile_options_of(&session->experiment);
    options.dump = given->dump;
    options.stop_after = given->stop_after;
    options.skip = given->skip;
    options.verify = given->verify;
    options.lines = given->perf_map;
    options.check = given->check;
    options.threads = session->serial ? 1 : options_threads(given);
    options.arena_bytes = session->arena_bytes;
    options.target = session->target;
    options.table = session->table;
    options.warn = warn;
    options.user = session;
    return options;
}

/* --- memory --- */

/* Whether training fits by this plan, if it was made for that. */
static ExitCode memory_check(const Session *session, const Plan *plan) {
    return session->arena_bytes ? session_fits(session, plan) : EXIT_DONE;
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
    if (code || !most || session_bytes(session, plan) <= most)
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

/* --- drawing --- */

static const Module *decoding(Session *session, int64_t images, DecodeFault *fault) {
    const CompileOptions compile = session_compile_options(session);
    const DecodeOptions options = {.batch = lower_batch_axis(session->spec),
                                   .images = images,
                                   .precision = compile.precision,
                                   .tiles = target_has_amx(compile.target)};
    return derive_decode(session->module, &options, fault);
}

ExitCode session_decode(Session *session, int64_t images) {
    DecodeFault fault;
    const Module *made = decoding(session, images, &fault);
    if (!made)
        return session_fail_at(session, fault.place, EXIT_INPUT, "decode", fault.text);
    session->module = made;
    return EXIT_DONE;
}

void session_add_decode(Session *session, int64_t images) {
    DecodeFault fault;
    const Module *made = decoding(session, images, &fault), *old = session->module;
    if (!made)
        return;
    Module *both = module_create(old->arena);
    for (uint32_t i = 0; i < old->function_count; i++)
        module_add(both, old->functions[i]);
    for (uint32_t i = 0; i < made->function_count; i++)
        module_add(both, made->functions[i]);
    session->module = both;
}

/* --- machine code --- */

ExitCode session_objects(Session *session, CompiledModule **compiled) {
    const CompileOptions options = session_compile_options(session);
    CompileError error = {0};
    const Module *module = module_within(session->module, session->arena); /* so will the plan be */
    *compiled = compile_module(module, &options, &error);
    if (!*compiled)
        return session_fail(session, error.input ? EXIT_INPUT : EXIT_MACHINE, "compile", "%s",
                            error.text);
    return memory_check(session, (*compiled)->plan);
}

/* A run needs no map, so it goes on without. */
static void add_to_perf_map(const Session *session) {
    char reason[256];
    if (session->options->perf_map &&
        !perf_map_add(session->compiled, jit_kernels(session->jit), reason, sizeof reason))
        log_say(session->log, "scanline %s: warning: perf will not know the kernels: %s",
                session->options->command, reason);
}

ExitCode session_compile(Session *session) {
    CompileError error = {0};
    ExitCode code = session_objects(session, &session->compiled);
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
    code = session_open_libraries(session, session->program.plan);
    session->program.externals = session->externals;
    return code;
}

RunVersions session_versions(const Session *session) {
    enum { VERSION_LENGTH = 32 };
    char *llvm = arena_alloc(session->arena, VERSION_LENGTH);
    compile_llvm_version(llvm, VERSION_LENGTH);
    return (RunVersions){SCANLINE_VERSION, llvm};
}
