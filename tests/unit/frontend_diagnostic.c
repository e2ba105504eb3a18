/* Collecting, sorting, cutting; the words of diagnostics are held in tests/golden. */
#include "frontend/diagnostic.h"

#include <criterion/criterion.h>
#include <string.h>

static Arena *arena;
static Sources *sources;
static Diagnostics *diagnostics;
static const Source *source;

static void create(void) {
    static const char text[] = "query = sum[q](x)\n\tkey = é + \"\033[31m\"\n";
    arena = arena_create();
    sources = sources_create(arena, NULL, 0);
    source = sources_add(sources, "a.scan", text, sizeof text - 1);
    diagnostics = diagnostics_create(arena, sources);
}

static void destroy(void) { arena_destroy(arena); }

TestSuite(frontend_diagnostic, .init = create, .fini = destroy);

static SourceSpan span(uint32_t offset, uint32_t length) {
    return (SourceSpan){source->index, offset, length};
}

Test(frontend_diagnostic, it_looks_as_designed) {
    Diagnostic *d = diagnostics_error(diagnostics, "unknown-axis", span(8, 6), "no axis '%s'", "q");
    diagnostic_label(d, "x is [n, d]");
    diagnostic_suggest(d, "d");
    diagnostic_related(d, span(15, 1), "x is given here");
    cr_expect_str_eq(diagnostics_text(diagnostics, false),
                     "a.scan:1:9: error: no axis 'q'\n"
                     "    1 | query = sum[q](x)\n"
                     "      |         ^~~~~~ x is [n, d]; did you mean 'd'?\n"
                     "a.scan:1:16: note: x is given here\n"
                     "    1 | query = sum[q](x)\n"
                     "      |                ^\n");
}

Test(frontend_diagnostic, tabs_and_wide_characters_keep_the_caret_in_place) {
    diagnostics_error(diagnostics, "x", span(25, 2), "e");
    diagnostics_error(diagnostics, "x", span(28, 1), "plus");
    cr_expect_str_eq(diagnostics_text(diagnostics, false), "a.scan:2:8: error: e\n"
                                                           "    2 | \tkey = é + \"?[31m\"\n"
                                                           "      | \t      ^\n"
                                                           "a.scan:2:11: error: plus\n"
                                                           "    2 | \tkey = é + \"?[31m\"\n"
                                                           "      | \t        ^\n");
}

Test(frontend_diagnostic, sorted_by_place_and_once) {
    diagnostics_error(diagnostics, "b", span(10, 1), "second");
    diagnostics_error(diagnostics, "a", span(2, 1), "first");
    diagnostics_error(diagnostics, "b", span(10, 1), "second");
    diagnostics_error_nowhere(diagnostics, "c", "of no place");
    cr_expect_eq(diagnostics_error_count(diagnostics), 3);
    const char *text = diagnostics_text(diagnostics, false);
    const char *nowhere = strstr(text, "of no place"), *first = strstr(text, "first"),
               *second = strstr(text, "second");
    cr_assert(nowhere && first && second);
    cr_expect(nowhere < first && first < second);
    cr_expect_null(strstr(second + 1, "second"));
}

Test(frontend_diagnostic, many_are_counted) {
    for (uint32_t i = 0; i < 5000; i++) {
        Diagnostic *d = diagnostics_error(diagnostics, "a", span(i % 30, 1), "number %u", i);
        diagnostic_label(d, "label");
        diagnostic_related(d, span(0, 1), "related");
    }
    cr_expect_eq(diagnostics_error_count(diagnostics), 5000);
    const char *text = diagnostics_text(diagnostics, false);
    cr_expect(strstr(text, "... and 4950 more\n"));
}

Test(frontend_diagnostic, colours_only_when_asked) {
    diagnostics_warning(diagnostics, "w", span(0, 5), "careful");
    cr_expect_eq(diagnostics_error_count(diagnostics), 0);
    cr_expect_eq(diagnostics_warning_count(diagnostics), 1);
    cr_expect_null(strchr(diagnostics_text(diagnostics, false), '\033'));
    cr_expect(strstr(diagnostics_text(diagnostics, true), "\033[1;33mwarning:"));
}
