/* Products by tiles, where the machine has them, and by what else there is, where it has not:
 * compiled against interpreted; a row's bits do not depend on the rows beside it. */
#include "ir/build.h"
#include "passes/emit/contract.h"
#include "passes/emit/contract_shape.h"
#include "tests/unit/kernel_harness.h"

#include <criterion/criterion.h>
#include <string.h>

/* rows[h, r, d] times columns[h, f, d], whose depths lie side by side, plus a bias[f]. */
typedef struct Case {
    int64_t batches, rows, columns, depth;
    bool rounds; /* rows are f32, which the product rounds */
    bool fits;   /* tiles */
} Case;

static const Case cases[] = {
    {1, 1, 16, 32, false, true},    {1, 8, 64, 96, false, true},  {1, 8, 48, 512, true, true},
    {3, 5, 32, 64, false, true},    {4, 16, 16, 32, true, true},  {1, 17, 32, 64, false, true},
    {2, 40, 48, 96, false, true},   {1, 64, 32, 32, true, true},  {2, 70, 64, 64, false, true},
    {1, 150, 16, 160, false, true}, {1, 8, 24, 64, false, false}, {1, 8, 32, 48, false, false},
    {2, 3, 16, 33, false, false},
};

enum { CASES = sizeof cases / sizeof *cases };

static Function *product(Arena *arena, const Case *shape) {
    Function *body = function_create(arena, "body");
    const AxisId h = function_axis(body, "h", shape->batches);
    const AxisId r = function_axis(body, "r", shape->rows);
    const AxisId f = function_axis(body, "f", shape->columns);
    const AxisId d = function_axis(body, "d", shape->depth);
    const Axes left = axes_of((AxisId[]){h, r, d}, 3), right = axes_of((AxisId[]){h, f, d}, 3);
    const Axes result = axes_of((AxisId[]){h, r, f}, 3), summed = axes_of(&d, 1);
    NodeId rows = build_input(body, "x0", shape->rounds ? DTYPE_F32 : DTYPE_BF16, &left);
    if (shape->rounds)
        rows = build_unary(body, OP_CAST_BF16, rows);
    const NodeId columns = build_input(body, "x1", DTYPE_BF16, &right);
    const NodeId bias = build_input(body, "x2", DTYPE_F32, &(Axes){1, {f}});
    const NodeId sum = build_contract_as(body, rows, columns, &summed, &result);
    function_output(body, "y0", build_binary(body, OP_ADD, sum, bias), NULL);
    cr_assert(contract_accepts(body));
    return body;
}

static void check(const Case *shape) {
    Arena *arena = arena_create();
    cr_assert(arena && !setjmp(*arena_boundary(arena)));
    const Function *body = product(arena, shape);
    const Target target = harness_target();
    ContractShape found;
    contract_shape(body, &target, &found);
    cr_expect_eq(found.amx, shape->fits && target.has_amx, "%d columns, depth %d",
                 (int)shape->columns, (int)shape->depth);
    Harness harness;
    cr_assert(harness_open(&harness, body, NULL, 5), "%s", harness.error);
    cr_assert(harness_run(&harness, 0), "%s", harness.error);
    const double difference = harness_difference(&harness, arena);
    const double most = shape->rounds ? 0x1p-8 : 1e-5; /* the interpreter rounds nothing */
    cr_expect(difference >= 0 && difference < most, "%d rows, %d columns, depth %d: %g %s",
              (int)shape->rows, (int)shape->columns, (int)shape->depth, difference, harness.error);
    const uint64_t hash = harness_hash(&harness);
    for (int64_t group = 1; group <= 3; group += 2) {
        cr_assert(harness_run(&harness, group), "%s", harness.error);
        cr_expect_eq(harness_hash(&harness), hash, "tiles by %d", (int)group);
    }
    harness_close(&harness);
    arena_destroy(arena);
}

Test(amx, products_as_interpreted, .timeout = 300) {
    for (int i = 0; i < CASES; i++)
        check(&cases[i]);
}

/* The first row's results, of as many rows as there are. */
static void first_row(int64_t rows, float *results, int64_t columns) {
    const Case shape = {1, rows, columns, 256, false, true};
    Arena *arena = arena_create();
    cr_assert(arena && !setjmp(*arena_boundary(arena)));
    Harness harness;
    cr_assert(harness_open(&harness, product(arena, &shape), NULL, 5), "%s", harness.error);
    uint64_t state = 1;
    for (int64_t i = 0; i < (1 + columns) * shape.depth; i++) {
        const double value = (double)(harness_random(&state) % 255) / 128 - 1;
        if (i < shape.depth)
            harness_set(&harness, 0, i, value);
        else
            harness_set(&harness, 1, i - shape.depth, value);
    }
    for (int64_t i = 0; i < columns; i++)
        harness_set(&harness, 2, i, 0.1 * (double)i);
    cr_assert(harness_run(&harness, 0), "%s", harness.error);
    memcpy(results, harness.operands[3].bytes, (size_t)columns * sizeof *results);
    harness_close(&harness);
    arena_destroy(arena);
}

Test(amx, bits_of_a_row_do_not_depend_on_rows_beside, .timeout = 300) {
    enum { WIDTH = 64 };
    static const int64_t rows[] = {2, 8, 16, 17, 33, 100};
    float alone[WIDTH], beside[WIDTH];
    first_row(1, alone, WIDTH);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        first_row(rows[i], beside, WIDTH);
        cr_expect_arr_eq(alone, beside, sizeof alone, "%d rows", (int)rows[i]);
    }
}

/* Code for tiles can be made anywhere. */
Test(amx, objects_are_made_on_any_machine, .timeout = 300) {
#ifdef __x86_64__
    Arena *arena = arena_create();
    cr_assert(arena && !setjmp(*arena_boundary(arena)));
    for (int i = 0; i < CASES; i += HARNESS_EVERY) {
        Harness harness;
        cr_expect(harness_open(&harness, product(arena, &cases[i]), "sapphirerapids", 5), "%s",
                  harness.error);
        harness_close(&harness);
    }
    arena_destroy(arena);
#else
    cr_skip("x86-64 alone has tiles");
#endif
}
