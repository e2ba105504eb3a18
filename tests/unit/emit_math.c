/* The functions of passes/emit/math.h against libm's in double precision, over all orders of
 * magnitude of their arguments: errors in units of the last place, and what happens at the edges.
 */
#include "ir/build.h"
#include "ir/philox.h"
#include "tests/unit/kernel_harness.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 1 << 14 };

typedef double Reference(double x, double y);

typedef struct Case {
    OpCode op;
    bool binary;
    Reference *reference;
    double least, most, least_y, most_y; /* of arguments, drawn evenly */
    double ulps;
} Case;

static double exp_of(double x, double y) { return (void)y, exp(x); }
static double log_of(double x, double y) { return (void)y, log(x); }
static double sin_of(double x, double y) { return (void)y, sin(x); }
static double cos_of(double x, double y) { return (void)y, cos(x); }
static double tanh_of(double x, double y) { return (void)y, tanh(x); }
static double sigmoid_of(double x, double y) { return (void)y, 1 / (1 + exp(-x)); }
static double rsqrt_of(double x, double y) { return (void)y, 1 / sqrt(x); }

static const Case cases[] = {
    {OP_EXP, false, exp_of, -87.3, 88.7, 0, 0, 1.01},
    {OP_EXP, false, exp_of, -1, 1, 0, 0, 1.01},
    {OP_EXP, false, exp_of, -1e-6, 1e-6, 0, 0, 1.01},
    {OP_LOG, false, log_of, 1e-37, 1, 0, 0, 2},
    {OP_LOG, false, log_of, 0.5, 2, 0, 0, 2},
    {OP_LOG, false, log_of, 0.999, 1.001, 0, 0, 2},
    {OP_LOG, false, log_of, 1, 3e38, 0, 0, 2},
    {OP_SIN, false, sin_of, -10, 10, 0, 0, 2},
    {OP_SIN, false, sin_of, -1e12, 1e12, 0, 0, 2},
    {OP_SIN, false, sin_of, -1e-4, 1e-4, 0, 0, 2},
    {OP_COS, false, cos_of, -10, 10, 0, 0, 2},
    {OP_COS, false, cos_of, -1e12, 1e12, 0, 0, 2},
    {OP_TANH, false, tanh_of, -20, 20, 0, 0, 2},
    {OP_TANH, false, tanh_of, -1, 1, 0, 0, 2},
    {OP_TANH, false, tanh_of, -1e-4, 1e-4, 0, 0, 2},
    {OP_SIGMOID, false, sigmoid_of, -80, 80, 0, 0, 4},
    {OP_SIGMOID, false, sigmoid_of, -4, 4, 0, 0, 4},
    {OP_RSQRT, false, rsqrt_of, 1e-30, 1e30, 0, 0, 2},
    {OP_RSQRT, false, rsqrt_of, 0.5, 4, 0, 0, 2},
    {OP_POW, true, pow, 1e-3, 1e3, -10, 10, 1.01},
    {OP_POW, true, pow, 0.9, 1.1, -300, 300, 1.01},
    {OP_POW, true, pow, 1e-30, 1e30, -1, 1, 1.01},
};

enum { CASES = sizeof cases / sizeof cases[0] };

static Function *apply(Arena *arena, OpCode op, bool binary) {
    Function *body = function_create(arena, "math");
    AxisId axis = function_axis(body, "i", COUNT);
    Axes axes = axes_of(&axis, 1);
    NodeId x = build_input(body, "x", DTYPE_F32, &axes);
    NodeId y = binary ? build_input(body, "y", DTYPE_F32, &axes) : NODE_NONE;
    function_output(body, "z", binary ? build_binary(body, op, x, y) : build_unary(body, op, x),
                    NULL);
    return body;
}

/* Half the arguments evenly, half with evenly drawn logarithms. */
static double draw(double least, double most, uint64_t *state, bool logarithmic) {
    double share = (double)(harness_random(state) >> 11) * 0x1p-53;
    if (logarithmic && least > 0)
        return fmin(most, exp(log(least) + share * (log(most) - log(least))));
    return least + share * (most - least);
}

/* Distance in units of the last place of the reference, no smaller than the smallest normal's. */
static double ulps(float got, double wanted) {
    int exponent;
    frexp(fmax(fabs(wanted), FLT_MIN), &exponent);
    return fabs((double)got - wanted) / ldexp(1, exponent - 24);
}

