/* Compiled decoding against the compiled function that computes all positions; and the same bits,
 * however many images are side by side and however many threads there are. */
#include "frontend/lower.h"
#include "passes/compile.h"
#include "passes/decode.h"
#include "passes/derive.h"
#include "passes/emit/target.h"
#include "runtime/execution/waits.h"
#include "runtime/model/inference.h"
#include "runtime/study/draw.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Under sanitizers some of the cases, and one number of images. */
#ifdef __SANITIZE_ADDRESS__
enum { EVERY = 3 };
#else
enum { EVERY = 1 };
#endif

enum { POSITIONS = 32, APART = 9, COLOURS = 20, WHOLE = 8, MOST_SETTINGS = 16 };

/* A spec compiled to be drawn from, and parameters for it. */
typedef struct Subject {
    Arena *arena;
    Experiment experiment;
    CompiledModule *module;
    Jit *jit;
    Program program;
    Model model;
} Subject;

typedef struct Case {
    const char *file, *objective;
    bool is_small; /* its dims stay as they are */
    bool is_wide;  /* heads as wide as can be kept compressed */
    bool absorbs;  /* attention over what keys and values are made of, as wide as can be kept so */
    bool tiles;    /* what is absorbed is in tiles, not compressed */
} Case;

static const Case cases[] = {
    {.file = "models/igpt-s.scan", "ar"},
    {.file = "models/gpt2.scan", "ar"},
    {.file = "models/window.scan", "window"},
    {.file = "models/igpt-hf.scan", "ar"},
    {.file = "tests/specs/alibi.scan", "ar", .is_small = true},
    {.file = "models/igpt-s.scan", "ar", .is_wide = true},
    {.file = "models/window.scan", "window", .is_wide = true},
    {.file = "models/igpt-s.scan", "ar", .absorbs = true},
    {.file = "models/window.scan", "window", .absorbs = true},
};

enum { CASES = sizeof cases / sizeof cases[0] };

static Module *derive(Subject *subject, const Case *what, int64_t images, Precision precision) {
    static const char *const usual[] = {"n=32", "v=20", "d=48", "h=3", "layers=2", "k=3"};
    static const char *const wide[] = {"n=32", "v=20", "d=64", "h=2", "layers=2", "k=3"};
    static const char *const shared[] = {"n=32", "v=20", "d=128", "h=4", "layers=2", "k=3"};
    const char *const *dims = what->is_wide ? wide : what->absorbs ? shared : usual;
    const char *settings[MOST_SETTINGS];
    uint32_t count = 0;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        settings[count++] = what->is_small && i == 3 ? "h=2" : dims[i];
    settings[count++] = arena_printf(subject->arena, "train.batch=%d", WHOLE);
    settings[count++] = "train.chunks=1";
    static const char *const directories[] = {SCANLINE_SOURCE_DIR "/models"};
    const SpecOptions options = {directories, 1, settings, count};
    Sources *sources = sources_create(subject->arena, NULL, 0);
    Diagnostics *diagnostics = diagnostics_create(subject->arena, sources);
    const char *path = arena_printf(subject->arena, "%s/%s", SCANLINE_SOURCE_DIR, what->file);
    const Spec *spec = spec_load(subject->arena, sources, path, &options, diagnostics);
    const Module *lowered = spec ? lower_experiment(subject->arena, spec, what->objective,
                                                    &subject->experiment, diagnostics)
                                 : NULL;
    cr_assert(lowered, "%s", diagnostics_text(diagnostics, false));
    PassContext context = {0};
    const char *batch = lower_batch_axis(spec);
    const Module *derived = derive_experiment(lowered, batch, &context);
    const DecodeOptions decoding = {.batch = batch,
                                    .images = images,
                                    .precision = precision,
                                    .absorb = what->absorbs,
                                    .tiles = what->tiles};
    DecodeFault fault;
    Module *module = derive_decode(derived, &decoding, &fault);
    cr_assert(module, "%s: %s", what->file, fault.text);
    module_add(module, module_function(derived, "sample"));
    return module;
}

/* Drawn from their place in the list alone. */
static void draw_parameters(Subject *subject) {
    RunError error = {0};
    cr_assert(model_create(&subject->model, &subject->experiment, false, &error), "%s", error.text);
    uint32_t state = 9;
    for (uint32_t i = 0; i < subject->experiment.parameter_count; i++)
        for (int64_t j = 0; j < subject->experiment.parameters[i].elements; j++) {
            state = state * 1664525U + 1013904223U;
            subject->model.parameters.values[i][j] = (float)(state >> 8) * 0x1p-24F - 0.5F;
        }
}

