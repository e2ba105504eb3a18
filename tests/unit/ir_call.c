/* Calls of external functions: their text, their shapes, and what they mean to the interpreter. */
#include "ir/text_parse.h"
#include "ir/text_print.h"
#include "ir/verify.h"
#include "tests/unit/ir_support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char blend_text[] =
    "extern @blend = \"blend\" (x: f32[n, d], s: f32) -> f32[d, n] from \"lib.so\" grad "
    "\"blend_grad\" @a.scan:3:11\n"
    "\n"
    "func @f {\n"
    "  axis b = 2, n = 3, d = 2\n"
    "  %0: f32[d, b, n] = input \"x\"\n"
    "  %1: f32[b] = input \"s\"\n"
    "  %2: f32[b, d, n] = call @blend %0, %1\n"
    "  %3 = call_grad @blend %0, %1, %2\n"
    "  %4: f32[b, n, d] = result[0] %3\n"
    "  %5: f32[b] = result[1] %3\n"
    "  output \"y\" = %2\n"
    "  output \"dx\" = %4\n"
    "  output \"ds\" = %5\n"
    "}\n";

/* --- text --- */

static void expect_round_trip(const char *text) {
    Arena *arena = arena_create();
    TextError error;
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    const Module *module = text_parse(text, strlen(text), arena, &error);
    cr_assert(module, "%u:%u: %s", error.line, error.column, error.text);
    cr_expect_str_eq(text_print_module(module, arena), text);
    cr_expect_null(verify_module(module, arena));
    arena_destroy(arena);
}

Test(ir_call, prints_what_it_read) {
    expect_round_trip(blend_text);
    expect_round_trip("extern @one = \"one\" () -> i32 from \"a b.so\"\n\n"
                      "extern @one.2 = \"one\" () -> i32 from \"c.so\"\n\n"
                      "extern @two = \"two\" (x: bool[\"two words\"], y: i32) -> bool from "
                      "\"c.so\"\n\n"
                      "func @f {\n"
                      "  axis \"two words\" = 3\n"
                      "  %0: i32[] = call @one\n"
                      "  %1: i32[] = call @one.2\n"
                      "  %2: bool[\"two words\"] = input \"x\"\n"
                      "  %3: bool[] = call @two %2, %1\n"
                      "  output \"a\" = %0\n"
                      "  output \"b\" = %3\n"
                      "}\n");
}

Test(ir_call, prints_a_node_by_itself) {
    Arena *arena = arena_create();
    TextError error;
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    const Module *module = text_parse(blend_text, strlen(blend_text), arena, &error);
    cr_assert(module, "%u:%u: %s", error.line, error.column, error.text);
    const Function *function = module->functions[0];
    cr_expect_str_eq(text_print_node(function, 2, arena), "%2: f32[b, d, n] = call @blend %0, %1");
    cr_expect_str_eq(text_print_node(function, 3, arena), "%3 = call_grad @blend %0, %1, %2");
    arena_destroy(arena);
}

typedef struct Refused {
    const char *declaration, *body, *reason;
} Refused;

static const Refused refused[] = {
    {"extern @f = \"f\" (x: f32) -> f32 from \"a\"", "%0: f32[] = call @g", "no external function"},
    {"extern @f = \"f\" (x: bf16) -> f32 from \"a\"", "", "x is bf16, not f32, i32 or bool"},
    {"extern @f = \"f\" (x: f32[n, n]) -> f32 from \"a\"", "", "axis n twice"},
    {"extern @f = \"f\" (x: f32, x: f32) -> f32 from \"a\"", "", "two parameters x"},
    {"extern @f = \"f\" (x: i32) -> f32 from \"a\" grad \"g\"", "", "no parameter of f32"},
    {"extern @f = \"f\" (x: f32) -> i32 from \"a\" grad \"g\"", "", "not f32, and so has no"},
    {"extern @f = \"f\" (x: f32) -> f32", "", "expected 'from'"},
    {"extern @f = \"f\" (x: f64) -> f32 from \"a\"", "", "no element type f64"},
    {"extern @f = \"f\" () -> f32 from \"a\" extern @f = \"f\" () -> f32 from \"a\"", "",
     "two external functions f"},
    {"extern @f = \"f\" (x: f32[q]) -> f32 from \"a\"",
     "%0: f32[n] = input \"x\" %1: f32[] = call @f %0", "there is no axis q"},
    {"extern @f = \"f\" () -> f32[q] from \"a\"", "%0: f32[] = call @f", "there is no axis q"},
    {"extern @f = \"f\" (x: f32[n]) -> f32 from \"a\"",
     "%0: f32[d] = input \"x\" %1: f32[] = call @f %0", "must have the axes [n]: it is [d]"},
    {"extern @f = \"f\" (x: f32[n]) -> f32 from \"a\"",
     "%0: i32[n] = input \"x\" %1: f32[] = call @f %0", "source 0 is i32, not f32"},
    {"extern @f = \"f\" (x: f32[n]) -> f32 from \"a\"", "%0: f32[] = call @f",
     "takes 1 sources, not 0"},
    {"extern @f = \"f\" (x: f32[n]) -> f32[d] from \"a\"",
     "%0: f32[n, d] = input \"x\" %1: f32[d] = call @f %0", "axis d is carried"},
    {"extern @f = \"f\" (x: f32[n], y: f32) -> f32 from \"a\"",
     "%0: f32[n] = input \"x\" %1: f32[] = call @f %0, %0", "axis n is carried"},
    {"extern @f = \"f\" (x: f32[n]) -> f32 from \"a\"",
     "%0: f32[n] = input \"x\" %1: f32[] = const 1 %2 = call_grad @f %0, %1", "no gradient"},
    {"extern @f = \"f\" (x: f32[n]) -> f32 from \"a\" grad \"g\"",
     "%0: f32[n] = input \"x\" %1: f32[d] = input \"y\" %2 = call_grad @f %0, %1",
     "source 1 is [d], the result is []"},
    {"extern @f = \"f\" () -> f32[n] from \"a\"", "%0: f32[d] = call @f", "the result is f32[n]"},
};

