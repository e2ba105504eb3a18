/* What the language means: expressions, each lowered as a metric and interpreted on two images. */
#include "tests/unit/lower_support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

static const double tokens[] = {0, 1, 2, 3, 4, 4, 0, 1};
static const double label[] = {1, 2};
static const double image[] = {5, 9};

static const char before[] = "dim n = 4, m = n, d = 3, v = 5, k = 3\n"
                             "input tokens: int[n] < v\ninput label: int < k\n"
                             "param table[v, d] = index[v] * 10 + index[d]\n"
                             "fn total(x[n]) = sum[n](x)\n"
                             "fn area(see[n, m]) = sum[n, m](see)\n"
                             "fn seen(see[n, m]) = mean[n](sum[m](softmax[m](see)))\n"
                             "fn first(x[n], y = 2) = x[n = 0] * y\n"
                             "fn opaque(x[n]) { y = shift[n](x, 1); return sum[n](x - y) }\n"
                             "model twice(x) { param g = 3; return x * g }\n"
                             "objective parent { shared = label + 1; loss = shared * 1.0 }\n";
static const char after[] = "train { objective = o; batch = 2; chunks = 1 }\n";

/* Statements, of which the last one begins with `metric r =`, and r for each image. */
static const struct {
    const char *statements;
    double first, second;
} rows[] = {
    /* reductions */
    {"metric r = sum[n](tokens)", 6, 9},
    {"metric r = mean[n](tokens)", 1.5, 2.25},
    {"metric r = max[n](tokens)", 3, 4},
    {"metric r = min[n](tokens)", 0, 0},
    {"metric r = argmax[n](tokens)", 3, 0},
    {"metric r = sum[n](tokens, where = tokens > 1)", 5, 8},
    {"metric r = mean[n](tokens, where = tokens > 1)", 2.5, 4},
    {"metric r = max[n](tokens, where = tokens < 2)", 1, 1},
    {"metric r = min[n](tokens, where = tokens > 0)", 1, 1},
    {"metric r = argmax[n](tokens, where = tokens < 2)", 1, 3},
    {"metric r = sum[n](tokens, where = tokens > 9)", 0, 0},
    {"metric r = mean[n](tokens, where = tokens > 9)", 0, 0},
    {"metric r = mean[n](tokens, where = false)", 0, 0},
    {"metric r = mean[n](tokens, where = true)", 1.5, 2.25},
    {"metric r = sum[n](label, where = tokens < 2)", 2, 4},
    {"metric r = mean[n](label, where = tokens < 2)", 1, 2},
    {"metric r = sum[n, d](tokens + index[d], where = tokens > 1)", 21, 30},
    {"metric r = mean[n, d](tokens + index[d], where = tokens > 1)", 3.5, 5},
    {"metric r = sum[n](tokens > 1)", 2, 2},
    {"metric r = sum[n](softmax[n](tokens))", 1, 1},
    {"metric r = sum[n](softmax[n](tokens, where = tokens > 9))", 0, 0},
    {"metric r = sum[n, m](softmax[n, m](tokens * index[m]))", 1, 1},
    {"metric r = sum[n, m](softmax[n, m](where(index[m] > 9, 1.0, -inf) + tokens))", 0, 0},
    {"metric r = logsumexp[n](0 * tokens) - log(n)", 0, 0},
    {"metric r = logsumexp[n](tokens * 1000) / 1000", 3, 4.00069314718},
    {"metric r = sum[n](exp(log_softmax[n](tokens)))", 1, 1},
    {"metric r = mean[n](cross_entropy[v](0 * index[v], tokens))", 1.60943791243, 1.60943791243},
    {"metric r = cross_entropy[v](index[v] * 100, label)", 300, 200},
    /* along axes */
    {"metric r = sum[n](shift[n](tokens, 1, fill = 7) * (index[n] + 1))", 18, 27},
    {"metric r = sum[n](shift[n](tokens, -1) * (index[n] + 1))", 14, 7},
    {"metric r = sum[n](shift[n](tokens, 99, fill = label))", 4, 8},
    {"metric r = sum[n](shift[n](tokens, 1, fill = 0.5))", 3.5, 8.5},
    {"metric r = sum[n](tokens[n = index[n] // 2] * (index[n] + 1))", 7, 40},
    {"metric r = tokens[n = 99] + tokens[n = -1]", 3, 5},
    {"metric r = tokens[n = label]", 1, 0},
    {"metric r = sum[d](table[v = label])", 33, 63},
    {"metric r = table[v = tokens[n = 3], d = 1]", 31, 11},
    {"metric r = sum[n, m](rename(tokens, n -> m) == tokens)", 4, 6},
    {"metric r = sum[n](index[n] * tokens)", 14, 7},
    /* arithmetic, types */
    {"metric r = sum[n]((tokens - 2) // 2)", -2, 0},
    {"metric r = sum[n]((tokens - 2) % 3)", 4, 7},
    {"metric r = -7 // 2 + -7 % 3 * 10 + label * 0", 16, 16},
    {"metric r = sum[n](tokens / 2)", 3, 4.5},
    {"metric r = 1 / 2 + label // 2", 0.5, 1.5},
    {"metric r = sum[n](tokens^3)", 36, 129},
    {"metric r = label^-1 + label^0 + label^0.5 * 0", 2, 1.5},
    {"metric r = label^1.5", 1, 2.82842712475},
    {"metric r = (label + 2)^-0.5", 0.57735026919, 0.5},
    {"metric r = 2^10 + 0 * label", 1024, 1024},
    {"metric r = 1 + (label == 1)", 2, 1},
    {"metric r = label != 1 and not (label == 5)", 0, 1},
    {"metric r = label >= 2 or label < 1", 0, 1},
    {"metric r = where(label > 1, 10, label)", 1, 10},
    {"metric r = where(true, label, 7) + where(false, 1, 0.5)", 1.5, 2.5},
    {"metric r = int(-1.5 * label) + int(-1.5) * 10", -11, -13},
    {"metric r = float(label) / 4", 0.25, 0.5},
    {"metric r = relu(label - 2) + relu(1 - label) + relu(3)", 3, 3},
    {"metric r = min(label, 1.5, 9) + max(label, 2)", 3, 3.5},
    {"metric r = abs(1 - label) + floor(label * 0.75)", 0, 2},
    {"metric r = exp(log(label)) + sqrt(4) * rsqrt(4)", 2, 3},
    {"metric r = sigmoid(0 * label) + tanh(0) + sin(0) + cos(0)", 1.5, 1.5},
    {"metric r = exp(1) + 0 * label", 2.71828182846, 2.71828182846},
    {"metric r = stop_gradient(label)", 1, 2},
    {"metric r = sqrt(4)", 2, 2},
    /* a scalar argument broadcasts to the declared axes */
    {"metric r = total(1)", 4, 4},
    {"metric r = total(label)", 4, 8},
    {"metric r = area(true)", 16, 16},
    {"metric r = area(label)", 16, 32},
    {"metric r = seen(0) + seen(index[n] + index[m])", 2, 2},
    {"metric r = first(tokens, y = 3) + first(label)", 2, 16},
    {"metric r = sum[m](opaque(tokens * (index[m] + 1)))", 30, 10},
    {"metric r = twice(label) + twice(1)", 6, 9},
    /* repeat, taps, scopes */
    {"x = 0; repeat k { x = x + index[k] }; metric r = x", 3, 3},
    {"x = label; repeat k { y = x * 2; x = y }; metric r = x", 8, 16},
    {"repeat k as s { tap t = tokens + index[k] }; metric r = mean[n](t[1] + t[2])", 6, 7.5},
    {"metric r = shared", 2, 3},
    {"x = 1; x = x + label; metric r = x", 2, 3},
};

