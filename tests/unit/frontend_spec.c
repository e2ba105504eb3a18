/* Values, their precedence, and settings. What is wrong with a spec is held in tests/golden. */
#include "tests/unit/frontend_support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static const char rules[] = "update sgd(w, g, lr, momentum = 0) { w = w - lr * g }\n"
                            "update adam(w, g, lr) { w = w - lr * g }\n";

static int64_t extent(const LoadedSpec *loaded, const char *name) {
    const SpecDim *dim = spec_dim(loaded->spec, name);
    cr_assert(dim, "%s", name);
    return dim->extent;
}

static const Setting *setting(const LoadedSpec *loaded, const char *key) {
    for (uint32_t i = 0; i < loaded->spec->setting_count; i++)
        if (!strcmp(loaded->spec->settings[i].key, key))
            return &loaded->spec->settings[i];
    cr_assert_fail("no setting %s", key);
    return NULL;
}

Test(frontend_spec, dims_are_evaluated_in_any_order) {
    LoadedSpec loaded = load_text("dim e = d / h, f = 4 * d, g = n ^ 2 // 3 % 5, m = max(n, d)\n"
                                  "dim d = 128\ndim h = 4\ndim n = 3 + 2 * 5, k\n"
                                  "dim w = width\nconst width = 8, pair = 2 * width\n",
                                  NULL);
    assert_sound(&loaded);
    cr_expect_eq(extent(&loaded, "e"), 32);
    cr_expect_eq(extent(&loaded, "f"), 512);
    cr_expect_eq(extent(&loaded, "g"), 169 / 3 % 5);
    cr_expect_eq(extent(&loaded, "m"), 128);
    cr_expect_eq(extent(&loaded, "w"), 8);
    cr_expect_eq(extent(&loaded, "k"), 0, "it has no value, and nothing uses it");
    cr_expect(spec_dim(loaded.spec, "e")->value.derived);
    cr_expect_not(spec_dim(loaded.spec, "n")->value.derived);
    unload(&loaded);
}

Test(frontend_spec, consts_keep_whether_they_are_integers) {
    LoadedSpec loaded = load_text(
        "const a = 3, b = 6 / 2, c = 10%, d = -2^2, e = 7 // -2, f = 7 % -2, g = sqrt(2), h = inf\n"
        "const i = -7 // 2, j = -7 % 2, k = 2^-1, l = abs(-3), m = floor(2.5), o = min(2, pi)\n",
        NULL);
    static const struct {
        const char *name;
        double value;
        bool integer;
    } wanted[] = {{"a", 3, true},  {"b", 3, false},   {"c", 0.1, false},      {"d", -4, true},
                  {"e", -4, true}, {"f", -1, true},   {"h", INFINITY, false}, {"i", -4, true},
                  {"j", 1, true},  {"k", 0.5, false}, {"l", 3, true},         {"m", 2, false},
                  {"o", 2, false}};
    assert_sound(&loaded);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        Constant number = {0};
        cr_expect(
            spec_number(loaded.spec, (Name){wanted[i].name, {0}}, &number, loaded.diagnostics));
        cr_expect_eq(number.value, wanted[i].value, "%s", wanted[i].name);
        cr_expect_eq(number.integer, wanted[i].integer, "%s", wanted[i].name);
    }
    unload(&loaded);
}

Test(frontend_spec, the_command_line_comes_before_the_main_file_before_used_ones) {
    static const char used[] = "dim n = 1, d = 1, h = 1, k\nconst a = 1, b = 1\n"
                               "train { batch = 1; steps = 1; seed = 11 }\n";
    static const char main_text[] = "use \"used.scan\"\ndim d = 2, h = 2\nconst b = 2\n"
                                    "train { batch = 2; steps = 2 }\n";
    const SourceFile files[] = {
        {"main.scan", main_text, sizeof main_text - 1}, {"used.scan", used, sizeof used - 1}, {0}};
    LoadedSpec loaded =
        load_files(files, (const char *const[]){"h=3", "k = 3", "b=3", "train.batch=4", NULL});
    assert_sound(&loaded);
    cr_expect_eq(extent(&loaded, "n"), 1);
    cr_expect_eq(extent(&loaded, "d"), 2);
    cr_expect_eq(extent(&loaded, "h"), 3);
    cr_expect_eq(extent(&loaded, "k"), 3);
    cr_expect_eq(loaded.spec->train.batch, 4);
    cr_expect_eq(loaded.spec->train.steps, 2);
    cr_expect_eq(loaded.spec->train.seed, 11);
    cr_expect_eq(loaded.spec->train.evaluate, 50);
    cr_expect_str_eq(setting(&loaded, "b")->value, "3");
    cr_expect_str_eq(setting(&loaded, "train.batch")->origin, "command line");
    cr_expect(setting(&loaded, "train.batch")->changed);
    cr_expect_str_eq(setting(&loaded, "train.steps")->origin, "main.scan:4:20");
    cr_expect_not(setting(&loaded, "train.steps")->changed);
    cr_expect_str_eq(setting(&loaded, "train.evaluate")->origin, "default");
    unload(&loaded);
}

