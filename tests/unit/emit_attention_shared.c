/* Attention of all heads over the same compressed keys, which are the values too: compiled against
 * interpreted; the same bits whichever rows are computed together. */
#include "ir/build.h"
#include "passes/emit/attention_shape.h"
#include "tests/unit/packing.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { QUERY, KEYS, PACKED };

typedef struct Case {
    int64_t batches, rows, keys, width;
    bool window; /* the last 20 keys alone */
    bool plain;  /* keys are not compressed */
} Case;

static const Case cases[] = {
    {1, 4, 64, 128, false, false}, {3, 4, 48, 128, true, false},  {2, 8, 64, 256, false, false},
    {5, 8, 96, 128, true, false},  {4, 4, 32, 512, false, false}, {1, 8, 112, 512, true, false},
    {4, 8, 16, 384, false, false},
};

/* As tiles read them, where the machine has these. */
static const Case plain_cases[] = {
    {1, 4, 64, 128, false, true}, {3, 4, 48, 128, true, true},  {5, 8, 96, 128, true, true},
    {4, 4, 32, 512, false, true}, {1, 8, 112, 512, true, true}, {4, 8, 16, 384, false, true},
};

/* The scores of those keys, scaled so that some are far from others. */
static const Function *score_body(const Case *shape, const Function *outer, const Axes *axes) {
    Function *body = packing_causal(outer, axes);
    NodeId score = body->outputs[0].node;
    if (shape->window) {
        const NodeId key = build_index(body, function_find_axis(body, "m"));
        const NodeId behind = build_binary(body, OP_SUB, function_find_binding(body, "x0"), key);
        const NodeId near = build_binary(body, OP_LESS, behind, build_const(body, DTYPE_I32, 20));
        score = build_select(body, near, score, build_const(body, DTYPE_F32, (double)-INFINITY));
    }
    body->outputs[0].node = build_binary(body, OP_MUL, score, build_const(body, DTYPE_F32, 40));
    return body;
}

static uint32_t position_input(const Case *shape) { return shape->plain ? PACKED : PACKED + 1; }

/* Inputs in their order: query [h, g, e], keys [h, m, e], what is compressed of them unless they
 * are plain, position. The batches are axis h, as packing_of has it. */
static Function *attention(Arena *arena, const Case *shape) {
    const Axes none = {0};
    Function *body = function_create(arena, "body");
    const Packing packing = packing_of(body, shape->batches, shape->keys, shape->width);
    const AxisId h = packing.plain.at[0], m = packing.plain.at[1], e = packing.plain.at[2];
    const AxisId g = function_axis(body, "g", shape->rows);
    const Axes query = axes_of((AxisId[]){h, g, e}, 3), score = axes_of((AxisId[]){h, g, m}, 3);
    NodeId sources[ATTENTION_SOURCE_OUTPUT + 1];
    sources[ATTENTION_SOURCE_QUERY] = build_input(body, "x0", DTYPE_BF16, &query);
    NodeId keys = build_input(body, "x1", DTYPE_BF16, &packing.plain);
    if (!shape->plain) {
        const NodeId packed = build_input(body, "x2", DTYPE_I32, &packing.packed);
        keys = build_compressed(body, keys, packed, &packing.along, packing.words);
    }
    sources[ATTENTION_SOURCE_KEY] = sources[ATTENTION_SOURCE_VALUE] = keys;
    sources[ATTENTION_SOURCE_OUTPUT] = build_input(body, "x3", DTYPE_I32, &none);
    const NodeId node =
        graph_add(body, (Node){.op = OP_ATTENTION,
                               .source_count = ATTENTION_SOURCE_OUTPUT + 1,
                               .sources = sources,
                               .attributes = {.axes = axes_of((AxisId[]){e, m}, 2),
                                              .body = score_body(shape, body, &score)}});
    function_output(body, "y0", build_result(body, node, 0), NULL);
    return body;
}

static void set_keys(Harness *harness, const Case *shape, const Packing *packing) {
    packing_set_plain(harness, KEYS, packing, 0);
    for (int64_t i = 7; i < packing->stretches * packing->values; i += 900)
        harness_set(harness, KEYS, i, i % 5 ? 0 : -0x1p-60); /* blocks that stay plain */
    if (!shape->plain)
        packing_set_packed(harness, KEYS, PACKED, packing);
}