static void expect_refused(const char *declaration, const char *body, const char *reason) {
    Arena *arena = arena_create();
    TextError error = {0};
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    const char *text =
        arena_printf(arena, "%s func @h { axis n = 2, d = 3 %s }", declaration, body);
    cr_expect_null(text_parse(text, strlen(text), arena, &error), "%s", text);
    cr_expect(strstr(error.text, reason), "%s: %s", text, error.text);
    arena_destroy(arena);
}

Test(ir_call, what_is_wrong_is_refused) {
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        expect_refused(refused[i].declaration, refused[i].body, refused[i].reason);
    expect_refused(
        "extern @f = \"f\" (a: f32, b: f32, c: f32, d: f32, e: f32, g: f32, h: f32, i: f32, "
        "j: f32, k: f32, l: f32, m: f32, n: f32, o: f32, p: f32, q: f32, r: f32) -> f32 "
        "from \"a\"",
        "", "more than 16 parameters");
}

/* --- values --- */

/* result[d, n] = s * x[n, d] + n, and its gradient. */
static bool call_blend(void *user, const InterpretCall *call, InterpretError *error) {
    uint32_t *calls = user;
    const int64_t n = call->extents[0], d = call->extents[1];
    const double *x = call->arguments[0], *s = call->arguments[1];
    (void)error;
    ++*calls;
    if (call->is_gradient)
        call->results[1][0] = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < d; k++) {
            if (!call->is_gradient) {
                call->results[0][k * n + i] = *s * x[i * d + k] + (double)i;
                continue;
            }
            const double dy = call->arguments[2][k * n + i];
            call->results[0][i * d + k] = *s * dy;
            call->results[1][0] += x[i * d + k] * dy;
        }
    return true;
}

/* x[d, b, n] = 100 d + 10 b + n, s[b] = b + 2 */
static double x_at(int64_t d, int64_t b, int64_t n) { return (double)(100 * d + 10 * b + n); }

Test(ir_call, each_image_by_itself_in_the_declared_order) {
    enum { B = 2, N = 3, D = 2 };
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    double x[D * B * N];
    static const double s[B] = {2, 3};
    for (int64_t d = 0; d < D; d++)
        for (int64_t b = 0; b < B; b++)
            for (int64_t n = 0; n < N; n++)
                x[(d * B + b) * N + n] = x_at(d, b, n);
    uint32_t calls = 0;
    const InterpretCaller caller = {call_blend, &calls};
    const InterpretBinding bindings[] = {{"x", x, D * B * N}, {"s", s, B}};
    InterpretError error;
    double **values =
        interpret_calling(ir_parse(arena, blend_text), bindings, 2, &caller, arena, &error);
    cr_assert(values, "%s", error.text);
    cr_expect_eq(calls, 2 * B);
    for (int64_t b = 0; b < B; b++) {
        double ds = 0;
        for (int64_t d = 0; d < D; d++)
            for (int64_t n = 0; n < N; n++) {
                const double y = s[b] * x_at(d, b, n) + (double)n;
                cr_expect_eq(values[0][(b * D + d) * N + n], y);
                cr_expect_eq(values[1][(b * N + n) * D + d], s[b] * y);
                ds += x_at(d, b, n) * y;
            }
        cr_expect_eq(values[2][b], ds);
    }
    arena_destroy(arena);
}

static bool call_nothing(void *user, const InterpretCall *call, InterpretError *error) {
    (void)user;
    snprintf(error->text, sizeof error->text, "no %s today", call->external->name);
    return false;
}

Test(ir_call, who_cannot_call_says_so) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    static const double x[12], s[2];
    const InterpretCaller caller = {call_nothing, NULL};
    const InterpretBinding bindings[] = {{"x", x, 12}, {"s", s, 2}};
    const Function *function = ir_parse(arena, blend_text);
    InterpretError error;
    cr_expect_null(interpret(function, bindings, 2, arena, &error));
    cr_expect_str_eq(error.text, "blend of lib.so is called, and nobody here can call it");
    cr_expect_null(interpret_calling(function, bindings, 2, &caller, arena, &error));
    cr_expect_str_eq(error.text, "no blend today");
    arena_destroy(arena);
}
