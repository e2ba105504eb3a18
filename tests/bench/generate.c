/* Drawing whole images of a spec with parameters as training begins with, again and again:
 * scanline's side of the benchmark.
 *
 *     bench_generate SPEC IMAGES [KEY=VALUE...]
 *
 * IMAGES are drawn side by side. First it prints a line of JSON: positions, parameters, compile
 * (seconds from the spec to machine code). Then each line on standard input, a number of positions,
 * is answered by a line: {"seconds", "bytes": read from memory at the least, "token": the last
 * one}. What cannot be compiled is answered by {"refused": "why"} and exit code 1. */
#include "frontend/lower.h"
#include "passes/decode.h"
#include "passes/emit/target.h"
#include "runtime/model/model.h"
#include "runtime/study/draw.h"
#include "tests/bench/program.h"

#include <jansson.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Bench {
    BenchProgram program;
    Model model;
    Decoder *decoder;
    int64_t images, positions, wanted, round; /* wanted: positions */
    int32_t *tokens, *before;                 /* [images, positions], [images] */
    RunError error;
} Bench;

/* --- making --- */

static bool compile(Bench *bench, const char *path, const char *const *settings, uint32_t count) {
    BenchProgram *program = &bench->program;
    const double start = bench_now();
    const Module *module = bench_module_read(program, path, settings, count, &bench->error);
    if (!module)
        return false;
    CompileOptions options = {.threads = omp_get_num_procs()};
    options.precision = compile_options_of(&program->experiment).precision;
    const DecodeOptions decoding = {.batch = lower_batch_axis(program->spec),
                                    .images = bench->images,
                                    .precision = options.precision,
                                    .tiles = target_has_amx(options.target)};
    DecodeFault fault;
    CompileError error = {0};
    Module *decode = derive_decode(module, &decoding, &fault);
    if (!decode)
        return run_fail(&bench->error, EXIT_INPUT, "%s", fault.text);
    module_add(decode, module_function(module, "init"));
    program->compiled = compile_module(decode, &options, &error);
    program->jit = program->compiled ? jit_load(program->compiled, &error) : NULL;
    if (!program->jit)
        return run_fail(&bench->error, EXIT_MACHINE, "%s", error.text);
    program->program = (Program){.experiment = &program->experiment,
                                 .plan = program->compiled->plan,
                                 .kernels = jit_kernels(program->jit)};
    program->seconds = bench_now() - start;
    return true;
}

/* As the spec begins training. The optimiser's states are of no use, but `init` gives them too. */
static bool draw_parameters(Bench *bench, int threads) {
    const Program *program = &bench->program.program;
    const ExecutorUse use = {plan_function(program->plan, "init"), EXECUTOR_TEAM};
    Executor *executor = executor_create(program, threads, &use, 1);
    Model first = {0};
    const bool drawn = (executor || run_no_memory(&bench->error, "an executor")) &&
                       model_create(&first, &bench->program.experiment, true, &bench->error) &&
                       model_init(&first, program, executor, &bench->error);
    for (uint32_t i = 0; drawn && i < bench->program.experiment.parameter_count; i++)
        memcpy(bench->model.parameters.values[i], first.parameters.values[i],
               (size_t)bench->program.experiment.parameters[i].elements * sizeof(float));
    model_free(&first);
    executor_free(executor);
    return drawn;
}

/* The peak of memory is that of drawing from here on (proc(5)). */
static void forget_peak(void) {
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (file) {
        fputs("5", file);
        fclose(file);
    }
}

static int64_t count_parameters(const Experiment *experiment) {
    int64_t all = 0;
    for (uint32_t i = 0; i < experiment->parameter_count; i++)
        all += experiment->parameters[i].elements;
    return all;
}

static bool prepare(Bench *bench) {
    const int threads = omp_get_num_procs();
    if (!model_create(&bench->model, &bench->program.experiment, false, &bench->error) ||
        !draw_parameters(bench, threads))
        return false;
    forget_peak();
    bench->decoder = decoder_create(&bench->program.program, &bench->model, threads, &bench->error);
    if (!bench->decoder)
        return false;
    bench->positions = decoder_positions(bench->decoder);
    bench->tokens = calloc((size_t)(bench->images * bench->positions), sizeof *bench->tokens);
    if (!bench->tokens)
        return run_no_memory(&bench->error, "the images");
    bench_say(json_pack("{s:I, s:I, s:f, s:s, s:i}", "positions", (json_int_t)bench->positions,
                        "parameters", (json_int_t)count_parameters(&bench->program.experiment),
                        "compile", bench->program.seconds, "target",
                        bench->program.program.plan->target, "threads", threads));
    return true;
}

/* --- drawing --- */

static bool draw(Bench *bench) {
    const SampleOptions options = {.temperature = 1, .top_p = 1, .seed = bench->round++};
    const DrawTask task = {.count = bench->images, .positions = bench->wanted};
    double bytes = 0;
    for (int64_t p = 0; p < bench->wanted; p++)
        bytes += decoder_step_bytes(bench->decoder, p);
    const double start = bench_now();
    if (draw_images(bench->decoder, &task, &options, bench->tokens) != SAMPLE_DONE)
        return run_fail(&bench->error, EXIT_DIVERGED, "nothing can be drawn from the logits");
    bench_say(json_pack("{s:f, s:f, s:i}", "seconds", bench_now() - start, "bytes", bytes, "token",
                        bench->tokens[bench->wanted - 1]));
    return true;
}

static bool serve(Bench *bench) {
    char line[64];
    bool good = true;
    while (good && fgets(line, sizeof line, stdin)) {
        bench->wanted = atoll(line);
        good = bench->wanted >= 1 && bench->wanted <= bench->positions
                   ? draw(bench)
                   : run_fail(&bench->error, EXIT_USAGE, "1 to %lld positions",
                              (long long)bench->positions);
    }
    return good;
}

int main(int count, char **words) {
    const int64_t images = count < 3 ? 0 : atoll(words[2]);
    if (images < 1) {
        fprintf(stderr, "usage: bench_generate SPEC IMAGES [KEY=VALUE...]\n");
        return EXIT_USAGE;
    }
    Bench *bench = calloc(1, sizeof *bench);
    Arena *arena = arena_create();
    if (!bench || !arena || setjmp(*arena_boundary(arena))) {
        bench_say(json_pack("{s:s}", "refused", "out of memory"));
        return EXIT_MACHINE;
    }
    bench->program.arena = arena;
    bench->images = images;
    const bool good =
        compile(bench, words[1], (const char *const *)words + 3, (uint32_t)count - 3) &&
        prepare(bench) && serve(bench);
    if (!good)
        bench_say(json_pack("{s:s}", "refused", bench->error.text));
    decoder_free(bench->decoder);
    model_free(&bench->model);
    bench_program_close(&bench->program);
    free(bench->tokens);
    arena_destroy(arena);
    free(bench);
    return good ? 0 : 1;
}
