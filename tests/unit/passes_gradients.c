/* Every op's gradient rule against central differences in double precision, over the samples of
 * ir/ops.def; and the proof that a wrong rule is found. */
#include "ir/build.h"
#include "ir/text_print.h"
#include "ir/verify.h"
#include "passes/autodiff.h"
#include "passes/check.h"
#include "passes/rewrite.h"
#include "tests/unit/op_samples.h"
#include "tests/unit/passes_random.h"
#include "tests/unit/passes_support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static const double tolerance = 2e-7;

typedef struct Case {
    Function *forward; /* output "loss" */
    AxisId batch;
    InterpretBinding bindings[OP_SAMPLE_MAX_BINDINGS + 2];
    size_t count;
} Case;

/* Adds sum(y * w), with random w, to the loss; of a y that is -inf somewhere, the rest. */
static NodeId add_term(Case *test, NodeId loss, NodeId y, Draws *draws) {
    Function *function = test->forward;
    const Axes axes = graph_node(function, y)->axes;
    const int64_t count = graph_elements(function, graph_node(function, y));
    double *values = arena_array(function->arena, (size_t)count, sizeof *values);
    for (int64_t i = 0; i < count; i++)
        values[i] = draw_between(draws, -1, 1);
    const char *name = arena_printf(function->arena, "w.%u", y);
    test->bindings[test->count++] = (InterpretBinding){name, values, count};
    const NodeId is_infinite =
        build_binary(function, OP_EQUAL, y, build_const(function, DTYPE_F32, -INFINITY));
    const NodeId finite =
        build_select(function, is_infinite, build_const(function, DTYPE_F32, 0), y);
    const NodeId product =
        build_binary(function, OP_MUL, finite, build_input(function, name, DTYPE_F32, &axes));
    const NodeId term = build_along(function, OP_SUM, product, &axes);
    return loss == NODE_NONE ? term : build_binary(function, OP_ADD, loss, term);
}

/* A loss from the sample's first `results` outputs; false if none depends on a param. */
static bool make_case(Case *test, const OpSample *sample, uint32_t results, Draws *draws) {
    Rewrite rewrite = rewrite_begin(sample->function, "loss");
    for (NodeId id = 0; id < sample->function->node_count; id++)
        rewrite_copy(&rewrite, id);
    *test = (Case){.forward = rewrite.to, .count = sample->binding_count};
    memcpy(test->bindings, sample->bindings, sizeof sample->bindings);
    const bool *needed = autodiff_needed(sample->function);
    NodeId loss = NODE_NONE;
    for (uint32_t i = 0; i < sample->function->output_count && i < results; i++)
        if (needed[sample->function->outputs[i].node])
            loss = add_term(test, loss, rewrite.map[sample->function->outputs[i].node], draws);
    if (loss == NODE_NONE)
        return false;
    test->batch = function_axis(rewrite.to, "image", 2);
    function_output(rewrite.to, "loss", loss, NULL);
    return true;
}

/* The worst over all samples of the op. */
static GradientReport compare_op(OpCode op, uint32_t results, GradientRule *const rules[OP_COUNT]) {
    GradientReport worst = {0};
    for (uint64_t seed = 0; seed < OP_SAMPLE_SEEDS; seed++) {
        Arena *arena = test_arena();
        OpSample sample;
        Case test;
        Draws draws = {seed};
        if (op_sample(op, seed, arena, &sample) && make_case(&test, &sample, results, &draws)) {
            const GradientReport report =
                gradient_compare(test.forward, test.batch, test.bindings, test.count, rules, seed);
            const uint32_t compared = worst.compared + report.compared;
            if (report.worst >= worst.worst)
                worst = report;
            worst.compared = compared;
        }
        arena_destroy(arena);
    }
    return worst;
}

/* Calls are compared in passes_call.c. */
static bool has_samples(OpCode op) {
    return gradient_rules[op] != gradient_none && op != OP_RESULT && op != OP_CALL;
}

Test(passes_gradients, every_op, .timeout = 300) {
    for (int op = 0; op < OP_COUNT; op++) {
        if (!has_samples((OpCode)op))
            continue;
        const GradientReport report = compare_op((OpCode)op, 1, gradient_rules);
        cr_expect_gt(report.compared, 0, "%s: nothing was compared", op_table[op].name);
        cr_expect_leq(report.worst, tolerance, "%s: off by %g at %s", op_table[op].name,
                      report.worst, report.where);
    }
}

/* With the gradient of the log-sum-exp too, which primitives give. */
Test(passes_gradients, both_results_of_attention, .timeout = 300) {
    const GradientReport report = compare_op(OP_ATTENTION, 2, gradient_rules);
    cr_expect_gt(report.compared, 0);
    cr_expect_leq(report.worst, tolerance, "off by %g at %s", report.worst, report.where);
}

