/* Values of ops against what they are by definition, written out. Functions of a and b, both with
 * the axis n alone unless the text says otherwise; the expected values are those of the output. */
#include "tests/unit/ir_support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { MOST = 12 };

typedef struct Case {
    const char *text; /* axes, nodes; the last node is the output */
    int a_count, b_count, count;
    double a[MOST], b[MOST], expected[MOST];
} Case;

#define UNARY(dtype, n, name)                                                                      \
    "axis n = " #n " %0: " #dtype "[n] = input \"a\" %1: " #dtype "[n] = " name " %0"
#define BINARY(dtype, n, result, name)                                                             \
    "axis n = " #n " %0: " #dtype "[n] = input \"a\" %1: " #dtype "[n] = input \"b\" "             \
    "%2: " #result "[n] = " name " %0, %1"

static const double least = INT32_MIN, most = INT32_MAX;

static void check(const Case *one) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    const char *last = strrchr(one->text, ':');
    while (*last != '%')
        last--;
    int output = (int)strtol(last + 1, NULL, 10);
    const Function *function = ir_parse(
        arena, arena_printf(arena, "func @f { %s output \"y\" = %%%d }", one->text, output));
    const InterpretBinding bindings[] = {{"a", one->a, one->a_count}, {"b", one->b, one->b_count}};
    double **values = ir_values(arena, function, bindings, 2);
    cr_assert_eq(graph_elements(function, graph_node(function, function->outputs[0].node)),
                 one->count);
    for (int i = 0; i < one->count; i++)
        cr_expect(ir_near(values[0][i], one->expected[i], 1e-14),
                  "%s: element %d is %.17g, not %.17g", one->text, i, values[0][i],
                  one->expected[i]);
    arena_destroy(arena);
}

static void check_all(const Case *cases, size_t count) {
    for (size_t i = 0; i < count; i++)
        check(&cases[i]);
}

#define CHECK_ALL(cases) check_all(cases, sizeof(cases) / sizeof(cases)[0])

Test(ir_interpret, integers_wrap) {
    const Case cases[] = {
        {UNARY(i32, 3, "negate"), 3, 0, 3, {5, least, -1}, {0}, {-5, least, 1}},
        {UNARY(i32, 3, "abs"), 3, 0, 3, {-5, least, 7}, {0}, {5, least, 7}},
        {BINARY(i32, 3, i32, "add"), 3, 3, 3, {most, least, 1}, {1, -1, 2}, {least, most, 3}},
        {BINARY(i32, 2, i32, "sub"), 2, 2, 2, {most, 1}, {-1, 2}, {least, -1}},
        {BINARY(i32, 3, i32, "mul"), 3, 3, 3, {65536, most, -3}, {65536, most, 5}, {0, 1, -15}},
        {"axis n = 3 %0: i32[n] = input \"a\" %1: i32[] = sum[n] %0",
         3,
         0,
         1,
         {most, 1, 5},
         {0},
         {least + 5}},
    };
    CHECK_ALL(cases);
}

Test(ir_interpret, integer_division_rounds_down) {
    const Case cases[] = {
        {BINARY(i32, 7, i32, "floor_div"),
         7,
         7,
         7,
         {7, -7, 7, -7, 5, least, -6},
         {2, 2, -2, -2, 0, -1, 3},
         {3, -4, -4, 3, 0, least, -2}},
        {BINARY(i32, 7, i32, "mod"),
         7,
         7,
         7,
         {7, -7, 7, -7, 5, least, -6},
         {2, 2, -2, -2, 0, -1, 3},
         {1, 1, -1, -1, 0, 0, 0}},
    };
    CHECK_ALL(cases);
}

