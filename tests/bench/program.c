#include "tests/bench/program.h"

#include "frontend/lower.h"
#include "passes/derive.h"
#include "passes/resident.h"

#include <omp.h>
#include <time.h>

double bench_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

const Module *bench_module_read(BenchProgram *bench, const char *path, const char *const *settings,
                                uint32_t count, RunError *error) {
    const char *const directory = SCANLINE_SOURCE_DIR "/models";
    const SpecOptions options = {&directory, 1, settings, count};
    Sources *sources = sources_create(bench->arena, NULL, 0);
    Diagnostics *diagnostics = diagnostics_create(bench->arena, sources);
    bench->spec = spec_load(bench->arena, sources, path, &options, diagnostics);
    const Module *lowered = bench->spec ? lower_experiment(bench->arena, bench->spec, NULL,
                                                           &bench->experiment, diagnostics)
                                        : NULL;
    if (!lowered || diagnostics_error_count(diagnostics) > 0) {
        run_fail(error, EXIT_INPUT, "%s", diagnostics_text(diagnostics, false));
        return NULL;
    }
    PassContext context = {.target = NULL};
    return derive_experiment(lowered, lower_batch_axis(bench->spec), &context);
}

bool bench_program_open(BenchProgram *bench, const char *path, const char *const *settings,
                        uint32_t count, RunError *error) {
    const double start = bench_now();
    const Module *module = bench_module_read(bench, path, settings, count, error);
    if (!module)
        return false;
    CompileOptions options = compile_options_of(&bench->experiment);
    options.threads = omp_get_num_procs();
    CompileError fault = {0};
    bench->compiled = compile_module(module, &options, &fault);
    bench->jit = bench->compiled ? jit_load(bench->compiled, &fault) : NULL;
    if (!bench->jit)
        return run_fail(error, EXIT_MACHINE, "%s", fault.text);
    resident_trim(); /* as commands do before they train */
    bench->program = (Program){.experiment = &bench->experiment,
                               .plan = bench->compiled->plan,
                               .kernels = jit_kernels(bench->jit)};
    bench->seconds = bench_now() - start;
    return true;
}

void bench_program_close(BenchProgram *bench) {
    jit_free(bench->jit);
    compile_free(bench->compiled);
}

int64_t bench_program_dim(const BenchProgram *bench, const char *name) {
    const SpecDim *dim = bench->spec ? spec_dim(bench->spec, name) : NULL;
    return dim ? dim->extent : 0;
}

void bench_say(json_t *object) {
    if (object)
        json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(12));
    putchar('\n');
    fflush(stdout);
    json_decref(object);
}
