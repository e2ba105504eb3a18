/* The text form: what is printed, what is read back, what is refused and where. */
#include "ir/build.h"
#include "ir/text_parse.h"
#include "ir/text_print.h"
#include "tests/unit/ir_support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char module_text[] =
    "body @k1 {\n"
    "  axis b = 8, n = 64\n"
    "  %0: f32[b, n] = input \"a\"\n"
    "  %1: f32[b, n] = exp %0\n"
    "  output \"y\" = %1\n"
    "  output \"z\" = %0\n"
    "}\n"
    "\n"
    "body @nothing {\n"
    "  %0: f32[] = const 0.1\n"
    "  output \"o\" = %0\n"
    "}\n"
    "\n"
    "func @forward {\n"
    "  axis b = 8, n = 64, d = 64, v = 17, n.1 = 64, \"two words\" = 3\n"
    "  %0: i32[b, n] = input \"tokens\"                         @digits.scan:3:7\n"
    "  %1: f32[v, d] = param \"w\\\"te\\\\\\n\\x01\"\n"
    "  %2: f32[b, n, d] = gather[v] %1, %0                    @\"x y.scan\":1:2 @b.scan:4:5\n"
    "  %3: f32[b, n] = sum[d] %2\n"
    "  %4 = kernel @k1 %3\n"
    "  %5: f32[b, n] = result[1] %4\n"
    "  %6 = kernel @nothing\n"
    "  %7: f32[] = result[0] %6\n"
    "  %8: f32[] = const -inf\n"
    "  %9: i32[] = const -2147483648\n"
    "  %10: f32[d] = random[d] key 0xdeadbeefcafef00d %9, %9, %9, %9\n"
    "  %11: f32[] = random_normal key 0x0 %9, %9, %9, %9\n"
    "  %12: f32[b, n] = shift[n] by -9223372036854775808 %3, %8\n"
    "  %13: f32[b, n.1] = rename[n, n.1] %3\n"
    "  %14: f32[] = const nan\n"
    "  %15: f32[d, n, b] = neg ate\n"
    "  output \"loss\" = %5\n"
    "}\n"
    "\n"
    "func @empty {\n"
    "}\n";

Test(ir_text, prints_what_it_read) {
    Arena *arena = arena_create();
    TextError error;
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    char *text = arena_string(arena, module_text, sizeof module_text - 1);
    char *place = strstr(text, "neg ate\n");
    memcpy(place, "exp %2 \n", 8);
    memmove(place + 6, place + 7, strlen(place + 7) + 1);
    const Module *module = text_parse(text, strlen(text), arena, &error);
    cr_assert(module, "%u:%u: %s", error.line, error.column, error.text);
    cr_expect_eq(module->function_count, 2, "bodies are not functions of the module");
    cr_expect_str_eq(text_print_module(module, arena), text);
    arena_destroy(arena);
}

Test(ir_text, constants_are_exact) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    static const double values[] = {0.1,
                                    1.0 / 3,
                                    1e-300,
                                    5e-324,
                                    1.7976931348623157e308,
                                    -0.0,
                                    1e22,
                                    123456,
                                    0x1.fffffffffffffp-3,
                                    INFINITY};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        Function *function = function_create(arena, "f");
        build_const(function, DTYPE_F32, values[i]);
        const Function *again = ir_parse(arena, text_print_function(function, arena));
        double value = graph_node(again, 0)->attributes.value;
        cr_expect(memcmp(&value, &values[i], sizeof value) == 0, "%a became %a", values[i], value);
    }
    const Function *hex = ir_parse(arena, "func @f { %0: f32[] = const -0x1.8p+1 }");
    cr_expect_eq(graph_node(hex, 0)->attributes.value, -3);
    arena_destroy(arena);
}

Test(ir_text, names_that_are_alike_are_told_apart) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    Module *module = module_create(arena);
    for (int i = 0; i < 3; i++) {
        Function *function = function_create(arena, i == 1 ? "f.2" : "f");
        build_const(function, DTYPE_F32, i);
        module_add(module, function);
    }
    char *text = text_print_module(module, arena);
    cr_expect(strstr(text, "@f {") && strstr(text, "@f.2 {") && strstr(text, "@f.3 {"), "%s", text);
    TextError error;
    const Module *again = text_parse(text, strlen(text), arena, &error);
    cr_assert(again, "%s", error.text);
    cr_expect_str_eq(text_print_module(again, arena), text);
    arena_destroy(arena);
}

