/* The step of decoding against the function that computes all positions, by the interpreter: the
 * same logits, position by position, and the same caches. And what cannot be decoded, with its
 * place in the spec. */
#include "ir/verify.h"
#include "passes/decode.h"
#include "passes/derive.h"
#include "tests/unit/lower_support.h"
#include "tests/unit/passes_support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { IMAGES = 2 };

/* What a model under test is made of, and its values. */
typedef struct Subject {
    const char *name;
    Lowered lowered;
    Arena *arena;
    const Function *sample, *decode, *prefill;
    Bindings known; /* parameters and counters, as both functions read them */
    double *tokens;
    int64_t positions, colours;
} Subject;

static Module *derive_as(const Lowered *lowered, Precision precision, bool absorb,
                         DecodeFault *fault) {
    PassContext context = {0};
    const char *batch = lower_batch_axis(lowered->loaded.spec);
    const Module *derived = derive_experiment(lowered->module, batch, &context);
    const DecodeOptions options = {
        .batch = batch, .images = IMAGES, .precision = precision, .absorb = absorb};
    return derive_decode(derived, &options, fault);
}

static Module *derive(const Lowered *lowered, Precision precision, DecodeFault *fault) {
    return derive_as(lowered, precision, false, fault);
}

/* `sample` for as many images as are decoded: prefill is made of it, so this is done here by
 * itself, from a spec whose chunk is that large. */
static const Function *sample_of(const Lowered *lowered) {
    PassContext context = {0};
    const Module *derived =
        derive_experiment(lowered->module, lower_batch_axis(lowered->loaded.spec), &context);
    return module_function(derived, "sample");
}

static void add_draws(Subject *subject, const Function *function) {
    Draws draws = {7};
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        const bool counter = node->op == OP_INPUT && node->attributes.name[0] == '$';
        if (node->op != OP_PARAM && !counter)
            continue;
        const int64_t count = graph_elements(function, node);
        double *values = arena_array(subject->arena, (size_t)count, sizeof *values);
        for (int64_t i = 0; i < count && !counter; i++)
            values[i] = draw_between(&draws, -0.8, 0.8);
        bindings_add(&subject->known, node->attributes.name, values, count);
    }
}

static void open_subject(Subject *subject, const char *name, Lowered lowered, bool absorb) {
    *subject = (Subject){.name = name, .lowered = lowered, .arena = lowered.loaded.arena};
    DecodeFault fault;
    const Module *module = derive_as(&lowered, PRECISION_FP32, absorb, &fault);
    cr_assert(module, "%s: %s", name, fault.text);
    cr_expect(lowered.experiment.autoregressive, "%s", name);
    const char *broken = verify_module(module, subject->arena);
    cr_assert(!broken, "%s: %s", name, broken);
    subject->sample = sample_of(&lowered);
    subject->decode = module_function(module, "decode");
    subject->prefill = module_function(module, "prefill");
    const Node *logits = graph_node(subject->sample, subject->sample->outputs[0].node);
    cr_assert_eq(graph_axis(subject->sample, logits->axes.at[0])->extent, IMAGES);
    subject->positions = graph_axis(subject->sample, logits->axes.at[1])->extent;
    subject->colours = graph_axis(subject->sample, logits->axes.at[2])->extent;
    add_draws(subject, subject->sample);
    const int64_t count = IMAGES * subject->positions;
    subject->tokens = arena_array(subject->arena, (size_t)count, sizeof(double));
    Draws draws = {5};
    for (int64_t i = 0; i < count; i++)
        subject->tokens[i] = (double)draw_below(&draws, (uint64_t)subject->colours);
}

static double **run(Subject *subject, const Function *function, const Bindings *bindings) {
    InterpretError error = {""};
    double **outputs = interpret(function, bindings->at, bindings->count, subject->arena, &error);
    cr_assert(outputs, "%s, %s: %s", subject->name, function->name, error.text);
    return outputs;
}

static double **run_whole(Subject *subject, const Function *function) {
    Bindings bindings = subject->known;
    bindings_add(&bindings, "tokens", subject->tokens, IMAGES * subject->positions);
    return run(subject, function, &bindings);
}

/* The caches, by output of `decode`; its last output is the logits. */
typedef struct Caches {
    const double *at[64];
    uint32_t count;
} Caches;

static void start_caches(Subject *subject, Caches *caches) {
    caches->count = subject->decode->output_count - 1;
    cr_assert_leq(caches->count, 64);
    for (uint32_t i = 0; i < caches->count; i++)
        caches->at[i] = arena_array(
            subject->arena,
            (size_t)graph_elements(subject->decode,
                                   graph_node(subject->decode, subject->decode->outputs[i].node)),
            sizeof(double));
}

