/* The probe: logistic regression against scikit-learn's, and what is chosen on which split. */
#include "runtime/study/interval.h"
#include "runtime/study/probe.h"
#include "runtime/study/product.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* --- logistic regression --- */

static double number(const json_t *problem, const char *key, size_t index) {
    return json_number_value(json_array_get(json_object_get(problem, key), index));
}

/* Rows first ... first + count - 1 of a problem, with a 1 at the end of each. */
static LogisticData rows_of(const json_t *problem, int64_t first, int64_t count) {
    const int64_t width = json_integer_value(json_object_get(problem, "width"));
    double *features = malloc((size_t)(count * (width + 1)) * sizeof *features);
    int32_t *labels = malloc((size_t)count * sizeof *labels);
    for (int64_t i = 0; i < count; i++) {
        for (int64_t j = 0; j < width; j++)
            features[i * (width + 1) + j] =
                number(problem, "features", (size_t)((first + i) * width + j));
        features[i * (width + 1) + width] = 1;
        labels[i] = (int32_t)number(problem, "labels", (size_t)(first + i));
    }
    return (LogisticData){features, labels, count, width,
                          json_integer_value(json_object_get(problem, "classes"))};
}

static void compare_with_reference(const json_t *problem) {
    const int64_t count = json_integer_value(json_object_get(problem, "count"));
    const int64_t held_out = json_integer_value(json_object_get(problem, "held_out"));
    const double l2 = json_number_value(json_object_get(problem, "l2"));
    const LogisticData train = rows_of(problem, 0, count), test = rows_of(problem, count, held_out);
    const int64_t k = train.classes, width = train.width;
    double *weights = calloc((size_t)((width + 1) * k), sizeof *weights);
    cr_assert_eq(logistic_fit(&train, l2, weights), LOGISTIC_CONVERGED);
    for (int64_t c = 0; c < k; c++) {
        for (int64_t j = 0; j < width; j++)
            cr_expect_float_eq(weights[j * k + c],
                               number(problem, "coefficients", (size_t)(c * width + j)), 1e-3,
                               "weight %ld of class %ld", (long)j, (long)c);
        cr_expect_float_eq(weights[width * k + c], number(problem, "intercepts", (size_t)c), 1e-3,
                           "bias of class %ld", (long)c);
    }
    LogisticScore score;
    cr_assert(logistic_score(&test, weights, &score));
    cr_expect_eq(score.count, held_out);
    cr_expect_eq(score.correct, json_integer_value(json_object_get(problem, "correct")));
    free(weights);
    free((void *)train.features);
    free((void *)train.labels);
    free((void *)test.features);
    free((void *)test.labels);
}

Test(logistic, finds_what_scikit_learn_finds) {
    json_t *problems = json_load_file(SCANLINE_SOURCE_DIR "/tests/parity/logistic.json", 0, NULL);
    cr_assert(problems);
    cr_assert_eq(json_array_size(problems), 3);
    for (size_t i = 0; i < 3; i++)
        compare_with_reference(json_array_get(problems, i));
    json_decref(problems);
}

Test(logistic, no_weights_means_ln_k) {
    const double features[] = {1, 1, -1, 1, 2, 1};
    const int32_t labels[] = {0, 2, 1};
    const LogisticData data = {features, labels, 3, 1, 4};
    const double weights[8] = {0};
    LogisticScore score;
    cr_assert(logistic_score(&data, weights, &score));
    cr_expect_float_eq(score.cross_entropy, log(4), 1e-15);
    cr_expect_eq(score.correct, 1); /* of equal scores the first class */
}

/* --- products --- */

static float random_float(uint32_t *state) {
    *state = *state * 1664525 + 1013904223;
    return (float)(*state >> 8) / (1 << 24) - 0.5f;
}

