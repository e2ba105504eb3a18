/* Every allocation fails once: parsing, verifying, printing and interpreting then stop at the
 * boundary, and nothing leaks (under AddressSanitizer). */
#include "ir/interpret.h"
#include "ir/text_parse.h"
#include "ir/text_print.h"
#include "ir/verify.h"

#include <criterion/criterion.h>
#include <string.h>

static const char text[] =
    "body @score { axis n = 3, m = 3 %0: f32[n, m] = input \"score\"\n"
    " %1: f32[] = const 0.5 %2: f32[n, m] = mul %0, %1 output \"score\" = %2 }\n"
    "body @k { axis n = 3 %0: f32[n] = input \"a\" %1: f32[n] = exp %0 output \"y\" = %1 }\n"
    "func @f { axis n = 3, m = 3, e = 2, v = 4\n"
    " %0: f32[n, e] = param \"q\" @a.scan:1:2  %1: f32[m, e] = rename[n, m] %0\n"
    " %2 = attention[e, m] @score %0, %1, %1 @a.scan:3:4 @b.scan:5:6\n"
    " %3: f32[n, e] = result[0] %2  %4: f32[n] = result[1] %2  %5 = kernel @k %4\n"
    " %6: f32[n] = result[0] %5\n"
    " %7 = attention_grad[e, m] @score %0, %1, %1, %3, %4, %3\n"
    " %8: f32[n, e] = result[0] %7  %9: f32[n, e] = add %8, %6\n"
    " output \"q\" = %9 donates \"q\" }\n";

/* Whether there was memory enough when the allocation after `count` more failed. */
static bool run(uint64_t count, double *first) {
    static const double q[] = {1, 2, 3, 4, 5, 6};
    const InterpretBinding binding = {"q", q, 6};
    Arena *arena = arena_create();
    cr_assert(arena);
    if (setjmp(*arena_boundary(arena))) {
        arena_destroy(arena);
        return false;
    }
    arena_fail_after(arena, count);
    TextError text_error;
    InterpretError error;
    const Module *module = text_parse(text, sizeof text - 1, arena, &text_error);
    cr_assert(module, "%u:%u: %s", text_error.line, text_error.column, text_error.text);
    cr_assert_null(verify_module(module, arena));
    cr_assert(strlen(text_print_module(module, arena)) > 0);
    double **outputs = interpret(module->functions[0], &binding, 1, arena, &error);
    cr_assert(outputs, "%s", error.text);
    *first = outputs[0][0];
    arena_destroy(arena);
    return true;
}

Test(ir_memory, every_allocation_fails_once) {
    double with_plenty, at_last = 0;
    cr_assert(run(UINT64_MAX, &with_plenty));
    uint64_t count = 0;
    while (!run(count, &at_last))
        count++;
    cr_expect_gt(count, 200, "only %d allocations", (int)count);
    cr_expect_eq(at_last, with_plenty);
}

/* An arena within another goes by itself or with it, and fails where the other does. */
Test(ir_memory, arenas_within_arenas) {
    Arena *outer = arena_create();
    cr_assert(outer);
    volatile int failures = 0;
    if (setjmp(*arena_boundary(outer)))
        failures++;
    Arena *first = arena_within(outer), *second = arena_within(outer);
    Arena *deep = arena_within(second);
    cr_assert(arena_alloc(first, 100) && arena_alloc(deep, 100000));
    arena_destroy(first);
    if (!failures) {
        arena_fail_after(outer, 1);
        arena_alloc(second, 10);
        arena_alloc(deep, 10);
        cr_assert_fail("the second allocation should have failed");
    }
    cr_expect_eq(failures, 1);
    arena_destroy(second);
    arena_within(arena_within(outer));
    arena_destroy(outer);
}