static float result(const Harness *harness, int64_t at) {
    return ((const float *)harness->operands[harness->input_count].bytes)[at];
}

static void check_case(const Case *test) {
    Arena *arena = arena_create();
    cr_assert(arena);
    Harness harness;
    cr_assert(harness_open(&harness, apply(arena, test->op, test->binary), NULL, 1), "%s",
              harness.error);
    uint64_t state = 7;
    for (int64_t i = 0; i < COUNT; i++) {
        harness_set(&harness, 0, i, draw(test->least, test->most, &state, i & 1));
        if (test->binary)
            harness_set(&harness, 1, i, draw(test->least_y, test->most_y, &state, false));
    }
    cr_assert(harness_run(&harness, 0), "%s", harness.error);
    double worst = 0;
    for (int64_t i = 0; i < COUNT; i++) {
        double x = harness.inputs[0][i], y = test->binary ? harness.inputs[1][i] : 0;
        double wanted = test->reference(x, y), error = ulps(result(&harness, i), wanted);
        if (fabs(wanted) < 2 * (double)FLT_MIN || fabs(wanted) > (double)FLT_MAX / 2)
            continue;
        worst = fmax(worst, error);
        cr_assert(error <= test->ulps, "%s(%.9g, %.9g): %.9g, not %.9g: %.2f ulp",
                  op_table[test->op].name, x, y, (double)result(&harness, i), wanted, error);
    }
    cr_log_info("%s: %.2f ulp", op_table[test->op].name, worst);
    harness_close(&harness);
    arena_destroy(arena);
}

Test(emit_math, errors_in_the_last_place) {
    for (int i = 0; i < CASES; i++)
        check_case(&cases[i]);
}

/* --- edges --- */

typedef struct Edge {
    OpCode op;
    float x, y, wanted;
} Edge;

static const Edge edges[] = {
    {OP_EXP, 0, 0, 1},
    {OP_EXP, -INFINITY, 0, 0},
    {OP_EXP, INFINITY, 0, INFINITY},
    {OP_EXP, NAN, 0, NAN},
    {OP_EXP, 89, 0, INFINITY},
    {OP_EXP, 1e30f, 0, INFINITY},
    {OP_EXP, -88, 0, 0},
    {OP_EXP, -1e30f, 0, 0},
    {OP_LOG, 1, 0, 0},
    {OP_LOG, 0, 0, -INFINITY},
    {OP_LOG, -0.0f, 0, -INFINITY},
    {OP_LOG, -1, 0, NAN},
    {OP_LOG, -INFINITY, 0, NAN},
    {OP_LOG, INFINITY, 0, INFINITY},
    {OP_LOG, NAN, 0, NAN},
    {OP_LOG, 1e-40f, 0, -INFINITY},
    {OP_SIN, 0, 0, 0},
    {OP_SIN, INFINITY, 0, NAN},
    {OP_SIN, NAN, 0, NAN},
    {OP_COS, 0, 0, 1},
    {OP_COS, -INFINITY, 0, NAN},
    {OP_COS, NAN, 0, NAN},
    {OP_TANH, 0, 0, 0},
    {OP_TANH, INFINITY, 0, 1},
    {OP_TANH, -INFINITY, 0, -1},
    {OP_TANH, 100, 0, 1},
    {OP_TANH, NAN, 0, NAN},
    {OP_SIGMOID, 0, 0, 0.5f},
    {OP_SIGMOID, INFINITY, 0, 1},
    {OP_SIGMOID, -INFINITY, 0, 0},
    {OP_SIGMOID, -1000, 0, 0},
    {OP_SIGMOID, NAN, 0, NAN},
    {OP_SQRT, -1, 0, NAN},
    {OP_RSQRT, 0, 0, INFINITY},
    {OP_RSQRT, INFINITY, 0, 0},
    {OP_POW, 0, 0, 1},
    {OP_POW, NAN, 0, 1},
    {OP_POW, 1, NAN, 1},
    {OP_POW, 2, NAN, NAN},
    {OP_POW, NAN, 2.5f, NAN},
    {OP_POW, 0, 2.5f, 0},
    {OP_POW, 0, -2.5f, INFINITY},
    {OP_POW, -2, 3, -8},
    {OP_POW, -2, 4, 16},
    {OP_POW, -2, 0.5f, NAN},
    {OP_POW, -1, INFINITY, 1},
    {OP_POW, 2, INFINITY, INFINITY},
    {OP_POW, 2, -INFINITY, 0},
    {OP_POW, 0.5f, INFINITY, 0},
    {OP_POW, INFINITY, 0.5f, INFINITY},
    {OP_POW, INFINITY, -0.5f, 0},
    {OP_POW, -INFINITY, 3, -INFINITY},
    {OP_POW, 1e30f, 2, INFINITY},
    {OP_POW, 1e-30f, 2, 0},
    {OP_MIN, NAN, 1, NAN},
    {OP_MIN, 1, NAN, NAN},
    {OP_MIN, -INFINITY, 1, -INFINITY},
    {OP_MAX, NAN, 1, NAN},
    {OP_MAX, 1, NAN, NAN},
    {OP_MAX, INFINITY, 1, INFINITY},
};

