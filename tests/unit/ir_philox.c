/* Known answers of Philox4x32-10 from the Random123 distribution (tests/kat_vectors), and the draws
 * that are defined by it. */
#include "ir/philox.h"
#include "tests/unit/ir_support.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct {
    uint32_t counter[4], key[2], expected[4];
} known[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

Test(ir_philox, known_answers) {
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        PhiloxBlock counter;
        memcpy(counter.word, known[i].counter, sizeof counter.word);
        PhiloxBlock block = philox4x32(counter, known[i].key[0], known[i].key[1]);
        cr_expect_arr_eq(block.word, known[i].expected, sizeof block.word);
    }
}

Test(ir_philox, with_seed_0_key_and_counter_are_as_given) {
    RandomPlace place = {.key = UINT64_C(0x299f31d0a4093822),
                         .element = 0x243f6a88,
                         .image = 0x85a308d3,
                         .step = 0x13198a2e,
                         .draw = 0x03707344};
    cr_expect_eq(random_uniform(place), (double)(0xd16cfe09 >> 8) / 16777216);
    double u1 = (double)((0xd16cfe09 >> 8) + 1) / 16777216, u2 = (double)(0x94fdcc) / 16777216;
    cr_expect_eq(random_normal(place), sqrt(-2 * log(u1)) * cos(2 * M_PI * u2));
}

Test(ir_philox, every_part_of_the_place_counts) {
    const RandomPlace place = {.key = 1, .seed = 2, .draw = 3, .step = 4, .image = 5, .element = 6};
    RandomPlace others[] = {place, place, place, place, place, place, place};
    others[1].key ^= UINT64_C(1) << 40;
    others[2].seed++;
    others[3].draw++;
    others[4].step++;
    others[5].image++;
    others[6].element++;
    for (size_t i = 0; i < 7; i++)
        for (size_t j = 0; j < i; j++)
            cr_expect_neq(random_uniform(others[i]), random_uniform(others[j]));
}

static const char text[] =
    "func @f { axis b = 3, n = 50, d = 100\n"
    "%0: i32[] = input \"seed\"  %1: i32[] = input \"draw\"\n"
    "%2: i32[] = input \"step\"  %3: i32[b] = input \"image\"\n"
    "%4: f32[b, n, d] = random[n, d] key 0x123456789abcdef0 %0, %1, %2, %3\n"
    "%5: f32[d, b, n] = random[n, d] key 0x123456789abcdef0 %0, %1, %2, %3\n"
    "%6: f32[b, n, d] = random_normal[n, d] key 0x1 %0, %1, %2, %3\n"
    "output \"natural\" = %4  output \"other\" = %5  output \"normal\" = %6 }";

/* Values of the function above for images 7, -1 and 0. */
static double **draw(Arena *arena) {
    static const double seed = -5, number = 2, step = 900, images[] = {7, -1, 0};
    const InterpretBinding bindings[] = {
        {"seed", &seed, 1}, {"draw", &number, 1}, {"step", &step, 1}, {"image", images, 3}};
    return ir_values(arena, ir_parse(arena, text), bindings, 4);
}

Test(ir_philox, elements_are_numbered_by_the_ops_axes_whatever_the_order_in_memory) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    double **values = draw(arena);
    static const uint32_t images[] = {7, UINT32_MAX, 0};
    RandomPlace place = {
        .key = UINT64_C(0x123456789abcdef0), .seed = (uint32_t)-5, .draw = 2, .step = 900};
    for (uint32_t b = 0; b < 3; b++)
        for (uint32_t n = 0; n < 50; n++)
            for (uint32_t d = 0; d < 100; d++) {
                place.image = images[b];
                place.element = n * 100 + d;
                double expected = random_uniform(place);
                cr_assert_eq(values[0][(b * 50 + n) * 100 + d], expected);
                cr_assert_eq(values[1][(d * 3 + b) * 50 + n], expected);
                cr_assert_eq((double)(float)expected, expected, "exact in f32");
            }
    arena_destroy(arena);
}

Test(ir_philox, moments) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    double **values = draw(arena);
    const int count = 3 * 50 * 100;
    double uniform = 0, mean = 0, square = 0, fourth = 0;
    for (int i = 0; i < count; i++) {
        double x = values[2][i];
        cr_assert(values[0][i] >= 0 && values[0][i] < 1);
        uniform += values[0][i] / count;
        mean += x / count;
        square += x * x / count;
        fourth += x * x * x * x / count;
    }
    /* five standard errors of each */
    cr_expect_float_eq(uniform, 0.5, 5 * sqrt(1.0 / 12 / count));
    cr_expect_float_eq(mean, 0, 5 * sqrt(1.0 / count));
    cr_expect_float_eq(square, 1, 5 * sqrt(2.0 / count));
    cr_expect_float_eq(fourth, 3, 5 * sqrt(96.0 / count));
    arena_destroy(arena);
}
