/* simplify and cleanup: each rule by an example, and random graphs by value. */
#include "ir/build.h"
#include "ir/text_print.h"
#include "ir/verify.h"
#include "passes/check.h"
#include "passes/passes.h"
#include "tests/unit/passes_random.h"
#include "tests/unit/passes_support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#define AXES "axis b = 2, n = 3, m = 3, l = 3, d = 4, e = 5, f = 6\n"

typedef struct Example {
    const char *name, *before, *after;
} Example;

static char *with_axes(Arena *arena, const char *nodes) {
    return arena_printf(arena, "func @f { " AXES "%s }", nodes);
}

/* What is printed for the expected text, which may number nodes as it likes. */
static void expect_example(const Example *example, PassFunction *pass) {
    Arena *arena = test_arena();
    const Function *before = parse_function(arena, with_axes(arena, example->before));
    const Function *expected = parse_function(arena, with_axes(arena, example->after));
    const Function *after = pass(before, NULL);
    const char *fault = verify_function(after, arena);
    cr_expect(!fault, "%s: %s", example->name, fault);
    fault = check_same_values(before, after, arena);
    cr_expect(!fault, "%s: %s", example->name, fault);
    const char *text = text_print_function(after, arena);
    cr_expect(strcmp(text, text_print_function(expected, arena)) == 0, "%s gives\n%s",
              example->name, text);
    arena_destroy(arena);
}

#define X      "%0: f32[b, n, d] = input \"x\" "
#define SAME_X X "output \"y\" = %0"

