/* Lines, columns, and where texts come from. */
#include "frontend/source.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static Arena *arena;

static void create_arena(void) { arena = arena_create(); }
static void destroy_arena(void) { arena_destroy(arena); }

TestSuite(frontend_source, .init = create_arena, .fini = destroy_arena);

static const Source *add(Sources *sources, const char *text) {
    return sources_add(sources, "models/a.scan", text, strlen(text));
}

Test(frontend_source, every_offset_has_its_line_and_column) {
    static const char text[] = "one\n\n  three\r\nfour";
    Sources *sources = sources_create(arena, NULL, 0);
    const Source *source = add(sources, text);
    uint32_t line = 1, column = 1;
    for (uint32_t offset = 0; offset <= source->length; offset++) {
        Span place = source_place(sources, (SourceSpan){source->index, offset, 0});
        cr_expect_eq(place.line, line, "offset %u", offset);
        cr_expect_eq(place.column, column, "offset %u", offset);
        cr_expect_str_eq(place.file, "a.scan");
        column++;
        if (text[offset] == '\n') {
            line++;
            column = 1;
        }
    }
    cr_expect_eq(source->line_count, 4);
}

Test(frontend_source, lines_are_shown_without_their_breaks) {
    const Source *source = add(sources_create(arena, NULL, 0), "one\n\n  three\r\nfour\n");
    static const char *const lines[] = {"one", "", "  three", "four", ""};
    for (uint32_t line = 0; line < 5; line++) {
        uint32_t length;
        const char *text = source_line_text(source, line, &length);
        cr_expect_eq(length, strlen(lines[line]));
        cr_expect_arr_eq(text, lines[line], length);
    }
}

Test(frontend_source, an_empty_text_has_one_line) {
    const Source *source = add(sources_create(arena, NULL, 0), "");
    cr_expect_eq(source->line_count, 1);
    cr_expect_eq(source_line(source, 0), 0);
}

Test(frontend_source, memory_files_come_before_the_disk_and_once) {
    const SourceFile files[] = {{"/etc/passwd", "dim n\n", 6}};
    Sources *sources = sources_create(arena, files, 1);
    const Source *first, *second;
    const char *reason;
    cr_assert_eq(sources_open(sources, "/etc/passwd", &first, &reason), SOURCE_FOUND);
    cr_expect_str_eq(first->text, "dim n\n");
    cr_assert_eq(sources_open(sources, "/etc/passwd", &second, &reason), SOURCE_FOUND);
    cr_expect_eq(first, second);
}

Test(frontend_source, what_cannot_be_read_has_a_reason) {
    Sources *sources = sources_create(arena, NULL, 0);
    const Source *source;
    const char *reason;
    cr_expect_eq(sources_open(sources, "/nowhere/a.scan", &source, &reason), SOURCE_ABSENT);
    cr_expect(reason);
    cr_expect_eq(sources_open(sources, "/", &source, &reason), SOURCE_UNREADABLE);
    cr_expect_str_eq(reason, "it is a directory");
    cr_expect_eq(sources_open(sources, "/dev/zero", &source, &reason), SOURCE_UNREADABLE);
    cr_expect_null(source);
}

Test(frontend_source, a_file_is_the_same_by_whatever_path) {
    char folder[] = "/tmp/scanline-source-XXXXXX";
    cr_assert(mkdtemp(folder));
    const char *path = arena_printf(arena, "%s/a.scan", folder);
    const char *other = arena_printf(arena, "%s/../%s/./a.scan", folder, strrchr(folder, '/') + 1);
    FILE *stream = fopen(path, "w");
    cr_assert(stream);
    fputs("dim n = 64\n", stream);
    fclose(stream);
    Sources *sources = sources_create(arena, NULL, 0);
    const Source *first, *second;
    const char *reason;
    cr_expect_eq(sources_open(sources, path, &first, &reason), SOURCE_FOUND);
    cr_expect_eq(sources_open(sources, other, &second, &reason), SOURCE_FOUND);
    cr_expect_eq(first, second);
    cr_expect_str_eq(first->text, "dim n = 64\n");
    cr_expect_eq(truncate(path, (off_t)SOURCE_MAX_BYTES + 1), 0);
    sources = sources_create(arena, NULL, 0);
    cr_expect_eq(sources_open(sources, path, &first, &reason), SOURCE_UNREADABLE);
    unlink(path);
    rmdir(folder);
}
