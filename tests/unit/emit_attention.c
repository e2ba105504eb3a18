/* Blocked attention and its gradient: masks, biases, sizes and memory orders, compiled against
 * interpreted. */
#include "ir/build.h"
#include "ir/interpret.h"
#include "kernel_harness.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef enum Masking { NONE, CAUSAL, WINDOW, ROWS_OF_PIXELS, ALIBI, HOLES, GAPS, SOFTCAP } Masking;

static const char *const masking_names[] = {"none",  "causal", "window", "rows of pixels",
                                            "alibi", "holes",  "gaps",   "softcap"};

/* Letters as in "bnhe": b batch, n rows, m keys, h heads, e width, f the value's columns. */
typedef struct Case {
    Masking masking;
    int64_t b, h, n, e, f;
    const char *query, *key, *value;
    bool bf16; /* query, key, value and what has their type */
} Case;

static DType type_of(const Case *shape) { return shape->bf16 ? DTYPE_BF16 : DTYPE_F32; }

static int64_t extent_of(const Case *shape, char letter) {
    switch (letter) {
    case 'b':
        return shape->b;
    case 'h':
        return shape->h;
    case 'e':
        return shape->e;
    case 'f':
        return shape->f;
    default:
        return shape->n; /* n and m */
    }
}

static Axes axes_of_letters(Function *function, const Case *shape, const char *letters) {
    Axes axes = {0};
    for (; *letters; letters++) {
        char name[] = {*letters, 0};
        axes_append(&axes, function_axis(function, name, extent_of(shape, *letters)));
    }
    return axes;
}

static NodeId integer(Function *body, int value) { return build_const(body, DTYPE_I32, value); }
static NodeId real(Function *body, double value) { return build_const(body, DTYPE_F32, value); }

/* Whether row n may look at key m. */
static NodeId build_mask(Function *body, Masking masking) {
    NodeId n = build_index(body, function_find_axis(body, "n"));
    NodeId m = build_index(body, function_find_axis(body, "m"));
    NodeId causal = build_binary(body, OP_LESS_EQUAL, m, n);
    switch (masking) {
    case WINDOW:
        return build_binary(
            body, OP_AND, causal,
            build_binary(body, OP_LESS, build_binary(body, OP_SUB, n, m), integer(body, 9)));
    case ROWS_OF_PIXELS: {
        NodeId row = build_binary(body, OP_FLOOR_DIV, n, integer(body, 8));
        NodeId of_key = build_binary(body, OP_FLOOR_DIV, m, integer(body, 8));
        NodeId apart = build_unary(body, OP_ABS, build_binary(body, OP_SUB, row, of_key));
        return build_binary(body, OP_LESS_EQUAL, apart, integer(body, 1));
    }
    case HOLES: /* even rows see nothing; the others every third key */
        return build_binary(
            body, OP_AND,
            build_binary(body, OP_EQUAL, build_binary(body, OP_MOD, n, integer(body, 2)),
                         integer(body, 1)),
            build_binary(body, OP_EQUAL, build_binary(body, OP_MOD, m, integer(body, 3)),
                         integer(body, 0)));
    case GAPS: { /* of every 48 rows the last 24 see nothing, whole panels of them */
        NodeId band = build_binary(body, OP_FLOOR_DIV, n, integer(body, 24));
        NodeId parity = build_binary(body, OP_MOD, band, integer(body, 2));
        return build_binary(body, OP_AND, causal,
                            build_binary(body, OP_EQUAL, parity, integer(body, 0)));
    }
    default:
        return causal;
    }
}

