/* Calls of a library by compiled plans: the same as by the interpreter, the same bits by any number
 * of threads; the plan's file form, and what must not get through it. */
#include "passes/compile.h"
#include "passes/interpret_calls.h"
#include "runtime/execution/executor.h"
#include "tests/unit/ir_support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define BLEND                                                                                      \
    "extern @blend = \"blend\" (x: f32[n, d], s: f32) -> f32[d, n] from \"" TEST_LIBRARY           \
    "\" grad \"blend_grad\"\n"

/* x lies in another order than the library takes; s is the same for images and differs by h. The
 * gradient of s is not read. */
static const char text[] =
    BLEND "func @f { axis b = 7, h = 2, n = 4, d = 3\n"
          " %0: f32[d, b, n] = input \"x\" %1: f32[h] = param \"s\"\n"
          " %2: f32[d, b, n] = add %0, %0 %3: f32[b, h, d, n] = call @blend %2, %1\n"
          " %4: f32[b, h, d, n] = mul %3, %3 %5 = call_grad @blend %2, %1, %4\n"
          " %6: f32[b, h, n, d] = result[0] %5\n"
          " output \"y\" = %4 output \"g\" = %6 }";

/* A result without axes, of each image. */
static const char power_text[] =
    "extern @power = \"power\" (x: f32[n]) -> f32 from \"" TEST_LIBRARY "\" grad \"power_grad\"\n"
    "func @f { axis b = 21, n = 4\n"
    " %0: f32[b, n] = input \"x\" %1: f32[] = param \"s\" %2: f32[b] = call @power %0\n"
    " %3: f32[b] = mul %2, %1 %4 = call_grad @power %0, %3 %5: f32[b, n] = result[0] %4\n"
    " output \"y\" = %2 output \"g\" = %5 }";
enum { X_COUNT = 3 * 7 * 4, Y_COUNT = 7 * 2 * 3 * 4 };

static _Alignas(64) float x[X_COUNT], s[2] = {2, 3};
static double x_double[X_COUNT], s_double[2] = {2, 3};

static void prepare(void) {
    for (int i = 0; i < X_COUNT; i++)
        x[i] = (float)(x_double[i] = (double)(float)(0.37 * i - 3));
}

TestSuite(compiled_call, .init = prepare);

static Arena *arena_of_test(void) {
    Arena *arena = arena_create();
    cr_assert(arena);
    return arena;
}

typedef struct Compiled {
    Arena *arena;
    CompiledModule *module;
    Jit *jit;
    Externals *externals;
    Program program;
    const Function *function;
} Compiled;

static Compiled compile(const char *of, const CompileOptions *options) {
    Compiled compiled = {.arena = arena_of_test()};
    CompileError error = {0};
    ExternalError external_error;
    compiled.function = ir_parse(compiled.arena, of);
    Module *module = module_create(compiled.arena);
    module_add(module, (Function *)compiled.function);
    compiled.module = compile_module(module, options, &error);
    cr_assert(compiled.module, "%s", error.text);
    compiled.jit = jit_load(compiled.module, &error);
    cr_assert(compiled.jit, "%s", error.text);
    compiled.externals = externals_open(compiled.module->plan, NULL, &external_error);
    cr_assert(compiled.externals, "%s", external_error.text);
    compiled.program = (Program){.plan = compiled.module->plan,
                                 .kernels = jit_kernels(compiled.jit),
                                 .externals = compiled.externals};
    return compiled;
}

static void release(Compiled *compiled) {
    externals_close(compiled->externals);
    jit_free(compiled->jit);
    compile_free(compiled->module);
    arena_destroy(compiled->arena);
}

static void execute(const Compiled *compiled, int threads, float *y, float *g) {
    const PlanFunction *function = plan_function(compiled->program.plan, "f");
    void *inputs[2], *outputs[2];
    inputs[plan_find_input(function, "x")] = x;
    inputs[plan_find_input(function, "s")] = s;
    outputs[plan_find_output(function, "y")] = y;
    outputs[plan_find_output(function, "g")] = g;
    ExecutorUse use = {function, EXECUTOR_TEAM};
    Executor *executor = executor_create(&compiled->program, threads, &use, 1);
    cr_assert(executor);
    executor_run(executor, function, inputs, outputs);
    executor_free(executor);
}

