/* lower at the edges: rows without any finite logit, classes without a place. */
#include "ir/verify.h"
#include "passes/passes.h"
#include "tests/unit/passes_support.h"

#include <criterion/criterion.h>
#include <math.h>

static void expect_same(const Function *before, const InterpretBinding *bindings, size_t count) {
    Arena *arena = before->arena;
    const Function *after = pass_cleanup(pass_lower(before, NULL), NULL);
    const char *fault = verify_function(after, arena);
    cr_assert(!fault, "%s", fault);
    cr_expect_eq(count_ops(after, OP_SOFTMAX) + count_ops(after, OP_CROSS_ENTROPY), 0);
    InterpretError error;
    double **old = interpret(before, bindings, count, arena, &error);
    double **new = interpret(after, bindings, count, arena, &error);
    cr_assert(old && new, "%s", error.text);
    const int64_t elements = graph_elements(before, graph_node(before, before->outputs[0].node));
    for (int64_t i = 0; i < elements; i++)
        cr_expect(old[0][i] == new[0][i] || (isnan(old[0][i]) && isnan(new[0][i])) ||
                      fabs(old[0][i] - new[0][i]) < 1e-12,
                  "element %lld: %g and %g", (long long)i, old[0][i], new[0][i]);
}

static const double logits[] = {1,         2,         -INFINITY, 0.5,       /* a row as any */
                                -INFINITY, -INFINITY, -INFINITY, -INFINITY, /* all -inf */
                                1000,      -1000,     999,       0,         /* far apart */
                                NAN,       1,         2,         3};        /* not a number */

Test(passes_lower, softmax) {
    Arena *arena = test_arena();
    const InterpretBinding bindings[] = {{"a", logits, 16}};
    expect_same(parse_function(arena, "func @f { axis n = 4, v = 4 %0: f32[n, v] = input \"a\" "
                                      "%1: f32[n, v] = softmax[v] %0 output \"y\" = %1 }"),
                bindings, 1);
    expect_same(parse_function(arena, "func @f { axis n = 4, v = 4 %0: f32[n, v] = input \"a\" "
                                      "%1: f32[v, n] = softmax[n] %0 output \"y\" = %1 }"),
                bindings, 1);
    arena_destroy(arena);
}

Test(passes_lower, cross_entropy) {
    static const double classes[][4] = {{0, 1, 2, 3}, {2, 2, 2, 2}, {-1, -7, -1, -1}, {9, 4, 4, 5}};
    for (int i = 0; i < 4; i++) {
        Arena *arena = test_arena();
        const InterpretBinding bindings[] = {{"a", logits, 16}, {"c", classes[i], 4}};
        expect_same(parse_function(arena,
                                   "func @f { axis n = 4, v = 4 %0: f32[n, v] = input \"a\" "
                                   "%1: i32[n] = input \"c\" "
                                   "%2: f32[n] = cross_entropy[v] %0, %1 output \"y\" = %2 }"),
                    bindings, 2);
        arena_destroy(arena);
    }
}
