#include "ir/graph.h"

#include <criterion/criterion.h>

#define AXES(...)                                                                                  \
    axes_of((const AxisId[]){__VA_ARGS__}, sizeof((const AxisId[]){__VA_ARGS__}) / sizeof(AxisId))

static void expect_axes(Axes got, Axes expected) { cr_expect(axes_equal(&got, &expected)); }

Test(ir_axes, union_keeps_the_order_of_the_first_then_what_is_new) {
    const Axes a = AXES(3, 1), b = AXES(2, 1, 0), none = {0};
    expect_axes(axes_union(&a, &b), AXES(3, 1, 2, 0));
    expect_axes(axes_union(&b, &a), AXES(2, 1, 0, 3));
    expect_axes(axes_union(&a, &none), a);
    expect_axes(axes_union(&none, &a), a);
}

Test(ir_axes, difference_and_intersection_keep_the_order_of_the_first) {
    const Axes a = AXES(5, 3, 1), b = AXES(1, 5, 9);
    expect_axes(axes_minus(&a, &b), AXES(3));
    expect_axes(axes_intersection(&a, &b), AXES(5, 1));
    expect_axes(axes_intersection(&b, &a), AXES(1, 5));
}

Test(ir_axes, sets_compare_without_order) {
    const Axes a = AXES(1, 2, 3), b = AXES(3, 1, 2), part = AXES(2, 3), none = {0};
    cr_expect(axes_same_set(&a, &b));
    cr_expect_not(axes_equal(&a, &b));
    cr_expect_not(axes_same_set(&a, &part));
    cr_expect(axes_subset(&part, &a));
    cr_expect_not(axes_subset(&a, &part));
    cr_expect(axes_subset(&none, &part));
    cr_expect_eq(axes_find(&b, 2), 2);
    cr_expect_eq(axes_find(&b, 7), -1);
    cr_expect(axes_has(&a, 3));
}

Test(ir_axes, are_written_by_name) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    Function *function = function_create(arena, "f");
    const AxisId b = function_axis(function, "b", 2), n = function_axis(function, "n", 3);
    const Axes both = AXES(n, b), none = {0};
    cr_expect_str_eq(axes_text(arena, function, &both), "[n, b]");
    cr_expect_str_eq(axes_text(arena, function, &none), "[]");
    arena_destroy(arena);
}

Test(ir_axes, of_a_function_are_found_by_name) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    Function *function = function_create(arena, "f"), *copy = function_create(arena, "g");
    const AxisId n = function_axis(function, "n", 3);
    cr_expect_eq(function_axis(function, "n", 3), n);
    cr_expect_eq(function_axis(function, "n", 4), AXIS_NONE, "another extent");
    cr_expect_eq(function_find_axis(function, "m"), AXIS_NONE);
    const AxisId fresh = function_fresh_axis(function, "n", 7);
    const AxisId fresher = function_fresh_axis(function, "n", 7);
    cr_expect_str_eq(graph_axis(function, fresh)->name, "n.1");
    cr_expect_str_eq(graph_axis(function, fresher)->name, "n.2");
    for (int i = 0; i < 1000; i++)
        function_axis(function, arena_printf(arena, "axis%d", i), i + 1);
    for (int i = 0; i < 1000; i++) {
        AxisId found = function_find_axis(function, arena_printf(arena, "axis%d", i));
        cr_assert_eq(graph_axis(function, found)->extent, i + 1);
    }
    function_copy_axes(copy, function);
    cr_expect_eq(copy->axis_count, function->axis_count);
    cr_expect_eq(function_find_axis(copy, "axis999"), function_find_axis(function, "axis999"));
    arena_destroy(arena);
}

Test(ir_axes, spans_are_united) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    const SpanSet *a = spans_one(arena, (Span){"a.scan", 1, 2, NULL});
    const SpanSet *b = spans_one(arena, (Span){"b.scan", 1, 2, NULL});
    const SpanSet *both = spans_union(arena, a, b);
    cr_expect_eq(both->count, 2);
    cr_expect_str_eq(both->at[1].file, "b.scan");
    cr_expect_eq(spans_union(arena, both, a), both, "nothing new");
    cr_expect_eq(spans_union(arena, NULL, a), a);
    cr_expect_eq(spans_union(arena, a, NULL), a);
    arena_destroy(arena);
}

/* What is met in two layers is of neither; it stays one place. */
Test(ir_axes, places_of_several_calls_are_of_none) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    const SpanSet *first = spans_one(arena, (Span){"a.scan", 1, 2, "block.0"});
    const SpanSet *second = spans_one(arena, (Span){"a.scan", 1, 2, "block.1"});
    const SpanSet *same = spans_one(arena, (Span){"a.scan", 1, 2, "block.0"});
    cr_expect_eq(spans_union(arena, first, same), first);
    const SpanSet *both = spans_union(arena, first, second);
    cr_assert_eq(both->count, 1);
    cr_expect_null(both->at[0].call);
    cr_expect_str_eq(first->at[0].call, "block.0", "sets do not change");
    cr_expect_eq(spans_union(arena, both, first), both);
    arena_destroy(arena);
}