static void check_row(size_t which) {
    Bindings bindings = {.count = 0};
    char text[2048];
    snprintf(text, sizeof text, "%sobjective o extends parent { %s }\n%s", before,
             rows[which].statements, after);
    Lowered lowered = lower_text(text, NULL);
    bindings_add_initial(&lowered, &bindings, 1);
    bindings_add(&bindings, "tokens", tokens, 8);
    bindings_add(&bindings, "label", label, 2);
    bindings_add(&bindings, "$image", image, 2);
    double **outputs = lowered_run(&lowered, "forward", bindings.at, bindings.count);
    const double *result = lowered_output(&lowered, "forward", outputs, "metric.r");
    const double expected[] = {rows[which].first, rows[which].second};
    for (int i = 0; i < 2; i++)
        cr_expect(fabs(result[i] - expected[i]) < 1e-6, "image %d: %s is %.9g, not %.9g", i,
                  rows[which].statements, result[i], expected[i]);
    lowered_free(&lowered);
}

Test(frontend_values, every_expression_is_worth_what_it_says) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(i);
}

/* Draws are in [0, 1), differ between calls, images and draws, and repeat otherwise. */
Test(frontend_values, random_draws) {
    Bindings bindings = {.count = 0};
    char text[2048];
    snprintf(text, sizeof text,
             "%sfn noise() = random[n]\nobjective o { tap t = random[n]; tap t = noise(); tap t = "
             "noise() as again; tap t = random[n] as other; loss = 0 }\n%s",
             before, after);
    Lowered lowered = lower_text(text, NULL);
    bindings_add_initial(&lowered, &bindings, 1);
    bindings_add(&bindings, "$image", image, 2);
    double **outputs = lowered_run(&lowered, "forward", bindings.at, bindings.count);
    double **repeated = lowered_run(&lowered, "forward", bindings.at, bindings.count);
    const double *draws[4], *same[4];
    for (int i = 0; i < 4; i++) {
        char name[24];
        snprintf(name, sizeof name, "tap.t.%d", i);
        draws[i] = lowered_output(&lowered, "forward", outputs, name);
        same[i] = lowered_output(&lowered, "forward", repeated, name);
    }
    for (int i = 0; i < 32; i++) {
        double value = draws[i / 8][i % 8];
        cr_expect(value >= 0 && value < 1);
        cr_expect_eq(value, same[i / 8][i % 8]);
        for (int k = 0; k < i; k++)
            cr_expect_neq(value, draws[k / 8][k % 8]);
    }
    lowered_free(&lowered);
}