static Subject *subject_open(const Case *what, int64_t images, Precision precision) {
    Subject *subject = calloc(1, sizeof *subject);
    subject->arena = arena_create();
    cr_assert(subject->arena && !setjmp(*arena_boundary(subject->arena)));
    const Module *module = derive(subject, what, images, precision);
    const CompileOptions options = {.precision = precision, .verify = true, .threads = 2};
    CompileError error = {0};
    subject->module = compile_module(module, &options, &error);
    cr_assert(subject->module, "%s: %s", what->file, error.text);
    subject->jit = jit_load(subject->module, &error);
    cr_assert(subject->jit, "%s", error.text);
    subject->program = (Program){.experiment = &subject->experiment,
                                 .plan = subject->module->plan,
                                 .kernels = jit_kernels(subject->jit)};
    draw_parameters(subject);
    return subject;
}

static void subject_close(Subject *subject) {
    model_free(&subject->model);
    jit_free(subject->jit);
    compile_free(subject->module);
    arena_destroy(subject->arena);
    free(subject);
}

static Decoder *open_decoder(const Subject *subject, int threads) {
    RunError error = {0};
    Decoder *decoder = decoder_create(&subject->program, &subject->model, threads, &error);
    cr_assert(decoder, "%s", error.text);
    return decoder;
}

static int32_t token_at(int64_t image, int64_t position) {
    return (int32_t)((image * 7 + position * 5 + position * position * 3) % COLOURS);
}

/* --- all positions at once --- */

static void fill_whole(void *user, int64_t first, int64_t count, Chunk *chunk) {
    (void)user;
    for (int64_t i = 0; i < count; i++)
        for (int64_t p = 0; p < POSITIONS; p++)
            chunk->tokens[i * POSITIONS + p] = token_at(first + i, p);
}

static void take_whole(void *user, int64_t first, int64_t count, void *const *outputs) {
    float *logits = user;
    memcpy(logits + first * POSITIONS * COLOURS, outputs[0],
           (size_t)(count * POSITIONS * COLOURS) * sizeof *logits);
}

/* [WHOLE, POSITIONS, COLOURS] */
static float *whole_logits(const Subject *subject) {
    RunError error = {0};
    float *logits = calloc(WHOLE * POSITIONS * COLOURS, sizeof *logits);
    Inference *inference =
        inference_create(&subject->program, "sample", &subject->model, NULL, 1, &error);
    cr_assert(inference, "%s", error.text);
    inference_run(inference, WHOLE, 0, fill_whole, take_whole, logits);
    inference_free(inference);
    return logits;
}

typedef struct Progress {
    double done;
    int told;
} Progress;

static void take_progress(void *user, double share) {
    Progress *progress = user;
    cr_expect(share > 0);
    progress->done += share;
    progress->told++;
}

/* The logits of the first images, step by step; after `given` positions that are filled in one go.
 */
static float *stepwise_logits(const Subject *subject, int threads, int64_t given) {
    Decoder *decoder = open_decoder(subject, threads);
    const int64_t images = decoder_images(decoder);
    float *logits = calloc((size_t)(images * POSITIONS * COLOURS), sizeof *logits);
    int32_t *tokens = calloc((size_t)(images * POSITIONS), sizeof *tokens);
    int32_t *before = calloc((size_t)images, sizeof *before);
    for (int64_t i = 0; i < images * given; i++)
        tokens[i / given * POSITIONS + i % given] = token_at(i / given, i % given);
    Progress progress = {0};
    if (given) {
        decoder_fill(decoder, tokens, take_progress, &progress);
        cr_expect(progress.told > 1);
        cr_expect_float_eq(progress.done, 1, 1e-9);
    }
    for (int64_t p = given; p < POSITIONS; p++) {
        for (int64_t i = 0; i < images; i++)
            before[i] = p ? token_at(i, p - 1) : 0;
        const float *made = decoder_step(decoder, before, p);
        for (int64_t i = 0; i < images; i++)
            memcpy(logits + (i * POSITIONS + p) * COLOURS, made + i * COLOURS,
                   COLOURS * sizeof *logits);
    }
    free(tokens);
    free(before);
    decoder_free(decoder);
    return logits;
}

static double difference(const float *a, const float *b, int64_t images, int64_t given) {
    double largest = 0;
    for (int64_t i = 0; i < images * POSITIONS * COLOURS; i++)
        if (i / COLOURS % POSITIONS >= given) {
            cr_assert(isfinite(a[i]) && isfinite(b[i]));
            largest = fmax(largest, fabs((double)a[i] - (double)b[i]));
        }
    return largest;
}

