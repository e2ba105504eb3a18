/* Attention is recognised in its many forms, keeps its values and its gradient, and is left alone
 * where it must be. */
#include "ir/verify.h"
#include "passes/attention.h"
#include "passes/autodiff.h"
#include "passes/check.h"
#include "passes/passes.h"
#include "tests/unit/passes_models.h"
#include "tests/unit/passes_support.h"

#include <criterion/criterion.h>
#include <string.h>

typedef struct Warnings {
    int count;
    char last[256];
} Warnings;

static void keep_warning(void *user, const SpanSet *spans, const char *text) {
    (void)spans;
    Warnings *warnings = user;
    warnings->count++;
    strncpy(warnings->last, text, sizeof warnings->last - 1);
}

static const Function *recognise(const Function *forward, Warnings *warnings) {
    PassContext context = {.warn = keep_warning, .user = warnings};
    return attention_recognise(pass_simplify(forward, &context), &context);
}

static const Node *find_op(const Function *function, OpCode op, uint32_t which) {
    for (NodeId id = 0; id < function->node_count; id++)
        if (graph_node(function, id)->op == op && which-- == 0)
            return graph_node(function, id);
    return NULL;
}

/* What is expected of each kind of score: its extras, and the ops in its body. */
static const struct {
    bool found;
    uint32_t extras, selects, comparisons, inner;
} expected[SCORE_KINDS] = {
    [SCORE_CAUSAL] = {true, 0, 1, 1, 0},     [SCORE_PLAIN] = {true, 0, 0, 0, 0},
    [SCORE_UNSCALED] = {true, 0, 0, 0, 0},   [SCORE_TRUE_MASK] = {true, 0, 0, 0, 0},
    [SCORE_WINDOW] = {true, 0, 1, 2, 1},     [SCORE_STRICT] = {true, 0, 1, 1, 0},
    [SCORE_ALIBI] = {true, 1, 1, 1, 0},      [SCORE_INPUT_MASK] = {true, 1, 1, 0, 0},
    [SCORE_LEARNED_BIAS] = {.found = false}, [SCORE_CENTRED] = {.found = false},
};

static void expect_found(const Function *after, int kind, int layers) {
    const Node *attention = find_op(after, OP_ATTENTION, 0);
    const Function *body = attention->attributes.body;
    cr_expect_eq(count_ops(after, OP_ATTENTION), (uint32_t)layers, "score %d", kind);
    cr_expect_eq(count_ops(after, OP_SOFTMAX), 0, "score %d", kind);
    cr_expect_eq(attention->source_count, 3 + expected[kind].extras, "score %d", kind);
    cr_expect_eq(count_ops(body, OP_SELECT), expected[kind].selects, "score %d", kind);
    cr_expect_eq(count_ops(body, OP_LESS) + count_ops(body, OP_LESS_EQUAL),
                 expected[kind].comparisons, "score %d", kind);
    cr_expect_eq(count_ops(body, OP_AND), expected[kind].inner, "score %d", kind);
    cr_expect_eq(count_ops(body, OP_POW), 0, "the slope is computed outside");
    for (int i = 1; i < layers; i++)
        cr_expect_eq(find_op(after, OP_ATTENTION, (uint32_t)i)->attributes.body, body,
                     "layers share their body");
}

Test(passes_attention, forms_of_the_score) {
    for (int kind = 0; kind < SCORE_KINDS; kind++) {
        Arena *arena = test_arena();
        const ModelOptions options = {.score = (ModelScore)kind, .layers = 2};
        const Model model = model_build(arena, &options);
        Warnings warnings = {0};
        const Function *after = recognise(model.forward, &warnings);
        const char *fault = verify_function(after, arena);
        cr_assert(!fault, "%s", fault);
        fault = check_same_values(model.forward, after, arena);
        cr_assert(!fault, "%s", fault);
        cr_expect_eq(warnings.count, expected[kind].found ? 0 : 2, "score %d: %s", kind,
                     warnings.last);
        if (expected[kind].found)
            expect_found(after, kind, 2);
        else
            cr_expect_eq(count_ops(after, OP_ATTENTION), 0, "score %d", kind);
        arena_destroy(arena);
    }
}

Test(passes_attention, weights_that_are_read_elsewhere) {
    Arena *arena = test_arena();
    const ModelOptions options = {.layers = 1, .tap_weights = true};
    Warnings warnings = {0};
    const Function *after = recognise(model_build(arena, &options).forward, &warnings);
    cr_expect_eq(count_ops(after, OP_ATTENTION), 0);
    cr_expect_eq(warnings.count, 1);
    cr_expect(strstr(warnings.last, "read elsewhere"), "%s", warnings.last);
    arena_destroy(arena);
}

/* Softmax in other places: of no product, along an axis that the contraction keeps, of one query.
 */
static const char *const others[] = {
    "%0: f32[n, m] = param \"mix\" %1: f32[b, m, d] = input \"x\" %2: f32[n, m] = softmax[m] %0 "
    "%3: f32[b, n, d] = contract[m] %2, %1 output \"y\" = %3",
    "%0: f32[b, n, d] = input \"q\" %1: f32[b, m, d] = input \"k\" "
    "%2: f32[b, n, m] = contract[d] %0, %1 %3: f32[b, n, m] = softmax[n] %2 "
    "%4: f32[b, n, d] = contract[m] %3, %1 output \"y\" = %4",
    "%0: f32[d] = input \"q\" %1: f32[b, m, d] = input \"k\" %2: f32[b, m] = contract[d] %1, %0 "
    "%3: f32[b, m] = softmax[m] %2 %4: f32[b, d] = contract[m] %3, %1 output \"y\" = %4",
};

