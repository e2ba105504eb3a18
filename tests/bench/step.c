/* One training step of a spec, again and again on batches of random tokens: scanline's side of the
 * benchmark.
 *
 *     bench_step SPEC [KEY=VALUE...]
 *
 * After the first step it prints a line of JSON: loss, flops, parameters, compile (seconds from the
 * spec to machine code). Then each line on standard input is a number of steps to do, and is
 * answered by a line with the seconds that each of them took. What cannot be compiled is answered
 * by {"refused": "why"} and exit code 1. */
#include "frontend/lower.h"
#include "ir/philox.h"
#include "passes/compile.h"
#include "passes/derive.h"
#include "runtime/trainer.h"

#include <jansson.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCHES = 8 }; /* taken in turn */

typedef struct Bench {
    Arena *arena;
    const Spec *spec;
    const Module *module;
    Experiment experiment;
    CompiledModule *compiled;
    Jit *jit;
    Program program;
    Trainer *trainer;
    int64_t positions, colours;
    int32_t *tokens; /* [BATCHES, batch, positions] */
    int64_t step;    /* the last one done */
    float loss;      /* before it */
    RunError error;
} Bench;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Prints a line and gives the object back. */
static void say(json_t *object) {
    if (object)
        json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(12));
    putchar('\n');
    fflush(stdout);
    json_decref(object);
}

/* --- from the spec to a trainer --- */

static bool spec_read(Bench *bench, const char *path, const char *const *settings, uint32_t count) {
    Arena *arena = bench->arena;
    const char *const directory = SCANLINE_SOURCE_DIR "/models";
    const SpecOptions options = {&directory, 1, settings, count};
    Sources *sources = sources_create(arena, NULL, 0);
    Diagnostics *diagnostics = diagnostics_create(arena, sources);
    bench->spec = spec_load(arena, sources, path, &options, diagnostics);
    const Module *lowered =
        bench->spec ? lower_experiment(arena, bench->spec, NULL, &bench->experiment, diagnostics)
                    : NULL;
    if (!lowered || diagnostics_error_count(diagnostics) > 0)
        return run_fail(&bench->error, EXIT_INPUT, "%s", diagnostics_text(diagnostics, false));
    PassContext context = {.target = NULL};
    bench->module = derive_experiment(lowered, lower_batch_axis(bench->spec), &context);
    return true;
}

static bool code_make(Bench *bench) {
    const CompileOptions options = {.threads = omp_get_num_procs()};
    CompileError error = {""};
    bench->compiled = compile_module(bench->module, &options, &error);
    bench->jit = bench->compiled ? jit_load(bench->compiled, &error) : NULL;
    if (!bench->jit)
        return run_fail(&bench->error, EXIT_MACHINE, "%s", error.text);
    bench->program = (Program){&bench->experiment, bench->compiled->plan, jit_kernels(bench->jit)};
    return true;
}

static bool batches_draw(Bench *bench) {
    const Experiment *experiment = &bench->experiment;
    for (uint32_t i = 0; i < experiment->input_count; i++) {
        const DataInput *input = &experiment->inputs[i];
        if (strcmp(input->name, "tokens") != 0)
            continue;
        bench->positions = input->extents[0];
        bench->colours = input->limit;
    }
    if (!bench->positions)
        return run_fail(&bench->error, EXIT_INPUT, "the spec has no input tokens to draw");
    int64_t count = BATCHES * experiment->train.batch * bench->positions;
    bench->tokens = arena_array(bench->arena, (size_t)count, sizeof *bench->tokens);
    for (int64_t i = 0; i < count; i++) {
        const PhiloxBlock counter = {{(uint32_t)i, (uint32_t)(i >> 32), 0, 0}};
        bench->tokens[i] = (int32_t)(philox4x32(counter, 1, 0).word[0] % bench->colours);
    }
    return true;
}

static bool trainer_make(Bench *bench) {
    bench->trainer = trainer_create(&bench->program, NULL, omp_get_num_procs(), &bench->error);
    return bench->trainer && trainer_init(bench->trainer, &bench->error);
}

/* --- steps --- */