/* A rule that is off by one per cent. */
static void broken_rule(Backward *backward, NodeId y, NodeId dy) {
    Function *function = backward->function;
    dy = build_binary(function, OP_MUL, dy, build_const(function, DTYPE_F32, 1.01));
    gradient_rules[graph_node(function, y)->op](backward, y, dy);
}

/* A rule that forgets its sources. */
static void empty_rule(Backward *backward, NodeId y, NodeId dy) {
    (void)backward;
    (void)y;
    (void)dy;
}

static void expect_found(GradientRule *rule) {
    for (int op = 0; op < OP_COUNT; op++) {
        if (!has_samples((OpCode)op))
            continue;
        GradientRule *rules[OP_COUNT];
        memcpy(rules, gradient_rules, sizeof rules);
        rules[op] = rule;
        const GradientReport report = compare_op((OpCode)op, 1, rules);
        cr_expect_gt(report.worst, 1000 * tolerance, "%s: a wrong rule goes unnoticed",
                     op_table[op].name);
    }
}

Test(passes_gradients, a_wrong_rule_is_found, .timeout = 300) {
    expect_found(broken_rule);
    expect_found(empty_rule);
}

Test(passes_gradients, params_beyond_reach_have_zeros) {
    Arena *arena = test_arena();
    Function *forward = function_create(arena, "forward");
    const AxisId b = function_axis(forward, "b", 2), n = function_axis(forward, "n", 3);
    const AxisId d = function_axis(forward, "d", 2);
    const Axes nd = axes_of((AxisId[]){n, d}, 2), all_n = axes_of(&n, 1);
    const NodeId used = build_param(forward, "used", DTYPE_F32, &all_n);
    const NodeId idle = build_param(forward, "idle", DTYPE_F32, &nd);
    const NodeId stopped = build_unary(forward, OP_STOP_GRADIENT, idle);
    const NodeId rest = build_along(forward, OP_SUM, stopped, &nd);
    const NodeId sum = build_along(forward, OP_SUM, used, &all_n);
    function_output(forward, "loss", build_binary(forward, OP_ADD, sum, rest), NULL);
    const Function *gradient = function_gradient(forward, "grad", b, NULL);
    cr_assert(!verify_function(gradient, arena));
    static const double weight[] = {0.5, 0.25}, of_used[] = {1, 2, 3},
                        of_idle[] = {1, 2, 3, 4, 5, 6};
    const InterpretBinding bindings[] = {
        {"$weight", weight, 2}, {"used", of_used, 3}, {"idle", of_idle, 6}};
    InterpretError error;
    double **outputs = interpret(gradient, bindings, 3, arena, &error);
    cr_assert(outputs, "%s", error.text);
    cr_assert_eq(gradient->output_count, 3);
    cr_assert_str_eq(gradient->outputs[1].name, "grad:used");
    cr_assert_str_eq(gradient->outputs[2].name, "grad:idle");
    for (int i = 0; i < 3; i++)
        cr_assert_float_eq(outputs[1][i], 0.75, 1e-12);
    for (int i = 0; i < 6; i++)
        cr_assert_eq(outputs[2][i], 0);
    arena_destroy(arena);
}

/* How a layer's gradient reads: each contraction gives two, in the order of what it is the gradient
 * of. */
Test(passes_gradients, of_a_layer_as_text) {
    Arena *arena = test_arena();
    const Function *forward =
        parse_function(arena, "func @f { axis b = 2, n = 3, d = 4, f = 5\n"
                              "%0: f32[b, n, d] = input \"x\" %1: f32[d, f] = param \"w\" "
                              "%2: f32[f] = param \"bias\" %3: f32[b, n, f] = contract[d] %0, %1 "
                              "%4: f32[b, n, f] = add %3, %2 %5: f32[b, n, f] = exp %4 "
                              "%6: f32[b] = sum[n, f] %5 output \"loss\" = %6 }");
    const AxisId b = function_find_axis(forward, "b");
    const Function *gradient = pass_cleanup(function_gradient(forward, "grad", b, NULL), NULL);
    const Function *expected = parse_function(
        arena, "func @grad { axis b = 2, n = 3, d = 4, f = 5\n"
               "%0: f32[b, n, d] = input \"x\" %1: f32[d, f] = param \"w\" "
               "%2: f32[f] = param \"bias\" %3: f32[b, n, f] = contract[d] %0, %1 "
               "%4: f32[b, n, f] = add %3, %2 %5: f32[b, n, f] = exp %4 "
               "%6: f32[b] = sum[n, f] %5 %7: f32[b] = input \"$weight\" %8: f32[b] = mul %6, %7 "
               "%9: f32[] = sum[b] %8 %10: f32[b, n, f] = mul %7, %5 %11: f32[f] = sum[b, n] %10 "
               "%12: f32[d, f] = contract[b, n] %10, %0 "
               "output \"loss\" = %9 output \"grad:w\" = %12 output \"grad:bias\" = %11 }");
    cr_expect_str_eq(text_print_function(gradient, arena), text_print_function(expected, arena));
    arena_destroy(arena);
}