static const Function *score_body(Arena *arena, const Case *shape, const Axes *score_axes,
                                  const Function *outer) {
    Function *body = function_create(arena, "score");
    function_copy_axes(body, outer);
    NodeId score = build_input(body, "score", DTYPE_F32, score_axes);
    double scale = 1 / sqrt((double)shape->e);
    NodeId result = build_binary(body, OP_MUL, score, real(body, 4 * scale));
    if (shape->masking == ALIBI) {
        Axes slopes = axes_of_letters(body, shape, "h");
        NodeId slope = build_input(body, "x0", DTYPE_F32, &slopes);
        NodeId n = build_index(body, function_find_axis(body, "n"));
        NodeId m = build_index(body, function_find_axis(body, "m"));
        NodeId apart = build_unary(body, OP_CAST_F32, build_binary(body, OP_SUB, m, n));
        result = build_binary(body, OP_ADD, result, build_binary(body, OP_MUL, slope, apart));
    }
    if (shape->masking == SOFTCAP)
        result = build_binary(body, OP_MUL, build_unary(body, OP_TANH, result), real(body, 2));
    if (shape->masking != NONE)
        result = build_select(body, build_mask(body, shape->masking), result,
                              real(body, (double)-INFINITY));
    function_output(body, "score", result, NULL);
    return body;
}

static NodeId add_attention(Function *body, OpCode op, const Function *score, const NodeId *sources,
                            uint32_t count) {
    NodeId *copies = arena_array(body->arena, count, sizeof *copies);
    memcpy(copies, sources, count * sizeof *copies);
    AxisId axes[] = {function_find_axis(body, "e"), function_find_axis(body, "m")};
    return graph_add(body, (Node){.op = op,
                                  .source_count = count,
                                  .sources = copies,
                                  .attributes = {.axes = axes_of(axes, 2), .body = score}});
}

/* The axes of the score: those of query and key without e. */
static Axes score_axes_of(const Function *body, const Axes *query, const Axes *key) {
    AxisId e = function_find_axis(body, "e");
    Axes all = axes_union(query, key), width = axes_of(&e, 1);
    return axes_minus(&all, &width);
}

enum { ALL_RESULTS = -1 };

/* With the result as its output, or all. */
static void output_results(Function *body, NodeId node, int count, int result) {
    for (int i = 0; i < count; i++)
        if (result == i || result == ALL_RESULTS)
            function_output(body, arena_printf(body->arena, "y%d", i), build_result(body, node, i),
                            NULL);
}

static Function *forward_body(Arena *arena, const Case *shape, int result) {
    Function *body = function_create(arena, "body");
    Axes query = axes_of_letters(body, shape, shape->query);
    Axes key = axes_of_letters(body, shape, shape->key);
    Axes value = axes_of_letters(body, shape, shape->value);
    Axes score = score_axes_of(body, &query, &key);
    NodeId sources[] = {build_input(body, "x0", type_of(shape), &query),
                        build_input(body, "x1", type_of(shape), &key),
                        build_input(body, "x2", type_of(shape), &value), NODE_NONE};
    if (shape->masking == ALIBI) {
        Axes slopes = axes_of_letters(body, shape, "h");
        sources[3] = build_input(body, "x3", DTYPE_F32, &slopes);
    }
    NodeId both = add_attention(body, OP_ATTENTION, score_body(arena, shape, &score, body), sources,
                                shape->masking == ALIBI ? 4 : 3);
    output_results(body, both, 2, result);
    return body;
}

static void label_of(const Case *shape, char *label, size_t size) {
    snprintf(label, size, "%s%s b%ld h%ld n%ld e%ld f%ld %s %s %s", shape->bf16 ? "bf16 " : "",
             masking_names[shape->masking], shape->b, shape->h, shape->n, shape->e, shape->f,
             shape->query, shape->key, shape->value);
}

/* The hash of the results. */
static uint64_t check_runs(Harness *harness, Arena *arena, double tolerance, const char *label) {
    cr_assert(harness_run(harness, 0), "%s: %s", label, harness->error);
    double difference = harness_difference(harness, arena);
    cr_expect(difference >= 0 && difference < tolerance, "%s: differs by %g %s", label, difference,
              harness->error);
    uint64_t whole = harness_hash(harness);
    cr_assert(harness_run(harness, 1), "%s: %s", label, harness->error);
    cr_expect_eq(harness_hash(harness), whole, "%s: tiles by themselves differ", label);
    cr_assert(harness_run(harness, 3), "%s: %s", label, harness->error);
    cr_expect_eq(harness_hash(harness), whole, "%s: tiles in threes differ", label);
    return whole;
}