/* The logits [IMAGES, colours] of a position, given the tokens before it. */
static const double *step(Subject *subject, Caches *caches, int64_t position) {
    const Function *decode = subject->decode;
    Bindings bindings = subject->known;
    double before[IMAGES];
    const double at = (double)position;
    for (int64_t i = 0; i < IMAGES; i++)
        before[i] = position ? subject->tokens[i * subject->positions + position - 1] : 0;
    bindings_add(&bindings, "tokens", before, IMAGES);
    bindings_add(&bindings, "$position", &at, 1);
    for (uint32_t i = 0; i < caches->count; i++)
        bindings_add(&bindings, decode->outputs[i].name, caches->at[i],
                     graph_elements(decode, graph_node(decode, decode->outputs[i].node)));
    double **outputs = run(subject, decode, &bindings);
    for (uint32_t i = 0; i < caches->count; i++)
        caches->at[i] = outputs[i];
    cr_assert_str_eq(decode->outputs[caches->count].name, "logits");
    return outputs[caches->count];
}

/* All steps from `first` on, given the caches before it. */
static void expect_steps(Subject *subject, Caches *caches, int64_t first, const double *whole) {
    const int64_t n = subject->positions, v = subject->colours;
    for (int64_t p = first; p < n; p++) {
        const double *logits = step(subject, caches, p);
        for (int64_t i = 0; i < IMAGES * v; i++) {
            const double wanted = whole[(i / v * n + p) * v + i % v];
            cr_assert(fabs(logits[i] - wanted) <= 1e-9 * (1 + fabs(wanted)),
                      "%s, position %d: %.12g, not %.12g", subject->name, (int)p, logits[i],
                      wanted);
        }
    }
}

/* What comes after the given positions must not matter to what the caches are filled with. */
static void expect_prefilled(Subject *subject, const double *whole) {
    enum { GIVEN = 3 };
    const int64_t n = subject->positions;
    double *drawn = subject->tokens;
    subject->tokens = arena_array(subject->arena, (size_t)(IMAGES * n), sizeof(double));
    for (int64_t i = 0; i < IMAGES * n; i++)
        subject->tokens[i] = i % n < GIVEN ? drawn[i] : 1;
    double **filled = run_whole(subject, subject->prefill);
    subject->tokens = drawn;
    Caches caches;
    start_caches(subject, &caches);
    cr_assert_eq(subject->prefill->output_count, caches.count);
    for (uint32_t i = 0; i < caches.count; i++) {
        cr_assert_str_eq(subject->prefill->outputs[i].name, subject->decode->outputs[i].name);
        caches.at[i] = filled[i];
    }
    expect_steps(subject, &caches, GIVEN, whole);
}

/* The number of caches. */
static uint32_t expect_decoded_as(const char *name, const Lowered *lowered, bool absorb) {
    Subject subject;
    open_subject(&subject, name, *lowered, absorb);
    const double *whole = run_whole(&subject, subject.sample)[0];
    Caches caches;
    start_caches(&subject, &caches);
    expect_steps(&subject, &caches, 0, whole);
    if (subject.prefill)
        expect_prefilled(&subject, whole);
    return caches.count;
}

/* As it is, and where attention over what keys and values are made of replaces that over them:
 * `absorbed` of them, with a cache in place of two. */
static void expect_decoded(const char *name, Lowered lowered, uint32_t absorbed) {
    const uint32_t usual = expect_decoded_as(name, &lowered, false);
    const uint32_t fewer = expect_decoded_as(name, &lowered, true);
    cr_expect_eq(usual - fewer, absorbed, "%s: %u caches, %u absorbed", name, usual, fewer);
    lowered_free(&lowered);
}

static Lowered model(const char *file, const char *objective) {
    char path[256], setting[64];
    snprintf(path, sizeof path, "%s/models/%s", SCANLINE_SOURCE_DIR, file);
    snprintf(setting, sizeof setting, "train.objective=%s", objective);
    const char *const overrides[] = {"n=6",      "v=7", "d=8",           "h=2",
                                     "layers=2", "k=3", "train.batch=2", "train.chunks=1",
                                     setting,    NULL};
    return lower_path(path, overrides);
}

