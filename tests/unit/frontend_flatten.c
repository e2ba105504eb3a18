/* A flattened spec says the same as the spec that it was made from. */
#include "tests/unit/frontend_support.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <string.h>

/* The text without "# from ..." comments. */
static char *without_origins(Arena *arena, const char *text) {
    char *copy = arena_string(arena, text, strlen(text)), *to = copy;
    for (const char *from = copy; *from;) {
        const char *comment = from[0] == ' ' ? "  # from " : "# from ";
        if (!strncmp(from, comment, strlen(comment)))
            from += strcspn(from, "\n");
        else
            *to++ = *from++;
    }
    *to = '\0';
    return copy;
}

static void expect_same_values(const Spec *a, const Spec *b) {
    cr_assert_eq(a->dim_count, b->dim_count);
    for (uint32_t i = 0; i < a->dim_count; i++) {
        cr_expect_str_eq(a->dims[i]->value.name, b->dims[i]->value.name);
        cr_expect_eq(a->dims[i]->extent, b->dims[i]->extent);
        cr_expect_eq(a->dims[i]->value.derived, b->dims[i]->value.derived);
    }
    cr_assert_eq(a->setting_count, b->setting_count);
    for (uint32_t i = 0; i < a->setting_count; i++) {
        cr_expect_str_eq(a->settings[i].key, b->settings[i].key);
        cr_expect_str_eq(a->settings[i].value, b->settings[i].value);
    }
    cr_assert_eq(a->sweep_count, b->sweep_count);
    for (uint32_t i = 0; i < a->sweep_count; i++) {
        cr_expect_str_eq(a->sweeps[i].key, b->sweeps[i].key);
        cr_assert_eq(a->sweeps[i].value_count, b->sweeps[i].value_count);
        for (uint32_t j = 0; j < a->sweeps[i].value_count; j++)
            cr_expect_str_eq(a->sweeps[i].values[j], b->sweeps[i].values[j]);
    }
    cr_expect_eq(a->input_count, b->input_count);
    cr_expect_eq(a->param_count, b->param_count);
    cr_expect_eq(a->update_count, b->update_count);
    cr_expect_eq(a->objective_count, b->objective_count);
    cr_expect_eq(!a->objective, !b->objective);
}

static void expect_round_trip(const LoadedSpec *first) {
    assert_sound(first);
    const char *flat = spec_flatten(first->spec);
    LoadedSpec second = load_text(flat, NULL);
    assert_sound(&second);
    cr_expect_eq(second.spec->file_count, 1);
    expect_same_values(first->spec, second.spec);
    const char *again = spec_flatten(second.spec);
    cr_expect_str_eq(without_origins(first->arena, again), without_origins(first->arena, flat));
    unload(&second);
}

static int is_spec(const struct dirent *entry) {
    size_t length = strlen(entry->d_name);
    return length > 5 && !strcmp(entry->d_name + length - 5, ".scan");
}

Test(frontend_flatten, models) {
    struct dirent **entries;
    int count = scandir(SCANLINE_SOURCE_DIR "/models", &entries, is_spec, alphasort);
    cr_assert_gt(count, 0);
    for (int i = 0; i < count; i++) {
        LoadedSpec loaded = load_path(entries[i]->d_name, NULL);
        expect_round_trip(&loaded);
        unload(&loaded);
        free(entries[i]);
    }
    free(entries);
}

Test(frontend_flatten, overrides_become_values) {
    LoadedSpec loaded = load_path(
        "digits.scan", (const char *const[]){"d=128", "hide=0.25", "train.steps=7",
                                             "train.objective=bert", "data.source=../x \"y\".idx",
                                             "probe.layers=[0, 2..3]", "data.test=1e-3", NULL});
    expect_round_trip(&loaded);
    const char *flat = spec_flatten(loaded.spec);
    cr_expect(strstr(flat, "dim d = 128  # from command line\n"));
    cr_expect(strstr(flat, "const hide = 0.25  # from command line\n"));
    cr_expect(strstr(flat, "  steps = 7  # from command line\n"));
    cr_expect(strstr(flat, "  objective = bert  # from command line\n"));
    cr_expect(strstr(flat, "  layers = [0, 2, 3]  # from command line\n"));
    unload(&loaded);
}

Test(frontend_flatten, odd_names_of_files) {
    static const char used[] = "dim n = 3\nparam w[n] = 0\n",
                      main_text[] = "use \"a\\nb #.scan\"\n";
    const SourceFile files[] = {{"main.scan", main_text, sizeof main_text - 1},
                                {"a\nb #.scan", used, sizeof used - 1},
                                {0}};
    LoadedSpec loaded = load_files(files, NULL);
    expect_round_trip(&loaded);
    unload(&loaded);
}

Test(frontend_flatten, hard_expressions) {
    LoadedSpec loaded = load_text(
        "const a = -(1 - (2 - 3))^2, b = 1e300 * 10, c = inf, d = 2.0, e = 0.1 + 0.2, f = (2^3)^2\n"
        "dim n = 2 * (3 + 4) // 5\n"
        "fn g(x) {\n  # a comment with a } brace\n  return \"}\"\n}\n"
        "param p[n] = 1, q[n], r[n] ~ normal(1 / sqrt(n))   # behind\n"
        "update u(w, g, lr) { w = w - lr * g }\n"
        "train { update = u(1 - (2 - 3) * (not (a == b))) }\n",
        NULL);
    expect_round_trip(&loaded);
    unload(&loaded);
}
