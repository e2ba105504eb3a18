/* Texts of megabytes, sensible and hostile: each is read in time that is linear in its length
 * (the test has a time limit that nothing quadratic keeps), with a stack that does not grow. */
#include "frontend/spec.h"
#include "frontend/text.h"

#include <criterion/criterion.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__ /* for faults of memory: time is for the plain build */
enum { LARGE = 500 * 1000, HUGE = 2500 * 1000 };
#else
enum { LARGE = 2 * 1000 * 1000, HUGE = 10 * 1000 * 1000 };
#endif

/* `head`, then copies of `unit` up to a size. Gives the number of errors. */
static uint32_t load_repeated(const char *head, const char *unit, size_t size) {
    Arena *arena = arena_create();
    cr_assert(arena);
    if (setjmp(*arena_boundary(arena)))
        cr_assert_fail("no memory");
    Text text = text_create(arena);
    text_string(&text, head);
    for (size_t length = strlen(unit); text.length < size;)
        text_bytes(&text, unit, length);
    const SourceFile file = {"main.scan", text_end(&text), text.length};
    const SpecOptions options = {0};
    Sources *sources = sources_create(arena, &file, 1);
    Diagnostics *diagnostics = diagnostics_create(arena, sources);
    spec_load(arena, sources, "main.scan", &options, diagnostics);
    cr_expect_lt(strlen(diagnostics_text(diagnostics, false)), 100000);
    cr_expect_gt(strlen(diagnostics_json(diagnostics)), 0);
    uint32_t errors = diagnostics_error_count(diagnostics);
    arena_destroy(arena);
    return errors;
}

Test(frontend_large, many_declarations) {
    Arena *arena = arena_create();
    cr_assert(arena);
    if (setjmp(*arena_boundary(arena)))
        cr_assert_fail("no memory");
    Text text = text_create(arena);
    for (uint32_t i = 0; text.length < HUGE; i++)
        text_format(&text,
                    "dim d%u = %u\nfn f%u(x[d%u]) {\n  y = sum[d%u](x * 3.5e-3) + g(x, k = 2)\n"
                    "  return y^2 / (1 + y)  # a comment\n}\n",
                    i, i + 1, i, i, i);
    const SourceFile file = {"main.scan", text_end(&text), text.length};
    const SpecOptions options = {0};
    Sources *sources = sources_create(arena, &file, 1);
    Diagnostics *diagnostics = diagnostics_create(arena, sources);
    const Spec *spec = spec_load(arena, sources, "main.scan", &options, diagnostics);
    cr_assert(spec, "%s", diagnostics_text(diagnostics, false));
    cr_expect_gt(spec->dim_count, HUGE / 200);
    cr_expect_gt(strlen(spec_flatten(spec)), HUGE / 2);
    arena_destroy(arena);
}

Test(frontend_large, one_line) {
    static const char *const units[] = {"x",          "(", ")",    "[",    "{",  "}",    "-",  "\"",
                                        "1",          "%", "=",    "\xff", "\t", "a b ", "1+", "f(",
                                        "dim n = 1;", "é", "not ", "x[",   "1,", "a.b.", "\\", "#"};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        cr_expect_gt(load_repeated("const c = ", units[i], LARGE), 0, "%s", units[i], LARGE);
        cr_expect_gt(load_repeated("fn f(x) { y = ", units[i], LARGE), 0, "%s", units[i], LARGE);
    }
}

Test(frontend_large, many_lines) {
    static const char *const units[] = {"x\n",
                                        "dim n = 1\n",
                                        "use \"main.scan\"\n",
                                        "fn f(x) {\n",
                                        "}\n",
                                        "train { batch = 1 }\n",
                                        "const c = (\n",
                                        "sweep { a = [1] }\n",
                                        "objective o extends o { loss = 1 }\n",
                                        "param w[d, d], w = 0\n",
                                        "repeat a as b {\n",
                                        "\"\n"};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        cr_expect_gt(load_repeated("", units[i], LARGE), 0, "%s", units[i], LARGE);
        cr_expect_gt(load_repeated("fn f(x) {\n", units[i], LARGE), 0, "%s", units[i], LARGE);
    }
}

Test(frontend_large, a_line_of_megabytes) {
    static const char *const units[] = {"x", "(", "1+", "\"", "f(x) "};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        cr_expect_gt(load_repeated("const c = ", units[i], HUGE), 0, "%s", units[i]);
}

Test(frontend_large, nul_bytes) {
    Arena *arena = arena_create();
    cr_assert(arena);
    if (setjmp(*arena_boundary(arena)))
        cr_assert_fail("no memory");
    const SourceFile file = {"main.scan", arena_alloc(arena, HUGE), HUGE};
    const SpecOptions options = {0};
    Sources *sources = sources_create(arena, &file, 1);
    Diagnostics *diagnostics = diagnostics_create(arena, sources);
    spec_load(arena, sources, "main.scan", &options, diagnostics);
    cr_expect_eq(diagnostics_error_count(diagnostics), 2, "the bytes, and the line");
    arena_destroy(arena);
}
