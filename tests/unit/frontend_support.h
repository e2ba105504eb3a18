/* Specs loaded from memory, for tests. */
#ifndef SCANLINE_TESTS_UNIT_FRONTEND_SUPPORT_H
#define SCANLINE_TESTS_UNIT_FRONTEND_SUPPORT_H

#include "frontend/spec.h"

typedef struct LoadedSpec {
    Arena *arena;
    Diagnostics *diagnostics;
    Spec *spec;
} LoadedSpec;

/* The first of the files is the main file; the list of files ends with one without a path, the list
 * of overrides (may be NULL) with NULL. Allocations must not fail. */
LoadedSpec load_files(const SourceFile *files, const char *const *overrides);
/* The only file is main.scan. */
LoadedSpec load_text(const char *text, const char *const *overrides);
/* From the disk, with the folder of models. */
LoadedSpec load_path(const char *path, const char *const *overrides);
void unload(LoadedSpec *loaded);

/* Fails the test, showing the diagnostics, when there are any. */
void assert_sound(const LoadedSpec *loaded);
/* Fails the test unless there is an error with this code. */
void assert_code(const LoadedSpec *loaded, const char *code);

#endif
