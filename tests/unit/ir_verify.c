/* The verifier accepts a function with a bit of everything, and each broken invariant is told. */
#include "ir/verify.h"
#include "tests/unit/ir_support.h"

#include <criterion/criterion.h>
#include <string.h>

static const char text[] = "body @k { axis n = 3\n"
                           "  %0: f32[n] = input \"a\"  %1: f32[n] = exp %0\n"
                           "  output \"y\" = %1 }\n"
                           "func @f { axis b = 2, n = 3\n"
                           "  %0: f32[b, n] = param \"w\"   %1: f32[n] = input \"x\"\n"
                           "  %2: f32[b, n] = add %0, %1   %3: f32[b] = sum[n] %2\n"
                           "  %4 = kernel @k %1            %5: f32[n] = result[0] %4\n"
                           "  %6: f32[b, n] = mul %2, %5   %7: bool[] = const 1\n"
                           "  output \"w\" = %6 donates \"w\"  output \"loss\" = %3 }\n";

static const NodeId forward[] = {0, 3}, itself[] = {0, 2}, several[] = {2, 4};

static void break_order(Function *f) { f->nodes[2].sources = forward; }
static void break_self(Function *f) { f->nodes[2].sources = itself; }
static void break_arity(Function *f) { f->nodes[2].source_count = 1; }
static void break_op(Function *f) { f->nodes[2].op = OP_COUNT; }
static void break_dtype(Function *f) { f->nodes[2].dtype = DTYPE_I32; }
static void break_dtype_range(Function *f) { f->nodes[2].dtype = (DType)77; }
static void break_axes(Function *f) { f->nodes[2].axes.count = 1; }
static void break_axis(Function *f) { f->nodes[0].axes.at[0] = 99; }
static void break_axis_twice(Function *f) { f->nodes[0].axes.at[0] = f->nodes[0].axes.at[1]; }
static void break_axis_count(Function *f) { f->nodes[0].axes.count = 200; }
static void break_own_axis(Function *f) { f->nodes[3].attributes.axes.at[0] = 99; }
static void break_extent(Function *f) { f->axes[0].extent = 0; }
static void break_axis_name(Function *f) { f->axes[1].name = "b"; }
static void break_binding(Function *f) { f->nodes[1].attributes.name = "w"; }
static void break_no_name(Function *f) { f->nodes[1].attributes.name = NULL; }
static void break_const(Function *f) { f->nodes[7].attributes.value = 0.5; }
static void break_result(Function *f) { f->nodes[5].attributes.amount = 1; }
static void break_several(Function *f) { f->nodes[6].sources = several; }
static void break_body(Function *f) { f->nodes[4].attributes.body = NULL; }
static void break_depth(Function *f) { f->depth = 3; }
static void break_recursion(Function *f) { f->nodes[4].attributes.body = f; }
static void break_inside(Function *f) {
    ((Function *)f->nodes[4].attributes.body)->nodes[1].dtype = DTYPE_BOOL;
}
static void break_output(Function *f) { f->outputs[0].node = 99; }
static void break_output_several(Function *f) { f->outputs[1].node = 4; }
static void break_output_name(Function *f) { f->outputs[1].name = "w"; }
static void break_donated(Function *f) { f->outputs[0].donated = "y"; }
static void break_donated_type(Function *f) { f->outputs[0].donated = "x"; }
static void break_donated_twice(Function *f) {
    f->outputs[1].donated = "w";
    f->outputs[1].node = 2;
}

static const struct {
    void (*harm)(Function *);
    const char *fault;
} harms[] = {
    {break_order, "f: %2: source 1, %3, does not come before it"},
    {break_self, "f: %2: source 1, %2, does not come before it"},
    {break_arity, "f: %2: add takes 2 sources, not 1"},
    {break_op, "f: %2: no such op or element type"},
    {break_dtype, "f: %2: it is i32[b, n], which its rule says is f32[b, n]"},
    {break_dtype_range, "f: %2: no such op or element type"},
    {break_axes, "f: %2: the result is [b, n], not [b]"},
    {break_axis, "f: %0: an axis does not exist"},
    {break_axis_twice, "f: %0: axis n is there twice"},
    {break_axis_count, "f: %0: the result would have more than 8 axes"},
    {break_own_axis, "f: %3: an axis does not exist"},
    {break_extent, "f: axis b is 0"},
    {break_axis_name, "f: axis 1 (b) is not the one of its name"},
    {break_binding, "f: %1: w is bound twice"},
    {break_no_name, "f: %1: input needs a name"},
    {break_const, "f: %7: a bool is 0 or 1"},
    {break_result, "f: %5: source 0 has 1 results"},
    {break_several, "f: %6: source 1 has several results: read one with result"},
    {break_body, "f: %4: kernel needs a body"},
    {break_depth, "f: its bodies are 1 deep, not 3"},
    {break_recursion, "f: %4: the body f is as deep as the function"},
    {break_inside, "k: %1: it is bool[n], which its rule says is f32[n]"},
    {break_output, "f: output w: its node does not exist"},
    {break_output_several, "f: output loss: its node has several results"},
    {break_output_name, "f: output w: its name is not its own"},
    {break_donated, "f: output w: y, which it may take the place of, does not exist"},
    {break_donated_type, "f: output w: it is f32[b, n], but x is f32[n]"},
    {break_donated_twice, "f: output loss: w is donated twice"},
};

Test(ir_verify, each_broken_invariant_is_told) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    cr_expect_null(verify_function(ir_parse(arena, text), arena));
    for (size_t i = 0; i < sizeof harms / sizeof harms[0]; i++) {
        Function *function = ir_parse(arena, text);
        harms[i].harm(function);
        const char *fault = verify_function(function, arena);
        cr_expect(fault && strcmp(fault, harms[i].fault) == 0, "gives    %s\nexpected %s",
                  fault ? fault : "no fault", harms[i].fault);
    }
    arena_destroy(arena);
}

Test(ir_verify, functions_of_a_module_have_different_names) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    Module *module = module_create(arena);
    module_add(module, function_create(arena, "f"));
    cr_expect_null(verify_module(module, arena));
    module_add(module, function_create(arena, "f"));
    cr_expect_str_eq(verify_module(module, arena), "two functions are called f");
    arena_destroy(arena);
}
