/* Attention of all heads over the same packed keys, which are the values too: compiled against
 * interpreted; the same bits whichever rows are computed together. */
#include "ir/build.h"
#include "passes/emit/attention_shape.h"
#include "tests/unit/packing.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { QUERY, KEYS, PACKED, POSITION, RESULT };

typedef struct Case {
    int64_t batches, rows, keys, width;
    bool window; /* the last 20 keys alone */
    bool tiled;  /* keys are in tiles, not compressed */
} Case;

static const Case cases[] = {
    {1, 4, 64, 128, false, false}, {3, 4, 48, 128, true, false},  {2, 8, 64, 256, false, false},
    {5, 8, 96, 128, true, false},  {4, 4, 32, 512, false, false}, {1, 8, 112, 512, true, false},
    {4, 8, 16, 384, false, false},
};

/* As tiles read them, where the machine has these. */
static const Case tiled_cases[] = {
    {1, 4, 64, 128, false, true}, {3, 4, 128, 128, true, true}, {5, 8, 96, 128, true, true},
    {4, 4, 32, 512, false, true}, {1, 8, 128, 512, true, true}, {4, 8, 32, 384, false, true},
};

enum { TILED_CASES = sizeof tiled_cases / sizeof *tiled_cases };

static PackedForm form_of(const Case *shape) {
    return shape->tiled ? PACKED_TILED : PACKED_COMPRESSED;
}

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

/* Inputs in their order: query [h, g, e], keys [h, m, e], these packed, position. The batches are
 * axis h, as packing_of has it. */
static Function *attention(Arena *arena, const Case *shape) {
    const Axes none = {0};
    Function *body = function_create(arena, "body");
    const Packing packing =
        packing_of(body, form_of(shape), shape->batches, shape->keys, shape->width);
    const AxisId h = packing.plain.at[0], m = packing.plain.at[1], e = packing.plain.at[2];
    const AxisId g = function_axis(body, "g", shape->rows);
    const Axes query = axes_of((AxisId[]){h, g, e}, 3), score = axes_of((AxisId[]){h, g, m}, 3);
    NodeId sources[ATTENTION_SOURCE_OUTPUT + 1];
    sources[ATTENTION_SOURCE_QUERY] = build_input(body, "x0", DTYPE_BF16, &query);
    const NodeId plain = build_input(body, "x1", DTYPE_BF16, &packing.plain);
    const NodeId packed = build_input(body, "x2", DTYPE_I32, &packing.packed);
    const NodeId keys =
        build_packed(body, packing.form, plain, packed, &packing.along, packing.words);
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

static void set_keys(Harness *harness, const Packing *packing) {
    packing_set_plain(harness, KEYS, packing, 0);
    for (int64_t i = 7; i < packing->stretches * packing->values; i += 900)
        harness_set(harness, KEYS, i, i % 5 ? 0 : -0x1p-60); /* blocks that stay plain */
    packing_set_packed(harness, KEYS, PACKED, packing);
}

/* Keys that the mask hides are NaN. */
static void spoil_beyond(Harness *harness, const Case *shape, const Packing *packing,
                         int64_t position) {
    for (int64_t i = 0; i < packing->stretches * packing->values; i++)
        if (i / shape->width % shape->keys > position + 2)
            harness_set(harness, KEYS, i, NAN);
    packing_set_packed(harness, KEYS, PACKED, packing);
}

/* Whether it is attention that reads its keys once for all rows. */
static bool is_shared(const Case *shape, const char *name) {
    Target target;
    char error[256];
    cr_assert(target_find(name, &target, error, sizeof error), "%s", error);
    return target.has_bf16_dot && target_lanes(&target) == 16 && (!shape->tiled || target.has_amx);
}

static uint64_t hash_at(Harness *harness, int64_t position, int64_t group) {
    harness_set(harness, POSITION, 0, (double)position);
    cr_assert(harness_run(harness, group), "%s", harness->error);
    return harness_hash(harness);
}

/* For a target that this machine runs; NULL: itself. */
static void check(const Case *shape, const char *target) {
    Arena *arena = arena_create();
    cr_assert(arena && !setjmp(*arena_boundary(arena)));
    const Function *body = attention(arena, shape);
    Function *axes = function_create(arena, "axes");
    const Packing packing =
        packing_of(axes, form_of(shape), shape->batches, shape->keys, shape->width);
    Harness harness;
    cr_assert(harness_open(&harness, body, target, 3), "%s", harness.error);
    const bool shared = is_shared(shape, target);
    if (shared && shape->batches < 4)
        cr_expect_eq(harness.shape.tiles, shape->batches * shape->rows / ATTENTION_SHARED_ROWS,
                     "another kernel");
    set_keys(&harness, &packing);
    const int64_t positions[] = {shape->keys - 1, shape->keys / 2, 17 % shape->keys, 1, 0};
    for (size_t i = 0; i < sizeof positions / sizeof *positions; i++) {
        const uint64_t hash = hash_at(&harness, positions[i], 0);
        const double difference = harness_difference(&harness, arena);
        cr_expect(difference >= 0 && difference < 2.1 * 0x1p-8,
                  "%d keys, width %d, position %d: %g %s", (int)shape->keys, (int)shape->width,
                  (int)positions[i], difference, harness.error);
        cr_expect_eq(hash_at(&harness, positions[i], 1), hash);
        if (!shared) /* others hide what is finite alone */
            continue;
        spoil_beyond(&harness, shape, &packing, positions[i]);
        cr_expect_eq(hash_at(&harness, positions[i], 0), hash, "reads beyond position %d",
                     (int)positions[i]);
        set_keys(&harness, &packing);
    }
    harness_close(&harness);
    arena_destroy(arena);
}

Test(attention_shared, as_interpreted, .timeout = 600) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i], NULL);
}

/* Where there are no tiles, what lies plain is read. */
Test(attention_shared, in_tiles, .timeout = 600) {
    for (size_t i = 0; i < TILED_CASES; i++) {
        check(&tiled_cases[i], NULL);
        if (harness_target().has_amx)
            check(&tiled_cases[i], "znver4");
    }
}

/* Code for tiles can be made anywhere. */
Test(attention_shared, objects_are_made_on_any_machine, .timeout = 600) {
#ifdef __x86_64__
    Arena *arena = arena_create();
    cr_assert(arena && !setjmp(*arena_boundary(arena)));
    for (size_t i = 0; i < TILED_CASES; i += HARNESS_EVERY) {
        Harness harness;
        cr_expect(harness_open(&harness, attention(arena, &tiled_cases[i]), "sapphirerapids", 3),
                  "%s", harness.error);
        harness_close(&harness);
    }
    arena_destroy(arena);
#endif
}

/* The output of the first batch, of as many as there are: few are computed some rows at a time. */
static void first_batch(int64_t batches, bool tiled, uint16_t *output) {
    const Case shape = {batches, 8, 64, 256, false, tiled};
    Arena *arena = arena_create();
    cr_assert(arena && !setjmp(*arena_boundary(arena)));
    Function *axes = function_create(arena, "axes");
    const Packing packing = packing_of(axes, form_of(&shape), batches, shape.keys, shape.width);
    Harness harness;
    cr_assert(harness_open(&harness, attention(arena, &shape), NULL, 3), "%s", harness.error);
    set_keys(&harness, &packing);
    hash_at(&harness, 50, 0);
    memcpy(output, harness.operands[RESULT].bytes,
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
    first_batch(1, true, alone);
    first_batch(6, true, beside);
    cr_expect_arr_eq(alone, beside, sizeof alone, "by tiles");
}