Test(frontend_spec, defaults) {
    LoadedSpec loaded = load_text("objective only { loss = 1 }\n", NULL);
    assert_sound(&loaded);
    const Spec *spec = loaded.spec;
    cr_expect_str_eq(spec->name, "main");
    cr_expect_str_eq(spec->data.source, "digits");
    cr_expect_eq(spec->data.validation, 0.1);
    cr_expect_eq(spec->data.test, 0.2);
    cr_expect_str_eq(spec->data.augment, "none");
    cr_expect_str_eq(spec->train.objective, "only");
    cr_expect_eq(spec->train.batch, 64);
    cr_expect_eq(spec->train.chunks, 8);
    cr_expect_eq(spec->train.steps, 800);
    cr_expect_eq(spec->train.checkpoint, 200);
    cr_expect_eq(spec->train.patience, 0);
    cr_expect_str_eq(spec->train.best, "loss");
    cr_expect(spec->data.share == 1 && spec->data.labels == 0 && spec->data.subset == 0);
    cr_expect_str_eq(spec->probe.features, "feature");
    cr_expect_eq(spec->probe.layers.count, 0);
    cr_expect_eq(spec->probe.concat, 0);
    cr_expect_eq(spec->probe.concat_layers.count, 0);
    cr_expect_str_eq(spec->probe.solver, "lbfgs");
    cr_assert_eq(spec->probe.labels.count, 3);
    cr_expect_eq(spec->probe.labels.items[2], 400);
    cr_expect_eq(spec->probe.rate, 0);
    cr_expect_eq(spec->sample.images, 64);
    cr_expect_eq(spec->sample.temperature, 1);
    cr_expect_null(spec->update, "there is no rule");
    unload(&loaded);
}

Test(frontend_spec, numbers_of_settings_may_be_made_of_dims) {
    LoadedSpec loaded = load_text("dim n = 8\nconst share = 10%\n"
                                  "train { batch = 4 * n; seed = n // 3 }\n"
                                  "data { test = 2 * share; validation = -0.0 }\n",
                                  NULL);
    assert_sound(&loaded);
    cr_expect_eq(loaded.spec->train.batch, 32);
    cr_expect_eq(loaded.spec->train.seed, 2);
    cr_expect_eq(loaded.spec->data.test, 0.2);
    cr_expect_str_eq(setting(&loaded, "data.validation")->value, "0");
    unload(&loaded);
}

Test(frontend_spec, chunks_divide_the_batch) {
    static const struct {
        const char *batch;
        int64_t chunks;
    } cases[] = {{"train.batch=64", 8}, {"train.batch=12", 4}, {"train.batch=7", 1},
                 {"train.batch=2", 2},  {"train.batch=1", 1},  {"train.batch=1000", 8}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        LoadedSpec loaded = load_text("", (const char *const[]){cases[i].batch, NULL});
        assert_sound(&loaded);
        cr_expect_eq(loaded.spec->train.chunks, cases[i].chunks, "%s", cases[i].batch);
        unload(&loaded);
    }
}

Test(frontend_spec, update_rules) {
    LoadedSpec loaded = load_text(rules, NULL);
    assert_sound(&loaded);
    cr_expect_str_eq(loaded.spec->update->call.callee.text, "adam");
    unload(&loaded);
    loaded = load_text(rules, (const char *const[]){"train.update=sgd(0.1, momentum=0.9)", NULL});
    assert_sound(&loaded);
    cr_expect_str_eq(setting(&loaded, "train.update")->value, "sgd(0.1, momentum = 0.9)");
    unload(&loaded);
}

Test(frontend_spec, objectives_have_addresses) {
    LoadedSpec loaded = load_text("objective ar { loss = 1 }\nobjective bert { loss = 2 }\n"
                                  "objective classify extends ar, bert { loss = 3 }\n"
                                  "objective more extends bert.classify { loss = 4 }\n",
                                  (const char *const[]){"train.objective=more", NULL});
    bool ambiguous;
    assert_sound(&loaded);
    cr_assert_eq(loaded.spec->objective_count, 5);
    const SpecObjective *more = loaded.spec->objective;
    cr_assert(more);
    cr_expect_str_eq(more->address, "bert.classify.more");
    cr_expect_str_eq(more->parent->address, "bert.classify");
    cr_expect_str_eq(more->parent->parent->address, "bert");
    cr_expect_null(more->parent->parent->parent);
    cr_expect(spec_objective(loaded.spec, "ar.classify", NULL));
    cr_expect_null(spec_objective(loaded.spec, "classify", &ambiguous));
    cr_expect(ambiguous);
    cr_expect_null(spec_objective(loaded.spec, "nothing", &ambiguous));
    cr_expect_not(ambiguous);
    unload(&loaded);
}

