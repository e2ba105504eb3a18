/* Calls of external functions through the passes: gradients against differences, equal calls are
 * one, each pass keeps the values, and in the end each call is a kernel of its own whose sources
 * lie as the library takes them. */
#include "ir/external.h"
#include "ir/text_print.h"
#include "ir/verify.h"
#include "passes/autodiff.h"
#include "passes/check.h"
#include "passes/passes.h"
#include "tests/unit/passes_support.h"

#include <criterion/criterion.h>
#include <math.h>

#define SQUASH                                                                                     \
    "extern @squash = \"squash\" (x: f32[n, d], w: f32[d], s: f32, k: i32) -> f32[n] from \"l\" "  \
    "grad \"squash_grad\"\n"
#define WITHOUT                                                                                    \
    "extern @squash = \"squash\" (x: f32[n, d], w: f32[d], s: f32, k: i32) -> f32[n] from \"l\"\n"
#define SOURCES                                                                                    \
    "func @f { axis b = 3, h = 2, n = 4, d = 2\n"                                                  \
    " %0: f32[h, d, b, n] = param \"x\" %1: f32[d] = param \"w\" %2: f32[h] = param \"s\"\n"       \
    " %3: i32[b] = input \"k\"\n"

/* result[n] = sum over d of tanh(x[n, d] * w[d] * s) * (k + n), and its gradient; `user`: a factor
 * of gradients, 1 where they are right. */
static bool call_squash(void *user, const InterpretCall *call, InterpretError *error) {
    const int64_t n = call->extents[0], d = call->extents[1];
    const double *x = call->arguments[0], *w = call->arguments[1];
    const double s = call->arguments[2][0], k = call->arguments[3][0];
    double *const *results = call->results;
    (void)error;
    for (int64_t j = 0; call->is_gradient && j < d; j++)
        results[1][j] = 0;
    if (call->is_gradient)
        results[2][0] = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!call->is_gradient)
            results[0][i] = 0;
        for (int64_t j = 0; j < d; j++) {
            const double inner = x[i * d + j] * w[j] * s, factor = k + (double)i;
            if (!call->is_gradient) {
                results[0][i] += tanh(inner) * factor;
                continue;
            }
            const double slope = call->arguments[4][i] * factor * (1 - tanh(inner) * tanh(inner)) *
                                 *(const double *)user;
            results[0][i * d + j] = slope * w[j] * s;
            results[1][j] += slope * x[i * d + j] * s;
            results[2][0] += slope * x[i * d + j] * w[j];
        }
    }
    return true;
}

static const double right = 1, wrong = 1.01;
static const InterpretCaller caller = {call_squash, (void *)&right};
static const InterpretCaller wrong_caller = {call_squash, (void *)&wrong};

enum { X_COUNT = 2 * 2 * 3 * 4 };
static double x[X_COUNT], w[2] = {0.5, -0.75}, s[2] = {1.25, 0.5}, k[3] = {1, 2, 3};
static const InterpretBinding bindings[] = {
    {"x", x, X_COUNT}, {"w", w, 2}, {"s", s, 2}, {"k", k, 3}};

static void prepare(void) {
    Draws draws = {1};
    for (int i = 0; i < X_COUNT; i++)
        x[i] = draw_between(&draws, -1, 1);
}

TestSuite(passes_call, .init = prepare);

static const char *const losses[] = {
    /* weights and scalars are shared by images, and the gradient of the result has all axes */
    SQUASH SOURCES
    " %4: f32[h, b, n] = call @squash %0, %1, %2, %3\n"
    " %5: f32[h, b, n] = mul %4, %4 %6: f32[b] = sum[h, n] %5 output \"loss\" = %6 }",
    /* the gradient of the result is the same for all */
    SQUASH SOURCES " %4: f32[h, b, n] = call @squash %0, %1, %2, %3\n"
                   " %5: f32[b] = sum[h, n] %4 output \"loss\" = %5 }",
    /* twice, the second of what the first gives, in another order and under another name */
    SQUASH "func @f { axis b = 3, h = 2, n = 4, d = 2, m = 4, e = 2\n"
           " %0: f32[h, d, b, n] = param \"x\" %1: f32[d] = param \"w\" %2: f32[h] = param \"s\"\n"
           " %3: i32[b] = input \"k\" %4: f32[h, b, n] = call @squash %0, %1, %2, %3\n"
           " %5: f32[h, d, b, n] = mul %0, %4 %6: f32[h, b, n] = call @squash %5, %1, %2, %3\n"
           " %7: f32[b] = sum[h, n] %6 output \"loss\" = %7 }",
};
enum { LOSSES = sizeof losses / sizeof *losses };

static GradientReport compare(const Function *forward, const InterpretCaller *by) {
    const GradientCalls calls = {by, GRADIENT_STEP, GRADIENT_ROUNDING};
    return gradient_compare_calling(forward, function_find_axis(forward, "b"), bindings, 4,
                                    gradient_rules, &calls, 1);
}