static const struct {
    const char *text, *error; /* line:column: message */
} faults[] = {
    {"fun @f {}", "1:1: expected func, body or extern"},
    {"func f {}", "1:6: expected '@'"},
    {"func @ {}", "1:8: expected a function's name"},
    {"func @f {", "1:10: expected a node, axis, output or '}'"},
    {"func @f {}\nfunc @f {}", "2:6: there are two functions f"},
    {"func @f { axis }", "1:16: expected an axis"},
    {"func @f { axis n = 0 }", "1:20: 0 is not in 1 to 2147483647"},
    {"func @f { axis n = 2147483648 }", "1:20: 2147483648 is not in 1 to 2147483647"},
    {"func @f { axis n = 99999999999999999999 }",
     "1:20: 99999999999999999999 is not in 1 to 2147483647"},
    {"func @f { axis n = nan }", "1:20: nan is not an integer"},
    {"func @f { axis n = 1, n = 1 }", "1:23: axis n is there twice"},
    {"func @f {\n  %1: f32[] = const 1\n}", "2:3: expected %0"},
    {"func @f {\n  %0: f32[] = frobnicate\n}", "2:15: there is no op frobnicate"},
    {"func @f {\n  %0: f64[] = const 1\n}", "2:7: there is no element type f64"},
    {"func @f {\n  %0: f32[n] = const 1\n}", "2:11: there is no axis n"},
    {"func @f {\n  %0: f32[] = const one\n}", "2:21: one is not a number"},
    {"func @f {\n  %0: f32[] = const\n}", "3:1: expected a number"},
    {"func @f {\n  %0: f32[] = exp %0\n}", "2:19: %0 does not come before it"},
    {"func @f {\n  %0: f32[] = exp %4294967295\n}", "2:20: 4294967295 is not in 0 to 4294967294"},
    {"func @f {\n  %0 = kernel @f\n}", "2:16: there is no function f before"},
    {"func @f {\n  %0: f32[] = param \"a\n}", "2:21: the string does not end on its line"},
    {"func @f {\n  %0: f32[] = param \"a\\q\"\n}", "2:23: unknown escape in a string"},
    {"func @f {\n  %0: f32[] = param \"\\x00\"\n}", "2:22: unknown escape in a string"},
    {"func @f {\n  %0: f32[] = param \"\t\"\n}", "2:22: control character in a string"},
    {"func @f {\n  %0: f32[] = param \"x\" %1: f32[] = input \"x\"\n}",
     "2:37: \"x\" is bound twice"},
    {"func @f {\n  %0: f32[] = const 1 @:1:2\n}", "2:24: expected a file"},
    {"func @f {\n  %0: f32[] = const 1 @a:1\n}", "3:1: expected ':'"},
    {"func @f { %0: f32[] = const 1 output \"y\" = %1 }", "1:44: %1 does not come before it"},
    {"func @f { %0: f32[] = const 1 output \"y\" = %0 output \"y\" = %0 }",
     "1:54: there are two outputs \"y\""},
    {"func @f { %0: f32[] = const 1 output \"y\" = %0 donates \"x\" }",
     "1:60: f: output y: x, which it may take the place of, does not exist"},
    {"body @k { %0: f32[] = const 1 output \"y\" = %0 }\n"
     "func @f { %0 = kernel @k output \"y\" = %0 }",
     "2:33: %0 has several results"},
    {"func @f { axis a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1\n"
     "%0: f32[a,b,c,d,e,f,g,h,i] = input \"x\" }",
     "2:25: more than 8 axes"},
    {"func @f { %0: f32[] = random key 12 }", "1:34: 12 is not a key: 0x and up to 16 digits"},
    {"func @f { %0: f32[] = random key 0x11111111111111111 }",
     "1:34: 0x11111111111111111 is not a key: 0x and up to 16 digits"},
};

Test(ir_text, faults_are_told_with_their_place) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        TextError error = {0};
        const char *text = faults[i].text;
        cr_expect_not(text_parse(text, strlen(text), arena, &error), "%s", text);
        char *told = arena_printf(arena, "%u:%u: %s", error.line, error.column, error.text);
        cr_expect_str_eq(told, faults[i].error, "%s\n  gives    %s\n  expected %s", text, told,
                         faults[i].error);
    }
    arena_destroy(arena);
}

Test(ir_text, comments_and_space_mean_nothing) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    const Function *function =
        ir_parse(arena, "# a comment\nfunc@f{axis n=2# of n\n%0:i32[n]=index[n]\t%1:i32[n]=\r\n"
                        "negate%0 output\"y\"=%1}#end");
    cr_expect_eq(function->node_count, 2);
    cr_expect_eq(function->output_count, 1);
    arena_destroy(arena);
}

/* The indented lines of a file from the one that starts with `first` to the first that is not
 * indented. */
static char *indented_block(Arena *arena, const char *path, const char *first) {
    char line[1024], *block = arena_alloc(arena, 1);
    FILE *file = fopen(path, "r");
    bool inside = false;
    cr_assert(file, "%s", path);
    while (fgets(line, sizeof line, file)) {
        inside |= strncmp(line, first, strlen(first)) == 0;
        if (inside && line[0] != ' ' && line[0] != '\n')
            break;
        if (inside)
            block = arena_printf(arena, "%s%s", block, line[0] == ' ' ? line + 4 : line);
    }
    fclose(file);
    return block;
}

Test(ir_text, the_example_that_documents_it_is_right) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena)))
        cr_assert_fail("out of memory");
    const char *text = indented_block(arena, SCANLINE_SOURCE_DIR "/ir/README.md", "    body @k {");
    TextError error;
    const Module *module = text_parse(text, strlen(text), arena, &error);
    cr_assert(module, "%u:%u: %s", error.line, error.column, error.text);
    cr_expect_str_eq(arena_printf(arena, "%s\n", text_print_module(module, arena)), text);
    arena_destroy(arena);
}