static uint64_t check_forward_with(const Case *shape, const char *target, const Choices *choices,
                                   int result, double tolerance) {
    Arena *arena = arena_create();
    cr_assert_not_null(arena);
    char label[128];
    label_of(shape, label, sizeof label);
    Harness harness;
    cr_assert(harness_open_with(&harness, forward_body(arena, shape, result), target, choices, 3),
              "%s: %s", label, harness.error);
    uint64_t hash = check_runs(&harness, arena, tolerance, label);
    harness_close(&harness);
    arena_destroy(arena);
    return hash;
}

static void check_forward(const Case *shape, const char *target, int result, double tolerance) {
    if (harness_takes(target))
        check_forward_with(shape, target, NULL, result, tolerance);
}

/* The forward's inputs, then output, lse, the gradient of the output, and the slopes of ALiBi. */
static Function *backward_body(Arena *arena, const Case *shape, const Function *forward,
                               int result) {
    Function *body = function_create(arena, "body");
    function_copy_axes(body, forward);
    static const NodeId inputs[] = {0, 1, 2};
    NodeId sources[7];
    for (int i = 0; i < 3; i++)
        sources[i] = build_input(body, arena_printf(arena, "x%d", i), type_of(shape),
                                 &graph_node(forward, inputs[i])->axes);
    const Axes *output = &graph_node(forward, forward->outputs[0].node)->axes;
    const Axes *lse = &graph_node(forward, forward->outputs[1].node)->axes;
    sources[3] = build_input(body, "output", type_of(shape), output);
    sources[4] = build_input(body, "lse", DTYPE_F32, lse);
    sources[5] = build_input(body, "d_output", type_of(shape), output);
    if (shape->masking == ALIBI) {
        Axes slopes = axes_of_letters(body, shape, "h");
        sources[6] = build_input(body, "x3", DTYPE_F32, &slopes);
    }
    Axes score = score_axes_of(body, &graph_node(body, sources[0])->axes,
                               &graph_node(body, sources[1])->axes);
    NodeId all = add_attention(body, OP_ATTENTION_GRAD, score_body(arena, shape, &score, body),
                               sources, shape->masking == ALIBI ? 7 : 6);
    output_results(body, all, 3, result);
    return body;
}

/* Gives the gradient the output and lse that belong to its other inputs. */
static void set_forward(Harness *harness, const Function *forward, Arena *arena) {
    InterpretBinding bindings[HARNESS_MAX_OPERANDS];
    for (uint32_t i = 0; i < harness->input_count; i++) {
        const Node *node = graph_node(harness->body, kernel_input(harness->body, i));
        bindings[i] = (InterpretBinding){node->attributes.name, harness->inputs[i],
                                         graph_elements(harness->body, node)};
    }
    InterpretError error;
    double **values = interpret(forward, bindings, harness->input_count, arena, &error);
    cr_assert_not_null(values, "%s", error.text);
    for (uint32_t result = 0; result < 2; result++) {
        const Node *node = graph_node(forward, forward->outputs[result].node);
        for (int64_t i = 0; i < graph_elements(forward, node); i++)
            harness_set(harness, 3 + result, i, values[result][i]);
    }
}

static void check_backward_with(const Case *shape, const char *target, const Choices *choices,
                                int result, double tolerance) {
    Arena *arena = arena_create();
    cr_assert_not_null(arena);
    char label[128];
    label_of(shape, label, sizeof label);
    const Function *forward = forward_body(arena, shape, ALL_RESULTS);
    Harness harness;
    cr_assert(harness_open_with(&harness, backward_body(arena, shape, forward, result), target,
                                choices, 5),
              "%s: %s", label, harness.error);
    set_forward(&harness, forward, arena);
    check_runs(&harness, arena, tolerance, label);
    harness_close(&harness);
    arena_destroy(arena);
}

static void check_backward(const Case *shape, const char *target, int result, double tolerance) {
    if (harness_takes(target))
        check_backward_with(shape, target, NULL, result, tolerance);
}