Test(compiled_call, is_what_the_interpreter_says_by_any_threads) {
    static _Alignas(64) float y[Y_COUNT], g[Y_COUNT], y_again[Y_COUNT], g_again[Y_COUNT];
    const CompileOptions options = {.verify = true, .check = true};
    Compiled compiled = compile(text, &options);
    const InterpretBinding bindings[] = {{"x", x_double, X_COUNT}, {"s", s_double, 2}};
    InterpretCalls *calls = interpret_calls_begin(compiled.arena);
    InterpretError error;
    double **values = interpret_calling(compiled.function, bindings, 2,
                                        interpret_calls_caller(calls), compiled.arena, &error);
    cr_assert(values, "%s", error.text);
    interpret_calls_end(calls);
    execute(&compiled, 1, y, g);
    for (int i = 0; i < Y_COUNT; i++) {
        cr_expect(ir_near(y[i], values[0][i], 1e-5), "%d: %g, not %g", i, y[i], values[0][i]);
        cr_expect(ir_near(g[i], values[1][i], 1e-5), "%d: %g, not %g", i, g[i], values[1][i]);
    }
    for (int threads = 2; threads <= 4; threads++) {
        execute(&compiled, threads, y_again, g_again);
        cr_expect_arr_eq(y_again, y, sizeof y);
        cr_expect_arr_eq(g_again, g, sizeof g);
    }
    release(&compiled);
}

Test(compiled_call, the_gradient_of_a_number) {
    static _Alignas(64) float y[X_COUNT], g[X_COUNT];
    const CompileOptions options = {.verify = true, .check = true};
    Compiled compiled = compile(power_text, &options);
    execute(&compiled, 3, y, g);
    for (int b = 0; b < X_COUNT / 4; b++) {
        double power = 0;
        for (int n = 0; n < 4; n++)
            power += x_double[b * 4 + n] * x_double[b * 4 + n];
        cr_expect(ir_near(y[b], power, 1e-5));
        for (int n = 0; n < 4; n++)
            cr_expect(ir_near(g[b * 4 + n], 2 * x_double[b * 4 + n] * power * s_double[0], 1e-5));
    }
    release(&compiled);
}

Test(compiled_call, what_lies_otherwise_is_refused) {
    Arena *arena = arena_of_test();
    CompileError error = {0};
    Module *module = module_create(arena);
    module_add(module, ir_parse(arena, text));
    cr_expect_null(compile_plan(module, &(CompileOptions){.skip = "layout"}, &error));
    cr_expect(strstr(error.text, "blend of @f does not lie in memory"), "%s", error.text);
    arena_destroy(arena);
}

/* --- the file form --- */

static char *plan_text(Arena *arena) {
    CompileError error = {0};
    PlanError plan_error;
    Module *module = module_create(arena);
    module_add(module, ir_parse(arena, text));
    const Plan *plan = compile_plan(module, &(CompileOptions){0}, &error);
    cr_assert(plan, "%s", error.text);
    char *written = plan_write(plan, &plan_error);
    cr_assert(written, "%s", plan_error.text);
    return written;
}

Test(compiled_call, a_plan_comes_back_as_the_same_bytes) {
    Arena *arena = arena_of_test();
    PlanError error;
    char *written = plan_text(arena);
    Plan *plan = plan_read(written, strlen(written), &error);
    cr_assert(plan, "%s", error.text);
    char *again = plan_write(plan, &error);
    cr_expect_str_eq(again, written);
    plan_free(plan);
    free(written);
    free(again);
    arena_destroy(arena);
}

typedef struct Fault {
    const char *old, *new, *reason; /* ' stands for " */
} Fault;