Test(decode, models_step_by_step, .timeout = 120) {
    static const struct {
        const char *file, *objective;
        uint32_t absorbed; /* of two layers; biases stand in the way */
    } models[] = {
        {"igpt-s.scan", "ar", 2},          {"digits.scan", "ar", 2},  {"gpt2.scan", "ar", 0},
        {"window.scan", "window", 2},      {"igpt-hf.scan", "ar", 0}, {"gpt2.scan", "classify", 0},
        {"igpt-s.scan", "ar.classify", 2},
    };
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
        expect_decoded(models[i].file, model(models[i].file, models[i].objective),
                       models[i].absorbed);
}

Test(decode, linear_biases_and_gates) {
    expect_decoded("alibi.scan", lower_path(SCANLINE_SOURCE_DIR "/tests/specs/alibi.scan", NULL),
                   2);
}

/* --- specs of all kinds --- */

#define BEGINNING                                                                                  \
    "dim n = 6, m = n, q = n, v = 7, d = 8, h = 2, g = 2, e = d / h, f = 2 * d\n"                  \
    "input tokens: int[n] < v\n"                                                                   \
    "param wte[v, d] ~ normal(1)\n"                                                                \
    "param wpe[n, d] ~ normal(1)\n"                                                                \
    "param sos[d] ~ normal(1)\n"                                                                   \
    "param head[d, v] ~ normal(1)\n"                                                               \
    "param w[d, f] ~ normal(1), back[f, d] ~ normal(1), relative[n, m] ~ normal(1)\n"              \
    "param wq[d, h, e], wk[d, h, e], wv[d, h, e] ~ normal(1)\n"                                    \
    "param wg[d, h, g, e] ~ normal(1)\n"                                                           \
    "fn mlp(x[d]) = sum[f](tanh(sum[d](x * w)) * back)\n"                                          \
    "fn attend(x[n, d], score[n, h, m]) {\n"                                                       \
    "  value = rename(sum[d](x * wv), n -> m)\n"                                                   \
    "  return sum[h, e](sum[m](softmax[m](score) * value) * wv)\n"                                 \
    "}\n"                                                                                          \
    "fn scores(x[n, d]) = sum[e](sum[d](x * wq) * rename(sum[d](x * wk), n -> m))\n"               \
    "objective ar {\n"                                                                             \
    "  x = shift[n](wte[v = tokens], 1, fill = sos) + wpe\n"

#define END                                                                                        \
    "  output logits = sum[d](x * head)\n"                                                         \
    "  loss = mean[n](cross_entropy[v](logits, tokens))\n"                                         \
    "}\n"                                                                                          \
    "update sgd(w, g, lr) { w = w - lr * g }\n"                                                    \
    "train { batch = 2; chunks = 1; steps = 1; update = sgd(lr = 0.1) }\n"

#define SPEC(BODY) BEGINNING BODY END

/* What keeps nothing; histories of tokens and of what is made of them; masks by arithmetic, which
 * would make a NaN of what is not computed yet; windows; weights that are not attention's. */
static const char *const sound[] = {
    SPEC("  x = x + mlp(x)\n"),
    SPEC("  x = x + mlp(shift[n](mlp(x), 1, fill = sos) + shift[n](x, 3))\n"),
    SPEC("  x = x + shift[n](wte[v = tokens], 2) * shift[n](wte[v = tokens], 40)\n"),
    SPEC("  x = shift[n](mlp(wte[v = tokens] + x), 1, fill = sos)\n"),
    SPEC("  y = shift[n](mlp(x), 1)\n  x = shift[n](shift[n](x, -1, fill = sos) * y, 1)\n"),
    SPEC("  past = 1 / rename(x, n -> m)\n"
         "  x = x + sum[m](past * where(index[m] <= index[n], exp(index[m] - index[n]), 0))\n"),
    SPEC("  x = x + max[m](where(index[m] < index[n], rename(mlp(x), n -> m), -3))\n"),
    SPEC("  x = x + attend(x, where(index[m] <= index[n], scores(x), -inf))\n"),
    SPEC("  x = x + attend(x, where(index[n] - index[m] < 3 and index[m] <= index[n], scores(x), "
         "-inf))\n"),
    SPEC("  x = x + attend(x, where(index[m] > index[n] or index[n] // 2 != index[m] // 2, -inf, "
         "scores(x)))\n"),
    SPEC("  x = x + attend(x, where(index[m] <= index[n], scores(x) + relative, -inf))\n"),
    SPEC("  x = x + attend(x, where(index[m] < index[n], 0, -inf) + scores(x))\n"),
    SPEC("  key = rename(sum[d](x * wk), n -> m)\n"
         "  s = where(index[m] <= index[n], sum[e](sum[d](x * wg) * key), -inf)\n"
         "  x = x + sum[h, g, e](sum[m](softmax[m](s) * key) * wg)\n"),
    SPEC("  mine = sum[d](rename(x, n -> m) * wk)\n"
         "  s = where(index[m] <= index[n], sum[e](sum[d](x * wq) * mine), -inf)\n"
         "  x = x + sum[h, e](sum[m](softmax[m](s) * tanh(mine)) * wv)\n"),
};