static const Case cases[] = {
    {NONE, 2, 3, 20, 16, 16, "bnhe", "bmhe", "bmhf", false},
    {CAUSAL, 2, 3, 64, 16, 16, "bnhe", "bmhe", "bmhf", false},
    {CAUSAL, 1, 2, 100, 32, 32, "bhne", "bhme", "bhmf", false},
    {WINDOW, 1, 2, 67, 48, 20, "bnhe", "bmhe", "bmhf", false},
    {ROWS_OF_PIXELS, 1, 1, 64, 64, 64, "bnhe", "bmhe", "bmhf", false},
    {ALIBI, 2, 3, 33, 8, 12, "bnhe", "bmhe", "bmhf", false},
    {HOLES, 1, 2, 30, 16, 5, "bnhe", "bhem", "bhmf", false},
    {GAPS, 1, 2, 130, 16, 16, "bnhe", "bmhe", "bmhf", false},
    {SOFTCAP, 1, 2, 40, 16, 16, "nbhe", "mbhe", "fbhm", false},
    {CAUSAL, 1, 1, 150, 96, 96, "bnhe", "bmhe", "bmhf", false},
    {CAUSAL, 3, 2, 1, 3, 1, "bnhe", "bmhe", "bmhf", false},
    {NONE, 2, 3, 17, 7, 9, "ehnb", "mehb", "bhmf", false},
    {CAUSAL, 2, 4, 21, 16, 16, "bnhe", "bme", "bmf", false},
    {NONE, 2, 1, 3, 2, 2, "bne", "bme", "bme", false},
};

/* Also narrower vectors, without FMA, where they can be run. */
static const char *const runnable[] = {
    NULL,
#ifdef __x86_64__
    "x86-64-v2",
#endif
};

enum {
    CASES = sizeof cases / sizeof cases[0],
    RUNNABLE = sizeof runnable / sizeof runnable[0],
};

Test(attention, forward) {
    for (size_t i = 0; i < CASES; i++)
        for (size_t t = 0; t < RUNNABLE; t++)
            check_forward(&cases[i], runnable[t], ALL_RESULTS, 5e-6);
}

Test(attention, backward) {
    for (size_t i = 0; i < CASES; i++)
        for (size_t t = 0; t < RUNNABLE; t++)
            check_backward(&cases[i], runnable[t], ALL_RESULTS, 1e-5);
}

/* In the order of the columns of choices.def; the last three are attention's. Forward not even the
 * bits depend on them. */
static const Choices odd_tables[] = {
    {256, 96, 8192, 3, 24, 64, 6, 2, 8, 8, 1},
    {256, 96, 8192, 3, 24, 64, 6, 2, 37, 21, 7},
    {256, 96, 8192, 3, 24, 64, 6, 2, 4096, 1024, 4096},
};

Test(attention, any_table_in_bounds) {
    for (size_t i = 0; i < CASES; i += HARNESS_EVERY) {
        const char *target = runnable[i % RUNNABLE];
        uint64_t shipped = check_forward_with(&cases[i], target, NULL, ALL_RESULTS, 5e-6);
        for (size_t t = 0; t < sizeof odd_tables / sizeof odd_tables[0]; t++) {
            cr_expect_eq(check_forward_with(&cases[i], target, &odd_tables[t], ALL_RESULTS, 5e-6),
                         shipped, "case %zu, table %zu: other bits", i, t);
            check_backward_with(&cases[i], target, &odd_tables[t], ALL_RESULTS, 1e-5);
        }
    }
}

/* bf16 keeps a value within 2^-9 of it. What is rounded: the weights (values are at most 1) and the
 * output; lse is of sums in f32. */
Test(attention, forward_in_bf16) {
    for (size_t i = 0; i < CASES; i++)
        for (size_t t = 0; t < RUNNABLE; t++) {
            Case shape = cases[i];
            shape.bf16 = true;
            check_forward(&shape, runnable[t], 0, 2.1 * 0x1p-9 * 0x1p-16);
            check_forward(&shape, runnable[t], 1, 1e-5);
        }
}

/* Rounded: weights or d_score, and the gradient. The terms of a gradient cancel each other: they
 * are a few times as large, all together, as the largest gradient. */
Test(attention, backward_in_bf16) {
    for (size_t i = 0; i < CASES; i++)
        for (size_t t = 0; t < RUNNABLE; t++)
            for (int result = 0; result < 3; result++) {
                Case shape = cases[i];
                shape.bf16 = true;
                check_backward(&shape, runnable[t], result, 6 * 0x1p-9 * 0x1p-16);
            }
}