static const Example algebra[] = {
    {"x * 1", X "%1: f32[] = const 1 %2: f32[b, n, d] = mul %1, %0 output \"y\" = %2", SAME_X},
    {"x + 0", X "%1: f32[] = const 0 %2: f32[b, n, d] = add %0, %1 output \"y\" = %2", SAME_X},
    {"x - 0", X "%1: f32[] = const 0 %2: f32[b, n, d] = sub %0, %1 output \"y\" = %2", SAME_X},
    {"0 - x", X "%1: f32[] = const 0 %2: f32[b, n, d] = sub %1, %0 output \"y\" = %2",
     X "%1: f32[b, n, d] = negate %0 output \"y\" = %1"},
    {"-1 * x", X "%1: f32[] = const -1 %2: f32[b, n, d] = mul %1, %0 output \"y\" = %2",
     X "%1: f32[b, n, d] = negate %0 output \"y\" = %1"},
    {"-(-x)", X "%1: f32[b, n, d] = negate %0 %2: f32[b, n, d] = negate %1 output \"y\" = %2",
     SAME_X},
    {"x * 0 stays: x may be infinite",
     X "%1: f32[] = const 0 %2: f32[b, n, d] = mul %0, %1 output \"y\" = %2",
     X "%1: f32[] = const 0 %2: f32[b, n, d] = mul %0, %1 output \"y\" = %2"},
    {"x / 8", X "%1: f32[] = const 8 %2: f32[b, n, d] = div %0, %1 output \"y\" = %2",
     X "%1: f32[] = const 0.125 %2: f32[b, n, d] = mul %0, %1 output \"y\" = %2"},
    {"x / 3 stays: a third is not exact",
     X "%1: f32[] = const 3 %2: f32[b, n, d] = div %0, %1 output \"y\" = %2",
     X "%1: f32[] = const 3 %2: f32[b, n, d] = div %0, %1 output \"y\" = %2"},
    {"1 / sqrt(x)",
     X "%1: f32[] = const 1 %2: f32[b, n, d] = sqrt %0 %3: f32[b, n, d] = div %1, %2 output \"y\" "
       "= %3",
     X "%1: f32[b, n, d] = rsqrt %0 output \"y\" = %1"},
    {"x ^ 2", X "%1: f32[] = const 2 %2: f32[b, n, d] = pow %0, %1 output \"y\" = %2",
     X "%1: f32[b, n, d] = mul %0, %0 output \"y\" = %1"},
    {"x ^ 1", X "%1: f32[] = const 1 %2: f32[b, n, d] = pow %0, %1 output \"y\" = %2", SAME_X},
    {"x ^ 0 stays: 1 has no axes",
     X "%1: f32[] = const 0 %2: f32[b, n, d] = pow %0, %1 output \"y\" = %2",
     X "%1: f32[] = const 0 %2: f32[b, n, d] = pow %0, %1 output \"y\" = %2"},
    {"constants",
     "%0: f32[] = const 5 %1: f32[] = sqrt %0 %2: f32[] = mul %1, %1 %3: f32[] = const 2 "
     "%4: bool[] = less %3, %0 %5: f32[] = select %4, %3, %2 output \"y\" = %5",
     "%0: f32[] = const 2 output \"y\" = %0"},
    {"e^1 stays: its bits are the compiled program's",
     "%0: f32[] = const 1 %1: f32[] = exp %0 output \"y\" = %1",
     "%0: f32[] = const 1 %1: f32[] = exp %0 output \"y\" = %1"},
    {"select(true, x, z)",
     X "%1: f32[] = const 7 %2: bool[] = const 1 %3: f32[b, n, d] = select %2, %0, %1 output \"y\" "
       "= %3",
     SAME_X},
    {"select(true, z, x) stays: z lacks axes",
     X "%1: f32[] = const 7 %2: bool[] = const 1 %3: f32[b, n, d] = select %2, %1, %0 output \"y\" "
       "= %3",
     X "%1: f32[] = const 7 %2: bool[] = const 1 %3: f32[b, n, d] = select %2, %1, %0 output \"y\" "
       "= %3"},
    {"select(not c, x, z)",
     X "%1: bool[n] = input \"c\" %2: bool[n] = not %1 %3: f32[] = const 7 %4: f32[b, n, d] = "
       "select %2, %0, %3 output \"y\" = %4",
     X "%1: bool[n] = input \"c\" %2: f32[] = const 7 %3: f32[b, n, d] = select %1, %2, %0 output "
       "\"y\" = %3"},
    {"rename there and back",
     X "%1: f32[b, m, d] = rename[n, m] %0 %2: f32[b, n, d] = rename[m, n] %1 output \"y\" = %2",
     SAME_X},
    {"rename twice",
     X "%1: f32[b, m, d] = rename[n, m] %0 %2: f32[b, l, d] = rename[m, l] %1 output \"y\" = %2",
     X "%1: f32[b, l, d] = rename[n, l] %0 output \"y\" = %1"},
    {"renamed index", "%0: i32[n] = index[n] %1: i32[m] = rename[n, m] %0 output \"y\" = %1",
     "%0: i32[m] = index[m] output \"y\" = %0"},
    {"shift by 0",
     X "%1: f32[d] = input \"z\" %2: f32[b, n, d] = shift[n] by 0 %0, %1 output \"y\" = %2",
     SAME_X},
    {"bool to i32 to f32",
     "%0: bool[n] = input \"c\" %1: i32[n] = cast_i32 %0 %2: f32[n] = cast_f32 %1 output \"y\" = "
     "%2",
     "%0: bool[n] = input \"c\" %1: f32[n] = cast_f32 %0 output \"y\" = %1"},
    {"equal nodes, in either order",
     X "%1: f32[d] = input \"z\" %2: f32[b, n, d] = mul %0, %1 %3: f32[b, n, d] = mul %1, %0 "
       "%4: f32[b, n, d] = max %2, %3 output \"y\" = %4",
     X "%1: f32[d] = input \"z\" %2: f32[b, n, d] = mul %0, %1 output \"y\" = %2"},
    {"draws with another key differ",
     "%0: i32[] = input \"s\" %1: f32[n] = random[n] key 0x1 %0, %0, %0, %0 "
     "%2: f32[n] = random[n] key 0x1 %0, %0, %0, %0 %3: f32[n] = random[n] key 0x2 %0, %0, %0, %0 "
     "%4: f32[n] = sub %1, %2 %5: f32[n] = sub %4, %3 output \"y\" = %5",
     "%0: i32[] = input \"s\" %1: f32[n] = random[n] key 0x1 %0, %0, %0, %0 "
     "%2: f32[n] = random[n] key 0x2 %0, %0, %0, %0 %3: f32[n] = sub %1, %1 "
     "%4: f32[n] = sub %3, %2 output \"y\" = %4"},
    {"what no output needs",
     X "%1: f32[b, n, d] = exp %0 %2: f32[b] = sum[n, d] %1 output \"y\" = %0", SAME_X},
};

