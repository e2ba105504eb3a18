/* What shape rules make of sources, and what they refuse: applications in the text form. */
#include "ir/text_parse.h"
#include "tests/unit/ir_support.h"

#include <criterion/criterion.h>
#include <string.h>

static const char prelude[] =
    "body @k { axis b = 2, n = 3\n"
    " %0: f32[b, n] = input \"a\"  %1: f32[n] = sum[b] %0\n"
    " output \"sum\" = %1  output \"same\" = %0 }\n"
    "body @score { axis b = 2, n = 3, m = 3, h = 4\n"
    " %0: f32[b, n, m, h] = input \"score\"\n"
    " output \"score\" = %0 }\n"
    "body @summing { axis b = 2, n = 3, m = 3, h = 4\n"
    " %0: f32[b, n, m, h] = input \"score\" %1: f32[b, n, h] = sum[m] %0\n"
    " %2: f32[b, n, m, h] = add %0, %1 output \"score\" = %2 }\n"
    "func @f { axis b = 2, n = 3, m = 3, d = 5, h = 4, e = 6, v = 7,\n"
    "  p = 1000000, q = 1000000, r = 2000000000, w = 2,\n"
    "  k = 4, l = 64, words = 112, few = 96, t = 32, pairs = 1024\n"
    " %0: f32[b, n, d] = input \"x\"  %1: f32[d, e] = input \"w\"\n"
    " %2: i32[b, n] = input \"tokens\"  %3: f32[v, d] = input \"table\"\n"
    " %4: bool[n, b] = input \"mask\"  %5: i32[] = const 1\n"
    " %6: f32[b, n, h, e] = input \"query\"\n"
    " %7: f32[b, m, h, e] = input \"key\"  %8: f32[n] = input \"row\"\n"
    " %9: f32[b, n] = input \"bn\"  %10: f32[] = const 2\n"
    " %11 = kernel @k %9  %12: f32[p, q] = input \"huge\"\n"
    " %13: f32[r, b, n, m, d, h, e] = input \"wide\"\n"
    " %14: bf16[h, k, l] = input \"keys\"  %15: i32[h, words] = input \"packed\"\n"
    " %16: i32[words, h] = input \"across\"  %17: bf16[h, l] = input \"short\"\n"
    " %18: bf16[h, t, l] = input \"rows\"  %19: i32[h, pairs] = input \"tiles\"\n";

/* The text of node %20, and NULL or the fault. */
typedef struct Case {
    const char *text, *fault;
} Case;

