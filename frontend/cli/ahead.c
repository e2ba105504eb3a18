#include "frontend/cli/ahead.h"

#include "frontend/carried_spec.h"
#include "frontend/cli/drawing_options.h"
#include "frontend/fingerprint.h"
#include "passes/emit/carry.h"
#include "passes/emit/listing.h"

#include <stdlib.h>
#include <string.h>

/* --- the targets --- */

/* The target by its own name, "native" having that of the machine, and what it needs. */
static ExitCode describe_target(const Session *session, const char *name, CarriedTarget *target) {
    enum { LONGEST_NEEDS = 1024 };
    char fault[1024], *needs = arena_alloc(session->arena, LONGEST_NEEDS);
    Target found;
    if (!target_find(name, &found, fault, sizeof fault))
        return session_fail(session, EXIT_INPUT, "target", "%s", fault);
    if (!target_needs(&found, needs, LONGEST_NEEDS))
        return session_fail(session, EXIT_INPUT, "target",
                            "nobody can tell when a program starts whether it is on a %s: only "
                            "`generic' can be compiled ahead of time here",
                            found.name);
    target->name = arena_string(session->arena, found.name, strlen(found.name));
    target->needs = needs;
    return EXIT_DONE;
}

static bool is_compiled(const Ahead *ahead, const char *name) {
    for (uint32_t i = 0; i < ahead->count; i++)
        if (strcmp(ahead->targets[i].name, name) == 0)
            return true;
    return false;
}

static ExitCode plan_text(const Session *session, const Plan *plan, CarriedTarget *target) {
    PlanError error;
    char *text = plan_write(plan, &error);
    if (!text)
        return session_fail(session, EXIT_MACHINE, "plan", "%s", error.text);
    target->plan_length = strlen(text);
    target->plan = text;
    return EXIT_DONE;
}

/* `module` with what draws, which is made for the target: how caches are kept is. */
static ExitCode compile_for(Session *session, Ahead *ahead, const Module *module,
                            const char *name) {
    CarriedTarget *target = &ahead->targets[ahead->count];
    ExitCode code = describe_target(session, name, target);
    if (code || is_compiled(ahead, target->name)) /* "native" may be another of the list */
        return code;
    session->target = name;
    session->module = module;
    session->arena_bytes = 0;
    session_add_decode(session, DRAWING_AHEAD);
    code = session_settle_memory(session);
    if (code)
        return code;
    const uint32_t number = ahead->count++;
    code = session_objects(session, &ahead->compiled[number]);
    if (code)
        return code;
    log_say(session->log, "compiled for %s: %u kernels", target->name,
            ahead->compiled[number]->plan->kernel_count);
    ahead->plans[number] = ahead->compiled[number]->plan;
    return plan_text(session, ahead->plans[number], target);
}

ExitCode ahead_compile(Session *session, Ahead *ahead) {
    const char *list = session->options->target ? session->options->target : "native";
    ExitCode code = EXIT_DONE;
    const Module *module = session->module;
    *ahead = (Ahead){0};
    for (const char *at = list; !code; at++) {
        const size_t length = strcspn(at, ",");
        if (ahead->count == AHEAD_TARGETS)
            return session_fail(session, EXIT_USAGE, "target", "--target takes at most %d CPUs",
                                AHEAD_TARGETS);
        code = compile_for(session, ahead, module, arena_string(session->arena, at, length));
        at += length;
        if (!*at)
            break;
    }
    return code;
}

void ahead_free(Ahead *ahead) {
    for (uint32_t i = 0; i < ahead->count; i++) {
        compile_free(ahead->compiled[i]);
        free((char *)ahead->targets[i].plan);
    }
}

/* --- the spec --- */