/* The sums in order, each product and each sum rounded by itself: not nearly, but to the bit. */
static void compare_products(int64_t n, int64_t w, int64_t k) {
    uint32_t state = (uint32_t)(n + 100 * w + 10000 * k);
    double *a = malloc((size_t)(n * w) * sizeof *a), *b = malloc((size_t)(w * k) * sizeof *b);
    double *c = malloc((size_t)(n * k) * sizeof *c), *d = malloc((size_t)(w * k) * sizeof *d);
    ProductSpace space;
    cr_assert(product_space_create(&space, n, w));
    for (int64_t i = 0; i < n * w; i++)
        a[i] = (double)random_float(&state) / 3;
    for (int64_t i = 0; i < w * k; i++)
        b[i] = (double)random_float(&state) / 7;
    product(&(Matrices){a, b, c, n, w, k}, &space);
    product_transposed(&(Matrices){a, c, d, n, w, k}, &space);
    for (int64_t i = 0; i < n; i++)
        for (int64_t x = 0; x < k; x++) {
            double sum = 0;
            for (int64_t j = 0; j < w; j++)
                sum += a[i * w + j] * b[j * k + x];
            cr_assert_eq(c[i * k + x], sum, "%ld x %ld x %ld", (long)n, (long)w, (long)k);
        }
    for (int64_t j = 0; j < w; j++)
        for (int64_t x = 0; x < k; x++) {
            double sum = 0;
            for (int64_t i = 0; i < n; i++)
                sum += a[i * w + j] * c[i * k + x];
            cr_assert_eq(d[j * k + x], sum, "%ld x %ld x %ld", (long)n, (long)w, (long)k);
        }
    product_space_free(&space);
    free(a);
    free(b);
    free(c);
    free(d);
}

Test(product, sums_in_order_whatever_the_cpu) {
    for (int64_t n = 1; n <= 9; n++)
        for (int64_t k = 1; k <= 26; k++)
            compare_products(n, 1 + (n + k) % 7, k);
    compare_products(100, 33, 10);
    compare_products(5, 200, 12);
}

/* --- the probe --- */

enum { IMAGES = 240, CLASSES = 3, NOISE = 4 };

/* Two layers and a reference: layer 0 is noise, layer 1 holds the class at another scale in each
 * column. */
typedef struct World {
    float noise[IMAGES * NOISE], signal[IMAGES * 2];
    int32_t labels[IMAGES], lists[DATA_SPLIT_COUNT][IMAGES];
    DataImages splits[DATA_SPLIT_COUNT];
    ProbeFeatures features[3];
    ProbeTask task;
} World;

static World *world_make(void) {
    World *world = calloc(1, sizeof *world);
    uint32_t state = 1;
    for (int i = 0; i < IMAGES; i++) {
        world->labels[i] = i % CLASSES;
        for (int j = 0; j < NOISE; j++)
            world->noise[i * NOISE + j] = random_float(&state);
        world->signal[i * 2] = 1000 + 100 * ((float)(i % CLASSES) + random_float(&state));
        world->signal[i * 2 + 1] = 0.001f * ((float)(i % CLASSES == 1) + random_float(&state));
        DataImages *list = &world->splits[i < 120   ? DATA_TRAIN
                                          : i < 180 ? DATA_VALIDATION
                                                    : DATA_TEST];
        list->images = world->lists[list - world->splits];
        list->images[list->count++] = i;
    }
    world->features[0] = (ProbeFeatures){"feature[0]", world->noise, NOISE};
    world->features[1] = (ProbeFeatures){"feature[1]", world->signal, 2};
    world->features[2] = (ProbeFeatures){"pixels", world->signal, 2};
    world->task =
        (ProbeTask){world->labels, CLASSES, world->splits, world->features, 3, 2, 5, 4, 9};
    return world;
}

static bool same_score(const LogisticScore *a, const LogisticScore *b) {
    return a->count == b->count && a->correct == b->correct && a->cross_entropy == b->cross_entropy;
}

static bool same_fit(const ProbeFit *a, const ProbeFit *b) {
    return a->l2 == b->l2 && a->status == b->status && same_score(&a->train, &b->train) &&
           same_score(&a->validation, &b->validation) && same_score(&a->test, &b->test);
}

