/* Contractions of many shapes and memory orders, compiled against interpreted. */
#include "ir/build.h"
#include "kernel_harness.h"
#include "passes/emit/contract.h"
#include "passes/emit/contract_shape.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A contraction by its axes: letters with extents, "bnd" the order in memory. */
typedef struct Case {
    const char *left, *right, *result;
    const char *axes; /* letters that have the extents below, in order */
    int64_t extents[8];
} Case;

static Axes axes_of_letters(Function *body, const char *letters, const Case *shape) {
    Axes axes = {0};
    for (const char *letter = letters; *letter; letter++) {
        const char *place = strchr(shape->axes, *letter);
        char name[] = {*letter, 0};
        axes_append(&axes, function_axis(body, name, shape->extents[place - shape->axes]));
    }
    return axes;
}

/* What the sides are: f32, bf16, or f32 that the kernel rounds to bf16. */
typedef enum Sides { SIDES_F32, SIDES_BF16, SIDES_ROUND_LEFT, SIDES_ROUND_RIGHT, SIDES } Sides;

static NodeId build_side(Function *body, const char *name, const Axes *axes, Sides sides,
                         Sides rounded) {
    if (sides == SIDES_F32 || sides == rounded) {
        NodeId input = build_input(body, name, DTYPE_F32, axes);
        return sides == rounded ? build_unary(body, OP_CAST_BF16, input) : input;
    }
    return build_input(body, name, DTYPE_BF16, axes);
}

static NodeId build_case_of(Function *body, const Case *shape, Sides sides) {
    Axes left = axes_of_letters(body, shape->left, shape);
    Axes right = axes_of_letters(body, shape->right, shape);
    Axes result = axes_of_letters(body, shape->result, shape);
    NodeId a = build_side(body, "x0", &left, sides, SIDES_ROUND_LEFT);
    NodeId b = build_side(body, "x1", &right, sides, SIDES_ROUND_RIGHT);
    Axes all = axes_union(&left, &right), summed = axes_minus(&all, &result);
    return build_contract_as(body, a, b, &summed, &result);
}

static NodeId build_case(Function *body, const Case *shape) {
    return build_case_of(body, shape, SIDES_F32);
}

/* Rounding changes no input, so that the interpreter's product is the kernel's. */
static void round_inputs(Harness *harness) {
    for (uint32_t i = 0; i < harness->input_count; i++)
        for (int64_t at = 0;
             at < graph_elements(harness->body,
                                 graph_node(harness->body, kernel_input(harness->body, i)));
             at++)
            harness_set(harness, i, at, round(harness->inputs[i][at] * 128) / 128);
}

/* The hash of the results; `choices` NULL are those that ship. */
static uint64_t check_choices(const Function *body, const char *target, const Choices *choices,
                              Arena *arena, const char *label) {
    Harness harness;
    cr_assert(contract_accepts(body), "%s: not accepted", label);
    cr_assert(harness_open_with(&harness, body, target, choices, 7), "%s: %s", label,
              harness.error);
    round_inputs(&harness);
    cr_assert(harness_run(&harness, 0), "%s: %s", label, harness.error);
    double difference = harness_difference(&harness, arena);
    cr_expect(difference >= 0 && difference < 1e-5, "%s: differs by %g %s", label, difference,
              harness.error);
    uint64_t whole = harness_hash(&harness);
    cr_assert(harness_run(&harness, 1), "%s: %s", label, harness.error);
    cr_expect_eq(harness_hash(&harness), whole, "%s: tiles by themselves differ", label);
    cr_assert(harness_run(&harness, 3), "%s: %s", label, harness.error);
    cr_expect_eq(harness_hash(&harness), whole, "%s: tiles in threes differ", label);
    harness_close(&harness);
    return whole;
}

static void check_target(const Function *body, const char *target, Arena *arena,
                         const char *label) {
    if (harness_takes(target))
        check_choices(body, target, NULL, arena, label);
}