Test(passes_simplify, algebra) {
    for (size_t i = 0; i < sizeof algebra / sizeof algebra[0]; i++)
        expect_example(&algebra[i], pass_simplify);
}

#define W "%1: f32[d, f] = input \"w\" "
#define R "%1: f32[b, n] = input \"r\" "

static const Example products[] = {
    {"a matrix product",
     X W "%2: f32[b, n, d, f] = mul %0, %1 %3: f32[b, n, f] = sum[d] %2 output \"y\" = %3",
     X W "%2: f32[b, n, f] = contract[d] %0, %1 output \"y\" = %2"},
    {"in the order that is asked for",
     X W "%2: f32[b, n, d, f] = mul %0, %1 %3: f32[f, b, n] = sum[d] %2 output \"y\" = %3",
     X W "%2: f32[f, b, n] = contract[d] %0, %1 output \"y\" = %2"},
    {"a dot product of rows stays a sum",
     X "%1: f32[b, n, d] = mul %0, %0 %2: f32[b, n] = sum[d] %1 output \"y\" = %2",
     X "%1: f32[b, n, d] = mul %0, %0 %2: f32[b, n] = sum[d] %1 output \"y\" = %2"},
    {"a contraction of rows becomes a sum",
     X "%1: f32[b, n] = contract[d] %0, %0 output \"y\" = %1",
     X "%1: f32[b, n, d] = mul %0, %0 %2: f32[b, n] = sum[d] %1 output \"y\" = %2"},
    {"a factor without the axis goes outside",
     X R "%2: f32[b, n, d] = mul %0, %1 %3: f32[b, n] = sum[d] %2 output \"y\" = %3",
     X R "%2: f32[b, n] = sum[d] %0 %3: f32[b, n] = mul %1, %2 output \"y\" = %3"},
    {"but not where the product is needed as it is",
     X R "%2: f32[b, n, d] = mul %0, %1 %3: f32[b, n] = sum[d] %2 output \"y\" = %3 output \"z\" = "
         "%2",
     X R "%2: f32[b, n, d] = mul %0, %1 %3: f32[b, n] = sum[d] %2 output \"y\" = %3 output \"z\" = "
         "%2"},
    {"an axis of one side is summed there first",
     X "%1: f32[d, e, f] = input \"w\" %2: f32[b, n, d, e, f] = mul %0, %1 "
       "%3: f32[b, n, f] = sum[d, e] %2 output \"y\" = %3",
     X "%1: f32[d, e, f] = input \"w\" %2: f32[d, f] = sum[e] %1 "
       "%3: f32[b, n, f] = contract[d] %0, %2 output \"y\" = %3"},
    {"factors are divided into two sides",
     X W "%2: f32[d] = input \"g\" %3: f32[b, n, d, f] = mul %0, %1 "
         "%4: f32[b, n, d, f] = mul %3, %2 %5: f32[b, n, f] = sum[d] %4 output \"y\" = %5",
     X W "%2: f32[d] = input \"g\" %3: f32[b, n, d] = mul %0, %2 "
         "%4: f32[b, n, f] = contract[d] %3, %1 output \"y\" = %4"},
    {"factors outside, an axis of one side, and a contraction",
     "%0: f32[d] = input \"g\" %1: f32[d, f] = input \"w\" %2: f32[b, n, f] = input \"z\" "
     "%3: f32[b, n, d, f] = mul %2, %1 %4: f32[b, n, d, f] = mul %3, %0 "
     "%5: f32[b, d] = sum[n, f] %4 output \"y\" = %5",
     "%0: f32[d] = input \"g\" %1: f32[d, f] = input \"w\" %2: f32[b, n, f] = input \"z\" "
     "%3: f32[b, f] = sum[n] %2 %4: f32[b, d] = contract[f] %3, %1 %5: f32[b, d] = mul %0, %4 "
     "output \"y\" = %5"},
    {"a sum of a contraction is one",
     X "%1: f32[b, n, e] = input \"z\" %2: f32[b, d, e] = contract[n] %0, %1 "
       "%3: f32[d, e] = sum[b] %2 output \"y\" = %3",
     X "%1: f32[b, n, e] = input \"z\" %2: f32[d, e] = contract[n, b] %0, %1 output \"y\" = %2"},
    {"a sum of a sum is one",
     X "%1: f32[b, n] = sum[d] %0 %2: f32[b] = sum[n] %1 output \"y\" = %2",
     X "%1: f32[b] = sum[d, n] %0 output \"y\" = %1"},
    {"a sum that is read twice stays",
     X "%1: f32[b, n] = sum[d] %0 %2: f32[b] = sum[n] %1 output \"y\" = %2 output \"z\" = %1",
     X "%1: f32[b, n] = sum[d] %0 %2: f32[b] = sum[n] %1 output \"y\" = %2 output \"z\" = %1"},
};