static const Case cases[] = {
    {"f32[b, n, d] = exp %0", NULL},
    {"f32[d, n, b] = exp %0", NULL},
    {"f32[n, d] = exp %0", "the result is [b, n, d], not [n, d]"},
    {"i32[b, n, d] = exp %0", "the result is f32[b, n, d], not i32[b, n, d]"},
    {"f32[b, n] = exp %2", "source 0 is i32, not f32"},
    {"f32[b, n, d, e] = add %0, %1", NULL},
    {"f32[b, n, d] = add %8, %0", NULL},
    {"f32[b, n] = add %0, %2", "source 1 is i32, not f32"},
    {"bool[n, b] = add %4, %4", "source 0 is bool, not f32 or i32"},
    {"f32[b, n, d] = add %0", "add takes 2 sources, not 1"},
    {"f32[b, n] = add %9, %11", "source 1 has several results: read one with result"},
    {"bool[b, n] = less %2, %2", NULL},
    {"f32[b, n, d] = select %4, %0, %10", NULL},
    {"f32[b, n, d] = select %8, %0, %10", "source 0 is f32, not bool"},
    {"f32[n, b] = select %4, %10, %5", "source 1 is f32, source 2 is i32"},
    {"f32[n] = cast_f32 %4", "the result is [n, b], not [n]"},
    {"i32[n] = index[n]", NULL},
    {"i32[n] = index", "index takes 1 axis in brackets, not []"},
    {"i32[] = const 1.5", "1.5 is not an i32"},
    {"i32[] = const 3e9", "3e+09 is not an i32"},
    {"bool[] = const 2", "a bool is 0 or 1"},
    {"f32[n] = const 2", "the result is f32[], not f32[n]"},
    {"i32[h, words] = compress[k, l, words] %14", NULL},
    {"i32[words, h] = compress[k, l, words] %14", "the result is i32[h, words], not i32[words, h]"},
    {"i32[h, words] = compress[l, k, words] %14",
     "source 0 is [h, k, l]: its innermost axes are not the first of [l, k, words]"},
    {"i32[h, words] = compress[h, k, words] %14",
     "source 0 is [h, k, l]: its innermost axes are not the first of [h, k, words]"},
    {"i32[h, words] = compress[words] %14",
     "source 0 is [h, k, l]: its innermost axes are not the first of [words]"},
    {"i32[h, few] = compress[k, l, few] %14", "256 values are not kept in 96 words"},
    {"i32[h, words] = compress[l, words] %17", "64 values are not kept in 112 words"},
    {"i32[b, words] = compress[n, d, words] %0", "source 0 is f32, not bf16"},
    {"i32[h, words] = compress_slice[k, l, words] %15, %5, %14", NULL},
    {"i32[h, words] = compress_slice[k, l, words] %16, %5, %14",
     "source 0 is i32[words, h], not i32[h, words]"},
    {"i32[h, words] = compress_slice[k, l, words] %15, %2, %14", "source 1 must be one i32"},
    {"bf16[h, k, l] = compressed[k, l, words] %14, %15", NULL},
    {"bf16[h, k, l] = compressed[k, l, words] %14, %2", "source 1 is i32[b, n], not i32[h, words]"},
    {"i32[h, pairs] = tile[t, l, pairs] %18", NULL},
    {"i32[h, pairs] = tile[k, l, pairs] %14", "256 values are not kept in 1024 words"},
    {"i32[h, words] = tile[t, l, words] %18", "2048 values are not kept in 112 words"},
    {"i32[h, t, pairs] = tile[l, pairs] %18", "64 values are not kept in 1024 words"},
    {"i32[h, pairs] = tile_slice[t, l, pairs] %19, %5, %18", NULL},
    {"i32[h, pairs] = tile_slice[t, l, pairs] %15, %5, %18",
     "source 0 is i32[h, words], not i32[h, pairs]"},
    {"bf16[h, t, l] = tiled[t, l, pairs] %18, %19", NULL},
    {"f32[b, n] = sum[d] %0", NULL},
    {"f32[n] = sum[d, b] %0", NULL},
    {"f32[b, n, d] = sum[e] %0", "source 0 has no axis e: it is [b, n, d]"},
    {"f32[b, n, d] = sum %0", "sum over no axes"},
    {"i32[b, d] = argmax[n] %0", NULL},
    {"i32[b] = argmax[n, d] %0", "argmax takes 1 axis in brackets, not [n, d]"},
    {"f32[b, n, d] = softmax[d] %0", NULL},
    {"f32[b, n, d] = softmax[n, d] %0", "softmax takes 1 axis in brackets, not [n, d]"},
    {"f32[b, n, e] = contract[d] %0, %1", NULL},
    {"f32[e, b, n] = contract[d] %1, %0", NULL},
    {"f32[b, n, e] = contract[e] %0, %1", "source 0 has no axis e: it is [b, n, d]"},
    {"f32[b, n, d, v] = contract[d, v] %0, %3", "source 0 has no axis v: it is [b, n, d]"},
    {"f32[b, n, d] = cross_entropy[d] %0, %2", "the result is [b, n], not [b, n, d]"},
    {"f32[b, n] = cross_entropy[d] %0, %2", NULL},
    {"f32[b, n] = cross_entropy[n] %0, %2", "source 1 must lack axis n: it is [b, n]"},
    {"f32[b, n, d] = gather[v] %3, %2", NULL},
    {"f32[b, n, d] = gather[n] %0, %2", "source 1 must lack axis n: it is [b, n]"},
    {"f32[b, n, d] = gather[v] %3, %9", "source 1 is f32, not i32"},
    {"f32[v, d] = scatter_add[v, b, n] %2, %0", NULL},
    {"f32[v, b, n, d] = scatter_add[v] %2, %0", NULL},
    {"f32[v, d] = scatter_add[v, e] %2, %0",
     "no source has the axis e that is summed over: they are [b, n, d]"},
    {"f32[n, d] = scatter_add[n, b] %2, %0", "source 0 must lack axis n: it is [b, n]"},
    {"f32[b, n, d] = shift[n] by -1 %0, %10", NULL},
    {"f32[b, n, d] = shift[n] by 1 %0, %8", "source 1 must lack axis n: it is [n]"},
    {"f32[b, n, d] = shift[n] by 1 %0, %5", "source 0 is f32, source 1 is i32"},
    {"f32[b, m, d] = rename[n, m] %0", NULL},
    {"f32[m, b, d] = rename[n, m] %0", "the result is f32[b, m, d], not f32[m, b, d]"},
    {"f32[b, d, d] = rename[n, d] %0", "axis d is there twice"},
    {"f32[b, n, d] = rename[n, d] %0", "source 0 must lack axis d: it is [b, n, d]"},
    {"f32[b, v, d] = rename[n, v] %0", "axis n is 3, axis v is 7"},
    {"f32[b, n, d] = random[n, d] key 0x1 %5, %5, %5, %5", "the result is [n, d], not [b, n, d]"},
    {"f32[n, d] = random[n, d] key 0x1 %5, %5, %5, %5", NULL},
    {"f32[b, n, d] = random_normal[d] key 0xffffffffffffffff %5, %5, %5, %2", NULL},
    {"f32[b, n] = random[n] key 0x1 %5, %5, %5, %2", "source 3 must lack axis n: it is [b, n]"},
    {"f32[b, n] = random key 0x1 %2, %5, %5, %2", "the seed must be a scalar: it is [b, n]"},
    {"f32[r, b, n] = random[r, b, n] key 0x1 %5, %5, %5, %5",
     "more than 2^32 random elements an image"},
    {"f32[r, p] = add %12, %12", "the result is [p, q], not [r, p]"},
    {"f32[r, p, q] = add %12, %13", "the result would have more than 8 axes"},
    {"f32[n] = result[0] %11", NULL},
    {"f32[b, n] = result[1] %11", NULL},
    {"f32[b, n] = result[2] %11", "source 0 has 2 results"},
    {"f32[b, n] = result[0] %9", "source 0 has one result, which is it"},
    {"f32[n] = kernel @k %9", "the result is [], not [n]"},
};

