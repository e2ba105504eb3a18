/* Every allocation fails once while a spec is loaded, faulty or not: nothing leaks (under
 * AddressSanitizer), and the last run is as one with plenty. */
#include "frontend/spec.h"

#include <criterion/criterion.h>
#include <string.h>

static const char sound[] =
    "use \"used.scan\"\ndim n = 64, d = 8, h = 2\ntrain { update = sgd(lr = 0.1); batch = 12 }\n"
    "sweep { d = [2, 4]; train.seed = 1..2 }\n";
static const char used[] =
    "dim n, d, h\ndim e = d / h\nconst hide = 0.15\ninput tokens: int[n] < d\n"
    "param wte[d, e] ~ normal(1 / sqrt(d))\nfn norm(x[d], eps = 1) {\n  param g[d] = 1, b[d] = 0\n"
    "  return x * g + b\n}\nobjective ar {\n  repeat h as block { y = norm(wte[d = tokens]) as ln "
    "}\n"
    "  tap feature = mean[n](y)\n  loss = mean[n](y)\n}\nobjective c extends ar { loss = loss + 1 "
    "}\n"
    "update sgd(w, g, lr) { state v = 0; w = w - lr * g }\ntrain { objective = ar }\n";
static const char faulty[] =
    "use \"used.scan\"\nuse \"main.scan\"\ndim n = 3, e = 4, d = 5, h = 2\n"
    "train { bacth = 3; update = sdg(lr = 1; seed = 1 }\nfn f(x { y = = 1 }\n"
    "objective ar { loss = 1 }\nparam w[d, d] = 1\nconst c = q + 1\n";

/* Whether there was memory enough when the allocation after `count` more failed. */
static bool run(const char *text, uint64_t count, size_t *length) {
    const SourceFile files[] = {{"main.scan", text, strlen(text)},
                                {"used.scan", used, sizeof used - 1}};
    const char *const overrides[] = {"d=16", "train.steps=5", "sweep.h=[1, 2]"};
    const SpecOptions options = {.overrides = overrides, .override_count = 3};
    Arena *arena = arena_create();
    cr_assert(arena);
    if (setjmp(*arena_boundary(arena))) {
        arena_destroy(arena);
        return false;
    }
    arena_fail_after(arena, count);
    Sources *sources = sources_create(arena, files, 2);
    Diagnostics *diagnostics = diagnostics_create(arena, sources);
    const Spec *spec = spec_load(arena, sources, "main.scan", &options, diagnostics);
    *length = strlen(diagnostics_text(diagnostics, true)) + strlen(diagnostics_json(diagnostics));
    if (spec)
        *length += strlen(spec_flatten(spec));
    arena_destroy(arena);
    return true;
}

static void fail_each(const char *text) {
    size_t with_plenty, at_last = 0;
    uint64_t failing = 0;
    cr_assert(run(text, UINT64_MAX, &with_plenty));
    while (!run(text, failing, &at_last))
        failing++;
    cr_expect_gt(failing, 100);
    cr_expect_eq(at_last, with_plenty);
}

Test(frontend_memory, of_a_sound_spec) { fail_each(sound); }
Test(frontend_memory, of_a_faulty_spec) { fail_each(faulty); }
