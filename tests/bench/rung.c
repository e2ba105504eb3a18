#include "tests/bench/rung.h"

#include "frontend/spec.h"

#include <stdio.h>

static bool sizes_take(const Spec *spec, Rung *rung) {
    const struct {
        const char *dim;
        int64_t *to;
    } dims[] = {{"layers", &rung->layers},
                {"d", &rung->d},
                {"h", &rung->heads},
                {"n", &rung->n},
                {"v", &rung->v}};
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++) {
        const SpecDim *dim = spec_dim(spec, dims[i].dim);
        if (!dim || dim->extent < 1)
            return false;
        *dims[i].to = dim->extent;
    }
    rung->batch = spec->train.batch;
    rung->chunks = spec->train.chunks;
    return true;
}

bool rung_read(const char *name, Rung *rung, char *error, size_t size) {
    Arena *arena = arena_create();
    if (!arena || setjmp(*arena_boundary(arena))) {
        arena_destroy(arena);
        snprintf(error, size, "out of memory");
        return false;
    }
    const char *const directory = SCANLINE_SOURCE_DIR "/models";
    const SpecOptions options = {.directories = &directory, .directory_count = 1};
    Sources *sources = sources_create(arena, NULL, 0);
    Diagnostics *diagnostics = diagnostics_create(arena, sources);
    const char *path = arena_printf(arena, SCANLINE_SOURCE_DIR "/tests/bench/rungs/%s.scan", name);
    const Spec *spec = spec_load(arena, sources, path, &options, diagnostics);
    *rung = (Rung){.name = name};
    bool good = spec && sizes_take(spec, rung);
    if (!good)
        snprintf(error, size, "%s lacks sizes of an image GPT %s", path,
                 diagnostics_text(diagnostics, false));
    arena_destroy(arena);
    return good;
}