/* Keys that the mask hides are NaN. */
static void spoil_beyond(Harness *harness, const Case *shape, const Packing *packing,
                         int64_t position) {
    for (int64_t i = 0; i < packing->stretches * packing->values; i++)
        if (i / shape->width % shape->keys > position + 2)
            harness_set(harness, KEYS, i, NAN);
    if (!shape->plain)
        packing_set_packed(harness, KEYS, PACKED, packing);
}

static bool multiplies_bf16(void) {
    const Target target = harness_target();
    return target.has_bf16_dot && target_lanes(&target) == 16;
}

static uint64_t hash_at(Harness *harness, const Case *shape, int64_t position, int64_t group) {
    harness_set(harness, position_input(shape), 0, (double)position);
    cr_assert(harness_run(harness, group), "%s", harness->error);
    return harness_hash(harness);
}

/* For a target that this machine runs; NULL: itself. */
static void check(const Case *shape, const char *target) {
    Arena *arena = arena_create();
    cr_assert(arena && !setjmp(*arena_boundary(arena)));
    const Function *body = attention(arena, shape);
    Function *axes = function_create(arena, "axes");
    const Packing packing = packing_of(axes, shape->batches, shape->keys, shape->width);
    Harness harness;
    cr_assert(harness_open(&harness, body, target, 3), "%s", harness.error);
    if (multiplies_bf16() && shape->batches < 4)
        cr_expect_eq(harness.shape.tiles, shape->batches * shape->rows / ATTENTION_SHARED_ROWS,
                     "another kernel");
    set_keys(&harness, shape, &packing);
    const int64_t positions[] = {shape->keys - 1, shape->keys / 2, 17 % shape->keys, 1, 0};
    for (size_t i = 0; i < sizeof positions / sizeof *positions; i++) {
        const uint64_t hash = hash_at(&harness, shape, positions[i], 0);
        const double difference = harness_difference(&harness, arena);
        cr_expect(difference >= 0 && difference < 2.1 * 0x1p-8,
                  "%d keys, width %d, position %d: %g %s", (int)shape->keys, (int)shape->width,
                  (int)positions[i], difference, harness.error);
        cr_expect_eq(hash_at(&harness, shape, positions[i], 1), hash);
        spoil_beyond(&harness, shape, &packing, positions[i]);
        cr_expect_eq(hash_at(&harness, shape, positions[i], 0), hash, "reads beyond position %d",
                     (int)positions[i]);
        set_keys(&harness, shape, &packing);
    }
    harness_close(&harness);
    arena_destroy(arena);
}

Test(attention_shared, as_interpreted, .timeout = 600) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i], NULL);
}

/* Keys that nothing was compressed of are read so by tiles alone. */
Test(attention_shared, by_tiles, .timeout = 600) {
    if (!harness_target().has_amx)
        cr_skip("this CPU has no tiles");
    for (size_t i = 0; i < sizeof plain_cases / sizeof *plain_cases; i++)
        check(&plain_cases[i], NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i], "znver4"); /* as machines without them have it */
}

/* The output of the first batch, of as many as there are: few are computed some rows at a time. */
static void first_batch(int64_t batches, bool plain, uint16_t *output) {
    const Case shape = {batches, 8, 64, 256, false, plain};
    Arena *arena = arena_create();
    cr_assert(arena && !setjmp(*arena_boundary(arena)));
    Function *axes = function_create(arena, "axes");
    const Packing packing = packing_of(axes, batches, shape.keys, shape.width);
    Harness harness;
    cr_assert(harness_open(&harness, attention(arena, &shape), NULL, 3), "%s", harness.error);
    set_keys(&harness, &shape, &packing);
    hash_at(&harness, &shape, 50, 0);
    memcpy(output, harness.operands[position_input(&shape) + 1].bytes,
           (size_t)(shape.rows * shape.width) * sizeof(uint16_t));
    harness_close(&harness);
    arena_destroy(arena);
}

Test(attention_shared, bits_do_not_depend_on_batches_beside) {
    enum { VALUES = 8 * 256 };
    uint16_t alone[VALUES], beside[VALUES];
    first_batch(1, false, alone);
    first_batch(6, false, beside);
    cr_expect_arr_eq(alone, beside, sizeof alone);
    if (!harness_target().has_amx)
        return;
    first_batch(6, true, beside);
    cr_expect_arr_eq(alone, beside, sizeof alone, "tiles read what is not compressed, too");
}
