/* Lowered models: their parameters, first losses, order of dependence, updates. */
#include "frontend/report.h"
#include "runtime/execution/schedule.h"
#include "tests/unit/lower_support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MODELS SCANLINE_SOURCE_DIR "/models/"
#define SPECS  SCANLINE_SOURCE_DIR "/tests/specs/"

static Report report_of(const Lowered *lowered) {
    return report_create(lowered->loaded.arena, lowered->module, &lowered->experiment);
}

/* --- what check says --- */

Test(frontend_lower, parameter_counts) {
    static const struct {
        const char *path, *objective;
        int64_t count;
    } models[] = {
        {MODELS "igpt-s.scan", "ar", 76571648},          {MODELS "igpt-m.scan", "ar", 455157760},
        {MODELS "igpt-l.scan", "ar", 1362250752},        {MODELS "igpt-xl.scan", "ar", 6801438720},
        {MODELS "igpt-s.scan", "bert", 76571136},        {MODELS "digits.scan", "ar", 302080},
        {MODELS "igpt-s.scan", "ar.classify", 76576768},
    };
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        char objective[64];
        snprintf(objective, sizeof objective, "train.objective=%s", models[i].objective);
        const char *const overrides[] = {objective, NULL};
        Lowered lowered = lower_path(models[i].path, overrides);
        cr_expect_eq(report_of(&lowered).parameters, models[i].count, "%s %s", models[i].path,
                     models[i].objective);
        lowered_free(&lowered);
    }
}

/* 3 batch (2 n (layers 12 d^2 + d v) + layers 2 n^2 d): contractions, half of the attention. */
Test(frontend_lower, operations) {
    Lowered digits = lower_path(MODELS "digits.scan", NULL);
    Lowered small = lower_path(MODELS "igpt-s.scan", NULL);
    const char *const bert[] = {"train.objective=bert", NULL};
    Lowered whole = lower_path(MODELS "digits.scan", bert);
    cr_expect_eq(report_of(&digits).flops_per_step, 7878475776.0);
    cr_expect_eq(report_of(&small).flops_per_step, 69475390980096.0);
    cr_expect_eq(report_of(&whole).flops_per_step - report_of(&digits).flops_per_step,
                 3.0 * 64 * 6 * 2 * 64 * 64 * 64);
    lowered_free(&digits);
    lowered_free(&small);
    lowered_free(&whole);
}

/* What a mask of positions leaves of both products of the attention: counted by hand. */
Test(frontend_lower, operations_behind_a_window) {
    const char *const none[] = {"rows=7", NULL}, *const large[] = {"n=1024", "width=32", NULL};
    const char *const causal[] = {"n=1024", "width=32", "rows=31", NULL};
    Lowered window = lower_path(MODELS "window.scan", NULL);
    Lowered whole = lower_path(MODELS "window.scan", none);
    Lowered wide = lower_path(MODELS "window.scan", large);
    Lowered half = lower_path(MODELS "window.scan", causal);
    int64_t seen = 0, seen_wide = 0;
    for (int n = 0; n < 64; n++)
        for (int m = 0; m <= n; m++)
            seen += n / 8 - m / 8 <= 2;
    for (int n = 0; n < 1024; n++)
        for (int m = 0; m <= n; m++)
            seen_wide += n / 32 - m / 32 <= 2;
    const double pair = 3.0 * 64 * 6 * 4 * 64; /* of all layers and images, in all axes but n, m */
    cr_expect_eq(report_of(&whole).flops_per_step, 7878475776.0, "a causal mask is a half");
    cr_expect_eq(report_of(&whole).flops_per_step - report_of(&window).flops_per_step,
                 pair * (64 * 64 / 2.0 - (double)seen));
    cr_expect_float_eq(report_of(&half).flops_per_step - report_of(&wide).flops_per_step,
                       pair * (1024 * 1024 / 2.0 - (double)seen_wide), pair * 1024 * 1024 / 1000,
                       "of many pairs it is an estimate");
    lowered_free(&window);
    lowered_free(&whole);
    lowered_free(&wide);
    lowered_free(&half);
}

