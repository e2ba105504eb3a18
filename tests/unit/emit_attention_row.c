/* Attention of few rows, whose position comes from outside: compiled against interpreted, and that
 * no key or value is read which the mask leaves nothing of. */
#include "ir/build.h"
#include "kernel_harness.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef enum Masking { NONE, CAUSAL, WINDOW, ROWS_OF_PIXELS, BIASED } Masking;

/* Letters as in "bhge": b batch, h heads, g rows that share keys, m keys, e width, f columns. */
typedef struct Case {
    Masking masking;
    int64_t b, h, g, m, e, f;
    const char *query, *key, *value;
} Case;

static const Case cases[] = {
    {CAUSAL, 1, 2, 1, 64, 16, 16, "bhe", "bhme", "bhmf"},
    {CAUSAL, 2, 3, 1, 100, 64, 64, "bhe", "bhme", "bhmf"},
    {WINDOW, 2, 2, 1, 77, 24, 20, "bhe", "bmhe", "bmhf"},
    {ROWS_OF_PIXELS, 1, 2, 1, 64, 32, 48, "bhe", "bhme", "bhmf"},
    {BIASED, 2, 3, 1, 33, 8, 12, "bhe", "bhme", "bhmf"},
    {CAUSAL, 1, 2, 3, 40, 16, 16, "bhge", "bhme", "bhmf"},
    {CAUSAL, 2, 2, 2, 21, 7, 9, "bghe", "bhme", "bhmf"},
    {NONE, 2, 1, 1, 50, 16, 200, "be", "bme", "bmf"},
    {CAUSAL, 1, 1, 1, 3, 1, 1, "bhe", "bhme", "bhmf"},
    {CAUSAL, 2, 3, 1, 1, 8, 20, "bhe", "bhme", "bhmf"},
    {CAUSAL, 2, 3, 1, 64, 64, 64, "bhe", "bhme", "bhmf"}, /* in bf16, from here on: in groups */
    {CAUSAL, 1, 2, 1, 96, 32, 128, "bhe", "bhme", "bhmf"},
    {WINDOW, 2, 2, 1, 48, 128, 32, "bhe", "bhme", "bhmf"},
    {ROWS_OF_PIXELS, 1, 2, 1, 64, 32, 64, "bhe", "bhme", "bhmf"},
    {BIASED, 2, 3, 1, 80, 64, 64, "bhe", "bhme", "bhmf"},
    {CAUSAL, 1, 2, 3, 32, 64, 64, "bhge", "bhme", "bhmf"},
    {NONE, 2, 1, 1, 48, 64, 128, "be", "bme", "bmf"},
    {CAUSAL, 1, 2, 1, 30, 16, 5, "bhe", "bhem", "bhmf"},   /* not side by side: in blocks */
    {CAUSAL, 1, 2, 6, 30, 16, 16, "bhge", "bhme", "bhmf"}, /* many rows: the same */
};

enum { CASES = sizeof cases / sizeof cases[0], KEY = 1, VALUE = 2, POSITION = 3 };

static Axes axes_of_letters(Function *function, const Case *shape, const char *letters) {
    const struct {
        char letter;
        int64_t extent;
    } extents[] = {{'b', shape->b}, {'h', shape->h}, {'g', shape->g},
                   {'m', shape->m}, {'e', shape->e}, {'f', shape->f}};
    Axes axes = {0};
    for (; *letters; letters++)
        for (size_t i = 0; i < sizeof extents / sizeof *extents; i++)
            if (extents[i].letter == *letters) {
                const char name[] = {*letters, 0};
                axes_append(&axes, function_axis(function, name, extents[i].extent));
            }
    return axes;
}

static NodeId integer(Function *body, int64_t value) {
    return build_const(body, DTYPE_I32, (double)value);
}

static NodeId build_mask(Function *body, Masking masking, NodeId n) {
    const NodeId m = build_index(body, function_find_axis(body, "m"));
    const NodeId causal = build_binary(body, OP_LESS_EQUAL, m, n);
    if (masking == WINDOW)
        return build_binary(
            body, OP_AND, causal,
            build_binary(body, OP_LESS, build_binary(body, OP_SUB, n, m), integer(body, 9)));
    if (masking == ROWS_OF_PIXELS)
        return build_binary(body, OP_AND, causal,
                            build_binary(body, OP_EQUAL,
                                         build_binary(body, OP_FLOOR_DIV, n, integer(body, 8)),
                                         build_binary(body, OP_FLOOR_DIV, m, integer(body, 8))));
    return causal;
}