enum { EDGES = sizeof edges / sizeof edges[0] };

Test(emit_math, edges) {
    for (int i = 0; i < EDGES; i++) {
        const Edge *edge = &edges[i];
        Arena *arena = arena_create();
        cr_assert(arena);
        bool binary = op_table[edge->op].arity == 2;
        Harness harness;
        cr_assert(harness_open(&harness, apply(arena, edge->op, binary), NULL, 1), "%s",
                  harness.error);
        harness_set(&harness, 0, 5, (double)edge->x);
        if (binary)
            harness_set(&harness, 1, 5, (double)edge->y);
        cr_assert(harness_run(&harness, 0), "%s", harness.error);
        float got = result(&harness, 5);
        bool same = isnan(edge->wanted) ? isnan(got) : got == edge->wanted;
        cr_expect(same, "%s(%g, %g): %g, not %g", op_table[edge->op].name, (double)edge->x,
                  (double)edge->y, (double)got, (double)edge->wanted);
        harness_close(&harness);
        arena_destroy(arena);
    }
}

/* --- random draws --- */

static Function *draws_of(Arena *arena, OpCode op) {
    static const char *const names[] = {"seed", "draw", "step"};
    Function *body = function_create(arena, "draws");
    AxisId images = function_axis(body, "b", 4), elements = function_axis(body, "n", 1003);
    Axes image_axes = axes_of(&images, 1);
    NodeId sources[4];
    for (int i = 0; i < 3; i++)
        sources[i] = build_input(body, names[i], DTYPE_I32, &(Axes){0});
    sources[3] = build_input(body, "image", DTYPE_I32, &image_axes);
    NodeId node = graph_add(body, (Node){.op = op,
                                         .source_count = 4,
                                         .sources = sources,
                                         .attributes = {.key = UINT64_C(0xfedcba9876543210),
                                                        .axes = axes_of(&elements, 1)}});
    function_output(body, "z", node, NULL);
    return body;
}

/* Uniform draws are those of ir/philox.h, bit for bit; normal ones to single precision. */
Test(emit_math, random_draws) {
    static const int32_t seeds[] = {1, -5, 123456789};
    for (int normal = 0; normal < 2; normal++)
        for (int s = 0; s < 3; s++) {
            Arena *arena = arena_create();
            cr_assert(arena);
            Harness harness;
            const Function *body = draws_of(arena, normal ? OP_RANDOM_NORMAL : OP_RANDOM);
            cr_assert(harness_open(&harness, body, NULL, 1), "%s", harness.error);
            RandomPlace place = {UINT64_C(0xfedcba9876543210), (uint32_t)seeds[s], 3, 77, 0, 0};
            harness_set(&harness, 0, 0, seeds[s]);
            harness_set(&harness, 1, 0, 3);
            harness_set(&harness, 2, 0, 77);
            for (int i = 0; i < 4; i++)
                harness_set(&harness, 3, i, 1000 * i + 1);
            cr_assert(harness_run(&harness, 0), "%s", harness.error);
            for (uint32_t i = 0; i < 4 * 1003; i++) {
                place.image = 1000 * (i / 1003) + 1;
                place.element = i % 1003;
                float got = result(&harness, i);
                if (normal)
                    cr_assert(fabs((double)got - random_normal(place)) < 2e-6);
                else
                    cr_assert_eq((double)got, random_uniform(place));
            }
            harness_close(&harness);
            arena_destroy(arena);
        }
}