/* Also on narrower vectors, without FMA, where that can be run. */
static void check_body(const Function *body, Arena *arena, const char *label) {
    check_target(body, NULL, arena, label);
#ifdef __x86_64__
    check_target(body, "x86-64-v2", arena, label);
#endif
}

static void check_sides(const Case *shape, Sides sides) {
    static const char *const names[] = {"f32", "bf16", "rounded left", "rounded right"};
    Arena *arena = arena_create();
    cr_assert_not_null(arena);
    Function *body = function_create(arena, "body");
    function_output(body, "y0", build_case_of(body, shape, sides), NULL);
    char label[128];
    snprintf(label, sizeof label, "%s,%s->%s %ld %ld %ld %ld %ld %s", shape->left, shape->right,
             shape->result, shape->extents[0], shape->extents[1], shape->extents[2],
             shape->extents[3], shape->extents[4], names[sides]);
    check_body(body, arena, label);
    arena_destroy(arena);
}

/* In f32, and in one of the ways of bf16. */
static void check_case(const Case *shape) {
    check_sides(shape, SIDES_F32);
    check_sides(shape, SIDES_BF16 + (Sides)((shape->extents[0] + shape->extents[2]) % 3));
}

Test(contract, every_combination_of_extents) {
    static const int64_t extents[] = {1, 3, 17, 64, 100};
    for (int m = 0; m < 5; m++)
        for (int n = 0; n < 5; n++)
            for (int k = 0; k < 5; k++)
                if (extents[m] > 1 && extents[n] > 1)
                    check_case(
                        &(Case){"mk", "kn", "mn", "mnk", {extents[m], extents[n], extents[k]}});
}

Test(contract, memory_orders) {
    static const char *const lefts[] = {"mk", "km"}, *const rights[] = {"kn", "nk"},
                             *const results[] = {"mn", "nm"};
    for (int l = 0; l < 2; l++)
        for (int r = 0; r < 2; r++)
            for (int o = 0; o < 2; o++) {
                check_case(&(Case){lefts[l], rights[r], results[o], "mnk", {37, 50, 29}});
                check_case(&(Case){lefts[l], rights[r], results[o], "mnk", {64, 128, 96}});
                check_case(&(Case){lefts[l], rights[r], results[o], "mnk", {5, 200, 400}});
            }
}

/* Read in place, its depths in blocks, the last of them short; pairs are made of rows of bf16. */
Test(contract, few_rows_against_a_large_matrix) {
    static const int64_t rows[] = {1, 2, 5, 8, 13, 16};
    static const int64_t depths[] = {300, 293, 514};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const Case shape = {"bd", "df", "bf", "bdf", {rows[i], depths[i % 3], 500 - 100 * (i / 3)}};
        check_sides(&shape, SIDES_F32);
        check_sides(&shape, SIDES_BF16);
    }
    const Case heads = {"bhe", "hed", "bd", "bhed", {3, 8, 32, 700}};
    check_sides(&heads, SIDES_F32);
    check_sides(&heads, SIDES_BF16);
}

/* Columns are an axis of the right side in two parts, which lie around the depth. */
static void check_panels(int64_t rows, int64_t depth, int64_t panels, int64_t width, DType dtype) {
    Arena *arena = arena_create();
    cr_assert_not_null(arena);
    Function *body = function_create(arena, "body");
    const AxisId b = function_axis(body, "b", rows), d = function_axis(body, "d", depth);
    const AxisId f = function_axis(body, "f", panels * width);
    const AxisId of = function_axis(body, "of", panels), in = function_axis(body, "in", width);
    const Axes left = axes_of((AxisId[]){b, d}, 2), right = axes_of((AxisId[]){of, d, in}, 3);
    const Axes summed = axes_of(&d, 1), result = axes_of((AxisId[]){b, f}, 2);
    const NodeId x = build_input(body, "x0", dtype, &left);
    const NodeId y = build_input(body, "x1", dtype, &right);
    const NodeId merged = build_merge(body, y, of, in, f);
    function_output(body, "y0", build_contract_as(body, x, merged, &summed, &result), NULL);
    char label[96];
    snprintf(label, sizeof label, "%ld rows, %ld deep, %ld panels of %ld, %s", rows, depth, panels,
             width, dtype_name(dtype));
    check_body(body, arena, label);
    arena_destroy(arena);
}

