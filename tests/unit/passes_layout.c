/* The layout pass: values and the order of outputs stay; products leave images and positions
 * outermost. */
#include "ir/text_print.h"
#include "ir/verify.h"
#include "passes/check.h"
#include "passes/passes.h"
#include "tests/unit/passes_random.h"
#include "tests/unit/passes_support.h"

#include <criterion/criterion.h>

static Function *layout_checked(const Function *function) {
    Function *after = pass_layout(function, NULL);
    const char *fault = verify_function(after, after->arena);
    if (!fault)
        fault = check_same_values(function, after, after->arena);
    cr_assert(!fault, "%s of\n%s", fault, text_print_function(function, function->arena));
    cr_assert_eq(after->output_count, function->output_count);
    for (uint32_t i = 0; i < function->output_count; i++) {
        const Node *old = graph_node(function, function->outputs[i].node);
        cr_assert(axes_equal(&graph_node(after, after->outputs[i].node)->axes, &old->axes));
    }
    return after;
}

Test(passes_layout, random_functions_keep_values_and_orders) {
    for (uint64_t seed = 0; seed < 300; seed++) {
        Arena *arena = test_arena();
        layout_checked(random_function(arena, seed, 24 + (uint32_t)(seed % 48)));
        arena_destroy(arena);
    }
}

static const Node *find_op(const Function *function, OpCode op) {
    for (NodeId id = 0; id < function->node_count; id++)
        if (graph_node(function, id)->op == op)
            return graph_node(function, id);
    cr_assert(false, "no %s", op_table[op].name);
    return NULL;
}

/* w * x and x * w are laid out alike, and so is what follows; the output is not touched. */
Test(passes_layout, weights_first) {
    Arena *arena = test_arena();
    const Function *after =
        layout_checked(parse_function(arena, "func @first {\n"
                                             "  axis b = 2, n = 3, d = 4, h = 2, e = 5\n"
                                             "  %0: f32[b, n, d] = input \"x\"\n"
                                             "  %1: f32[d, h, e] = param \"w\"\n"
                                             "  %2: f32[h, e, b, n] = contract[d] %1, %0\n"
                                             "  %3: f32[h, e, b, n] = exp %2\n"
                                             "  %4: f32[h, b, n] = sum[e] %3\n"
                                             "  %5: f32[h, b, n] = negate %4\n"
                                             "  output \"y\" = %5\n"
                                             "}\n"));
    const Axes wanted = {4, {0, 1, 3, 4}};
    cr_expect(axes_equal(&find_op(after, OP_CONTRACT)->axes, &wanted));
    cr_expect(axes_equal(&find_op(after, OP_EXP)->axes, &wanted));
    arena_destroy(arena);
}