Test(decoder, logits_are_those_of_the_whole, .timeout = 900) {
    enum { IMAGES = 3 };
    for (int i = 0; i < CASES; i++) {
        Subject *subject = subject_open(&cases[i], IMAGES, PRECISION_FP32);
        float *whole = whole_logits(subject);
        for (int64_t given = 0; given < POSITIONS; given += APART) {
            float *steps = stepwise_logits(subject, 2, given);
            cr_expect_leq(difference(steps, whole, IMAGES, given), 1e-4, "%s, %d given",
                          cases[i].file, (int)given);
            free(steps);
        }
        free(whole);
        subject_close(subject);
    }
}

static Target this_machine(void) {
    Target target;
    char error[256];
    cr_assert(target_find(NULL, &target, error, sizeof error), "%s", error);
    return target;
}

static bool multiplies_bf16(void) { return this_machine().has_bf16_dot; }
static bool has_amx(void) { return this_machine().has_amx; }

/* In bf16 both round, but not the same numbers: decoding may be as far from fp32 as the whole is,
 * and once more as much. */
static void expect_near(const Case *what, Precision precision) {
    enum { IMAGES = 3 };
    Subject *exact = subject_open(what, IMAGES, PRECISION_FP32);
    Subject *rounded = subject_open(what, IMAGES, precision);
    float *whole = whole_logits(exact), *whole_rounded = whole_logits(rounded);
    const double usual = difference(whole, whole_rounded, IMAGES, 0);
    for (int64_t given = 0; given < POSITIONS; given += APART) {
        float *steps = stepwise_logits(rounded, 2, given);
        const double found = difference(steps, whole, IMAGES, given);
        cr_expect(found > 0 && found <= 2 * usual, "%s, %d given: %g, the whole %g", what->file,
                  (int)given, found, usual);
        free(steps);
    }
    free(whole);
    free(whole_rounded);
    subject_close(exact);
    subject_close(rounded);
}

Test(decoder, logits_in_bf16, .timeout = 900) {
    for (int i = 0; i < CASES; i += EVERY) {
        expect_near(&cases[i], PRECISION_BF16_EMULATED);
        if (multiplies_bf16())
            expect_near(&cases[i], PRECISION_BF16);
    }
}

/* --- the same bits --- */

/* The first image's logits, whatever is beside it; begun with no position, and with some. */
static void expect_same_logits(const Case *what, Precision precision) {
    static const int64_t batches[] = {1, 8, 3, 17}; /* 17 is more than a tile has rows */
    const int most = precision == PRECISION_BF16 && has_amx() ? 4 : 3;
    static const int64_t begins[] = {0, 5};
    float *first[2] = {NULL};
    for (int b = 0; b < (EVERY > 1 ? 1 : most); b++) {
        Subject *subject = subject_open(what, batches[b], precision);
        for (int threads = 1; threads <= 3; threads++)
            for (int g = 0; g < 2; g++) {
                float *logits = stepwise_logits(subject, threads, begins[g]);
                if (!first[g]) {
                    first[g] = logits;
                    continue;
                }
                cr_expect_arr_eq(first[g], logits, POSITIONS * COLOURS * sizeof *logits,
                                 "%s, %d images, %d threads, %d positions given", what->file,
                                 (int)batches[b], threads, (int)begins[g]);
                free(logits);
            }
        subject_close(subject);
    }
    free(first[0]);
    free(first[1]);
}

Test(decoder, bits_do_not_depend_on_images_beside_or_threads, .timeout = 900) {
    for (int i = 0; i < CASES; i += EVERY)
        if (!cases[i].absorbs) /* in fp32 that is for its sake alone */
            expect_same_logits(&cases[i], PRECISION_FP32);
    expect_same_logits(&cases[0], PRECISION_BF16_EMULATED);
    expect_same_logits(&cases[1], PRECISION_BF16_EMULATED);
    for (int i = 0; i < CASES && multiplies_bf16(); i++)
        if (cases[i].is_wide || cases[i].absorbs) {
            Case what = cases[i];
            what.tiles = what.absorbs && has_amx(); /* as whoever draws there has it */
            expect_same_logits(&what, PRECISION_BF16);
        }
}

/* How many inputs of the step have names with that beginning and that end. */
static uint32_t count_inputs(const Subject *subject, const char *begin, const char *end) {
    const PlanFunction *decode = plan_function(subject->program.plan, "decode");
    uint32_t count = 0;
    for (uint32_t i = 0; i < decode->input_count; i++) {
        const char *name = decode->inputs[i].name;
        count += strncmp(name, begin, strlen(begin)) == 0 && strstr(name, end);
    }
    return count;
}