Test(ir_interpret, casts) {
    const Case cases[] = {
        {"axis n = 7 %0: f32[n] = input \"a\" %1: i32[n] = cast_i32 %0",
         7,
         0,
         7,
         {1.9, -1.9, NAN, 3e9, -3e9, INFINITY, -0.5},
         {0},
         {1, -1, 0, most, least, most, 0}},
        {"axis n = 2 %0: bool[n] = input \"a\" %1: f32[n] = cast_f32 %0",
         2,
         0,
         2,
         {0, 1},
         {0},
         {0, 1}},
    };
    CHECK_ALL(cases);
}

Test(ir_interpret, functions_of_one_number) {
    const Case cases[] = {
        {UNARY(f32, 2, "exp"), 2, 0, 2, {0, 1}, {0}, {1, M_E}},
        {UNARY(f32, 3, "log"), 3, 0, 3, {1, M_E, 0}, {0}, {0, 1, -INFINITY}},
        {UNARY(f32, 2, "sqrt"), 2, 0, 2, {9, -1}, {0}, {3, NAN}},
        {UNARY(f32, 2, "rsqrt"), 2, 0, 2, {4, 0}, {0}, {0.5, INFINITY}},
        {UNARY(f32, 2, "sin"), 2, 0, 2, {0, M_PI_2}, {0}, {0, 1}},
        {UNARY(f32, 2, "cos"), 2, 0, 2, {0, M_PI}, {0}, {1, -1}},
        {UNARY(f32, 2, "tanh"), 2, 0, 2, {0, 50}, {0}, {0, 1}},
        {UNARY(f32, 3, "sigmoid"), 3, 0, 3, {0, 1000, -1000}, {0}, {0.5, 1, 0}},
        {UNARY(f32, 2, "floor"), 2, 0, 2, {-1.5, 1.5}, {0}, {-2, 1}},
        {UNARY(f32, 2, "abs"), 2, 0, 2, {-1.5, 1.5}, {0}, {1.5, 1.5}},
        {UNARY(f32, 2, "stop_gradient"), 2, 0, 2, {-1.5, 1.5}, {0}, {-1.5, 1.5}},
        {UNARY(bool, 2, "not"), 2, 0, 2, {0, 1}, {0}, {1, 0}},
    };
    CHECK_ALL(cases);
}

Test(ir_interpret, functions_of_two_numbers) {
    const Case cases[] = {
        {BINARY(f32, 2, f32, "div"), 2, 2, 2, {1, 1}, {4, 0}, {0.25, INFINITY}},
        {BINARY(f32, 3, f32, "pow"), 3, 3, 3, {2, -3, 4}, {10, 3, 0.5}, {1024, -27, 2}},
        {BINARY(f32, 4, f32, "min"), 4, 4, 4, {1, 3, NAN, 1}, {2, 2, 1, NAN}, {1, 2, NAN, NAN}},
        {BINARY(f32, 4, f32, "max"), 4, 4, 4, {1, 3, NAN, 1}, {2, 2, 1, NAN}, {2, 3, NAN, NAN}},
        {BINARY(f32, 4, bool, "less"), 4, 4, 4, {1, 2, 3, NAN}, {2, 2, 2, 2}, {1, 0, 0, 0}},
        {BINARY(f32, 4, bool, "less_equal"), 4, 4, 4, {1, 2, 3, NAN}, {2, 2, 2, 2}, {1, 1, 0, 0}},
        {BINARY(i32, 3, bool, "equal"), 3, 3, 3, {1, 2, 3}, {2, 2, 2}, {0, 1, 0}},
        {BINARY(bool, 4, bool, "and"), 4, 4, 4, {0, 0, 1, 1}, {0, 1, 0, 1}, {0, 0, 0, 1}},
        {BINARY(bool, 4, bool, "or"), 4, 4, 4, {0, 0, 1, 1}, {0, 1, 0, 1}, {0, 1, 1, 1}},
        {"axis n = 3 %0: bool[n] = input \"a\" %1: f32[n] = input \"b\" %2: f32[] = const 7\n"
         "%3: f32[n] = select %0, %1, %2",
         3,
         3,
         3,
         {1, 0, 0},
         {5, NAN, INFINITY},
         {5, 7, 7}},
    };
    CHECK_ALL(cases);
}