Test(passes_call, gradients_are_those_of_the_library) {
    for (int i = 0; i < LOSSES; i++) {
        Arena *arena = test_arena();
        const GradientReport report = compare(parse_function(arena, losses[i]), &caller);
        cr_expect_gt(report.compared, 0);
        cr_expect_leq(report.worst, 1e-7, "%d: off by %g at %s", i, report.worst, report.where);
        arena_destroy(arena);
    }
}

Test(passes_call, a_wrong_gradient_is_noticed) {
    for (int i = 0; i < LOSSES; i++) {
        Arena *arena = test_arena();
        const GradientReport report = compare(parse_function(arena, losses[i]), &wrong_caller);
        cr_expect_gt(report.worst, 1e-4, "%d", i);
        arena_destroy(arena);
    }
}

/* As behind stop_gradient: what else the parameter does counts. */
Test(passes_call, a_library_without_a_gradient_gives_none) {
    Arena *arena = test_arena();
    const Function *forward = parse_function(
        arena, WITHOUT SOURCES " %4: f32[h, b, n] = call @squash %0, %1, %2, %3\n"
                               " %5: f32[h, b, n] = mul %4, %2 %6: f32[b] = sum[h, n] %5\n"
                               " output \"loss\" = %6 }");
    const AxisId batch = function_find_axis(forward, "b");
    const Function *gradient = autodiff_with_rules(forward, "grad", batch, gradient_rules);
    cr_expect_eq(count_ops(gradient, OP_CALL_GRAD), 0);
    cr_expect_eq(graph_node(gradient, function_find_output(gradient, "grad:s"))->axes.count, 1);
    arena_destroy(arena);
}

Test(passes_call, equal_calls_are_one) {
    Arena *arena = test_arena();
    const Function *function =
        parse_function(arena, SQUASH SOURCES
                       " %4: f32[h, b, n] = call @squash %0, %1, %2, %3\n"
                       " %5: f32[h, b, n] = call @squash %0, %1, %2, %3\n"
                       " %6: f32[] = const 2 %7: f32[h, b, n] = mul %4, %5\n"
                       " %8: f32[] = mul %6, %6 %9: f32[h, b, n] = call @squash %0, %1, %8, %3\n"
                       " %10: f32[h, b, n] = add %7, %9 output \"y\" = %10 }");
    cr_expect_eq(count_ops(function, OP_CALL), 3);
    cr_expect_eq(count_ops(pass_simplify(function, NULL), OP_CALL), 2);
    arena_destroy(arena);
}

/* --- all passes --- */

static Function *run(PassFunction *pass, const Function *function, PassContext *context) {
    Function *after = pass(function, context);
    const char *fault = verify_function(after, after->arena);
    if (!fault)
        fault = check_same_values_calling(function, after, &caller, after->arena);
    cr_assert(!fault, "%s of\n%s", fault, text_print_function(function, function->arena));
    return after;
}

static void expect_ordered(const Function *function) {
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        for (uint32_t i = 0; node->attributes.external && i < node->source_count; i++) {
            const Axes order = external_source_order(function, node, i);
            cr_expect(axes_equal(&order, &graph_node(function, node->sources[i])->axes));
        }
    }
}

/* Whether a kernel is a call, and that it is nothing else then. */
static bool is_call(const Function *body) {
    if (!count_ops(body, OP_CALL) && !count_ops(body, OP_CALL_GRAD))
        return false;
    cr_expect_eq(count_ops(body, OP_CALL) + count_ops(body, OP_CALL_GRAD), 1);
    cr_expect_eq(body->node_count, count_ops(body, OP_INPUT) + count_ops(body, OP_RESULT) + 1);
    expect_ordered(body);
    return true;
}

Test(passes_call, every_pass_keeps_the_values_and_calls_are_kernels) {
    for (int i = 0; i < LOSSES; i++) {
        Arena *arena = test_arena();
        PassContext context = {.precision = PRECISION_BF16_EMULATED};
        const Function *forward = parse_function(arena, losses[i]);
        const AxisId batch = function_find_axis(forward, "b");
        const Function *function = autodiff_with_rules(forward, "grad", batch, gradient_rules);
        const uint32_t calls = count_ops(function, OP_CALL) + count_ops(function, OP_CALL_GRAD);
        function = run(pass_simplify, function, &context);
        function = run(pass_lower, function, &context);
        function = run(pass_cleanup, function, &context);
        function = run(pass_precision, function, &context);
        function = run(pass_layout, function, &context);
        expect_ordered(function);
        const Function *fused = run(pass_fuse, function, &context);
        uint32_t kernels = 0;
        for (NodeId id = 0; id < fused->node_count; id++)
            if (graph_node(fused, id)->op == OP_KERNEL)
                kernels += is_call(graph_node(fused, id)->attributes.body);
        cr_expect_eq(kernels, calls, "%d: %u kernels of %u calls", i, kernels, calls);
        arena_destroy(arena);
    }
}
