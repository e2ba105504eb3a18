/* examples/custom-op: its spec with its library. The gradients that the library gives are those
 * that differences give, through the interpreter. The library rounds to f32, so steps are large and
 * what it computes must be smooth enough for them: away from the corner of leak. */
#include "frontend/lower.h"
#include "passes/autodiff.h"
#include "passes/interpret_calls.h"
#include "passes/passes.h"
#include "tests/unit/passes_support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const settings[] = {"n=9",           "v=5",
                                       "d=4",           "reach=3",
                                       "train.batch=4", "train.chunks=2",
                                       "h=2",           "train.objective=direct"};
enum { SETTINGS = sizeof settings / sizeof *settings };

/* The forward function of a spec, lowered for these small dims. */
static const Function *lower(Arena *arena, const char *path) {
    static const char *const directories[] = {SCANLINE_SOURCE_DIR "/models"};
    Sources *sources = sources_create(arena, NULL, 0);
    Diagnostics *diagnostics = diagnostics_create(arena, sources);
    const SpecOptions options = {directories, 1, settings, SETTINGS};
    Experiment experiment;
    const Spec *spec = spec_load(arena, sources, path, &options, diagnostics);
    const Module *module =
        spec ? lower_experiment(arena, spec, NULL, &experiment, diagnostics) : NULL;
    cr_assert(module, "%s", diagnostics_text(diagnostics, false));
    return module_function(module, "forward");
}

/* Parameters in (0.2, 1), so that leak has inputs of one sign; or negative, for the other branch.
 */
static InterpretBinding *draw_bindings(const Function *forward, double sign, size_t *count) {
    InterpretBinding *bindings = arena_array(forward->arena, forward->node_count, sizeof *bindings);
    Draws draws = {7};
    *count = 0;
    for (NodeId id = 0; id < forward->node_count; id++) {
        const Node *node = graph_node(forward, id);
        if (node->op != OP_PARAM && node->op != OP_INPUT)
            continue;
        const int64_t elements = graph_elements(forward, node);
        double *values = arena_array(forward->arena, (size_t)elements, sizeof *values);
        for (int64_t i = 0; i < elements; i++)
            values[i] = node->dtype == DTYPE_I32 ? (double)draw_below(&draws, 3)
                                                 : sign * draw_between(&draws, 0.2, 1);
        bindings[(*count)++] = (InterpretBinding){node->attributes.name, values, elements};
    }
    return bindings;
}

static GradientReport compare(double sign) {
    Arena *arena = test_arena();
    const Function *forward = lower(arena, CUSTOM_SPEC);
    cr_assert_eq(count_ops(forward, OP_CALL), 2);
    size_t count;
    const InterpretBinding *bindings = draw_bindings(forward, sign, &count);
    InterpretCalls *calls = interpret_calls_begin(arena);
    const GradientCalls by = {interpret_calls_caller(calls), 1e-2, 1e-5};
    const GradientReport report = gradient_compare_calling(
        forward, function_find_axis(forward, "b"), bindings, count, gradient_rules, &by, 3);
    interpret_calls_end(calls);
    arena_destroy(arena);
    return report;
}

Test(custom_op, gradients_are_those_of_differences) {
    for (int sign = -1; sign <= 1; sign += 2) {
        const GradientReport report = compare(sign);
        cr_expect_eq(report.compared, 18); /* three parameters, along six directions each */
        cr_expect_lt(report.worst, 1e-3, "off by %g at %s", report.worst, report.where);
    }
}