/* Params in [-1, 1): what random_loss is made for. */
static size_t draw_params(const Function *function, InterpretBinding *bindings, Draws *draws) {
    size_t count = 0;
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        if (node->op != OP_PARAM)
            continue;
        const int64_t elements = graph_elements(function, node);
        double *values = arena_array(function->arena, (size_t)elements, sizeof *values);
        for (int64_t i = 0; i < elements; i++)
            values[i] = draw_between(draws, -1, 1);
        bindings[count++] = (InterpretBinding){node->attributes.name, values, elements};
    }
    return count;
}

/* Random graphs hold what samples do not: nodes of many uses, gradients that lack axes. */
Test(passes_gradients, of_random_graphs_against_differences, .timeout = 120) {
    uint32_t compared = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        Arena *arena = test_arena();
        const Function *loss = random_loss(arena, seed);
        InterpretBinding bindings[16];
        Draws draws = {seed};
        const size_t count = draw_params(loss, bindings, &draws);
        const GradientReport report = gradient_compare(loss, function_find_axis(loss, "b"),
                                                       bindings, count, gradient_rules, seed);
        cr_expect_leq(report.worst, 1e-6, "seed %llu: off by %g at %s", (unsigned long long)seed,
                      report.worst, report.where);
        compared += report.compared;
        arena_destroy(arena);
    }
    cr_expect_eq(compared, 100 * 6 * 6);
}

/* Random graphs: the gradient of what simplify and the recognition of attention make of them is
 * that of the graph itself. */
Test(passes_gradients, of_random_graphs, .timeout = 120) {
    for (uint64_t seed = 0; seed < 60; seed++) {
        Arena *arena = test_arena();
        const Function *loss = random_loss(arena, seed);
        const AxisId b = function_find_axis(loss, "b");
        const Function *plain = function_gradient(loss, "grad", b, NULL);
        const Function *simple = pass_attention(pass_simplify(loss, NULL), NULL);
        simple = pass_cleanup(pass_lower(function_gradient(simple, "grad", b, NULL), NULL), NULL);
        const char *fault = verify_function(simple, arena);
        cr_expect(!fault, "seed %llu: %s", (unsigned long long)seed, fault);
        for (uint32_t i = 0; i < simple->output_count; i++) {
            const char *const names[] = {simple->outputs[i].name};
            fault = check_same_values(function_select(plain, "plain", names, 1),
                                      function_select(simple, "simple", names, 1), arena);
            cr_expect(!fault, "seed %llu: %s", (unsigned long long)seed, fault);
        }
        arena_destroy(arena);
    }
}

/* A kernel is differentiated as what it is made of. */
Test(passes_gradients, through_a_kernel) {
    Arena *arena = test_arena();
    const Function *forward = parse_function(
        arena, "body @inner { axis n = 3\n"
               "%0: f32[n] = input \"a\" %1: f32[n] = exp %0 output \"y\" = %1 }\n"
               "body @outer { axis n = 3\n"
               "%0: f32[n] = input \"a\" %1: f32[n] = tanh %0 %2 = kernel @inner %1 "
               "%3: f32[n] = result[0] %2 %4: f32[n] = mul %3, %0 output \"y\" = %4 "
               "output \"z\" = %1 }\n"
               "func @f { axis b = 2, n = 3\n"
               "%0: f32[n] = param \"w\" %1 = kernel @outer %0 %2: f32[n] = result[0] %1 "
               "%3: f32[n] = result[1] %1 %4: f32[n] = add %2, %3 %5: f32[] = sum[n] %4 "
               "output \"loss\" = %5 }");
    static const double w[] = {0.3, -0.7, 1.1};
    const InterpretBinding bindings[] = {{"w", w, 3}};
    const GradientReport report =
        gradient_compare(forward, function_find_axis(forward, "b"), bindings, 1, gradient_rules, 1);
    cr_expect_eq(report.compared, 6);
    cr_expect_leq(report.worst, tolerance, "off by %g at %s", report.worst, report.where);
    arena_destroy(arena);
}