Test(frontend_spec, several_objectives_and_no_choice) {
    LoadedSpec loaded = load_text("objective a { loss = 1 }\nobjective b { loss = 2 }\n", NULL);
    assert_sound(&loaded);
    cr_expect_null(loaded.spec->objective);
    cr_expect_null(loaded.spec->train.objective);
    unload(&loaded);
}

Test(frontend_spec, symbols) {
    LoadedSpec loaded =
        load_text("dim n = 3\nconst c = 1\ninput t: int[n] < n\nparam a = 0, b = 0\n"
                  "fn f(x) = x\nextern fn g(x: f32) -> f32 from \"x.so\"\n"
                  "objective o { tap one = 1; tap two = 2; tap one = 3; loss = 1 }\n",
                  NULL);
    static const struct {
        const char *name;
        SymbolKind kind;
    } wanted[] = {{"n", SYMBOL_DIM},   {"c", SYMBOL_CONST},    {"t", SYMBOL_INPUT},
                  {"b", SYMBOL_PARAM}, {"f", SYMBOL_FUNCTION}, {"g", SYMBOL_EXTERN}};
    assert_sound(&loaded);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        const Symbol *symbol = spec_symbol(loaded.spec, wanted[i].name);
        cr_assert(symbol, "%s", wanted[i].name);
        cr_expect_eq(symbol->kind, wanted[i].kind, "%s", wanted[i].name);
    }
    cr_expect_null(spec_symbol(loaded.spec, "o"));
    cr_expect_str_eq(spec_symbol(loaded.spec, "b")->param.tensor->name.text, "b");
    cr_assert_eq(loaded.spec->tap_count, 2);
    cr_expect_str_eq(loaded.spec->taps[1].text, "two");
    unload(&loaded);
}

Test(frontend_spec, a_dim_without_value_is_an_error_where_it_is_used) {
    LoadedSpec loaded = load_text("dim d\ndim f = 4 * d\n", NULL);
    assert_sound(&loaded);
    const SpecDim *f = spec_dim(loaded.spec, "f");
    cr_expect_eq(spec_extent(loaded.spec, (Name){"f", f->value.declared}, loaded.diagnostics), 0);
    assert_code(&loaded, "dim-without-value");
    cr_expect(strstr(diagnostics_text(loaded.diagnostics, false), "d=64 on the command line"));
    unload(&loaded);
}

Test(frontend_spec, sweeps) {
    LoadedSpec loaded =
        load_text("dim layers = 4\nobjective a { loss = 1 }\nobjective b { loss = 2 }\n"
                  "sweep { layers = [2, 4..6]; train.objective = [a, b]; train.seed = 1..3 }\n",
                  (const char *const[]){"sweep.train.seed=[7]", NULL});
    assert_sound(&loaded);
    cr_assert_eq(loaded.spec->sweep_count, 3);
    cr_assert_eq(loaded.spec->sweeps[0].value_count, 4);
    cr_expect_str_eq(loaded.spec->sweeps[0].values[3], "6");
    cr_expect_str_eq(loaded.spec->sweeps[1].values[1], "b");
    cr_assert_eq(loaded.spec->sweeps[2].value_count, 1, "the command line comes first");
    unload(&loaded);
}

Test(frontend_spec, paths_of_the_command_line_need_no_quotes) {
    static const char *const values[][2] = {{"data.source=digits", "digits"},
                                            {"data.source=a b/c-d.idx", "a b/c-d.idx"},
                                            {"data.source=\"x.idx\"", "x.idx"}};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        LoadedSpec loaded = load_text("", (const char *const[]){values[i][0], NULL});
        assert_sound(&loaded);
        cr_expect_str_eq(loaded.spec->data.source, values[i][1]);
        unload(&loaded);
    }
    LoadedSpec loaded = load_text("", (const char *const[]){"data.source=\xff", NULL});
    assert_code(&loaded, "bad-path");
    unload(&loaded);
}

Test(frontend_spec, faulty_values_do_not_hide_other_errors) {
    LoadedSpec loaded =
        load_text("dim n = 0\ntrain { bacth = 1 }\nuse \"nothing.scan\"\nfn f(x { }\n", NULL);
    assert_code(&loaded, "bad-extent");
    assert_code(&loaded, "unknown-setting");
    assert_code(&loaded, "no-such-file");
    assert_code(&loaded, "syntax");
    cr_expect_null(loaded.spec);
    unload(&loaded);
}
