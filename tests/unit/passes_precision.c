/* What the pass precision rounds, and that fusion leaves the roundings where they cost nothing. */
#include "ir/build.h"
#include "ir/text_print.h"
#include "ir/verify.h"
#include "passes/check.h"
#include "passes/passes.h"
#include "passes_support.h"

#include <criterion/criterion.h>
#include <string.h>

static const char two_products[] = "func @grad {\n"
                                   "  axis b = 2, n = 24, d = 16, f = 32\n"
                                   "  %0: f32[b, n, d] = input \"x\"\n"
                                   "  %1: f32[d, f] = param \"w\"\n"
                                   "  %2: f32[b, n, d] = mul %0, %0\n"
                                   "  %3: f32[b, n, f] = contract[d] %2, %1\n"
                                   "  %4: f32[b, n, f] = tanh %3\n"
                                   "  %5: f32[b, n, d] = contract[f] %4, %1\n"
                                   "  %6: f32[b, n, d] = add %5, %2\n"
                                   "  output \"y\" = %6\n"
                                   "}\n";

static Function *apply(const Function *function, Precision precision) {
    PassContext context = {.precision = precision};
    Function *after = pass_precision(function, &context);
    const char *fault = verify_function(after, after->arena);
    cr_assert_null(fault, "%s", fault);
    return after;
}

Test(precision, products_read_bf16_and_give_f32) {
    Arena *arena = arena_create();
    const Function *before = parse_function(arena, two_products);
    const Function *after = apply(before, PRECISION_BF16);
    for (NodeId id = 0; id < after->node_count; id++) {
        const Node *node = graph_node(after, id);
        if (node->op != OP_CONTRACT)
            continue;
        cr_expect_eq(node->dtype, DTYPE_F32);
        for (int i = 0; i < 2; i++)
            cr_expect_eq(graph_node(after, node->sources[i])->dtype, DTYPE_BF16);
    }
    /* x, the hidden values, and the weight once for both */
    cr_expect_eq(count_ops(after, OP_CAST_BF16), 3);
    /* the interpreter rounds nothing */
    const char *fault = check_same_values(before, after, arena);
    cr_expect_null(fault, "%s", fault);
    arena_destroy(arena);
}

Test(precision, fp32_and_the_functions_that_make_parameters_stay) {
    Arena *arena = arena_create();
    const Function *before = parse_function(arena, two_products);
    cr_expect_eq(count_ops(apply(before, PRECISION_FP32), OP_CAST_BF16), 0);
    static const char *const makers[] = {"init", "restart", "update"};
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
        Function *maker = parse_function(arena, two_products);
        maker->name = makers[i];
        cr_expect_eq(count_ops(apply(maker, PRECISION_BF16), OP_CAST_BF16), 0, "%s", makers[i]);
    }
    arena_destroy(arena);
}

Test(precision, a_rename_shares_the_rounding_of_what_it_renames) {
    Arena *arena = arena_create();
    const Function *before = parse_function(arena, "func @grad {\n"
                                                   "  axis n = 20, m = 20, d = 16\n"
                                                   "  %0: f32[n, d] = input \"x\"\n"
                                                   "  %1: f32[m, d] = rename[n, m] %0\n"
                                                   "  %2: f32[n, m] = contract[d] %0, %1\n"
                                                   "  output \"y\" = %2\n"
                                                   "}\n");
    const Function *after = apply(before, PRECISION_BF16);
    cr_expect_eq(count_ops(after, OP_CAST_BF16), 1);
    const char *fault = check_same_values(before, after, arena);
    cr_expect_null(fault, "%s", fault);
    arena_destroy(arena);
}

/* The parameter is rounded by the products that read it; x and the hidden values by who makes them:
 * two kernels of products and two of loops, none of which only rounds. */
Test(precision, roundings_have_no_kernels_of_their_own) {
    Arena *arena = arena_create();
    PassContext context = {.precision = PRECISION_BF16};
    Function *function = apply(parse_function(arena, two_products), PRECISION_BF16);
    function = pass_fuse(pass_layout(function, &context), &context);
    cr_expect_eq(count_ops(function, OP_KERNEL), 4, "%s", text_print_function(function, arena));
    for (NodeId id = 0; id < function->node_count; id++) {
        const Node *node = graph_node(function, id);
        if (node->op != OP_KERNEL)
            continue;
        const Function *body = node->attributes.body;
        uint32_t other = body->node_count - count_ops(body, OP_INPUT);
        cr_expect_gt(other, count_ops(body, OP_CAST_BF16), "%s", text_print_function(body, arena));
    }
    arena_destroy(arena);
}
