/* Every allocation fails once while a small spec is loaded and lowered: nothing leaks (under
 * AddressSanitizer), and the last run is as one with plenty. */
#include "frontend/lower.h"
#include "frontend/report.h"

#include <criterion/criterion.h>
#include <string.h>

static const char sound[] =
    "dim n = 4, m = n, v = 5, d = 2, layers = 2\ninput tokens: int[n] < v\n"
    "param wte[v, d] ~ normal(1 / sqrt(d))\n"
    "extern fn mix(x: f32[n, d], s: f32) -> f32[n, d] from \"libmix.so\" grad mix_grad\n"
    "fn norm(x[d]) { param g[d] = 1; return x * rsqrt(mean[d](x^2) + 1e-5) * g }\n"
    "fn attend(x[n, d], see[n, m]) {\n  key = rename(x, n -> m)\n"
    "  return sum[m](softmax[m](where(see, sum[d](x * key), -inf)) * key)\n}\n"
    "objective ar {\n  x = shift[n](mix(wte[v = tokens], 1), 1)\n"
    "  repeat layers as block { x = norm(attend(x, index[m] <= index[n])); tap t = mean[n](x) }\n"
    "  output logits = sum[d](x * wte)\n"
    "  loss = mean[n](cross_entropy[v](logits, tokens), where = random[n] < 0.5)\n}\n"
    "update u(w, g, lr) { state a = 0; a = a + g; w = w - lr * a / global_norm(g) }\n"
    "train { update = u(lr = 0.1 * warmup(9) * cosine()) }\n";
static const char faulty[] =
    "dim n = 4, v = 5, d = 2\ninput tokens: int[n] < v\nparam wte[v, d] ~ normal(q)\n"
    "extern fn e(x: f32[q], y: f64) -> f32 from \"l\"\nextern fn h(x: f32[d]) -> f32 from \"l\"\n"
    "fn f(x[d]) = mean[n](x)\nfn g(x[d]) = g(x)\n"
    "objective o {\n  x = wte[v = tokens]\n  y = f(x) + g(x) + e(x) + h(3) + h(wte) + sum[q](x * "
    "x)\n"
    "  loss = rename(x, n -> d) + toknes\n}\n"
    "update u(w, g, lr) { state a = 0; w = w - lr * b }\ntrain { update = u(lr = 1) }\n";

/* Whether there was memory enough when the allocation after `count` more failed. */
static bool run(const char *text, uint64_t count, size_t *size) {
    const SourceFile file = {"main.scan", text, strlen(text)};
    const SpecOptions options = {.override_count = 0};
    Arena *arena = arena_create();
    cr_assert(arena);
    if (setjmp(*arena_boundary(arena))) {
        arena_destroy(arena);
        return false;
    }
    arena_fail_after(arena, count);
    Sources *sources = sources_create(arena, &file, 1);
    Diagnostics *diagnostics = diagnostics_create(arena, sources);
    const Spec *spec = spec_load(arena, sources, "main.scan", &options, diagnostics);
    Experiment experiment;
    const Module *module =
        spec ? lower_experiment(arena, spec, NULL, &experiment, diagnostics) : NULL;
    *size = strlen(diagnostics_text(diagnostics, false));
    for (uint32_t i = 0; module && i < module->function_count; i++)
        *size += module->functions[i]->node_count;
    if (module)
        *size += (size_t)report_create(arena, module, &experiment).flops_per_step;
    arena_destroy(arena);
    return true;
}

static void fail_each(const char *text) {
    size_t with_plenty, at_last = 0;
    uint64_t failing = 0;
    cr_assert(run(text, UINT64_MAX, &with_plenty));
    while (!run(text, failing, &at_last))
        failing++;
    cr_expect_gt(failing, 500);
    cr_expect_eq(at_last, with_plenty);
}

Test(frontend_lower_memory, of_a_sound_spec) { fail_each(sound); }
Test(frontend_lower_memory, of_a_faulty_spec) { fail_each(faulty); }