Test(ir_interpret, axes_align_by_name_in_any_order) {
    const Case cases[] = {
        {"axis n = 2, d = 3 %0: f32[n, d] = input \"a\" %1: f32[d, n] = input \"b\"\n"
         "%2: f32[n, d] = sub %0, %1",
         6,
         6,
         6,
         {10, 20, 30, 40, 50, 60},
         {1, 2, 3, 4, 5, 6},
         {9, 17, 25, 38, 46, 54}},
        {"axis n = 2, d = 3 %0: f32[n] = input \"a\" %1: f32[d] = input \"b\"\n"
         "%2: f32[d, n] = mul %0, %1",
         2,
         3,
         6,
         {1, 10},
         {2, 3, 4},
         {2, 20, 3, 30, 4, 40}},
        {"axis n = 2, d = 3 %0: i32[d] = index[d] %1: f32[d] = cast_f32 %0\n"
         "%2: f32[n] = input \"a\" %3: f32[n, d] = add %2, %1",
         2,
         0,
         6,
         {10, 20},
         {0},
         {10, 11, 12, 20, 21, 22}},
    };
    CHECK_ALL(cases);
}

Test(ir_interpret, reductions) {
    const Case cases[] = {
        {"axis n = 2, d = 3 %0: f32[n, d] = input \"a\" %1: f32[d] = sum[n] %0",
         6,
         0,
         3,
         {1, 2, 3, 10, 20, 30},
         {0},
         {11, 22, 33}},
        {"axis n = 2, d = 3 %0: f32[n, d] = input \"a\" %1: f32[] = sum[d, n] %0",
         6,
         0,
         1,
         {1, 2, 3, 10, 20, 30},
         {0},
         {66}},
        {"axis n = 2, d = 3 %0: f32[n, d] = input \"a\" %1: f32[n] = reduce_max[d] %0",
         6,
         0,
         2,
         {-1, -2, -3, 1, NAN, 2},
         {0},
         {-1, NAN}},
        {"axis n = 2, d = 3 %0: f32[n, d] = input \"a\" %1: i32[n] = argmax[d] %0",
         6,
         0,
         2,
         {1, 5, 5, NAN, -2, -1},
         {0},
         {1, 2}},
        {"axis n = 3 %0: f32[n] = input \"a\" %1: i32[] = argmax[n] %0",
         3,
         0,
         1,
         {-INFINITY, NAN, NAN},
         {0},
         {0}},
        {"axis n = 2, d = 3 %0: f32[n, d] = input \"a\" %1: f32[d, n] = input \"b\"\n"
         "%2: f32[] = contract[n, d] %0, %1",
         6,
         6,
         1,
         {1, 2, 3, 4, 5, 6},
         {1, 10, 100, 1000, 10000, 100000},
         {635241}},
        {"axis n = 2, d = 2, e = 3 %0: f32[n, d] = input \"a\" %1: f32[d, e] = input \"b\"\n"
         "%2: f32[e, n] = contract[d] %0, %1",
         4,
         6,
         6,
         {1, 2, 3, 4},
         {1, 0, 2, 0, 1, 3},
         {1, 3, 2, 4, 8, 18}},
        {"axis n = 2, d = 2 %0: f32[n, d] = input \"a\" %1: f32[n, d] = input \"b\"\n"
         "%2: f32[n] = contract[d] %0, %1",
         4,
         4,
         2,
         {1, 2, 3, 4},
         {5, 6, 7, 8},
         {17, 53}},
    };
    CHECK_ALL(cases);
}