Test(probe, chooses_the_layer_that_holds_the_class) {
    World *world = world_make();
    ProbeReport report;
    DataError error = {""};
    cr_assert(probe_run(&world->task, &report, &error), "%s", error.text);
    cr_expect_eq(report.best, 1);
    cr_expect_eq(report.best_few, 1);
    cr_expect_eq(report.results[0].all.test.count, 60);
    cr_expect_lt(probe_accuracy(&report.results[0].all.test), 0.6);
    cr_expect_gt(probe_accuracy(&report.results[1].all.test), 0.95);
    cr_expect_eq(report.results[1].all.train.count, 120);
    for (uint32_t i = 0; i < report.subsets; i++) {
        cr_expect_eq(report.results[1].few[i].train.count, 15);
        cr_expect_eq(report.results[1].few[i].test.count, 60);
    }
    /* The reference has the same features as layer 1, so the same figures, but is never chosen. */
    cr_expect(same_fit(&report.results[2].all, &report.results[1].all));
    probe_free(&report);
    free(world);
}

Test(probe, test_images_choose_nothing) {
    World *world = world_make();
    ProbeReport before, after;
    DataError error = {""};
    cr_assert(probe_run(&world->task, &before, &error));
    for (int i = 180; i < IMAGES; i++)
        world->signal[i * 2] = world->signal[i * 2 + 1] = 0; /* now worthless on test */
    cr_assert(probe_run(&world->task, &after, &error));
    cr_expect_eq(after.best, before.best);
    cr_expect_eq(after.results[1].all.l2, before.results[1].all.l2);
    cr_expect(same_score(&after.results[1].all.validation, &before.results[1].all.validation));
    cr_expect_lt(probe_accuracy(&after.results[1].all.test), 0.5);
    probe_free(&before);
    probe_free(&after);
    free(world);
}

Test(probe, scales_are_those_of_the_training_images) {
    World *world = world_make();
    ProbeReport before, after;
    DataError error = {""};
    cr_assert(probe_run(&world->task, &before, &error));
    for (int i = 0; i < IMAGES; i++) { /* another unit and origin, exact in f32 */
        world->signal[i * 2] *= 0.25f;
        world->signal[i * 2 + 1] *= 1024;
    }
    cr_assert(probe_run(&world->task, &after, &error));
    cr_expect(same_fit(&after.results[1].all, &before.results[1].all));
    probe_free(&before);
    probe_free(&after);
    free(world);
}

Test(probe, threads_do_not_change_a_bit) {
    World *world = world_make();
    ProbeReport one, four;
    DataError error = {""};
    omp_set_num_threads(1);
    cr_assert(probe_run(&world->task, &one, &error));
    omp_set_num_threads(4);
    cr_assert(probe_run(&world->task, &four, &error));
    for (uint32_t i = 0; i < one.feature_count; i++) {
        cr_expect(same_fit(&one.results[i].all, &four.results[i].all));
        for (uint32_t j = 0; j < one.subsets; j++)
            cr_expect(same_fit(&one.results[i].few[j], &four.results[i].few[j]));
    }
    probe_free(&one);
    probe_free(&four);
    free(world);
}

Test(probe, what_cannot_be_probed_is_refused) {
    World *world = world_make();
    ProbeReport report;
    DataError error = {""};
    world->noise[7] = NAN;
    cr_expect_not(probe_run(&world->task, &report, &error));
    cr_expect(strstr(error.text, "feature[0] of image 1"), "%s", error.text);
    world->noise[7] = 0;
    world->splits[DATA_VALIDATION].count = 0;
    cr_expect_not(probe_run(&world->task, &report, &error));
    cr_expect(strstr(error.text, "data.validation"), "%s", error.text);
    world->task.layer_count = 0;
    cr_expect_not(probe_run(&world->task, &report, &error));
    free(world);
}

Test(probe, intervals_are_wilsons) {
    cr_expect_float_eq(interval_of_share(0, 10).low, 0, 1e-12);
    cr_expect_float_eq(interval_of_share(0, 10).high, 0.27753, 1e-5);
    cr_expect_float_eq(interval_of_share(90, 100).low, 0.82563, 1e-5);
    cr_expect_float_eq(interval_of_share(90, 100).high, 0.94477, 1e-5);
    const ProbeFit fits[] = {{.test = {.count = 10, .correct = 8}},
                             {.test = {.count = 10, .correct = 6}}};
    cr_expect_float_eq(probe_spread(fits, 2).mean, 0.7, 1e-12);
    cr_expect_float_eq(probe_spread(fits, 2).deviation, sqrt(0.02), 1e-12);
}
