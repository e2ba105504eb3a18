#include "tests/unit/passes_support.h"

#include "ir/text_parse.h"
#include "passes/autodiff.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

Arena *test_arena(void) {
    Arena *arena = arena_create();
    cr_assert(arena);
    return arena;
}

/* SplitMix64. */
static uint64_t draw_word(Draws *draws) {
    uint64_t word = draws->state += UINT64_C(0x9E3779B97F4A7C15);
    word = (word ^ word >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    word = (word ^ word >> 27) * UINT64_C(0x94D049BB133111EB);
    return word ^ word >> 31;
}

uint64_t draw_below(Draws *draws, uint64_t limit) { return draw_word(draws) % limit; }

double draw_between(Draws *draws, double least, double most) {
    return least + (most - least) * (double)(draw_word(draws) >> 11) * 0x1p-53;
}

Function *parse_function(Arena *arena, const char *text) {
    TextError error;
    Module *module = text_parse(text, strlen(text), arena, &error);
    cr_assert(module, "%u:%u: %s in\n%s", error.line, error.column, error.text, text);
    return module->functions[module->function_count - 1];
}

uint32_t count_ops(const Function *function, OpCode op) {
    uint32_t count = 0;
    for (NodeId id = 0; id < function->node_count; id++)
        count += graph_node(function, id)->op == op;
    return count;
}

/* --- gradients against differences --- */

enum { DIRECTIONS = 2, ELEMENTS = 4, LARGEST_BATCH = 64 };

static const double weights_of_images[] = {0.75, 0.5, 1.25, 0.25};

static double weight_of(int64_t image) { return weights_of_images[image % 4]; }

/* sum[batch] weight * loss, where a loss without the batch counts for each image. */
static double interpreted_loss(const Function *forward, AxisId batch, const InterpretCaller *caller,
                               const InterpretBinding *bindings, size_t count) {
    Arena *arena = test_arena();
    static const char *const loss[] = {"loss"};
    InterpretError error;
    double **outputs = interpret_calling(function_select(forward, "loss", loss, 1), bindings, count,
                                         caller, arena, &error);
    cr_assert(outputs, "%s", error.text);
    const Node *node = graph_node(forward, function_find_output(forward, "loss"));
    const int64_t images = graph_axis(forward, batch)->extent;
    double sum = 0;
    for (int64_t i = 0; i < images; i++)
        sum += weight_of(i) * outputs[0][node->axes.count ? i : 0];
    arena_destroy(arena);
    return sum;
}

typedef struct Probe {
    const Function *forward;
    AxisId batch;
    const GradientCalls *calls;
    const InterpretBinding *bindings;
    size_t count;
    size_t which;           /* the binding that is moved */
    const double *gradient; /* by it */
} Probe;

/* The loss with one binding moved by `distance` along the direction. */
static double moved_loss(const Probe *probe, const double *direction, double distance) {
    InterpretBinding *bindings = malloc(probe->count * sizeof *bindings);
    const InterpretBinding *old = &probe->bindings[probe->which];
    double *values = malloc((size_t)old->count * sizeof *values);
    cr_assert(bindings && values);
    memcpy(bindings, probe->bindings, probe->count * sizeof *bindings);
    for (int64_t i = 0; i < old->count; i++)
        values[i] = old->values[i] + distance * direction[i];
    bindings[probe->which].values = values;
    double loss = interpreted_loss(probe->forward, probe->batch, probe->calls->caller, bindings,
                                   probe->count);
    free(values);
    free(bindings);
    return loss;
}

static void compare_along(const Probe *probe, const double *direction, GradientReport *report) {
    const double step = probe->calls->step;
    const double measured =
        (moved_loss(probe, direction, step) - moved_loss(probe, direction, -step)) / (2 * step);
    double computed = 0;
    for (int64_t i = 0; i < probe->bindings[probe->which].count; i++)
        computed += direction[i] * probe->gradient[i];
    double error = fabs(measured - computed) / fmax(1, fabs(measured));
    if (!(error <= INFINITY))
        error = INFINITY;
    report->compared++;
    if (error <= report->worst)
        return;
    report->worst = error;
    snprintf(report->where, sizeof report->where, "%s: %.9g, by differences %.9g",
             probe->bindings[probe->which].name, computed, measured);
}

static void compare_param(const Probe *probe, Draws *draws, GradientReport *report) {
    const int64_t count = probe->bindings[probe->which].count;
    double *direction = malloc((size_t)count * sizeof *direction);
    cr_assert(direction);
    for (int k = 0; k < DIRECTIONS; k++) {
        for (int64_t i = 0; i < count; i++)
            direction[i] = draw_between(draws, -1, 1);
        compare_along(probe, direction, report);
    }
    for (int k = 0; k < ELEMENTS; k++) {
        memset(direction, 0, (size_t)count * sizeof *direction);
        direction[draw_below(draws, (uint64_t)count)] = 1;
        compare_along(probe, direction, report);
    }
    free(direction);
}

static int find_output(const Function *function, const char *name) {
    for (uint32_t i = 0; i < function->output_count; i++)
        if (strcmp(function->outputs[i].name, name) == 0)
            return (int)i;
    return -1;
}

GradientReport gradient_compare_calling(const Function *forward, AxisId batch,
                                        const InterpretBinding *bindings, size_t count,
                                        GradientRule *const rules[OP_COUNT],
                                        const GradientCalls *calls, uint64_t seed) {
    const int64_t images = graph_axis(forward, batch)->extent;
    double weights[LARGEST_BATCH];
    cr_assert_leq(images, LARGEST_BATCH);
    for (int64_t i = 0; i < images; i++)
        weights[i] = weight_of(i);
    const Function *gradient = autodiff_with_rules(forward, "grad", batch, rules);
    InterpretBinding *all = arena_array(forward->arena, count + 1, sizeof *all);
    memcpy(all, bindings, count * sizeof *all);
    all[count] = (InterpretBinding){"$weight", weights, images};
    InterpretError error;
    double **outputs =
        interpret_calling(gradient, all, count + 1, calls->caller, forward->arena, &error);
    cr_assert(outputs, "%s", error.text);

    GradientReport report = {0};
    Draws draws = {seed};
    const double loss = interpreted_loss(forward, batch, calls->caller, bindings, count);
    cr_assert_lt(fabs(outputs[0][0] - loss), calls->rounding * fmax(1, fabs(loss)));
    for (size_t i = 0; i < count; i++) {
        const NodeId param = function_find_binding(forward, bindings[i].name);
        if (param == NODE_NONE || graph_node(forward, param)->op != OP_PARAM)
            continue;
        const char *name = arena_printf(forward->arena, "grad:%s", bindings[i].name);
        const int output = find_output(gradient, name);
        cr_assert_geq(output, 0, "there is no %s", name);
        cr_assert(axes_equal(&graph_node(gradient, gradient->outputs[output].node)->axes,
                             &graph_node(forward, param)->axes));
        const Probe probe = {forward, batch, calls, bindings, count, i, outputs[output]};
        compare_param(&probe, &draws, &report);
    }
    return report;
}

GradientReport gradient_compare(const Function *forward, AxisId batch,
                                const InterpretBinding *bindings, size_t count,
                                GradientRule *const rules[OP_COUNT], uint64_t seed) {
    const GradientCalls none = {NULL, GRADIENT_STEP, GRADIENT_ROUNDING};
    return gradient_compare_calling(forward, batch, bindings, count, rules, &none, seed);
}