/* Numbers 7 to 11 are attention, of which 10 is not recognised as such. */
Test(decode, specs_of_all_kinds, .timeout = 120) {
    for (size_t i = 0; i < sizeof sound / sizeof sound[0]; i++)
        expect_decoded(arena_printf(test_arena(), "spec %d", (int)i), lower_text(sound[i], NULL),
                       i >= 7 && i <= 11 && i != 10);
}

/* --- what cannot be decoded --- */

typedef struct Refusal {
    const char *spec;
    int line; /* of the spec, after BEGINNING; 0: it is in there */
    const char *text;
} Refusal;

static const Refusal refusals[] = {
    {SPEC("  x = x + attend(x, scores(x))\n"), 0,
     "this attention looks at positions along 'm' that are not drawn yet"},
    {SPEC("  x = x + mean[n](mlp(x))\n"), 1,
     "this reduction over [n] takes in positions that are not drawn yet"},
    {SPEC("  x = mlp(x)\n  x = x + max[m](rename(x, n -> m))\n"), 2,
     "this reduction over [m] takes in positions that are not drawn yet"},
    {SPEC("  x = x + attend(x, where(index[m] >= index[n], scores(x), -inf))\n"), 0,
     "this attention looks at positions along 'm' that are not drawn yet"},
    {SPEC("  x = x + attend(x, where(index[m] <= index[n] + 1, scores(x), -inf))\n"), 2,
     "this depends on the token of the very position that is to be drawn"},
    {SPEC("  x = x + attend(x, where(index[m] <= index[n], 0, -inf) + exp(scores(x)))\n"), 0,
     "this attention looks at positions along 'm' that are not drawn yet"},
    {SPEC("  x = x + wte[v = tokens]\n"), 2,
     "this depends on the token of the very position that is to be drawn"},
    {SPEC("  x = x + sum[n](x * relative)[m = 0]\n"), 1, "not drawn yet"},
};

static uint32_t lines_of(const char *text) {
    uint32_t lines = 1;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

Test(decode, what_cannot_be_decoded_is_refused_with_its_place) {
    const uint32_t before = lines_of(BEGINNING) - 1;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const Refusal *wanted = &refusals[i];
        Lowered lowered = lower_text(wanted->spec, NULL);
        DecodeFault fault;
        cr_assert_null(derive(&lowered, PRECISION_FP32, &fault), "refusal %d", (int)i);
        cr_expect(strstr(fault.text, wanted->text), "refusal %d: %s", (int)i, fault.text);
        cr_assert(fault.place.file, "refusal %d: %s", (int)i, fault.text);
        const uint32_t line = fault.place.line;
        cr_expect(wanted->line ? line == before + (uint32_t)wanted->line : line <= before,
                  "refusal %d: line %u of %u + %d: %s", (int)i, line, before, wanted->line,
                  fault.text);
        lowered_free(&lowered);
    }
}

Test(decode, the_models_bert_is_refused_with_its_line) {
    Lowered lowered = model("igpt-s.scan", "bert");
    DecodeFault fault;
    cr_assert_null(derive(&lowered, PRECISION_FP32, &fault));
    cr_expect_str_eq(fault.text,
                     "this attention looks at positions along 'm' that are not drawn yet");
    cr_expect(fault.place.file && strstr(fault.place.file, "igpt.scan") && fault.place.line == 38,
              "%s:%u", fault.place.file, fault.place.line);
    lowered_free(&lowered);
}

/* --- caches in bf16 --- */

Test(decode, caches_of_attention_are_bf16) {
    Lowered lowered = model("igpt-s.scan", "ar");
    DecodeFault fault;
    const Module *module = derive(&lowered, PRECISION_BF16, &fault);
    cr_assert(module, "%s", fault.text);
    for (uint32_t k = 0; k < module->function_count; k++) {
        const Function *function = module->functions[k];
        for (uint32_t i = 0; i < function->output_count; i++)
            if (strncmp(function->outputs[i].name, "cache.", 6) == 0)
                cr_expect_eq(graph_node(function, function->outputs[i].node)->dtype, DTYPE_BF16,
                             "%s", function->outputs[i].name);
    }
    lowered_free(&lowered);
}