Test(ir_interpret, softmax_and_cross_entropy) {
    const double three = log(3);
    const Case cases[] = {
        {"axis n = 2, d = 2 %0: f32[n, d] = input \"a\" %1: f32[n, d] = softmax[d] %0",
         4,
         0,
         4,
         {0, three, -INFINITY, -INFINITY},
         {0},
         {0.25, 0.75, 0, 0}},
        {"axis n = 2, d = 2 %0: f32[n, d] = input \"a\" %1: f32[n, d] = softmax[n] %0",
         4,
         0,
         4,
         {1000, -INFINITY, 1000, 5},
         {0},
         {0.5, 0, 0.5, 1}},
        {"axis n = 4, d = 2 %0: f32[d] = input \"a\" %1: i32[n] = input \"b\"\n"
         "%2: f32[n] = cross_entropy[d] %0, %1",
         2,
         4,
         4,
         {0, three},
         {0, 1, -9, 9},
         {log(4), log(4) - three, log(4), log(4) - three}},
        {"axis n = 2, d = 2 %0: f32[n, d] = input \"a\" %1: i32[n] = input \"b\"\n"
         "%2: f32[n] = cross_entropy[d] %0, %1",
         4,
         2,
         2,
         {-INFINITY, -INFINITY, -INFINITY, 3},
         {0, 0},
         {NAN, INFINITY}},
    };
    CHECK_ALL(cases);
}

Test(ir_interpret, gather_and_scatter_clamp) {
    const Case cases[] = {
        {"axis n = 4, v = 3, d = 2 %0: f32[v, d] = input \"a\" %1: i32[n] = input \"b\"\n"
         "%2: f32[n, d] = gather[v] %0, %1",
         6,
         4,
         8,
         {1, 2, 3, 4, 5, 6},
         {1, 0, -7, 7},
         {3, 4, 1, 2, 1, 2, 5, 6}},
        {"axis n = 2, v = 3 %0: f32[n, v] = input \"a\" %1: i32[n] = input \"b\"\n"
         "%2: f32[n] = gather[v] %0, %1",
         6,
         2,
         2,
         {1, 2, 3, 4, 5, 6},
         {2, 0},
         {3, 4}},
        {"axis n = 5, v = 3 %0: i32[n] = input \"a\" %1: f32[n] = input \"b\"\n"
         "%2: f32[v] = scatter_add[v, n] %0, %1",
         5,
         5,
         3,
         {1, 1, -7, 7, 1},
         {1, 2, 4, 8, 16},
         {4, 19, 8}},
        {"axis n = 2, v = 3 %0: i32[n] = input \"a\" %1: f32[n] = input \"b\"\n"
         "%2: f32[n, v] = scatter_add[v] %0, %1",
         2,
         2,
         6,
         {1, 2},
         {5, 6},
         {0, 5, 0, 0, 0, 6}},
        {"axis n = 3, v = 2, d = 2 %0: i32[n] = input \"a\" %1: f32[d] = input \"b\"\n"
         "%2: f32[v, d] = scatter_add[v, n] %0, %1",
         3,
         2,
         4,
         {1, 0, 1},
         {5, 6},
         {5, 6, 10, 12}},
    };
    CHECK_ALL(cases);
}

Test(ir_interpret, shift_and_rename) {
#define SHIFTED(amount)                                                                            \
    "axis n = 3, d = 2 %0: f32[n, d] = input \"a\" %1: f32[d] = input \"b\"\n"                     \
    "%2: f32[n, d] = shift[n] by " amount " %0, %1"
    const Case cases[] = {
        {SHIFTED("1"), 6, 2, 6, {1, 2, 3, 4, 5, 6}, {8, 9}, {8, 9, 1, 2, 3, 4}},
        {SHIFTED("-2"), 6, 2, 6, {1, 2, 3, 4, 5, 6}, {8, 9}, {5, 6, 8, 9, 8, 9}},
        {SHIFTED("0"), 6, 2, 6, {1, 2, 3, 4, 5, 6}, {8, 9}, {1, 2, 3, 4, 5, 6}},
        {SHIFTED("3"), 6, 2, 6, {1, 2, 3, 4, 5, 6}, {8, 9}, {8, 9, 8, 9, 8, 9}},
        {SHIFTED("-9223372036854775808"), 6, 2, 6, {1, 2, 3, 4, 5, 6}, {8, 9}, {8, 9, 8, 9, 8, 9}},
        {"axis n = 2, m = 2 %0: f32[n] = input \"a\" %1: f32[m] = rename[n, m] %0\n"
         "%2: f32[n, m] = sub %0, %1",
         2,
         0,
         4,
         {5, 7},
         {0},
         {0, -2, 2, 0}},
    };
    CHECK_ALL(cases);
}