/* Panels as wide as the product's columns at a time, wider and narrower ones. */
Test(contract, few_rows_against_panels) {
    static const int64_t rows[] = {1, 2, 3, 5, 8, 16};
    Target target;
    char error[256];
    cr_assert(target_find(NULL, &target, error, sizeof error), "%s", error);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int half = 0; half < 2; half++) {
            const DType dtype = half ? DTYPE_BF16 : DTYPE_F32;
            const int64_t width = contract_panel_width(&target, dtype, rows[i], 1024, 514);
            cr_assert(width > 0 && 1024 % width == 0);
            check_panels(rows[i], 514, 1024 / width, width, dtype);
            check_panels(rows[i], 130, 3, width, dtype);
            check_panels(rows[i], 67, 5, width / 2, dtype);
            check_panels(rows[i], 64, 2, 2 * width, dtype);
        }
    check_panels(40, 96, 4, 32, DTYPE_F32);
    check_panels(40, 96, 4, 32, DTYPE_BF16);
}

Test(contract, depth_in_blocks) {
    check_case(&(Case){"mk", "kn", "mn", "mnk", {100, 70, 1000}});
    check_case(&(Case){"km", "kn", "mn", "mnk", {64, 256, 512}});
    check_case(&(Case){"mk", "nk", "mn", "mnk", {50, 33, 777}});
    check_case(&(Case){"mk", "kn", "mn", "mnk", {13, 18, 60001}});
}