/* As decoding makes it: the position within the axis. */
static const Function *score_body(const Case *shape, const Axes *score_axes,
                                  const Function *outer) {
    const Axes none = {0};
    Function *body = function_create(outer->arena, "score");
    function_copy_axes(body, outer);
    NodeId score = build_input(body, "score", DTYPE_F32, score_axes);
    NodeId n = build_input(body, "x0", DTYPE_I32, &none);
    n = build_binary(body, OP_MAX, n, integer(body, 0));
    n = build_binary(body, OP_MIN, n, integer(body, shape->m - 1));
    const double scale = 2 / sqrt((double)shape->e);
    score = build_binary(body, OP_MUL, score, build_const(body, DTYPE_F32, scale));
    if (shape->masking == BIASED) {
        const NodeId m = build_index(body, function_find_axis(body, "m"));
        const NodeId apart = build_unary(body, OP_CAST_F32, build_binary(body, OP_SUB, m, n));
        const Axes slopes = axes_of_letters(body, shape, "h");
        score = build_binary(
            body, OP_ADD, score,
            build_binary(body, OP_MUL, build_input(body, "x1", DTYPE_F32, &slopes), apart));
    }
    if (shape->masking != NONE)
        score = build_select(body, build_mask(body, shape->masking, n), score,
                             build_const(body, DTYPE_F32, (double)-INFINITY));
    function_output(body, "score", score, NULL);
    return body;
}

static Function *body_of(Arena *arena, const Case *shape, DType dtype) {
    const Axes none = {0};
    Function *body = function_create(arena, "body");
    const Axes query = axes_of_letters(body, shape, shape->query);
    const Axes key = axes_of_letters(body, shape, shape->key);
    const Axes value = axes_of_letters(body, shape, shape->value);
    const Axes slopes = axes_of_letters(body, shape, "h"),
               width = axes_of_letters(body, shape, "e");
    const Axes all = axes_union(&query, &key), score = axes_minus(&all, &width);
    NodeId *sources = arena_array(arena, 5, sizeof *sources);
    sources[0] = build_input(body, "x0", dtype, &query);
    sources[KEY] = build_input(body, "x1", dtype, &key);
    sources[VALUE] = build_input(body, "x2", dtype, &value);
    sources[POSITION] = build_input(body, "x3", DTYPE_I32, &none);
    if (shape->masking == BIASED)
        sources[POSITION + 1] = build_input(body, "x4", DTYPE_F32, &slopes);
    const AxisId axes[] = {function_find_axis(body, "e"), function_find_axis(body, "m")};
    const NodeId node = graph_add(
        body,
        (Node){.op = OP_ATTENTION,
               .source_count = shape->masking == BIASED ? 5 : 4,
               .sources = sources,
               .attributes = {.axes = axes_of(axes, 2), .body = score_body(shape, &score, body)}});
    function_output(body, "y0", build_result(body, node, 0), NULL);
    return body;
}

/* Keys and values beyond the position become NaN, but for the next two: masks are followed in steps
 * of 2. */
static void spoil_beyond(Harness *harness, const Case *shape, int64_t position) {
    for (uint32_t input = KEY; input <= VALUE; input++) {
        const Node *node = graph_node(harness->body, kernel_input(harness->body, input));
        const AxisId axis = function_find_axis(harness->body, "m");
        const int64_t stride = axes_stride(harness->body, &node->axes, axis);
        for (int64_t i = 0; i < graph_elements(harness->body, node); i++)
            if (i / stride % shape->m > position + 2)
                harness_set(harness, input, i, NAN);
    }
}

static uint64_t hash_at(Harness *harness, int64_t position, int64_t group) {
    harness_set(harness, POSITION, 0, (double)position);
    cr_assert(harness_run(harness, group), "%s", harness->error);
    return harness_hash(harness);
}

static void check(const Case *shape, DType dtype, const char *target, double tolerance) {
    enum { POSITIONS = 4 };
    Arena *arena = arena_create();
    cr_assert(arena && !setjmp(*arena_boundary(arena)));
    Harness harness;
    const bool in_blocks = strcmp(shape->key, "bhem") == 0 || shape->g > 4;
    cr_assert(harness_open(&harness, body_of(arena, shape, dtype), target, 3), "%s", harness.error);
    const int64_t positions[POSITIONS] = {shape->m - 1, shape->m / 2, 1, 0};
    uint64_t hashes[POSITIONS];
    for (int i = 0; i < POSITIONS; i++) {
        hashes[i] = hash_at(&harness, positions[i], 0);
        const double difference = harness_difference(&harness, arena);
        cr_expect(difference >= 0 && difference < tolerance, "%s %s, position %d: %g %s",
                  shape->query, dtype_name(dtype), (int)positions[i], difference, harness.error);
        cr_expect_eq(hash_at(&harness, positions[i], 1), hashes[i]);
    }
    for (int i = 0; i < POSITIONS && shape->masking != NONE && !in_blocks; i++) {
        spoil_beyond(&harness, shape, positions[i]);
        cr_expect_eq(hash_at(&harness, positions[i], 0), hashes[i], "%s reads beyond position %d",
                     shape->query, (int)positions[i]);
    }
    harness_close(&harness);
    arena_destroy(arena);
}

Test(attention_row, as_interpreted, .timeout = 600) {
    for (size_t i = 0; i < CASES; i++) {
        check(&cases[i], DTYPE_F32, NULL, 5e-6);
#ifdef __x86_64__
        check(&cases[i], DTYPE_F32, "x86-64-v2", 5e-6);
#endif
    }
}

/* What is rounded is the output, and by the kernel for many rows the weights. */
Test(attention_row, in_bf16, .timeout = 600) {
    for (size_t i = 0; i < CASES; i++)
        check(&cases[i], DTYPE_BF16, NULL, 2.1 * 0x1p-9);
}
