/* One training step of a spec, again and again on batches of random tokens: scanline's side of the
 * benchmark.
 *
 *     bench_step SPEC [KEY=VALUE...]
 *
 * After the first step it prints a line of JSON: loss, flops, parameters, compile (seconds from the
 * spec to machine code). Then it answers each line on standard input by a line:
 *
 *     N            does N steps     {"seconds": [...] of each, "loss"}
 *     profile N    does N steps     {"profile": runtime/execution/profile_report.h}, and as a table
 * on stderr
 *
 * What cannot be compiled is answered by {"refused": "why"} and exit code 1. */
#include "ir/philox.h"
#include "runtime/execution/profile_report.h"
#include "runtime/training/trainer.h"
#include "tests/bench/program.h"

#include <jansson.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCHES = 8 }; /* taken in turn */

typedef struct Bench {
    BenchProgram program;
    Trainer *trainer;
    int64_t positions, colours;
    int32_t *tokens; /* [BATCHES, batch, positions] */
    int64_t step;    /* the last one done */
    float loss;      /* before it */
    RunError error;
} Bench;

/* --- batches --- */

static bool batches_draw(Bench *bench) {
    const Experiment *experiment = &bench->program.experiment;
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
    bench->tokens = arena_array(bench->program.arena, (size_t)count, sizeof *bench->tokens);
    for (int64_t i = 0; i < count; i++) {
        const PhiloxBlock counter = {{(uint32_t)i, (uint32_t)(i >> 32), 0, 0}};
        bench->tokens[i] = (int32_t)(philox4x32(counter, 1, 0).word[0] % bench->colours);
    }
    return true;
}

static void fill(void *user, int64_t number, Chunk *chunk) {
    const Bench *bench = user;
    const int64_t batch = bench->program.experiment.train.batch, first = number * chunk->size;
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

/* --- steps --- */

static bool trainer_make(Bench *bench) {
    bench->trainer =
        trainer_create(&bench->program.program, NULL, omp_get_num_procs(), &bench->error);
    return bench->trainer && trainer_init(bench->trainer, &bench->error);
}

/* Seconds; negative with bench->error when it diverged. */
static double step_once(Bench *bench) {
    double start = bench_now();
    bench->step++;
    bool good =
        trainer_step_on(bench->trainer, bench->step, fill, bench, &bench->loss, &bench->error);
    return good ? bench_now() - start : -1;
}

/* Of one step of an image GPT, as in rungs.py: contractions forward, twice that backward; of
 * attention the causal half. */
static int64_t step_flops(const Bench *bench) {
    int64_t layers = bench_program_dim(&bench->program, "layers");
    int64_t d = bench_program_dim(&bench->program, "d"), n = bench->positions;
    int64_t forward = 2 * n * (layers * 12 * d * d + d * bench->colours) + layers * 2 * n * n * d;
    return 3 * bench->program.experiment.train.batch * forward;
}

/* The zero head of igpt.scan gives every colour the same chance before the first step. */
static bool first_step(Bench *bench) {
    if (step_once(bench) < 0)
        return false;
    const Experiment *experiment = &bench->program.experiment;
    double expected = log((double)bench->colours), loss = (double)bench->loss;
    if (!(fabs(loss - expected) < 1e-3 * expected))
        return run_fail(&bench->error, EXIT_DIVERGED, "the first loss is %g, not ln %lld = %g",
                        loss, (long long)bench->colours, expected);
    int64_t parameters = 0;
    for (uint32_t i = 0; i < experiment->parameter_count; i++)
        parameters += experiment->parameters[i].elements;
    bench_say(json_pack("{s:f, s:I, s:I, s:f, s:s, s:i}", "loss", loss, "flops",
                        (json_int_t)step_flops(bench), "parameters", (json_int_t)parameters,
                        "compile", bench->program.seconds, "target",
                        bench->program.program.plan->target, "threads", omp_get_num_procs()));
    return true;
}

/* --- requests --- */

static bool serve_steps(Bench *bench, int64_t count) {
    json_t *seconds = json_array();
    for (int64_t left = count; left > 0; left--) {
        double taken = step_once(bench);
        if (taken < 0) {
            json_decref(seconds);
            return false;
        }
        json_array_append_new(seconds, json_real(taken));
    }
    bench_say(json_pack("{s:o, s:f}", "seconds", seconds, "loss", (double)bench->loss));
    return true;
}

static bool serve_profile(Bench *bench, int64_t count) {
    Profile *profile = profile_create(&bench->program.program, omp_get_num_procs());
    if (!profile)
        return run_no_memory(&bench->error, "the profile");
    trainer_set_profile(bench->trainer, profile);
    profile_start(profile);
    bool good = true;
    for (int64_t left = count; left > 0 && good; left--)
        good = step_once(bench) >= 0;
    profile_stop(profile);
    trainer_set_profile(bench->trainer, NULL);
    if (good) {
        ProfilePeak peak = profile_peak(profile);
        profile_print(profile, peak, stderr);
        bench_say(json_pack("{s:o}", "profile", profile_json(profile, peak)));
    }
    profile_free(profile);
    return good;
}

static bool serve(Bench *bench) {
    static const char word[] = "profile ";
    char line[64];
    bool good = true;
    while (good && fgets(line, sizeof line, stdin))
        good = strncmp(line, word, strlen(word)) == 0
                   ? serve_profile(bench, atoll(line + strlen(word)))
                   : serve_steps(bench, atoll(line));
    return good;
}

int main(int count, char **words) {
    if (count < 2) {
        fprintf(stderr, "usage: bench_step SPEC [KEY=VALUE...]\n");
        return EXIT_USAGE;
    }
    Bench *bench = calloc(1, sizeof *bench);
    Arena *arena = arena_create();
    if (!bench || !arena || setjmp(*arena_boundary(arena))) {
        bench_say(json_pack("{s:s}", "refused", "out of memory"));
        return EXIT_MACHINE;
    }
    bench->program.arena = arena;
    bool good = bench_program_open(&bench->program, words[1], (const char *const *)words + 2,
                                   (uint32_t)count - 2, &bench->error) &&
                batches_draw(bench) && trainer_make(bench) && first_step(bench) && serve(bench);
    if (!good)
        bench_say(json_pack("{s:s}", "refused", bench->error.text));
    trainer_free(bench->trainer);
    bench_program_close(&bench->program);
    arena_destroy(arena);
    free(bench);
    return good ? 0 : 1;
}
