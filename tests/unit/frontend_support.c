#include "tests/unit/frontend_support.h"

#include <criterion/criterion.h>
#include <string.h>

static LoadedSpec load(const SourceFile *files, size_t file_count, const char *path,
                       const char *const *overrides) {
    static const char *const directories[] = {SCANLINE_SOURCE_DIR "/models"};
    SpecOptions options = {
        .directories = directories, .directory_count = 1, .overrides = overrides};
    while (overrides && overrides[options.override_count])
        options.override_count++;
    LoadedSpec loaded = {.arena = arena_create()};
    cr_assert(loaded.arena);
    if (setjmp(*arena_boundary(loaded.arena)))
        cr_assert_fail("no memory");
    Sources *sources = sources_create(loaded.arena, files, file_count);
    loaded.diagnostics = diagnostics_create(loaded.arena, sources);
    loaded.spec = spec_load(loaded.arena, sources, path, &options, loaded.diagnostics);
    return loaded;
}

LoadedSpec load_files(const SourceFile *files, const char *const *overrides) {
    size_t count = 0;
    while (files[count].path)
        count++;
    return load(files, count, files[0].path, overrides);
}

LoadedSpec load_text(const char *text, const char *const *overrides) {
    const SourceFile files[] = {{"main.scan", text, strlen(text)}, {0}};
    return load_files(files, overrides);
}

LoadedSpec load_path(const char *path, const char *const *overrides) {
    return load(NULL, 0, path, overrides);
}

void unload(LoadedSpec *loaded) { arena_destroy(loaded->arena); }

void assert_sound(const LoadedSpec *loaded) {
    cr_assert_eq(diagnostics_error_count(loaded->diagnostics), 0, "%s",
                 diagnostics_text(loaded->diagnostics, false));
    cr_assert(loaded->spec);
}

void assert_code(const LoadedSpec *loaded, const char *code) {
    const char *json = diagnostics_json(loaded->diagnostics);
    const char *wanted = arena_printf(loaded->arena, "\"code\":\"%s\"", code);
    cr_assert(strstr(json, wanted), "no %s in %s", code, json);
}