static void fill(void *user, int64_t number, Chunk *chunk) {
    const Bench *bench = user;
    const int64_t batch = bench->experiment.train.batch, first = number * chunk->size;
    const int64_t turn = bench->step % BATCHES;
    memcpy(chunk->tokens, bench->tokens + (turn * batch + first) * bench->positions,
           (size_t)(chunk->size * bench->positions) * sizeof *chunk->tokens);
    for (int64_t i = 0; i < chunk->size; i++) {
        chunk->image[i] = (int32_t)(first + i);
        chunk->weight[i] = (float)(1.0 / (double)batch);
    }
    *chunk->step = (int32_t)bench->step;
    *chunk->draw = 0;
}

/* Seconds; negative with bench->error when it diverged. */
static double step_once(Bench *bench) {
    double start = now();
    bench->step++;
    bool good =
        trainer_step_on(bench->trainer, bench->step, fill, bench, &bench->loss, &bench->error);
    return good ? now() - start : -1;
}

static double dim(const Bench *bench, const char *name) {
    const SpecDim *found = spec_dim(bench->spec, name);
    return found ? (double)found->extent : 0;
}

/* Of one step of an image GPT, as in rungs.py: contractions forward, twice that backward; of
 * attention the causal half. */
static double step_flops(const Bench *bench) {
    double layers = dim(bench, "layers"), d = dim(bench, "d");
    double n = (double)bench->positions, v = (double)bench->colours;
    double forward = 2 * n * (layers * 12 * d * d + d * v) + layers * 2 * n * n * d;
    return 3 * (double)bench->experiment.train.batch * forward;
}

/* The zero head of igpt.scan gives every colour the same chance before the first step. */
static bool first_step(Bench *bench, double compiled) {
    if (step_once(bench) < 0)
        return false;
    double expected = log((double)bench->colours), loss = (double)bench->loss;
    if (!(fabs(loss - expected) < 1e-3 * expected))
        return run_fail(&bench->error, EXIT_DIVERGED, "the first loss is %g, not ln %lld = %g",
                        loss, (long long)bench->colours, expected);
    int64_t parameters = 0;
    for (uint32_t i = 0; i < bench->experiment.parameter_count; i++)
        parameters += bench->experiment.parameters[i].elements;
    say(json_pack("{s:f, s:I, s:I, s:f, s:s}", "loss", loss, "flops", (json_int_t)step_flops(bench),
                  "parameters", (json_int_t)parameters, "compile", compiled, "target",
                  bench->program.plan->target));
    return true;
}

static bool serve(Bench *bench) {
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        json_t *seconds = json_array();
        for (int64_t left = atoll(line); left > 0; left--) {
            double taken = step_once(bench);
            if (taken < 0)
                return false;
            json_array_append_new(seconds, json_real(taken));
        }
        say(json_pack("{s:o, s:f}", "seconds", seconds, "loss", (double)bench->loss));
    }
    return true;
}

static bool run(Bench *bench, int count, char **words) {
    double start = now();
    if (!spec_read(bench, words[1], (const char *const *)words + 2, (uint32_t)count - 2) ||
        !code_make(bench))
        return false;
    double compiled = now() - start;
    return batches_draw(bench) && trainer_make(bench) && first_step(bench, compiled) &&
           serve(bench);
}

int main(int count, char **words) {
    if (count < 2) {
        fprintf(stderr, "usage: bench_step SPEC [KEY=VALUE...]\n");
        return EXIT_USAGE;
    }
    Bench *bench = calloc(1, sizeof *bench);
    Arena *arena = arena_create();
    if (!bench || !arena || setjmp(*arena_boundary(arena))) {
        say(json_pack("{s:s}", "refused", "out of memory"));
        return EXIT_MACHINE;
    }
    bench->arena = arena;
    bool good = run(bench, count, words);
    if (!good)
        say(json_pack("{s:s}", "refused", bench->error.text));
    trainer_free(bench->trainer);
    jit_free(bench->jit);
    compile_free(bench->compiled);
    arena_destroy(arena);
    free(bench);
    return good ? 0 : 1;
}