Test(passes_simplify, products) {
    for (size_t i = 0; i < sizeof products / sizeof products[0]; i++)
        expect_example(&products[i], pass_simplify);
}

static const Example after_gradients[] = {
    {"stop_gradient", X "%1: f32[b, n, d] = stop_gradient %0 output \"y\" = %1", SAME_X},
};

Test(passes_simplify, stop_gradient_stays_until_cleanup) {
    static const Example before_gradients = {
        "stop_gradient", X "%1: f32[b, n, d] = stop_gradient %0 output \"y\" = %1",
        X "%1: f32[b, n, d] = stop_gradient %0 output \"y\" = %1"};
    expect_example(&before_gradients, pass_simplify);
    expect_example(&after_gradients[0], pass_cleanup);
}

/* --- random graphs --- */

enum { RANDOM_GRAPHS = 400, RANDOM_NODES = 40 };

static void expect_same(const Function *before, PassFunction *pass, uint64_t seed) {
    Arena *arena = before->arena;
    const Function *after = pass(before, NULL);
    const char *fault = verify_function(after, arena);
    if (!fault)
        fault = check_same_values(before, after, arena);
    cr_expect(!fault, "seed %llu: %s\n%s\nbecame\n%s", (unsigned long long)seed, fault,
              text_print_function(before, arena), text_print_function(after, arena));
    cr_expect_leq(after->node_count, 3 * before->node_count);
}

Test(passes_simplify, random_graphs_keep_their_values, .timeout = 120) {
    for (uint64_t seed = 0; seed < RANDOM_GRAPHS; seed++) {
        Arena *arena = test_arena();
        const Function *before = random_function(arena, seed, RANDOM_NODES);
        cr_assert(!verify_function(before, arena));
        expect_same(before, pass_simplify, seed);
        expect_same(before, pass_cleanup, seed);
        expect_same(before, pass_lower, seed);
        expect_same(before, pass_attention, seed);
        arena_destroy(arena);
    }
}

/* What the property test would say of a pass that is wrong. */
Test(passes_simplify, a_wrong_value_is_found) {
    Arena *arena = test_arena();
    Function *before = parse_function(arena, with_axes(arena, X "output \"y\" = %0"));
    const Function *after = parse_function(
        arena, with_axes(arena, X "%1: f32[] = const 1.0001 %2: f32[b, n, d] = mul %0, %1 output "
                                  "\"y\" = %2"));
    cr_assert(check_same_values(before, after, arena));
    after = parse_function(arena, with_axes(arena, X "output \"z\" = %0"));
    cr_assert(check_same_values(before, after, arena));
    after =
        parse_function(arena, with_axes(arena, "%0: f32[b, n, d] = input \"x\" "
                                               "%1: f32[] = const 1 "
                                               "%2: f32[d, n, b] = mul %0, %1 output \"y\" = %2"));
    cr_assert(check_same_values(before, after, arena));
    cr_assert(!check_same_values(before, before, arena));
    arena_destroy(arena);
}

/* --- running out of memory --- */

static bool runs_within(uint64_t allocations) {
    Arena *arena = arena_create();
    cr_assert(arena);
    if (setjmp(*arena_boundary(arena))) {
        arena_destroy(arena);
        return false;
    }
    const Function *function = random_loss(arena, 7);
    arena_fail_after(arena, allocations);
    function = pass_attention(pass_simplify(function, NULL), NULL);
    function = function_gradient(function, "grad", function_find_axis(function, "b"), NULL);
    pass_cleanup(pass_lower(function, NULL), NULL);
    arena_destroy(arena);
    return true;
}

Test(passes_simplify, every_allocation_can_fail, .timeout = 120) {
    uint64_t allocations = 0;
    while (!runs_within(allocations))
        allocations++;
    cr_expect_gt(allocations, 500);
}