/* Settings of a file are the spec's; those of the command line are carried as they were given. */
static Carried describe(Session *session, const Ahead *ahead) {
    Arena *arena = session->arena;
    const Spec *spec = session->spec;
    const RunVersions versions = session_versions(session);
    const char **directories = arena_array(arena, 2, sizeof *directories);
    char *hash = arena_alloc(arena, HASH_SIZE);
    CarriedFile *files = arena_array(arena, spec->file_count, sizeof *files);
    uint32_t settings;
    for (uint32_t i = 0; i < spec->file_count; i++) {
        const Source *source = spec->files[i]->source;
        files[i] = (CarriedFile){source->path, source->text, source->length};
    }
    fingerprint(arena, session->lowered, &session->experiment, hash);
    Carried carried = {
        .version = versions.scanline,
        .llvm = versions.llvm,
        .fingerprint = hash,
        .main = spec->files[spec->file_count - 1]->source->path,
        .files = files,
        .file_count = spec->file_count,
        .directory_count = session_directories(directories),
        .directories = directories,
        .settings = session_settings(session, &settings),
        .targets = ahead->targets,
        .target_count = ahead->count,
    };
    carried.setting_count = settings;
    return carried;
}

/* What is carried must be enough to be read again. */
static ExitCode check_carried(const Session *session, const Carried *carried) {
    Arena *arena = arena_within(session->arena);
    const CarriedSpec read = carried_read(carried, arena, NULL, 0);
    const bool fits = read.is_sound && carried_fits(carried, arena, read.lowered, &read.experiment);
    const char *text =
        arena_printf(session->arena, "%s", diagnostics_text(read.diagnostics, false));
    arena_destroy(arena);
    return fits ? EXIT_DONE
                : session_fail(session, EXIT_INPUT, "carried",
                               "the spec's files can't be carried along: does it `use' one file by "
                               "two names?\n%s",
                               text);
}

/* --- one file --- */

static ExitCode link_all(const Session *session, const Ahead *ahead, const Carried *carried,
                         LinkKind kind, const char *path) {
    size_t count = 1;
    CompileError error = {0};
    for (uint32_t i = 0; i < ahead->count; i++)
        count += ahead->plans[i]->kernel_count;
    ObjectCode *objects = arena_array(session->arena, count, sizeof *objects), *next = objects + 1;
    for (uint32_t i = 0; i < ahead->count; i++)
        for (uint32_t k = 0; k < ahead->plans[i]->kernel_count; k++)
            if (!ahead->plans[i]->kernels[k].call)
                *next++ = ahead->compiled[i]->objects[k];
    if (!carry_emit(carried, ahead->plans, &objects[0].bytes, &objects[0].size, error.text,
                    sizeof error.text))
        return session_fail(session, EXIT_MACHINE, "carry", "%s", error.text);
    const bool linked = link_objects(kind, objects, (size_t)(next - objects), path, &error);
    free(objects[0].bytes);
    return linked ? EXIT_DONE : session_fail(session, EXIT_MACHINE, "link", "%s", error.text);
}

ExitCode ahead_link(Session *session, const Ahead *ahead, LinkKind kind, const char *path) {
    const Carried carried = describe(session, ahead);
    ExitCode code = check_carried(session, &carried);
    return code ? code : link_all(session, ahead, &carried, kind, path);
}

/* --- text --- */

ExitCode ahead_listing(Session *session, bool assembly, char **text) {
    CompileOptions options = session_compile_options(session);
    CompileError error = {0};
    Target target;
    size_t size;
    options.text = true;
    session_add_decode(session, DRAWING_AHEAD);
    const Module *module = module_within(session->module, session->arena);
    CompiledModule *compiled = compile_module(module, &options, &error);
    bool made = compiled && target_find(session->target, &target, error.text, sizeof error.text);
    if (made) {
        uint32_t count = 0;
        const char **kernels =
            arena_array(session->arena, compiled->plan->kernel_count, sizeof *kernels);
        for (uint32_t i = 0; i < compiled->plan->kernel_count; i++)
            if (!compiled->plan->kernels[i].call)
                kernels[count++] = compiled->objects[i].bytes;
        made = listing_make(&target, kernels, count, assembly, text, &size, error.text,
                            sizeof error.text);
    }
    compile_free(compiled);
    return made ? EXIT_DONE : session_fail(session, EXIT_INPUT, "compile", "%s", error.text);
}
