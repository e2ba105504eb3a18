/* The model specs, with small dims: every pass keeps the values of every function, all attention is
 * recognised without a warning, and gradients agree with differences. */
#include "frontend/lower.h"
#include "ir/verify.h"
#include "passes/autodiff.h"
#include "passes/check.h"
#include "passes/derive.h"
#include "tests/unit/passes_support.h"

#include <criterion/criterion.h>
#include <math.h>

typedef struct Case {
    const char *file, *objective;
} Case;

static const Case cases[] = {
    {"igpt-s.scan", "ar"}, {"igpt-s.scan", "bert"},           {"igpt-s.scan", "ar.classify"},
    {"gpt2.scan", "ar"},   {"gpt2.scan", "classify"},         {"window.scan", "window"},
    {"digits.scan", "ar"}, {"igpt-xl.scan", "bert.classify"},
};

enum { CASES = sizeof cases / sizeof cases[0], LAYERS = 2 };

static Module *lower_small(Arena *arena, const Case *test, const char **batch) {
    static const char *const small[] = {"n=6",      "v=7", "d=8",           "h=2",
                                        "layers=2", "k=3", "train.batch=3", "train.chunks=1"};
    static const char *const directories[] = {SCANLINE_SOURCE_DIR "/models"};
    const SpecOptions options = {directories, 1, small, sizeof small / sizeof small[0]};
    Sources *sources = sources_create(arena, NULL, 0);
    Diagnostics *diagnostics = diagnostics_create(arena, sources);
    const char *path = arena_printf(arena, "%s/models/%s", SCANLINE_SOURCE_DIR, test->file);
    const Spec *spec = spec_load(arena, sources, path, &options, diagnostics);
    Experiment *experiment = arena_alloc(arena, sizeof *experiment);
    Module *module =
        spec ? lower_experiment(arena, spec, test->objective, experiment, diagnostics) : NULL;
    cr_assert(module, "%s, %s:\n%s", test->file, test->objective,
              diagnostics_text(diagnostics, false));
    *batch = lower_batch_axis(spec);
    return module;
}

static void refuse_warning(void *user, const SpanSet *spans, const char *text) {
    (void)spans;
    const Case *test = user;
    cr_expect(false, "%s, %s: %s", test->file, test->objective, text);
}

static Module *derive_small(Arena *arena, const Case *test) {
    const char *batch;
    const Module *lowered = lower_small(arena, test, &batch);
    PassContext context = {.warn = refuse_warning, .user = (void *)(uintptr_t)test};
    return derive_experiment(lowered, batch, &context);
}

static const Function *expect_same(const Case *test, const Function *before, const char *pass,
                                   const Function *after) {
    const char *fault = verify_function(after, after->arena);
    if (!fault)
        fault = check_same_values(before, after, after->arena);
    cr_expect(!fault, "%s, %s, pass %s of @%s: %s", test->file, test->objective, pass, before->name,
              fault);
    return after;
}

Test(passes_specs, passes_keep_values, .timeout = 300) {
    for (int i = 0; i < CASES; i++) {
        Arena *arena = test_arena();
        const Module *module = derive_small(arena, &cases[i]);
        const char *fault = verify_module(module, arena);
        cr_assert(!fault, "%s: %s", cases[i].file, fault);
        for (uint32_t k = 0; k < module->function_count; k++) {
            const Function *function = module->functions[k];
            function = expect_same(&cases[i], function, "simplify", pass_simplify(function, NULL));
            function =
                expect_same(&cases[i], function, "attention", pass_attention(function, NULL));
            function = expect_same(&cases[i], function, "lower", pass_lower(function, NULL));
            expect_same(&cases[i], function, "cleanup", pass_cleanup(function, NULL));
        }
        arena_destroy(arena);
    }
}

Test(passes_specs, attention_is_recognised) {
    for (int i = 0; i < CASES; i++) {
        Arena *arena = test_arena();
        const Module *module = derive_small(arena, &cases[i]);
        const Function *grad = module_function(module, "grad");
        cr_expect_eq(count_ops(grad, OP_ATTENTION), LAYERS, "%s", cases[i].file);
        cr_expect_eq(count_ops(grad, OP_ATTENTION_GRAD), LAYERS, "%s", cases[i].file);
        cr_expect_eq(count_ops(module_function(module, "eval"), OP_ATTENTION), LAYERS);
        arena_destroy(arena);
    }
}

static InterpretBinding draw_binding(const Function *function, const Node *node, Draws *draws) {
    const int64_t count = graph_elements(function, node);
    double *values = arena_array(function->arena, (size_t)count, sizeof *values);
    for (int64_t i = 0; i < count; i++)
        values[i] = node->dtype == DTYPE_I32 ? (double)draw_below(draws, 3)
                                             : draw_between(draws, -0.8, 0.8);
    return (InterpretBinding){node->attributes.name, values, count};
}

static void expect_gradient(const Case *test) {
    Arena *arena = test_arena();
    const char *batch;
    const Module *lowered = lower_small(arena, test, &batch);
    const Function *forward = module_function(lowered, "forward");
    const Function *simple = pass_attention(pass_simplify(forward, NULL), NULL);
    InterpretBinding *bindings = arena_array(arena, forward->node_count, sizeof *bindings);
    size_t count = 0;
    Draws draws = {11};
    for (NodeId id = 0; id < forward->node_count; id++) {
        const Node *node = graph_node(forward, id);
        if (node->op == OP_PARAM || node->op == OP_INPUT)
            bindings[count++] = draw_binding(forward, node, &draws);
    }
    const GradientReport report = gradient_compare(simple, function_find_axis(simple, batch),
                                                   bindings, count, gradient_rules, 5);
    cr_expect_gt(report.compared, 6 * 10, "%s", test->file);
    cr_expect_lt(report.worst, 1e-6, "%s, %s: off by %g at %s", test->file, test->objective,
                 report.worst, report.where);
    arena_destroy(arena);
}

Test(passes_specs, gradients, .timeout = 300) {
    for (int i = 0; i < CASES; i++)
        expect_gradient(&cases[i]);
}