static const Fault faults[] = {
    {"'library':'", "'library':7,'l':'", "library"},
    {"'symbol':'blend',", "'symbol':'',", "malformed"},
    {"'extents':[4,3]", "'extents':[4,-3]", "extents"},
    {"'carried':[7,2]", "'carried':[7,3]", "other tiles"},
    {"'carried':[7,2]", "'carried':[7]", "stride for each"},
    {"'carried':[7,2]", "'carried':[70368744177664,70368744177664]", "too many tiles"},
    {"'arguments':[[0,", "'arguments':[[9,", "no such operand"},
    {"'arguments':[[0,", "'arguments':[[-2,", "arguments"},
    {"'arguments':[[0,'f32',12,[12,0]]", "'arguments':[[0,'i32',12,[12,0]]", "another type"},
    {"'arguments':[[0,'f32',12,[12,0]]", "'arguments':[[0,'bf16',12,[12,0]]", "bf16"},
    {"'arguments':[[0,'f32',12,[12,0]]", "'arguments':[[0,'f32',13,[12,0]]", "leaves its operand"},
    {"'arguments':[[0,'f32',12,[12,0]]", "'arguments':[[0,'f32',12,[13,0]]", "leaves its operand"},
    {"'arguments':[[0,'f32',12,[12,0]]",
     "'arguments':[[0,'f32',12,[70368744177664,70368744177664]]", "leaves its operand"},
    {"'arguments':[[0,'f32',12,[12,0]]", "'arguments':[[0,'f32',12,[-1,0]]", "arguments"},
    {"[2,'f32',12,[24,12]]", "[2,'f32',12,[24,13]]", "leaves its operand"},
    {"[2,'f32',12,[24,12]]", "[2,'f32',12,[12,24]]", "does not write all"},
    {"[2,'f32',12,[24,12]]", "[2,'f32',12,[0,12]]", "does not write all"},
    {"[2,'f32',12,[24,12]]", "[2,'f32',6,[24,12]]", "does not write all"},
    {"[2,'f32',12,[24,12]]", "[2,'f32',0,[24,12]]", "value that is none"},
    {"[2,'f32',12,[24,12]]", "[-1,'f32',12,[24,12]]", "scratch"},
    {"[1,'f32',0,[0,1]]", "[2,'f32',0,[0,1]]", "value that is none"},
    {"[1,'f32',0,[0,1]]", "[1,'f32',0,[0,9]]", "leaves its operand"},
};

static char *with_quotes(Arena *arena, const char *from) {
    char *copy = arena_string(arena, from, strlen(from));
    for (char *at = copy; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    return copy;
}

Test(compiled_call, refuses_what_could_leave_its_buffers) {
    Arena *arena = arena_of_test();
    char *written = plan_text(arena);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        const char *old = with_quotes(arena, faults[i].old), *at = strstr(written, old);
        cr_assert(at, "no %s in %s", old, written);
        const char *faulty = arena_printf(arena, "%.*s%s%s", (int)(at - written), written,
                                          with_quotes(arena, faults[i].new), at + strlen(old));
        PlanError error = {0};
        cr_expect_null(plan_read(faulty, strlen(faulty), &error), "accepted: %s", faults[i].new);
        cr_expect(strstr(error.text, faults[i].reason), "%s: %s", faults[i].new, error.text);
    }
    free(written);
    arena_destroy(arena);
}

/* What is let through stays within its operands: every block of every tile, one by one. */
static void expect_within(const PlanKernel *kernel) {
    const PlanCall *call = kernel->call;
    for (uint32_t i = 0; i < call->argument_count; i++) {
        const PlanCallArgument *argument = &call->arguments[i];
        if (argument->operand < 0)
            continue;
        cr_assert_lt(argument->operand, kernel->operand_count);
        for (int64_t tile = 0; tile < kernel->tiles && tile < 10000; tile++) {
            int64_t offset = 0, rest = tile;
            for (uint32_t axis = call->carried_count; axis-- > 0; rest /= call->carried[axis])
                offset += rest % call->carried[axis] * argument->strides[axis];
            cr_assert_eq(rest, 0);
            cr_assert_leq(offset + argument->elements,
                          kernel->operands[argument->operand].elements);
        }
    }
}

/* Digits of the calls' part of the text, each by each other. */
Test(compiled_call, survives_mutations) {
    Arena *arena = arena_of_test();
    char *written = plan_text(arena);
    uint32_t accepted = 0, refused = 0;
    char *end = strstr(written, "\"functions\"");
    cr_assert(end);
    for (char *at = written; at < end; at++) {
        const char kept = *at;
        for (char digit = '0'; kept >= '0' && kept <= '9' && digit <= '9'; digit++) {
            PlanError error;
            *at = digit;
            Plan *plan = plan_read(written, strlen(written), &error);
            for (uint32_t i = 0; plan && i < plan->kernel_count; i++)
                if (plan->kernels[i].call)
                    expect_within(&plan->kernels[i]);
            accepted += plan != NULL;
            refused += plan == NULL;
            plan_free(plan);
        }
        *at = kept;
    }
    cr_expect_gt(accepted, 100);
    cr_expect_gt(refused, 100);
    free(written);
    arena_destroy(arena);
}