static void expect_packed(const Case *what, uint32_t compressed, uint32_t tiled) {
    Subject *subject = subject_open(what, 8, PRECISION_BF16);
    cr_expect_eq(count_inputs(subject, "cache.", ".compressed"), compressed);
    cr_expect_eq(count_inputs(subject, "cache.", ".tiled"), tiled);
    const uint32_t weights = count_inputs(subject, "weights.", ".compressed");
    cr_expect(has_amx() ? weights == 0 : weights >= 2 * 6, "%u of weights", weights);
    subject_close(subject);
}

/* Caches of attention and the weights of products are read compressed, where there are instructions
 * for it; where there are tiles weights are not, and caches of what is absorbed lie so. */
Test(decoder, what_is_large_is_packed) {
    if (!multiplies_bf16())
        cr_skip("this CPU does not multiply bf16");
    const char *file = "models/igpt-s.scan";
    expect_packed(&(Case){.file = file, "ar", .is_wide = true}, 2 * 2, 0);
    expect_packed(&(Case){.file = file, "ar", .absorbs = true}, 2, 0);
    expect_packed(&(Case){.file = file, "ar", .absorbs = true, .tiles = true}, 0, 2);
}

static void draw(const Subject *subject, int threads, int64_t given, int32_t *tokens) {
    const SampleOptions options = {.temperature = 1.5, .top_p = 0.95, .top_k = 15, .seed = 3};
    Decoder *decoder = open_decoder(subject, threads);
    const DrawTask task = {.count = WHOLE, .given = given};
    for (int64_t i = 0; i < WHOLE * POSITIONS; i++)
        tokens[i] = token_at(i / POSITIONS, i % POSITIONS);
    cr_assert_eq(draw_images(decoder, &task, &options, tokens), SAMPLE_DONE);
    decoder_free(decoder);
}

/* --- what a team waits for --- */

/* Queries, keys and values; the caches; attention; its projection; the two layers of the network:
 * norms are computed by each thread. Before the layers is the embedding, after them are logits. */
enum { LAYERS = 2, LAYER_WAITS = 6, OTHER_WAITS = 2 };

static uint32_t waits_with(const Module *module, const char *skip) {
    const CompileOptions options = {.skip = skip};
    CompileError error = {0};
    const Plan *plan = compile_plan(module, &options, &error);
    cr_assert(plan, "%s", error.text);
    const PlanFunction *decode = plan_function(plan, "decode");
    bool *waits = waits_find(plan, decode);
    cr_assert(waits);
    uint32_t count = 0;
    for (uint32_t i = 0; i < decode->step_count; i++)
        count += waits[i];
    free(waits);
    return count;
}

Test(decoder, a_team_waits_six_times_a_layer) {
    Subject subject = {.arena = arena_create()};
    cr_assert(subject.arena && !setjmp(*arena_boundary(subject.arena)));
    const Module *module = derive(&subject, &cases[0], WHOLE, PRECISION_FP32);
    const uint32_t waits = waits_with(module, NULL), unordered = waits_with(module, "order");
    cr_expect_leq(waits, LAYERS * LAYER_WAITS + OTHER_WAITS, "%u waits", waits);
    cr_expect_lt(waits, unordered, "%u waits, %u", waits, unordered);
    arena_destroy(subject.arena);
}

Test(decoder, images_do_not_depend_on_images_beside, .timeout = 900) {
    static const int64_t batches[] = {8, 3, 1};
    int32_t first[2][WHOLE * POSITIONS], tokens[WHOLE * POSITIONS];
    for (int b = 0; b < 3; b++) {
        Subject *subject = subject_open(&cases[1], batches[b], PRECISION_FP32);
        for (int half = 0; half < 2; half++) {
            draw(subject, 1 + b, half * POSITIONS / 2, b ? tokens : first[half]);
            if (b)
                cr_expect_arr_eq(tokens, first[half], sizeof tokens, "%d side by side",
                                 (int)batches[b]);
        }
        subject_close(subject);
    }
    cr_expect_neq(memcmp(first[0], first[1], sizeof tokens), 0);
}

/* --- what cannot be --- */

Test(decoder, a_program_without_decode_is_refused) {
    Subject *subject = subject_open(&cases[0], 1, PRECISION_FP32);
    Plan plan = *subject->program.plan;
    Program program = subject->program;
    RunError error = {0};
    plan.function_count = 0;
    program.plan = &plan;
    cr_expect_null(decoder_create(&program, &subject->model, 1, &error));
    cr_expect(strstr(error.text, "decode"), "%s", error.text);
    subject_close(subject);
}