static const Case untyped[] = {
    {"kernel @k", "the body k has more inputs than there are sources"},
    {"kernel @k %9, %9", "the body k has 1 inputs for 2 sources"},
    {"kernel @k %0", "source 0 is f32[b, n, d], the body's a is f32[b, n]"},
    {"attention[e, m] @score %6, %7, %7", NULL},
    {"attention[e] @score %6, %7, %7", "attention takes two axes in brackets"},
    {"attention[e, m] @score %6, %7", "attention takes at least 3 sources, not 2"},
    {"attention[e, m] @score %7, %7, %7", "source 0 must lack axis m: it is [b, m, h, e]"},
    {"attention[e, m] @score %6, %6, %7", "source 1 must have axis m: it is [b, n, h, e]"},
    {"attention[e, m] @k %6, %7, %7", "the body k has sum, which is not elementwise"},
    {"attention[e, m] @summing %6, %7, %7", "the body summing has sum, which is not elementwise"},
    {"attention[e, m] @score %6, %7, %7, %0", "the body score has no input x0"},
    {"attention_grad[e, m] @score %6, %7, %7, %6, %9, %6",
     "source 4 is f32[b, n], not f32[b, n, h]"},
    {"exp %0", "the result is f32[b, n, d], not none[]"},
};

static void check_case(const Case *one, const char *type, Arena *arena) {
    char *text =
        arena_printf(arena, "%s %%20%s %s\n output \"y\" = %%0 }", prelude, type, one->text);
    TextError error = {0};
    bool accepted = text_parse(text, strlen(text), arena, &error) != NULL;
    if (one->fault)
        cr_expect_str_eq(error.text, one->fault, "%s\n  gives %s\n  expected %s", one->text,
                         accepted ? "no fault" : error.text, one->fault);
    else
        cr_expect(accepted, "%s: %s", one->text, error.text);
}

Test(ir_shape, rules) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_case(&cases[i], ":", arena);
    for (size_t i = 0; i < sizeof untyped / sizeof untyped[0]; i++)
        check_case(&untyped[i], " =", arena);
    arena_destroy(arena);
}

