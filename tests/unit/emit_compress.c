/* The format of compressed bf16, and products and attention that read it. */
#include "ir/build.h"
#include "ir/compressed.h"
#include "passes/emit/contract.h"
#include "passes/emit/contract_shape.h"
#include "tests/unit/packing.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- the format --- */

/* As whoever reads a block makes its values. */
static void expand(const uint8_t *bytes, uint8_t base, uint16_t *values) {
    for (int pair = 0; pair < 2; pair++)
        for (int i = 0; i < 64; i++) {
            const int row = 2 * pair + (i % 16 >= 8), lane = i / 16 * 8 + i % 8;
            const int code = bytes[i] >> 4 * pair & 15;
            const int upper = (code & 7) + base + (code >> 3) * 128;
            values[32 * row + lane] = (uint16_t)(upper << 8 | bytes[64 + 64 * pair + i]);
        }
}

Test(compress, a_block_holds_its_values_or_says_that_it_does_not) {
    uint64_t state = 3;
    uint16_t values[COMPRESSED_VALUES], made[COMPRESSED_VALUES];
    uint8_t bytes[COMPRESSED_BLOCK_BYTES];
    int held = 0;
    for (int round = 0; round < 4000; round++) {
        const double size = ldexp(1, (int)(harness_random(&state) % 250) - 125);
        for (int i = 0; i < COMPRESSED_VALUES; i++)
            values[i] = packing_bits(packing_draw(&state, size));
        if (round % 2)
            values[harness_random(&state) % COMPRESSED_VALUES] =
                packing_bits(packing_odd_value(&state));
        const uint8_t base = compress_block(values, bytes);
        held += base > 0;
        expand(bytes, base, made);
        cr_assert(!base || !memcmp(made, values, sizeof made));
    }
    cr_expect(held > 1500 && held < 3000, "%d of 4000 fit", held);
}

/* Exponents whose upper bits are 7 apart fit and those of 8 do not, wherever they are. */
Test(compress, sixteen_exponents_fit) {
    uint16_t values[COMPRESSED_VALUES];
    uint8_t bytes[COMPRESSED_BLOCK_BYTES];
    for (int largest = 0; largest < 128; largest++)
        for (int apart = 7; apart <= 8 && apart <= largest; apart++) {
            for (int i = 0; i < COMPRESSED_VALUES; i++)
                values[i] = (uint16_t)(largest << 8 | 0x55 | (i % 2) << 15);
            values[77] = (uint16_t)((largest - apart) << 8);
            const int wanted = apart == 7 && largest > 7 ? largest - 7 : 0;
            cr_assert_eq(compress_block(values, bytes), wanted, "%d, %d", largest, apart);
        }
}

/* --- products --- */

/* A product of `rows` with panels as decode has them; `packs`: they are compressed too. */
static Function *product(Arena *arena, int64_t rows, int64_t depth, int64_t panels, int64_t width,
                         bool packs) {
    Function *body = function_create(arena, "body");
    const AxisId b = function_axis(body, "b", rows), f = function_axis(body, "f", panels * width);
    const Packing packing = packing_of(body, PACKED_COMPRESSED, panels, depth, width);
    const AxisId d = packing.plain.at[1];
    const Axes left = axes_of((AxisId[]){b, d}, 2), result = axes_of((AxisId[]){b, f}, 2);
    const Axes summed = axes_of(&d, 1);
    const NodeId x = build_input(body, "x0", DTYPE_BF16, &left);
    NodeId weights = build_input(body, "x1", DTYPE_BF16, &packing.plain);
    if (packs) {
        const NodeId packed = build_input(body, "x2", DTYPE_I32, &packing.packed);
        weights =
            build_packed(body, PACKED_COMPRESSED, weights, packed, &packing.along, packing.words);
    }
    const NodeId merged = build_merge(body, weights, packing.plain.at[0], packing.plain.at[2], f);
    function_output(body, "y0", build_contract_as(body, x, merged, &summed, &result), NULL);
    cr_assert(contract_accepts(body));
    return body;
}

static uint64_t run_product(const Function *body, const char *target, const Packing *packing,
                            Arena *arena) {
    Harness harness;
    cr_assert(harness_open(&harness, body, target, 7), "%s", harness.error);
    packing_set_plain(&harness, 1, packing, 0);
    if (packing->words != AXIS_NONE)
        packing_set_packed(&harness, 1, 2, packing);
    cr_assert(harness_run(&harness, 0), "%s", harness.error);
    const double difference = harness_difference(&harness, arena);
    cr_expect(difference >= 0 && difference < 1e-5, "%g %s", difference, harness.error);
    const uint64_t hash = harness_hash(&harness);
    harness_close(&harness);
    return hash;
}

