/* Functions go through the passes (passes/pipeline.h) and are planned. Kernels are compiled one by
 * one, in parallel, each to an object of its own (passes/emit/object.h). */
#include "passes/compile.h"

#include "passes/cache.h"
#include "passes/canonical.h"
#include "passes/emit/object.h"
#include "passes/pipeline.h"
#include "passes/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <llvm-c/Core.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

/* The size to which the cache on disk is trimmed after it has grown. */
enum { CACHE_MEBIBYTES = 512 };

static Target *target_of(Arena *arena, const CompileOptions *options, CompileError *error) {
    Target *target = arena_alloc(arena, sizeof *target);
    bool found =
        target_find(options->target, target, error->text, sizeof error->text) &&
        (!options->table || target_choose(target, options->table, error->text, sizeof error->text));
    error->input = !found;
    return found ? target : NULL;
}

CompileOptions compile_options_of(const Experiment *experiment) {
    return (CompileOptions){
        .precision = precision_of(experiment->train.precision),
        .accumulate = experiment->train.chunks > 1,
        .step = experiment->train.chunks == 1,
    };
}

Module *compile_passes(const Module *module, const CompileOptions *options, CompileError *error) {
    Target *target = target_of(module->arena, options, error);
    return target ? pipeline_run(module, options, target, error) : NULL;
}

/* Functions and all that is needed for a moment alone lie in `work`; `functions` (may be NULL)
 * takes those that were planned. */
static PlanBuilder *plan_functions(const Module *module, Arena *work, const CompileOptions *options,
                                   const Target *target, const Module **functions,
                                   CompileError *error) {
    Module *compiled = pipeline_run(module_within(module, work), options, target, error);
    if (!compiled)
        return NULL;
    if (functions)
        *functions = compiled;
    PlanBuilder *builder = plan_begin(module->arena, target);
    for (uint32_t i = 0; i < compiled->function_count; i++) {
        const char *fault = plan_add(builder, compiled->functions[i]);
        if (fault) {
            compile_fail(error, "%s", fault);
            return NULL;
        }
    }
    return builder;
}

const Plan *compile_plan(const Module *module, const CompileOptions *options, CompileError *error) {
    Arena *work = arena_within(module->arena);
    Target *target = target_of(module->arena, options, error);
    PlanBuilder *builder =
        target ? plan_functions(module, work, options, target, NULL, error) : NULL;
    const Plan *plan = builder ? plan_end(builder) : NULL;
    arena_destroy(work);
    return plan;
}

const Plan *compile_plan_of(const Module *module, const CompileOptions *options,
                            const Module **functions, CompileError *error) {
    Target *target = target_of(module->arena, options, error);
    PlanBuilder *builder =
        target ? plan_functions(module, module->arena, options, target, functions, error) : NULL;
    return builder ? plan_end(builder) : NULL;
}

/* --- machine code --- */

/* What the threads that compile kernels share; arrays are by kernel. */
typedef struct Work {
    const Plan *plan;
    const Function *const *bodies;
    const Target *target;
    const char *cache; /* directory; NULL: off */
    bool verify, lines, text;
    CacheKey *keys;
    CacheAnswer *answers;
    int *store_errors; /* errno where an object could not be stored; else 0 */
    ObjectCode *objects;
    CompileError *errors;
} Work;

static bool kernel_compile(const Work *work, uint32_t kernel) {
    if (work->plan->kernels[kernel].call)
        return true;
    ObjectCode *object = &work->objects[kernel];
    if (work->cache)
        work->answers[kernel] =
            cache_load(work->cache, &work->keys[kernel], &object->bytes, &object->size);
    if (work->answers[kernel] == CACHE_HIT)
        return true;
    CompileError *error = &work->errors[kernel];
    const ObjectOptions options = {
        .verify = work->verify, .lines = work->lines, .text = work->text};
    if (!object_emit(work->target, work->bodies[kernel], work->plan->kernels[kernel].symbol,
                     &options, &object->bytes, &object->size, error->text, sizeof error->text))
        return false;
    if (work->cache && !cache_store(work->cache, &work->keys[kernel], object->bytes, object->size))
        work->store_errors[kernel] = errno ? errno : EIO;
    return true;
}

static bool kernels_compile(const Work *work, int threads, CompileError *error) {
    uint32_t count = work->plan->kernel_count, failed = UINT32_MAX;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads) reduction(min : failed)
    for (uint32_t i = 0; i < count; i++)
        if (!kernel_compile(work, i))
            failed = i < failed ? i : failed;
    if (failed != UINT32_MAX)
        return compile_fail(error, "kernel %s: %s", work->plan->kernels[failed].symbol,
                            work->errors[failed].text);
    return true;
}

__attribute__((format(printf, 2, 3))) static void warn(const CompileOptions *options,
                                                       const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (options->warn)
        options->warn(options->user, NULL, text);
}

