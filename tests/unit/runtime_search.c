/* What a learning-rate search judges by: series of metrics.jsonl, spikes in them, and the rise. */
#include "runtime/study/search.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- series --- */

static char folder[64], path[80];

static void make_folder(void) {
    strcpy(folder, "/tmp/scanline-search-XXXXXX");
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/metrics.jsonl", folder);
}

static void remove_folder(void) {
    unlink(path);
    rmdir(folder);
}

TestSuite(search, .init = make_folder, .fini = remove_folder);

static void write_metrics(const char *text) {
    FILE *stream = fopen(path, "w");
    cr_assert(stream);
    fputs(text, stream);
    fclose(stream);
}

Test(search, reads_a_figure_of_a_split) {
    write_metrics("{\"step\": 0, \"split\": \"validation\", \"loss\": 2.5, \"accuracy\": 0.125}\n"
                  "{\"step\": 1, \"split\": \"train\", \"loss\": 2.25}\n"
                  "nothing of ours\n"
                  "{\"step\": 2, \"split\": \"train\", \"a \\\", nan\": 1, \"loss\": nan}\n"
                  "{\"step\": 2, \"split\": \"train\", \"loss\": -inf}\n"
                  "{\"step\": 2, \"split\": \"train\", \"loss\": nano}\n"
                  "{\"step\": 2, \"split\": \"validation\", \"loss\": 1e-3, \"accuracy\": 1}\n"
                  "{\"step\": 3, \"split\": \"train\", \"loss\": 7");
    MetricsSeries series;
    FileError error;
    cr_assert(metrics_series_read(folder, "train", "loss", &series, &error), "%s", error.text);
    cr_assert_eq(series.count, 3, "the last line is not whole");
    cr_expect(series.points[0].step == 1 && series.points[0].value == 2.25);
    cr_expect(series.points[1].step == 2 && isnan(series.points[1].value));
    cr_expect_eq(series.points[2].value, -INFINITY);
    metrics_series_free(&series);
    cr_assert(metrics_series_read(folder, "validation", "accuracy", &series, &error));
    cr_assert_eq(series.count, 2);
    cr_expect_eq(metrics_series_at(&series, 0), 0.125);
    cr_expect_eq(metrics_series_at(&series, 2), 1);
    cr_expect(isnan(metrics_series_at(&series, 1)));
    metrics_series_free(&series);
    cr_assert(metrics_series_read("/nowhere", "train", "loss", &series, &error));
    cr_expect_eq(series.count, 0);
}

/* --- spikes --- */

enum { COUNT = 400 };
static MetricsPoint points[COUNT];
static const MetricsSeries series = {COUNT, points};

/* Uniform in [-1, 1), the same every time. */
static double noise(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return (double)*state / 2147483648.0 - 1;
}

static void fill(double (*level)(int), double width) {
    uint32_t state = 7;
    for (int i = 0; i < COUNT; i++)
        points[i] = (MetricsPoint){i + 1, level(i) + width * noise(&state)};
}

static double falling(int i) { return 2 + 4 * exp(-i / 50.0); }
static double rising(int i) { return 2 + 0.01 * i; }
static double constant(int i) { return 2 + 0 * i; }
static double jumping(int i) { return i < 200 ? 1 : 3; }

Test(search, noise_and_slopes_are_no_spikes) {
    fill(falling, 0.1);
    cr_expect_eq(spikes_find(&series).count, 0);
    fill(rising, 0.05);
    cr_expect_eq(spikes_find(&series).count, 0);
    fill(constant, 0.1);
    cr_expect_eq(spikes_find(&series).count, 0);
    fill(constant, 1e-9); /* next to no noise: less than a hundredth is nothing */
    points[300].value += 1e-4;
    cr_expect_eq(spikes_find(&series).count, 0);
}

Test(search, spikes_are_counted_and_the_highest_named) {
    fill(falling, 0.1);
    for (int i = 100; i < 104; i++) /* four steps in a row are one */
        points[i].value += 2 - 0.1 * (i - 100);
    points[250].value += 5;
    points[253].value = NAN;
    const Spikes spikes = spikes_find(&series);
    cr_expect_eq(spikes.count, 2);
    cr_expect_eq(spikes.step, 251);
    cr_expect_eq(spikes.value, points[250].value);
    cr_expect(fabs(spikes.height - 5) < 0.3, "%g", spikes.height);
}

Test(search, a_new_level_is_one_spike) {
    fill(jumping, 0.05);
    const Spikes spikes = spikes_find(&series);
    cr_expect_eq(spikes.count, 1);
    cr_expect(spikes.step > 200 && spikes.step <= 200 + SPIKE_WINDOW, "%lld",
              (long long)spikes.step);
}

/* --- the rise --- */

static void expect_search(const char *what, const double *losses, uint32_t count, bool rose,
                          int best) {
    SearchTrial trials[8] = {0};
    Search search = {.trials = trials, .trial_count = count, .value_count = 8};
    for (uint32_t i = 0; i < count; i++)
        trials[i] = (SearchTrial){.final_loss = losses[i], .diverged = isinf(losses[i])};
    cr_expect_eq(search_rose(&search), rose, "%s", what);
    cr_expect_eq(search_over(&search), rose, "%s", what);
    cr_expect_eq(search_best(&search), best < 0 ? NULL : &trials[best], "%s", what);
    search.all = true;
    cr_expect_not(search_over(&search), "%s", what);
    search.value_count = count;
    cr_expect(search_over(&search), "%s", what);
}

Test(search, is_over_when_the_loss_rises) {
    expect_search("one", (double[]){2}, 1, false, 0);
    expect_search("falls", (double[]){2, 1}, 2, false, 1);
    expect_search("as before", (double[]){1, 1}, 2, false, 0);
    expect_search("rises", (double[]){2, 1, 1.5}, 3, true, 1);
    expect_search("diverged", (double[]){INFINITY, 2}, 2, false, 1);
    expect_search("all diverged", (double[]){INFINITY, INFINITY}, 2, false, -1);
    expect_search("diverged in between", (double[]){2, INFINITY}, 2, false, 0);
    expect_search("rises over what diverged", (double[]){2, INFINITY, 3}, 3, true, 0);
}