/* Whatever comes between the mask and the products; and what is no mask counts whole. */
Test(frontend_lower, operations_behind_other_masks) {
    static const char text[] =
        "dim n = 16, m = n, v = 5, d = 4\n"
        "input tokens: int[n] < v\n"
        "param wte[v, d] ~ normal(1)\n"
        "const slope = 0.5\n"
        "fn score(x[n, d]) = sum[d](x * rename(x, n -> m)) / 2 - slope * abs(index[n] - index[m])\n"
        "fn near() = abs(index[n] - index[m]) <= 2\n"
        "objective open  { x = wte[v = tokens]\n"
        "  loss = sum[n, d](sum[m](softmax[m](score(x)) * rename(x, n -> m))) }\n"
        "objective band  { x = wte[v = tokens]\n"
        "  w = softmax[m](where(near(), score(x) + 1, -inf))\n"
        "  loss = sum[n, d](sum[m](w / 3 * rename(x, n -> m))) }\n"
        "objective exps  { x = wte[v = tokens]\n"
        "  w = where(not near(), 0, exp(score(x)))\n"
        "  loss = sum[n, d](sum[m](2 * w * rename(x, n -> m))) }\n"
        "objective twice { x = wte[v = tokens]\n"
        "  s = score(x)\n"
        "  w = softmax[m](where(near(), s, -inf)) + softmax[m](s)\n"
        "  loss = sum[n, d](sum[m](w * rename(x, n -> m))) }\n"
        "objective data  { x = wte[v = tokens]\n"
        "  w = softmax[m](where(tokens == 1, score(x), -inf))\n"
        "  loss = sum[n, d](sum[m](w * rename(x, n -> m))) }\n";
    const double open = 3.0 * 64 * 2 * 2 * 16 * 16 * 4; /* both products */
    const double band = (16 + 2 * 15 + 2 * 14) / 256.0;
    const struct {
        const char *objective;
        double share;
    } cases[] = {{"train.objective=open", 1},
                 {"train.objective=band", band},
                 {"train.objective=exps", band},
                 {"train.objective=twice", 1},
                 {"train.objective=data", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const overrides[] = {cases[i].objective, NULL};
        Lowered lowered = lower_text(text, overrides);
        cr_expect_eq(report_of(&lowered).flops_per_step, open * cases[i].share, "%s: %g of %g",
                     cases[i].objective, report_of(&lowered).flops_per_step / open, cases[i].share);
        lowered_free(&lowered);
    }
}

Test(frontend_lower, paths_and_shapes) {
    const char *const overrides[] = {"layers=2", NULL};
    Lowered lowered = lower_path(MODELS "digits.scan", overrides);
    static const char *const paths[] = {"wte",
                                        "wpe",
                                        "sos",
                                        "head",
                                        "block.0.ln_1.g",
                                        "block.0.attn.wq",
                                        "block.0.attn.wk",
                                        "block.0.attn.wv",
                                        "block.0.attn.wo",
                                        "block.0.ln_2.g",
                                        "block.0.mlp.fc",
                                        "block.0.mlp.proj",
                                        "block.1.ln_1.g"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        cr_expect_str_eq(lowered.experiment.parameters[i].path, paths[i]);
    const Parameter *wo = &lowered.experiment.parameters[8];
    cr_assert_eq(wo->axis_count, 3);
    cr_expect_str_eq(wo->axes[0], "h");
    cr_expect_str_eq(wo->axes[2], "d");
    cr_expect_eq(wo->extents[1], 16);
    cr_expect_eq(wo->elements, 4096);
    cr_expect_str_eq(lowered.experiment.states[0].path, "wte:a");
    cr_expect_eq(lowered.experiment.state_count, 2 * lowered.experiment.parameter_count);
    cr_assert_eq(lowered.experiment.input_count, 1);
    cr_expect_str_eq(lowered.experiment.inputs[0].name, "tokens");
    cr_expect_eq(lowered.experiment.inputs[0].limit, 17);
    cr_assert_eq(lowered.experiment.tap_count, 2);
    cr_expect_str_eq(lowered.experiment.taps[1].name, "raw");
    cr_expect_eq(lowered.experiment.taps[0].count, 3);
    cr_expect_eq(lowered.experiment.taps[1].count, 3);
    cr_expect_str_eq(lowered.experiment.train.objective, "ar");
    lowered_free(&lowered);
}

/* --- the first loss --- */

static void expect_first_loss(const char *objective, double expected) {
    static const double tokens[] = {0, 1, 2, 3, 4, 5, 6, 0, 1, 6, 5, 4, 3, 2, 1, 0, 6, 5};
    static const double label[] = {1, 2}, image[] = {3, 7};
    char chosen[64];
    snprintf(chosen, sizeof chosen, "train.objective=%s", objective);
    const char *const overrides[] = {"n=9",           "v=7",      "d=8",
                                     "h=2",           "layers=2", "k=3",
                                     "train.batch=2", "hide=0.5", "train.chunks=1",
                                     chosen,          NULL};
    Bindings bindings = {.count = 0};
    Lowered lowered = lower_path(MODELS "digits.scan", overrides);
    bindings_add_initial(&lowered, &bindings, 4);
    bindings_add(&bindings, "tokens", tokens, 18);
    bindings_add(&bindings, "label", label, 2);
    bindings_add(&bindings, "$image", image, 2);
    double **outputs = lowered_run(&lowered, "forward", bindings.at, bindings.count);
    const double *loss = lowered_output(&lowered, "forward", outputs, "loss");
    Report report = report_of(&lowered);
    cr_expect(fabs(loss[0] - expected) < 1e-6 && fabs(loss[1] - expected) < 1e-6,
              "%s: %.9g, %.9g, not %.9g", objective, loss[0], loss[1], expected);
    cr_expect(report.first_loss_known && fabs(report.first_loss - expected) < 1e-12);
    lowered_free(&lowered);
}

Test(frontend_lower, first_loss) {
    expect_first_loss("ar", log(7));
    expect_first_loss("bert", log(7));
    expect_first_loss("ar.classify", log(7) + log(3));
    expect_first_loss("bert.classify", log(7) + log(3));
}

Test(frontend_lower, first_loss_of_a_drawn_head_is_not_known) {
    Lowered lowered = lower_path(SPECS "alibi.scan", NULL);
    cr_expect(!report_of(&lowered).first_loss_known);
    lowered_free(&lowered);
}

/* --- what comes before what --- */

#define EXAMPLE SCANLINE_SOURCE_DIR "/examples/custom-op/custom.scan"

static bool is_autoregressive(const char *path, const char *objective) {
    char chosen[64];
    snprintf(chosen, sizeof chosen, "train.objective=%s", objective);
    const char *const overrides[] = {chosen, NULL};
    Lowered lowered = lower_path(path, overrides);
    bool answer = lowered.experiment.autoregressive;
    lowered_free(&lowered);
    return answer;
}

Test(frontend_lower, autoregressive_models) {
    cr_expect(is_autoregressive(MODELS "digits.scan", "ar"));
    cr_expect(is_autoregressive(MODELS "digits.scan", "ar.classify"));
    cr_expect(is_autoregressive(MODELS "gpt2.scan", "ar"));
    cr_expect(is_autoregressive(MODELS "window.scan", "window"));
    cr_expect(is_autoregressive(SPECS "alibi.scan", "ar"));
    cr_expect(is_autoregressive(EXAMPLE, "leaky"));
    cr_expect(!is_autoregressive(EXAMPLE, "custom")); /* a library may look ahead along n */
    cr_expect(!is_autoregressive(MODELS "digits.scan", "bert"));
    cr_expect(!is_autoregressive(SPECS "mlp.scan", "classify"));
}

/* One attention over the shifted tokens: `see` decides what is seen, `shown` what is added. */
static bool sees_only_the_past(const char *shift, const char *score, const char *more) {
    char text[2048];
    snprintf(text, sizeof text,
             "dim n = 4, m = n, v = 5, d = 3\ninput tokens: int[n] < v\n"
             "param wte[v, d], head[v, d] ~ normal(1)\n"
             "objective o {\n  x = %s\n  key = rename(x, n -> m)\n  dot = sum[d](x * key)\n"
             "  y = sum[m](softmax[m](%s) * key) + %s\n"
             "  output logits = sum[d](y * head)\n  loss = 1\n}\n"
             "train { batch = 2; chunks = 1 }\n",
             shift, score, more);
    Lowered lowered = lower_text(text, NULL);
    bool answer = lowered.experiment.autoregressive;
    lowered_free(&lowered);
    return answer;
}

Test(frontend_lower, autoregressive_masks) {
    const char *past = "shift[n](wte[v = tokens], 1)",
               *causal = "where(index[m] <= index[n], dot, -inf)";
    cr_expect(sees_only_the_past(past, causal, "x"));
    cr_expect(sees_only_the_past(past, "where(index[n] >= index[m], dot, -inf)", "x"));
    cr_expect(sees_only_the_past(past, "where(not (index[m] > index[n]), dot, -inf)", "x"));
    cr_expect(sees_only_the_past(past, "where(index[m] > index[n], -inf, dot)", "x"));
    cr_expect(sees_only_the_past(past, "where(index[m] - index[n] < 1, dot, -inf) * 0.5", "x"));
    cr_expect(sees_only_the_past(past, "where(index[m] <= index[n] and dot > 0, dot, -inf)", "x"));
    cr_expect(sees_only_the_past("shift[n](wte[v = tokens], 2)",
                                 "where(index[m] <= index[n] + 1, dot, -inf)", "x"));
    cr_expect(sees_only_the_past(past, "where(index[m] < index[n], dot, -inf)", "wte[v = 0]"));
    /* leaks */
    cr_expect(!sees_only_the_past("wte[v = tokens]", causal, "x"));
    cr_expect(!sees_only_the_past(past, "dot", "x"));
    cr_expect(!sees_only_the_past(past, "where(index[m] <= index[n] + 1, dot, -inf)", "x"));
    cr_expect(!sees_only_the_past(past, "where(index[m] <= index[n] or dot > 0, dot, -inf)", "x"));
    cr_expect(!sees_only_the_past(past, "where(index[m] <= index[n], dot, 0)", "x"));
    cr_expect(!sees_only_the_past(past, "where(index[m] >= index[n], dot, -inf)", "x"));
    cr_expect(!sees_only_the_past(past, "where(index[n] > index[m], -inf, dot)", "x"));
    cr_expect(!sees_only_the_past(past, causal, "mean[n](x)"));
    cr_expect(!sees_only_the_past(past, causal, "wte[v = tokens]"));
    cr_expect(!sees_only_the_past(past, causal, "shift[n](x, -1)"));
    cr_expect(!sees_only_the_past(past, causal, "x[n = 3 - index[n]]"));
    cr_expect(!sees_only_the_past("shift[n](wte[v = tokens], 1)",
                                  "where(2 * index[m] <= index[n], dot, -inf)", "x[n = 3]"));
}

/* The analysis against the truth: a changed token changes no logits up to its own position. */
Test(frontend_lower, autoregressive_by_value) {
    enum { N = 8, V = 5 };
    Bindings bindings = {.count = 0};
    double tokens[2 * N] = {0, 1, 2, 3, 4, 3, 2, 1, 1, 1, 0, 4, 2, 3, 0, 2};
    Lowered lowered = lower_path(SPECS "alibi.scan", NULL);
    bindings_add_initial(&lowered, &bindings, 9);
    bindings_add(&bindings, "tokens", tokens, 2 * N);
    double **outputs = lowered_run(&lowered, "forward", bindings.at, bindings.count);
    const double *before = lowered_output(&lowered, "forward", outputs, "logits");
    for (int changed = 0; changed < N; changed++) {
        double kept = tokens[changed];
        tokens[changed] = 4 - kept == kept ? 0 : 4 - kept;
        outputs = lowered_run(&lowered, "forward", bindings.at, bindings.count);
        const double *after = lowered_output(&lowered, "forward", outputs, "logits");
        tokens[changed] = kept;
        for (int i = 0; i < N * V; i++)
            cr_expect((before[i] == after[i]) == (i / V <= changed), "token %d, logit %d", changed,
                      i);
    }
    lowered_free(&lowered);
}

/* --- updates --- */

/* One parameter w[d] = {1, -2, 3} and c = 2 (of no axes), their gradients, after a step. */
typedef struct Updated {
    double w[3], c;
} Updated;

static Updated update_once(const char *rule, int64_t step) {
    static const double w[] = {1, -2, 3}, c[] = {2}, grad_w[] = {0.5, -1, 2}, grad_c[] = {-4};
    static const double state_w[] = {0.25, 0.5, 1}, state_c[] = {1};
    char text[1024];
    snprintf(text, sizeof text,
             "dim d = 3\nparam w[d] = index[d]\nparam c = 1\n"
             "objective o { loss = sum[d](w) * c }\nupdate u%s\ntrain { steps = 10 }\n",
             rule);
    const char *const overrides[] = {"train.update=u(lr = 0.1 * warmup(4))", NULL};
    Lowered lowered = lower_text(text, overrides);
    Bindings bindings = {.count = 0};
    double scalars[16];
    char names[16][24];
    cr_assert_leq(lowered.experiment.schedule.output_count, 16);
    cr_assert_eq(schedule_evaluate(&lowered.experiment.schedule, step, scalars), 0);
    for (uint32_t i = 0; i < lowered.experiment.schedule.output_count; i++) {
        snprintf(names[i], sizeof names[i], "$scalar.%u", i);
        bindings_add(&bindings, names[i], &scalars[i], 1);
    }
    bindings_add(&bindings, "w", w, 3);
    bindings_add(&bindings, "c", c, 1);
    bindings_add(&bindings, "grad:w", grad_w, 3);
    bindings_add(&bindings, "grad:c", grad_c, 1);
    bindings_add(&bindings, "w:s", state_w, 3);
    bindings_add(&bindings, "c:s", state_c, 1);
    double **outputs = lowered_run(&lowered, "update", bindings.at, bindings.count);
    const double *new_w = lowered_output(&lowered, "update", outputs, "w");
    Updated updated = {{new_w[0], new_w[1], new_w[2]},
                       lowered_output(&lowered, "update", outputs, "c")[0]};
    lowered_free(&lowered);
    return updated;
}

static void expect_update(const char *rule, int64_t step, Updated expected) {
    Updated found = update_once(rule, step);
    for (int i = 0; i < 3; i++)
        cr_expect_float_eq(found.w[i], expected.w[i], 1e-9, "%s: w[%d]", rule, i);
    cr_expect_float_eq(found.c, expected.c, 1e-9, "%s: c", rule);
}

Test(frontend_lower, update_rules) {
    double norm = sqrt(0.25 + 1 + 4 + 16);
    expect_update("(w, g, lr) { w = w - lr * g }", 4, (Updated){{0.95, -1.9, 2.8}, 2.4});
    expect_update("(w, g, lr) { w = w - lr * g }", 1, (Updated){{0.9875, -1.975, 2.95}, 2.1});
    expect_update("(w, g, lr) { state s = 0; s = s + g; w = w - lr * s }", 9,
                  (Updated){{0.925, -1.95, 2.7}, 2.3});
    expect_update("(w, g, lr) { w = w - g / global_norm(g) }", 1,
                  (Updated){{1 - 0.5 / norm, -2 + 1 / norm, 3 - 2 / norm}, 2 + 4 / norm});
    expect_update("(w, g, lr, k = 2) { w = where(rank(w) >= 1, w * k, w) + lr * 0 * g }", 1,
                  (Updated){{2, -4, 6}, 2});
    expect_update("(w, g, lr) { w = where(path(w) ~ \"?\" and path(w) ~ \"*c\", 7, w) }", 1,
                  (Updated){{1, -2, 3}, 7});
    expect_update("(w, g, lr) { w = where(step > 4, w + 1, w) * (step / steps) }", 5,
                  (Updated){{1, -0.5, 2}, 1.5});
    expect_update("(w, g, lr) { w = w + cosine() }", 1, (Updated){{2, -1, 4}, 3});
    expect_update("(w, g, lr) { w = w + cosine() }", 6, (Updated){{1.5, -1.5, 3.5}, 2.5});
}

/* A state may start from its weight. */
Test(frontend_lower, state_that_follows_the_weight) {
    Lowered lowered = lower_text("dim d = 3\nparam w[d] = index[d] + 1\n"
                                 "objective o { loss = sum[d](w) }\n"
                                 "update u(w, g) { state mean = w / 2\n"
                                 "  w = w - g; mean = 0.9 * mean + 0.1 * w }\n"
                                 "train { update = u() }\n",
                                 NULL);
    double **outputs = lowered_run(&lowered, "init", NULL, 0);
    const double *mean = lowered_output(&lowered, "init", outputs, "w:mean");
    cr_expect(mean[0] == 0.5 && mean[1] == 1 && mean[2] == 1.5);
    lowered_free(&lowered);
}

/* What the loss does not depend on is not trained; what nothing depends on does not exist. */
Test(frontend_lower, parameters_that_are_not_reached) {
    Lowered lowered = lower_text("dim d = 3\nparam w[d], measured[d], unused[d] = 1\n"
                                 "objective o { z = sum[d](unused)\n"
                                 "  metric m = sum[d](measured); loss = sum[d](w) }\n"
                                 "update u(w, g) { w = w - g }\ntrain { update = u() }\n",
                                 NULL);
    const Function *update = module_function(lowered.module, "update");
    cr_assert_eq(lowered.experiment.parameter_count, 2);
    cr_expect_str_eq(lowered.experiment.parameters[1].path, "measured");
    cr_assert_eq(update->output_count, 1);
    cr_expect_str_eq(update->outputs[0].name, "w");
    lowered_free(&lowered);
}

/* The batch axis keeps out of the way of the spec's own names. */
Test(frontend_lower, a_dim_called_b) {
    static const double tokens[] = {1, 2, 0, 1};
    Bindings bindings = {.count = 0};
    Lowered lowered =
        lower_text("dim b = 2, v = 3\ninput tokens: int[b] < v\nparam w[v] = index[v]\n"
                   "objective o { loss = sum[b](w[v = tokens]) }\n"
                   "train { batch = 2; chunks = 1 }\n",
                   NULL);
    bindings_add_initial(&lowered, &bindings, 1);
    bindings_add(&bindings, "tokens", tokens, 4);
    double **outputs = lowered_run(&lowered, "forward", bindings.at, bindings.count);
    const double *loss = lowered_output(&lowered, "forward", outputs, "loss");
    cr_expect_str_eq(lower_batch_axis(lowered.loaded.spec), "b.0");
    cr_expect(loss[0] == 3 && loss[1] == 1);
    lowered_free(&lowered);
}