Test(ir_interpret, kernels_are_their_bodies) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    const Function *function = ir_parse(
        arena, "body @inner { axis n = 2 %0: f32[n] = input \"p\" %1: f32[n] = input \"q\"\n"
               " %2: f32[n] = sub %0, %1 output \"d\" = %2 output \"p\" = %0 }\n"
               "body @outer { axis n = 2 %0: f32[n] = input \"x\" %1: f32[] = const 1\n"
               " %2: f32[n] = input \"y\" %3 = kernel @inner %2, %0\n"
               " %4: f32[n] = result[0] %3 %5: f32[n] = add %4, %1\n"
               " %6: f32[n] = result[1] %3 output \"a\" = %5 output \"b\" = %6 }\n"
               "func @f { axis m = 9, n = 2 %0: f32[n] = input \"u\"\n"
               " %1: f32[n] = input \"v\" %2 = kernel @outer %0, %1\n"
               " %3: f32[n] = result[0] %2 %4: f32[n] = result[1] %2\n"
               " output \"one\" = %3 output \"two\" = %4 output \"in\" = %0 }");
    static const double u[] = {1, 2}, v[] = {10, 30};
    const InterpretBinding bindings[] = {{"v", v, 2}, {"u", u, 2}};
    double **values = ir_values(arena, function, bindings, 2);
    cr_expect(values[0][0] == 10 && values[0][1] == 29);
    cr_expect(values[1][0] == 10 && values[1][1] == 30);
    cr_expect(values[2][0] == 1 && values[2][1] == 2);
    arena_destroy(arena);
}

static void expect_error(const InterpretBinding *bindings, size_t count, const char *text,
                         const char *expected) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    InterpretError error = {0};
    cr_expect_null(interpret(ir_parse(arena, text), bindings, count, arena, &error));
    cr_expect_str_eq(error.text, expected);
    arena_destroy(arena);
}

Test(ir_interpret, what_is_bound_is_checked) {
    static const char text[] = "func @f { axis n = 2 %0: f32[n] = input \"x\" "
                               "%1: i32[] = input \"i\" %2: bool[] = param \"b\" }";
    static const double x[] = {1, 2, 3}, half = 0.5, two = 2;
    const InterpretBinding good[] = {{"x", x, 2}, {"i", &two, 1}, {"b", x, 1}};
    const InterpretBinding longer[] = {{"x", x, 3}, good[1], good[2]};
    const InterpretBinding fraction[] = {good[0], {"i", &half, 1}, good[2]};
    const InterpretBinding not_bool[] = {good[0], good[1], {"b", &two, 1}};
    expect_error(good, 2, text, "b of f is not bound");
    expect_error(longer, 3, text, "x has 2 elements, not 3");
    expect_error(fraction, 3, text, "i: value 0 is 0.5, which is not i32");
    expect_error(not_bool, 3, text, "b: value 0 is 2, which is not bool");
}

Test(ir_interpret, what_is_too_large_is_refused) {
    expect_error(NULL, 0,
                 "func @f { axis n = 100000 axis m = 100000 %0: i32[n] = index[n] "
                 "%1: i32[m] = index[m] %2: i32[n, m] = add %0, %1 }",
                 "node %2 of f has too many elements to be interpreted");
}