Test(contract, several_axes) {
    static const Case cases[] = {
        {"bnd", "dhe", "bnhe", "bndhe", {3, 20, 24, 4, 16}},
        {"bnd", "dhe", "bhne", "bndhe", {3, 20, 24, 4, 16}},
        {"bnd", "dhe", "bhen", "bndhe", {3, 20, 24, 4, 12}},
        {"bnd", "dhe", "bhne", "bndhe", {2, 7, 24, 3, 5}},
        {"bnhe", "hed", "bnd", "bndhe", {3, 20, 24, 4, 16}},
        {"bhne", "hed", "bnd", "bndhe", {3, 20, 24, 4, 16}},
        {"bhne", "ehd", "bnd", "bndhe", {3, 20, 24, 4, 16}},
        {"bnd", "bnhe", "dhe", "bndhe", {3, 20, 24, 4, 16}},
        {"bnd", "bhne", "dhe", "bndhe", {3, 20, 24, 4, 16}},
        {"nbd", "bhne", "hde", "bndhe", {3, 20, 24, 4, 16}},
        {"bhne", "bhme", "bhnm", "bnmhe", {2, 17, 17, 3, 8}},
        {"bhnm", "bhme", "bnhe", "bnmhe", {2, 17, 17, 3, 8}},
        {"nbhe", "mbeh", "nhmb", "bnmhe", {2, 17, 19, 3, 8}},
        {"bnk", "bk2", "2nb", "bnk2", {40, 6, 9, 5}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_case(&cases[i]);
}

static Case random_case(uint64_t *state, int64_t longest) {
    static const char *const lefts[] = {"bmk", "mbk", "kmb", "mkl", "lmk", "kbml"};
    static const char *const rights[] = {"bkn", "nkb", "kbn", "lkn", "nlk", "kbln"};
    static const char *const results[] = {"bmn", "nbm", "mnb", "mn", "nm", "bmn"};
    int which = (int)(harness_random(state) % 6);
    Case shape = {lefts[which], rights[which], results[which], "mnkbl", {0}};
    for (int axis = 0; axis < 5; axis++)
        shape.extents[axis] =
            1 + (int64_t)(harness_random(state) % (axis < 3 ? (uint64_t)longest : 4));
    shape.extents[0]++;
    shape.extents[1]++;
    return shape;
}

Test(contract, random_shapes) {
    uint64_t state = 11;
    for (int i = 0; i < 60; i++) {
        Case shape = random_case(&state, 70);
        check_case(&shape);
    }
}

/* In the order of the columns of choices.def, of which the last three are attention's. */
static const Choices odd_tables[] = {
    {16, 1, 0, 0, 0, 0, 1, 1, 96, 64, 24},
    {16, 7, 1, 1, 1, 1, 5, 3, 96, 64, 24},
    {32, 4096, 1048576, 1024, 1024, 1048576, 30, 1, 96, 64, 24},
    {48, 50, 2, 2, 3, 4, 2, 12, 96, 64, 24},
    {4096, 30, 8192, 0, 1024, 0, 8, 4, 96, 64, 24},
};

/* Not only right: every element is one chain in the order of the depth, so the bits are the same.
 */
Test(contract, any_table_in_bounds) {
    uint64_t state = 5;
    for (int i = 0; i < HARNESS_DRAWS(16); i++) {
        const Case shape = random_case(&state, 110);
        const char *target = i % 3 ? NULL : "x86-64-v2";
        Arena *arena = arena_create();
        cr_assert_not_null(arena);
        Function *body = function_create(arena, "body");
        function_output(body, "y0", build_case_of(body, &shape, (Sides)(i % SIDES)), NULL);
        uint64_t shipped = check_choices(body, target, NULL, arena, "the table that ships");
        for (size_t t = 0; t < sizeof odd_tables / sizeof *odd_tables; t++) {
            char label[32];
            snprintf(label, sizeof label, "shape %d, table %zu", i, t);
            cr_expect_eq(check_choices(body, target, &odd_tables[t], arena, label), shipped,
                         "%s: other bits", label);
        }
        arena_destroy(arena);
    }
}

/* Bias, scale, residual, GELU and a mask by position, with a second output. */
static const Function *with_epilogue(Arena *arena, const Case *shape, const char *bias_axes,
                                     const char *residual_axes) {
    Function *body = function_create(arena, "body");
    NodeId sum = build_case(body, shape);
    Axes bias_order = axes_of_letters(body, bias_axes, shape);
    Axes residual_order = axes_of_letters(body, residual_axes, shape);
    NodeId bias = build_input(body, "x2", DTYPE_F32, &bias_order);
    NodeId residual = build_input(body, "x3", DTYPE_F32, &residual_order);
    NodeId scaled = build_binary(body, OP_MUL, sum, build_const(body, DTYPE_F32, 0.125));
    NodeId x = build_binary(body, OP_ADD, scaled, bias);
    NodeId slope = build_binary(body, OP_MUL, x, build_const(body, DTYPE_F32, 1.702));
    NodeId gelu = build_binary(body, OP_MUL, x, build_unary(body, OP_SIGMOID, slope));
    char first[] = {shape->left[0], 0}, last[] = {shape->right[strlen(shape->right) - 1], 0};
    NodeId i = build_index(body, function_find_axis(body, first));
    NodeId j = build_index(body, function_find_axis(body, last));
    NodeId mask = build_binary(body, OP_LESS_EQUAL, j, i);
    NodeId masked = build_select(body, mask, gelu, build_const(body, DTYPE_F32, -2));
    function_output(body, "y0", build_binary(body, OP_ADD, masked, residual), NULL);
    function_output(body, "y1", x, NULL);
    return body;
}

Test(contract, epilogue) {
    static const struct {
        Case shape;
        const char *bias, *residual;
    } cases[] = {
        {{"mk", "kn", "mn", "mnk", {37, 50, 29}}, "n", "mn"},
        {{"mk", "kn", "mn", "mnk", {64, 64, 400}}, "m", "nm"},
        {{"nk", "kd", "nd", "ndk", {20, 23, 8}}, "", "dn"},
        {{"bnd", "dhe", "bnhe", "bndhe", {3, 20, 24, 4, 16}}, "he", "bnhe"},
        {{"bnd", "dhe", "bhne", "bndhe", {2, 7, 24, 3, 5}}, "eh", "nbhe"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Arena *arena = arena_create();
        cr_assert_not_null(arena);
        char label[32];
        snprintf(label, sizeof label, "epilogue %zu", i);
        check_body(with_epilogue(arena, &cases[i].shape, cases[i].bias, cases[i].residual), arena,
                   label);
        arena_destroy(arena);
    }
}

Test(contract, objects_for_other_targets) {
    static const char *const targets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4", "znver4"};
    static const Case cases[] = {
        {"mk", "kn", "mn", "mnk", {37, 50, 400}},
        {"km", "nk", "mn", "mnk", {2, 50, 9}},
        {"bnd", "dhe", "bhne", "bndhe", {2, 70, 24, 3, 5}},
    };
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++)
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            Arena *arena = arena_create();
            cr_assert_not_null(arena);
            Function *body = function_create(arena, "body");
            function_output(body, "y0", build_case(body, &cases[i]), NULL);
            Harness harness;
            cr_expect(harness_open(&harness, body, targets[t], 1), "%s: %s", targets[t],
                      harness.error);
            cr_expect_gt(harness.compiled.objects->size, 0);
            harness_close(&harness);
            arena_destroy(arena);
        }
}

/* The same bytes from the same body, also when the emitter's memory lies elsewhere. */
Test(contract, objects_are_reproducible) {
    static const Case shape = {"bnd", "dhe", "bhne", "bndhe", {2, 70, 24, 3, 5}};
    Arena *arena = arena_create();
    cr_assert_not_null(arena);
    const Function *body = with_epilogue(arena, &shape, "he", "bnhe");
    Harness first, second;
    cr_assert(harness_open(&first, body, NULL, 1), "%s", first.error);
    void *elsewhere = malloc(100000);
    cr_assert(harness_open(&second, body, NULL, 2), "%s", second.error);
    free(elsewhere);
    cr_assert_eq(first.compiled.objects->size, second.compiled.objects->size);
    cr_expect_arr_eq(first.compiled.objects->bytes, second.compiled.objects->bytes,
                     first.compiled.objects->size);
    harness_close(&first);
    harness_close(&second);
    arena_destroy(arena);
}

Test(contract, code_for_another_machine_is_refused) {
    Arena *arena = arena_create();
    cr_assert_not_null(arena);
    static const Case shape = {"mk", "kn", "mn", "mnk", {8, 8, 8}};
    Function *body = function_create(arena, "body");
    function_output(body, "y0", build_case(body, &shape), NULL);
    Harness harness;
    cr_assert(harness_open(&harness, body, NULL, 1), "%s", harness.error);
    Plan plan = *harness.compiled.plan;
    static char other[] = "pdp-11";
    plan.target = other;
    CompiledModule compiled = harness.compiled;
    compiled.plan = &plan;
    CompileError error;
    cr_expect_null(jit_load(&compiled, &error));
    cr_expect_not_null(strstr(error.text, "pdp-11"), "%s", error.text);
    harness_close(&harness);
    arena_destroy(arena);
}

/* A residual may be overwritten by the sum; a side of the product, or one of another order, may
 * not. */
Test(contract, in_place) {
    Arena *arena = arena_create();
    cr_assert_not_null(arena);
    static const Case shape = {"mk", "kn", "mn", "mnk", {24, 24, 24}};
    static const char *const orders[] = {"mn", "nm"};
    for (int i = 0; i < 2; i++) {
        Function *body = function_create(arena, "body");
        NodeId sum = build_case(body, &shape);
        Axes order = axes_of_letters(body, orders[i], &shape);
        NodeId residual = build_input(body, "x2", DTYPE_F32, &order);
        function_output(body, "y0", build_binary(body, OP_ADD, sum, residual), NULL);
        cr_expect_not(kernel_in_place(body, 0, 0));
        cr_expect_not(kernel_in_place(body, 1, 0));
        cr_expect_eq(kernel_in_place(body, 2, 0), i == 0);
    }
    arena_destroy(arena);
}