static void cache_report(const Work *work, const CompileOptions *options, uint32_t *found) {
    uint32_t damaged = 0, compiled = 0;
    int error = 0;
    for (uint32_t i = 0; i < work->plan->kernel_count; i++) {
        compiled += !work->plan->kernels[i].call;
        *found += work->answers[i] == CACHE_HIT;
        damaged += work->answers[i] == CACHE_DAMAGED;
        error = error ? error : work->store_errors[i];
    }
    if (work->cache && *found < compiled)
        cache_trim(work->cache, (uint64_t)CACHE_MEBIBYTES << 20);
    if (damaged)
        warn(options, "%u damaged entries of the cache in %.300s were compiled anew", damaged,
             work->cache);
    if (error)
        warn(options, "the cache in %.300s cannot be written: %s", work->cache, strerror(error));
}

/* The cache's directory, from the arena; NULL: it is off. */
static const char *cache_begin(Arena *arena, const CompileOptions *options) {
    char *directory = arena_alloc(arena, PATH_MAX), reason[128];
    if (!cache_directory(directory, PATH_MAX))
        return NULL;
    if (cache_prepare(directory, reason, sizeof reason))
        return directory;
    warn(options, "kernels are compiled anew, as the cache in %.300s cannot be used: %s", directory,
         reason);
    return NULL;
}

void compile_llvm_version(char *text, size_t size) {
    unsigned major = 0, minor = 0, patch = 0;
    LLVMGetVersion(&major, &minor, &patch);
    snprintf(text, size, "%u.%u.%u", major, minor, patch);
}

/* What made the objects: LLVM's version, and the bytes of this program, of which a hash takes a
 * moment. */
static bool compiler_identity(char *text, size_t capacity) {
    char version[32];
    struct stat status;
    void *bytes = MAP_FAILED;
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (file >= 0 && fstat(file, &status) == 0)
        bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (file >= 0)
        close(file);
    if (bytes == MAP_FAILED)
        return false;
    XXH128_hash_t hash = XXH3_128bits(bytes, (size_t)status.st_size);
    munmap(bytes, (size_t)status.st_size);
    compile_llvm_version(version, sizeof version);
    snprintf(text, capacity, "LLVM %s %016llx%016llx", version, (unsigned long long)hash.high64,
             (unsigned long long)hash.low64);
    return true;
}

/* The keys of all kernels: their bodies, the target with its choices, and what compiles them; NULL
 * when that can't be told. */
static CacheKey *keys_of(Arena *arena, const Plan *plan, const Function *const *bodies,
                         const Target *target) {
    char compiler[96];
    if (!compiler_identity(compiler, sizeof compiler))
        return NULL;
    const char *machine = arena_printf(arena, "%s %s %s %s", target->triple, target->cpu,
                                       target->features, plan->table);
    CacheKey *keys = arena_array(arena, plan->kernel_count, sizeof *keys);
    for (uint32_t i = 0; i < plan->kernel_count; i++) {
        CanonicalForm form = canonical_form(arena, bodies[i]);
        keys[i] = cache_key(form.bytes, form.length, machine, compiler);
    }
    return keys;
}

/* What is needed for compiling alone lies in `graphs`. */
static CompiledModule *compile_within(const Module *module, Arena *graphs,
                                      const CompileOptions *options, CompileError *error) {
    Arena *arena = module->arena;
    Target *target = target_of(arena, options, error);
    PlanBuilder *builder =
        target ? plan_functions(module, graphs, options, target, NULL, error) : NULL;
    if (!builder)
        return NULL;
    const Plan *plan = plan_end(builder);
    Work work = {
        .plan = plan,
        .bodies = plan_bodies(builder),
        .target = target,
        .verify = options->verify,
        .text = options->text,
        .lines = options->lines,
        .keys = keys_of(graphs, plan, plan_bodies(builder), target),
        .answers = arena_array(arena, plan->kernel_count, sizeof *work.answers),
        .store_errors = arena_array(arena, plan->kernel_count, sizeof *work.store_errors),
        .objects = arena_array(arena, plan->kernel_count, sizeof *work.objects),
        .errors = arena_array(arena, plan->kernel_count, sizeof *work.errors),
    };
    if (work.keys && !work.lines && !work.text)
        work.cache = cache_begin(arena, options);
    for (uint32_t i = 0; i < plan->kernel_count; i++)
        work.answers[i] = CACHE_MISS;
    CompiledModule *compiled = arena_alloc(arena, sizeof *compiled);
    *compiled = (CompiledModule){.plan = plan, .objects = work.objects, .lines = options->lines};
    if (!kernels_compile(&work, options->threads ? options->threads : 1, error)) {
        compile_free(compiled);
        return NULL;
    }
    cache_report(&work, options, &compiled->from_cache);
    return compiled;
}

CompiledModule *compile_module(const Module *module, const CompileOptions *options,
                               CompileError *error) {
    Arena *graphs = arena_within(module->arena);
    CompiledModule *compiled = compile_within(module, graphs, options, error);
    arena_destroy(graphs);
    return compiled;
}

void compile_free(CompiledModule *compiled) {
    if (!compiled)
        return;
    for (uint32_t i = 0; i < compiled->plan->kernel_count; i++)
        free(compiled->objects[i].bytes);
    compiled->objects = NULL;
}