static DType result_type(Arena *arena, const char *text, uint32_t which, char **axes) {
    const Function *function = ir_parse(arena, arena_printf(arena, "%s %s }", prelude, text));
    DType dtype = DTYPE_NONE;
    Axes found = {0};
    graph_result_type(function, graph_node(function, 20), which, &dtype, &found);
    *axes = axes_text(arena, function, &found);
    return dtype;
}

Test(ir_shape, results_of_attention_have_the_order_of_the_scores) {
    Arena *arena = arena_create();
    char *axes;
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    static const char text[] = "%20 = attention[e, m] @score %6, %7, %7";
    cr_expect_eq(result_type(arena, text, 0, &axes), DTYPE_F32);
    cr_expect_str_eq(axes, "[b, n, h, e]");
    cr_expect_eq(result_type(arena, text, 1, &axes), DTYPE_F32);
    cr_expect_str_eq(axes, "[b, n, h]");
    cr_expect_eq(result_type(arena, text, 2, &axes), DTYPE_NONE, "there are only two");
    arena_destroy(arena);
}

Test(ir_shape, natural_orders) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    Function *function = ir_parse(arena, arena_printf(arena, "%s }", prelude));
    static const struct {
        OpCode op;
        NodeId sources[2];
        const char *own, *order;
    } orders[] = {
        {OP_ADD, {8, 0}, "", "[b, n, d]"},       {OP_ADD, {1, 8}, "", "[d, e, n]"},
        {OP_ADD, {8, 9}, "", "[b, n]"},          {OP_MUL, {9, 1}, "", "[b, n, d, e]"},
        {OP_CONTRACT, {0, 1}, "d", "[b, n, e]"}, {OP_CONTRACT, {1, 0}, "d", "[e, b, n]"},
        {OP_GATHER, {3, 2}, "v", "[b, n, d]"},   {OP_SCATTER_ADD, {2, 0}, "vb", "[v, n, d]"},
        {OP_SHIFT, {8, 10}, "n", "[n]"},         {OP_CROSS_ENTROPY, {0, 2}, "d", "[b, n]"},
    };
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        Node node = {.op = orders[i].op, .source_count = 2, .sources = orders[i].sources};
        for (const char *letter = orders[i].own; *letter; letter++)
            axes_append(&node.attributes.axes,
                        function_find_axis(function, (const char[]){*letter, '\0'}));
        const char *fault = graph_check(function, &node);
        cr_assert(!fault, "%s", fault);
        cr_expect_str_eq(axes_text(arena, function, &node.axes), orders[i].order);
    }
    arena_destroy(arena);
}

Test(ir_shape, bodies_nest_only_so_deep) {
    Arena *arena = arena_create();
    TextError error;
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    char *text = arena_printf(arena, "body @k0 { %%0: f32[] = const 1 output \"y\" = %%0 }\n");
    for (int i = 1; i <= MAX_DEPTH; i++)
        text = arena_printf(arena,
                            "%sbody @k%d { %%0 = kernel @k%d %%1: f32[] = result[0] %%0\n"
                            "output \"y\" = %%1 }\n",
                            text, i, i - 1);
    char *one_more = arena_printf(arena, "%sfunc @f { %%0 = kernel @k%d }", text, MAX_DEPTH);
    text = arena_printf(arena, "%sfunc @f { %%0 = kernel @k%d }", text, MAX_DEPTH - 1);
    cr_expect(text_parse(text, strlen(text), arena, &error), "%s", error.text);
    cr_expect_not(text_parse(one_more, strlen(one_more), arena, &error));
    cr_expect_str_eq(error.text, "bodies nest deeper than 8");
    arena_destroy(arena);
}

Test(ir_shape, too_many_elements) {
    Arena *arena = arena_create();
    TextError error;
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    static const char text[] = "func @f { axis a = 2000000000, b = 2000000000, c = 3\n"
                               "%0: f32[a, b, c] = input \"x\" }";
    cr_expect_not(text_parse(text, strlen(text), arena, &error));
    cr_expect_str_eq(error.text, "[a, b, c] has too many elements");
    arena_destroy(arena);
}
