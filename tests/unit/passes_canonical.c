/* Kernels are equal exactly where one machine code serves both. */
#include "passes/canonical.h"

#include "ir/build.h"

#include <criterion/criterion.h>
#include <string.h>

typedef struct Variant {
    const char *row, *column, *input;
    int64_t rows, columns;
    double constant;
    uint64_t key;
    bool transposed;
} Variant;

/* sum over columns of (x + constant) * random[row, column] */
static CanonicalForm form_of(Arena *arena, Variant variant) {
    Function *function = function_create(arena, "body");
    AxisId row = function_axis(function, variant.row, variant.rows);
    AxisId column = function_axis(function, variant.column, variant.columns);
    Axes axes = axes_of((AxisId[]){row, column}, 2), swapped = axes_of((AxisId[]){column, row}, 2);
    NodeId x =
        build_input(function, variant.input, DTYPE_F32, variant.transposed ? &swapped : &axes);
    NodeId zero = build_const(function, DTYPE_I32, 0);
    NodeId sources[4] = {zero, zero, zero, zero};
    NodeId noise = graph_add(function, (Node){.op = OP_RANDOM,
                                              .source_count = 4,
                                              .sources = sources,
                                              .attributes = {.key = variant.key, .axes = axes}});
    NodeId sum =
        build_binary(function, OP_ADD, x, build_const(function, DTYPE_F32, variant.constant));
    Axes over = axes_of(&column, 1);
    NodeId product = build_binary(function, OP_MUL, sum, noise);
    function_output(function, "y0", build_along(function, OP_SUM, product, &over), NULL);
    return canonical_form(arena, function);
}

static bool same(CanonicalForm a, CanonicalForm b) {
    return a.length == b.length && memcmp(a.bytes, b.bytes, a.length) == 0;
}

static const Variant base = {"n", "d", "x0", 4, 8, 1.5, 1, false};

Test(canonical, names_and_keys_do_not_matter) {
    Arena *arena = arena_create();
    Variant other = base;
    other.row = "m";
    other.column = "n";
    other.input = "y";
    other.key = 2;
    cr_assert(same(form_of(arena, base), form_of(arena, other)));
    arena_destroy(arena);
}

Test(canonical, extents_constants_and_orders_matter) {
    Arena *arena = arena_create();
    CanonicalForm form = form_of(arena, base);
    Variant other = base;
    other.columns = 9;
    cr_assert_not(same(form, form_of(arena, other)));
    other = base;
    other.constant = 1.25;
    cr_assert_not(same(form, form_of(arena, other)));
    other = base;
    other.transposed = true;
    cr_assert_not(same(form, form_of(arena, other)));
    arena_destroy(arena);
}

Test(canonical, keys_are_the_draws_in_order) {
    Arena *arena = arena_create();
    Function *function = function_create(arena, "body");
    NodeId zero = build_const(function, DTYPE_I32, 0);
    NodeId sources[4] = {zero, zero, zero, zero};
    Axes axes = {0};
    axes_append(&axes, function_axis(function, "n", 3));
    for (uint64_t key = 7; key < 9; key++)
        graph_add(function, (Node){.op = key == 7 ? OP_RANDOM : OP_RANDOM_NORMAL,
                                   .source_count = 4,
                                   .sources = sources,
                                   .attributes = {.key = key, .axes = axes}});
    int64_t *keys;
    cr_assert_eq(canonical_keys(arena, function, &keys), 2);
    cr_assert_eq(keys[0], 7);
    cr_assert_eq(keys[1], 8);
    arena_destroy(arena);
}