static void check_product(int64_t rows, int64_t depth, int64_t panels, int64_t width,
                          const char *target, bool used) {
    Arena *arena = arena_create();
    cr_assert_not_null(arena);
    const Function *plain = product(arena, rows, depth, panels, width, false);
    Function *packed = product(arena, rows, depth, panels, width, true);
    Packing packing = packing_of(packed, PACKED_COMPRESSED, panels, depth, width);
    ContractShape shape;
    Target found;
    char error[256];
    cr_assert(target_find(target, &found, error, sizeof error), "%s", error);
    contract_shape(packed, &found, &shape);
    cr_expect_eq(shape.packed != NODE_NONE, used, "%ld rows, %ld deep, panels of %ld", rows, depth,
                 width);
    const uint64_t hash = run_product(packed, target, &packing, arena);
    packing.words = AXIS_NONE;
    cr_expect_eq(run_product(plain, target, &packing, arena), hash,
                 "%ld rows, %ld deep, panels of %ld: other bits than uncompressed", rows, depth,
                 width);
    arena_destroy(arena);
}

/* The same bits, whether a product reads its weights compressed or not. */
Test(compress, products_have_the_same_bits) {
    static const int64_t rows[] = {1, 2, 3, 4, 6, 8, 13};
    Target target;
    char error[256];
    cr_assert(target_find(NULL, &target, error, sizeof error), "%s", error);
    target.has_amx = false; /* tiles would not read them in panels */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const int64_t width = contract_panel_width(&target, DTYPE_BF16, rows[i], 1024, 512);
        const bool used = target_lanes(&target) == 16;
        check_product(rows[i], 512, 3, width, NULL, used);
        check_product(rows[i], 64, 8, width, NULL, used);
        check_product(rows[i], 64, 8, 2 * width, NULL, false);
    }
    check_product(8, 64, 4, 16, "x86-64-v2", false);
}

/* --- attention --- */

/* Of one query a head, [h, e], and keys and values, [h, m, e]. Inputs in their order: query, key,
 * value, position; `packs`: query, key, what is compressed of it, value, the same of it, position.
 */
static Function *attention(Arena *arena, int64_t heads, int64_t keys, int64_t width, bool packs) {
    const Axes none = {0};
    Function *body = function_create(arena, "body");
    const Packing packing = packing_of(body, PACKED_COMPRESSED, heads, keys, width);
    const AxisId h = packing.plain.at[0], m = packing.plain.at[1], e = packing.plain.at[2];
    const Axes query = axes_of((AxisId[]){h, e}, 2), score = axes_of((AxisId[]){h, m}, 2);
    NodeId sources[4], number = 0;
    sources[0] = build_input(body, arena_printf(arena, "x%u", number++), DTYPE_BF16, &query);
    for (int i = 1; i <= 2; i++) {
        const char *name = arena_printf(arena, "x%u", number++);
        sources[i] = build_input(body, name, DTYPE_BF16, &packing.plain);
        if (packs) {
            const NodeId packed =
                build_input(body, arena_printf(arena, "x%u", number++), DTYPE_I32, &packing.packed);
            sources[i] = build_packed(body, PACKED_COMPRESSED, sources[i], packed, &packing.along,
                                      packing.words);
        }
    }
    sources[3] = build_input(body, arena_printf(arena, "x%u", number++), DTYPE_I32, &none);
    const AxisId axes[] = {e, m};
    const NodeId node = graph_add(
        body,
        (Node){.op = OP_ATTENTION,
               .source_count = 4,
               .sources = sources,
               .attributes = {.axes = axes_of(axes, 2), .body = packing_causal(body, &score)}});
    function_output(body, "y0", build_result(body, node, 0), NULL);
    return body;
}

static void run_attention(const Function *body, const Packing *packing, bool packs,
                          const int64_t *positions, uint64_t *hashes, Arena *arena) {
    Harness harness;
    cr_assert(harness_open(&harness, body, NULL, 7), "%s", harness.error);
    const uint32_t step = packs ? 2 : 1;
    for (uint32_t i = 0; i < 2; i++) {
        packing_set_plain(&harness, 1 + i * step, packing, 0);
        if (packs)
            packing_set_packed(&harness, 1 + i * step, 2 + i * step, packing);
    }
    for (int i = 0; i < 5; i++) {
        harness_set(&harness, 1 + 2 * step, 0, (double)positions[i]);
        cr_assert(harness_run(&harness, i % 2), "%s", harness.error);
        const double difference = harness_difference(&harness, arena);
        cr_expect(difference >= 0 && difference < 2.1 * 0x1p-9, "%g %s", difference, harness.error);
        hashes[i] = harness_hash(&harness);
    }
    harness_close(&harness);
}

/* The same bits, whether keys and values are read compressed or not. */
Test(compress, attention_has_the_same_bits) {
    static const int64_t widths[] = {32, 64, 128};
    for (int i = 0; i < 3; i++) {
        Arena *arena = arena_create();
        cr_assert_not_null(arena);
        const int64_t keys = 64, positions[] = {63, 40, 15, 1, 0};
        uint64_t plain[5], packed[5];
        const Function *body = attention(arena, 3, keys, widths[i], true);
        Function *axes = function_create(arena, "axes");
        const Packing packing = packing_of(axes, PACKED_COMPRESSED, 3, keys, widths[i]);
        run_attention(attention(arena, 3, keys, widths[i], false), &packing, false, positions,
                      plain, arena);
        run_attention(body, &packing, true, positions, packed, arena);
        cr_expect_arr_eq(plain, packed, sizeof plain, "heads of %ld", widths[i]);
        arena_destroy(arena);
    }
}