/* Sizes that no panel or block divides, any mask, several orders in memory. */
static Case random_case(uint64_t *state) {
    static const char *const orders[][3] = {{"bnhe", "bmhe", "bmhf"},
                                            {"bhne", "bhme", "bhmf"},
                                            {"nbhe", "bhem", "fbhm"},
                                            {"bnhe", "bme", "bmf"}};
    uint64_t bits = harness_random(state);
    const char *const *order = orders[bits % 4];
    return (Case){.masking = (Masking)(bits / 4 % 8),
                  .b = 1 + (int64_t)(bits / 32 % 2),
                  .h = 1 + (int64_t)(bits / 64 % 3),
                  .n = 1 + (int64_t)(bits / 192 % 120),
                  .e = 1 + (int64_t)(harness_random(state) % 70),
                  .f = 1 + (int64_t)(harness_random(state) % 70),
                  .query = order[0],
                  .key = order[1],
                  .value = order[2],
                  .bf16 = false};
}

Test(attention, random_shapes, .timeout = 120) {
    uint64_t state = 11;
    for (int i = 0; i < 9; i++) {
        Case shape = random_case(&state);
        check_forward(&shape, NULL, ALL_RESULTS, 1e-5);
        check_backward(&shape, NULL, ALL_RESULTS, 3e-5);
        shape.bf16 = true;
        check_forward(&shape, NULL, 0, 2.1 * 0x1p-9 * 0x1p-16);
        check_backward(&shape, NULL, ALL_RESULTS, 6 * 0x1p-9 * 0x1p-16);
    }
}

/* The values are the unit matrix, so the output is the weights; scores are exact, down to -60. */
static void check_weights(const char *target) {
    enum { KEYS = 64 };
    const Case shape = {NONE, 1, 1, KEYS, 1, KEYS, "bnhe", "bmhe", "bmhf", false};
    Arena *arena = arena_create();
    Harness harness;
    cr_assert(harness_open(&harness, forward_body(arena, &shape, 0), target, 3));
    for (int64_t m = 0; m < KEYS; m++) {
        harness_set(&harness, 0, m, 1 - (double)m / 256);
        harness_set(&harness, 1, m, -15 * (double)m / KEYS);
        for (int64_t f = 0; f < KEYS; f++)
            harness_set(&harness, 2, m * KEYS + f, m == f);
    }
    cr_assert(harness_run(&harness, 0), "%s", harness.error);
    const float *weights = (const float *)(void *)harness.operands[3].bytes;
    for (int64_t n = 0; n < KEYS; n++) {
        double sum = 0, row = 1 - (double)n / 256;
        for (int64_t m = 0; m < KEYS; m++)
            sum += exp(-60 * row * (double)m / KEYS);
        for (int64_t m = 0; m < KEYS; m++) {
            double score = -60 * row * (double)m / KEYS, expected = exp(score) / sum;
            double places = fabs((double)weights[n * KEYS + m] / expected - 1) * 0x1p24;
            cr_expect_lt(places, 5 - 1.5 * score, "weight %ld, %ld is off by %g of 2^-24", n, m,
                         places);
        }
    }
    harness_close(&harness);
    arena_destroy(arena);
}

Test(attention, weights_are_accurate) {
    for (size_t t = 0; t < RUNNABLE; t++)
        check_weights(runnable[t]);
}

Test(attention, objects_for_other_targets) {
    static const char *const targets[] = {"x86-64-v2", "x86-64-v4", "znver4"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        Arena *arena = arena_create();
        cr_assert_not_null(arena);
        const Function *forward = forward_body(arena, &cases[3], ALL_RESULTS);
        const Function *bodies[] = {forward, backward_body(arena, &cases[3], forward, ALL_RESULTS)};
        for (int which = 0; which < 2; which++) {
            Harness harness;
            cr_expect(harness_open(&harness, bodies[which], targets[i], 1), "%s: %s", targets[i],
                      harness.error);
            harness_close(&harness);
        }
        arena_destroy(arena);
    }
}