Test(passes_attention, what_is_no_attention_is_left_in_silence) {
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        Arena *arena = test_arena();
        const Function *function = parse_function(
            arena,
            arena_printf(arena, "func @f { axis b = 2, n = 3, m = 3, d = 4 %s }", others[i]));
        Warnings warnings = {0};
        const Function *after = recognise(function, &warnings);
        cr_expect_eq(count_ops(after, OP_ATTENTION), 0, "%zu", i);
        cr_expect_eq(warnings.count, 0, "%zu: %s", i, warnings.last);
        cr_expect(!check_same_values(function, after, arena));
        arena_destroy(arena);
    }
}

/* Heads that share key and value; values with an axis e of their own. */
Test(passes_attention, heads_that_share_keys) {
    Arena *arena = test_arena();
    const Function *function = parse_function(
        arena, "func @f { axis b = 2, n = 3, m = 3, h = 2, e = 4, g = 5\n"
               "%0: f32[b, n, h, e] = input \"q\" %1: f32[b, m, e] = input \"k\" "
               "%2: f32[b, m, g] = input \"v\" %3: f32[b, h, n, m] = contract[e] %0, %1 "
               "%4: f32[b, h, n, m] = softmax[m] %3 %5: f32[g, b, h, n] = contract[m] %4, %2 "
               "output \"y\" = %5 }");
    Warnings warnings = {0};
    const Function *after = recognise(function, &warnings);
    cr_expect_eq(count_ops(after, OP_ATTENTION), 1);
    const char *fault = check_same_values(function, after, arena);
    cr_expect(!fault, "%s", fault);
    arena_destroy(arena);
}

/* --- gradients of whole models --- */

static void expect_gradient(const ModelOptions *options, bool recognised) {
    Arena *arena = test_arena();
    const Model model = model_build(arena, options);
    Warnings warnings = {0};
    const Function *forward = recognised ? recognise(model.forward, &warnings) : model.forward;
    const GradientReport report =
        gradient_compare(forward, model.b, model.bindings, model.count, gradient_rules, 3);
    cr_expect_eq(report.compared, 6 * count_ops(model.forward, OP_PARAM));
    cr_expect_lt(report.worst, 2e-7, "score %d, bert %d, recognised %d: off by %g at %s",
                 options->score, options->bert, recognised, report.worst, report.where);
    arena_destroy(arena);
}

Test(passes_attention, gradients_of_models, .timeout = 300) {
    for (int kind = 0; kind < SCORE_KINDS; kind++) {
        const ModelOptions options = {.score = (ModelScore)kind, .layers = 1};
        expect_gradient(&options, true);
        expect_gradient(&options, false);
    }
    const ModelOptions deep = {.score = SCORE_CAUSAL, .layers = 3};
    expect_gradient(&deep, true);
    const ModelOptions bert = {.score = SCORE_TRUE_MASK, .layers = 2, .bert = true};
    expect_gradient(&bert, true);
    expect_gradient(&bert, false);
}

/* What the op is for: nothing in the gradient has a row for each pair of positions. */
Test(passes_attention, no_matrix_of_scores_is_left) {
    Arena *arena = test_arena();
    const ModelOptions options = {.score = SCORE_ALIBI, .layers = 2};
    const Model model = model_build(arena, &options);
    Warnings warnings = {0};
    const Function *forward = recognise(model.forward, &warnings);
    const Function *gradient = function_gradient(forward, "grad", model.b, NULL);
    gradient = pass_cleanup(pass_lower(pass_cleanup(gradient, NULL), NULL), NULL);
    cr_expect_eq(count_ops(gradient, OP_ATTENTION_GRAD), 2);
    cr_expect_eq(count_ops(gradient, OP_SOFTMAX) + count_ops(gradient, OP_CROSS_ENTROPY), 0);
    for (NodeId id = 0; id < gradient->node_count; id++) {
        const Axes *axes = &graph_node(gradient, id)->axes;
        cr_expect(!axes_has(axes, model.n) || !axes_has(axes, model.m), "node %u", id);
    }
    arena_destroy(arena);
}

/* --- the derivative of a body alone --- */

Test(passes_attention, derivative_of_a_body) {
    Arena *arena = test_arena();
    const ModelOptions options = {.score = SCORE_ALIBI, .layers = 1};
    const Model model = model_build(arena, &options);
    Warnings warnings = {0};
    const Function *forward = recognise(model.forward, &warnings);
    const Function *body = find_op(forward, OP_ATTENTION, 0)->attributes.body;
    const Function *derivative = autodiff_score_body(body);
    cr_assert(!verify_function(derivative, arena));
    cr_assert_eq(derivative->output_count, 1);
    const Node *score = graph_node(body, function_find_binding(body, "score"));
    const int64_t count = graph_elements(body, score);
    double *ones = arena_array(arena, (size_t)count, sizeof *ones);
    for (int64_t i = 0; i < count; i++)
        ones[i] = 1;
    const double slopes[] = {0.5, 0.25};
    const InterpretBinding bindings[] = {
        {"score", ones, count}, {"d_score", ones, count}, {"x0", slopes, 2}};
    InterpretError error;
    double **outputs = interpret(derivative, bindings, 3, arena, &error);
    cr_assert(outputs, "%s", error.text);
    /* 1 / sqrt(3) where m <= n, else 0: 15 of the 25 pairs of each image and head. */
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += outputs[0][i];
    cr_expect_float_eq(sum, (double)count * 15 / 25 / 1.7320508075688772, 1e-9);
    arena_destroy(arena);
}
