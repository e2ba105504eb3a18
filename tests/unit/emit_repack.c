/* Kernels that keep bf16 a second time: they give the bits that the interpreter has. */
#include "ir/build.h"
#include "ir/tiled.h"
#include "tests/unit/packing.h"

#include <criterion/criterion.h>

static void check(const Function *body, const char *target, const Packing *packing, uint32_t plain,
                  int64_t position, Arena *arena) {
    Harness harness;
    cr_assert(harness_open(&harness, body, target, 5), "%s", harness.error);
    packing_set_plain(&harness, plain, packing, 300);
    if (plain == 2)
        harness_set(&harness, 1, 0, (double)position);
    cr_assert(harness_run(&harness, 0), "%s", harness.error);
    cr_expect_eq(harness_difference(&harness, arena), 0, "%s: %s", target ? target : "native",
                 harness.error);
    const uint64_t hash = harness_hash(&harness);
    cr_assert(harness_run(&harness, 1), "%s", harness.error);
    cr_expect_eq(harness_hash(&harness), hash);
    harness_close(&harness);
}

static void check_shape(PackedForm form, int64_t outer, int64_t m, int64_t e) {
    static const char *const targets[] = {NULL, "x86-64-v2"};
    Arena *arena = arena_create();
    cr_assert_not_null(arena);
    Function *whole = function_create(arena, "whole"), *slice = function_create(arena, "slice");
    const Packing packing = packing_of(whole, form, outer, m, e);
    const NodeId all = build_input(whole, "x0", DTYPE_BF16, &packing.plain);
    function_output(whole, "y0", build_pack(whole, form, all, &packing.along, packing.words), NULL);

    const Packing same = packing_of(slice, form, outer, m, e);
    const Axes none = {0};
    const NodeId packed = build_input(slice, "x0", DTYPE_I32, &same.packed);
    const NodeId position = build_input(slice, "x1", DTYPE_I32, &none);
    const NodeId plain = build_input(slice, "x2", DTYPE_BF16, &same.plain);
    function_output(slice, "y0",
                    build_pack_slice(slice, form, packed, position, plain, &same.along, same.words),
                    NULL);
    const int64_t positions[] = {0, 1, m / 2, m - 1, m, -1};
    for (size_t t = 0; t < 2; t++) {
        check(whole, targets[t], &packing, 0, 0, arena);
        for (size_t i = 0; i < sizeof positions / sizeof *positions; i++)
            check(slice, targets[t], &same, 2, positions[i], arena);
    }
    arena_destroy(arena);
}

Test(repack, compressed) {
    check_shape(PACKED_COMPRESSED, 3, 32, 64);
    check_shape(PACKED_COMPRESSED, 2, 16, 96);
    check_shape(PACKED_COMPRESSED, 1, 4, 256);
    check_shape(PACKED_COMPRESSED, 5, 128, 1);
    check_shape(PACKED_COMPRESSED, 2, 1024, 16);
}

Test(repack, tiled) {
    check_shape(PACKED_TILED, 3, 32, 64);
    check_shape(PACKED_TILED, 2, 64, 16);
    check_shape(PACKED_TILED, 1, 96, 48);
}

/* Where a value is, by the words of ir/tiled.h: 2 rows a line, 16 lines a tile, tiles by columns.
 */
Test(repack, tiles_lie_in_order) {
    cr_expect_eq(tiled_element(0, 0, 64), 0);
    cr_expect_eq(tiled_element(0, 1, 64), 1);
    cr_expect_eq(tiled_element(1, 0, 64), 0, "the other value of the element");
    cr_expect_eq(tiled_element(2, 0, 64), 16);
    cr_expect_eq(tiled_element(31, 15, 64), 255);
    cr_expect_eq(tiled_element(0, 16, 64), 256);
    cr_expect_eq(tiled_element(32, 0, 64), 4 * 256);
}
