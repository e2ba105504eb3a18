/* A program's own: the spec and the kernels are those that it carries. */
#include "frontend/cli/program.h"

#include "frontend/standalone/carried_target.h"
#include "frontend/standalone/settable.h"
#include "runtime/execution/cpu.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum { LONGEST_NAMES = 400 };

const bool program_takes_specs = false;

const struct argp_option program_compile_keys[] = {
    {"target", OPTION_TARGET, "CPU", 0,
     "run the code that was compiled for CPU (default: the best that this machine runs)", 3},
    {0}};

/* Its kernels are functions of the program, which perf knows as any others. */
const struct argp_option program_perf_keys[] = {{0}};

const char *program_name(void) { return program_invocation_short_name; }

static void take_sources(Session *session, Sources *sources) {
    session->sources = sources;
    session->diagnostics = diagnostics_create(session->arena, sources);
}

/* Where libraries that come along with the program are; NULL: that can't be told. */
static const char *folder_of_program(Arena *arena) {
    char *path = arena_alloc(arena, PATH_MAX);
    const ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
    if (length <= 0)
        return NULL;
    path[length] = 0;
    *strrchr(path, '/') = 0;
    return *path ? path : "/";
}

ExitCode program_open(Session *session) {
    take_sources(session, carried_sources(&scanline_carried, session->arena));
    session->library_folder = folder_of_program(session->arena);
    return EXIT_DONE;
}

void program_close(Session *session) { plan_free(session->plan); }

/* --- specs --- */

/* A run's spec is on the disk; all else is carried. */
ExitCode program_spec(Session *session, const char *subject, SpecOptions *options,
                      const char **path) {
    uint32_t count;
    const char **settings = session_settings(session, &count);
    if (subject) {
        take_sources(session, sources_create(session->arena, NULL, 0));
        *options = (SpecOptions){.overrides = settings, .override_count = count};
        *path = subject;
        return EXIT_DONE;
    }
    if (session->options->subject)
        return session_fail(session, EXIT_USAGE, "spec",
                            "what is '%s' for? This program has one spec, which is compiled in; "
                            "settings are given as KEY=VALUE",
                            session->options->subject);
    take_sources(session, carried_sources(&scanline_carried, session->arena));
    carried_options(&scanline_carried, session->arena, settings, count, options);
    *path = scanline_carried.main;
    return EXIT_DONE;
}

ExitCode program_accept(Session *session) {
    Arena *arena = session->arena;
    uint32_t count;
    const char **settings = session_settings(session, &count);
    if (carried_fits(&scanline_carried, arena, session->lowered, &session->experiment))
        return EXIT_DONE;
    return session_fail(session, EXIT_INPUT, "compiled-in", "%s",
                        session->file
                            ? settable_fault_of(&scanline_carried, arena, &session->experiment)
                            : settable_fault(&scanline_carried, arena, settings, count));
}

/* --- code --- */

ExitCode session_target_run(Session *session, const char *folder) {
    char names[LONGEST_NAMES];
    json_t *record = session->target ? NULL : session_record(session, folder);
    const char *name = json_string_value(json_object_get(record, "target"));
    const CarriedTarget *target = name ? carried_target_find(&scanline_carried, name) : NULL;
    ExitCode code = session->target || record ? EXIT_DONE : EXIT_INPUT;
    carried_target_names(&scanline_carried, names, sizeof names);
    if (target)
        session->target = target->name;
    else if (name)
        code = session_fail(session, EXIT_INPUT, "target",
                            "the run was trained for %s, and this program was compiled for %s: the "
                            "bits cannot be the same",
                            name, names);
    json_decref(record);
    return code;
}

ExitCode session_settle_memory(Session *session) {
    if (!session->experiment.train.memory)
        return EXIT_DONE;
    ExitCode code = session_compile(session);
    return code ? code : session_fits(session, session->plan);
}

/* As many as it was compiled for. */
ExitCode session_decode(Session *session, int64_t images) {
    (void)session;
    (void)images;
    return EXIT_DONE;
}

ExitCode session_compile(Session *session) {
    RunError error = {0};
    if (session->plan)
        return EXIT_DONE;
    const CarriedTarget *target =
        carried_target_choose(&scanline_carried, session->target, cpu_features(), &error);
    session->plan = target ? carried_target_plan(target, &error) : NULL;
    if (!session->plan)
        return session_fail(session, error.code, "target", "%s", error.text);
    session->program = (Program){
        .experiment = &session->experiment, .plan = session->plan, .kernels = target->kernels};
    ExitCode code = session_open_libraries(session, session->plan);
    session->program.externals = session->externals;
    return code;
}

RunVersions session_versions(const Session *session) {
    (void)session;
    return (RunVersions){scanline_carried.version, scanline_carried.llvm};
}
