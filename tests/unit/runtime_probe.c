/* The probe: logistic regression against scikit-learn's, and what is chosen on which split. */
#include "runtime/files/npy.h"
#include "runtime/study/interval.h"
#include "runtime/study/probe.h"
#include "runtime/study/product.h"
#include "runtime/study/softmax.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- logistic regression --- */

static double number(const json_t *problem, const char *key, size_t index) {
    return json_number_value(json_array_get(json_object_get(problem, key), index));
}

/* Images of which the features are given, and all take part. */
typedef struct Given {
    float *values;
    int32_t *labels, *images;
    double *mean, *factor;
    FeatureTable table;
    const FeatureTable *tables[1];
    FeatureRows rows;
    LogisticData data;
} Given;

/* Neither moved nor scaled. */
static Given *given_make(int64_t count, int64_t width, int64_t classes) {
    Given *given = calloc(1, sizeof *given);
    given->values = calloc((size_t)(count * width), sizeof *given->values);
    given->labels = calloc((size_t)count, sizeof *given->labels);
    given->images = calloc((size_t)count, sizeof *given->images);
    given->mean = calloc((size_t)width, sizeof *given->mean);
    given->factor = calloc((size_t)width, sizeof *given->factor);
    for (int64_t i = 0; i < count; i++)
        given->images[i] = (int32_t)i;
    for (int64_t j = 0; j < width; j++)
        given->factor[j] = 1;
    given->table = (FeatureTable){"given", given->values, width};
    given->tables[0] = &given->table;
    given->rows = (FeatureRows){given->tables, 1, width, given->mean, given->factor};
    given->data = (LogisticData){&given->rows, given->images, given->labels, count, classes};
    return given;
}

static void given_free(Given *given) {
    free(given->values);
    free(given->labels);
    free(given->images);
    free(given->mean);
    free(given->factor);
    free(given);
}

/* Rows first ... first + count - 1 of a problem. */
static Given *rows_of(const json_t *problem, int64_t first, int64_t count) {
    const int64_t width = json_integer_value(json_object_get(problem, "width"));
    Given *given =
        given_make(count, width, json_integer_value(json_object_get(problem, "classes")));
    for (int64_t i = 0; i < count; i++) {
        for (int64_t j = 0; j < width; j++)
            given->values[i * width + j] =
                (float)number(problem, "features", (size_t)((first + i) * width + j));
        given->labels[i] = (int32_t)number(problem, "labels", (size_t)(first + i));
    }
    return given;
}

static void compare_with_reference(const json_t *problem) {
    const int64_t count = json_integer_value(json_object_get(problem, "count"));
    const int64_t held_out = json_integer_value(json_object_get(problem, "held_out"));
    const double l2 = json_number_value(json_object_get(problem, "l2"));
    Given *train = rows_of(problem, 0, count), *test = rows_of(problem, count, held_out);
    const int64_t k = train->data.classes, width = train->table.width, columns = product_columns(k);
    double *weights = calloc((size_t)logistic_weights(&train->data), sizeof *weights);
    cr_assert_eq(logistic_fit(&train->data, l2, 2, weights), LOGISTIC_CONVERGED);
    for (int64_t c = 0; c < k; c++) {
        for (int64_t j = 0; j < width; j++)
            cr_expect_float_eq(weights[j * columns + c],
                               number(problem, "coefficients", (size_t)(c * width + j)), 1e-3,
                               "weight %ld of class %ld", (long)j, (long)c);
        cr_expect_float_eq(weights[width * columns + c], number(problem, "intercepts", (size_t)c),
                           1e-3, "bias of class %ld", (long)c);
    }
    for (int64_t c = k; c < columns; c++)
        for (int64_t j = 0; j <= width; j++)
            cr_assert_eq(weights[j * columns + c], 0, "behind the classes");
    LogisticScore score;
    int64_t right[16], sum = 0;
    cr_assert(logistic_score(&test->data, weights, right, &score));
    for (int64_t c = 0; c < k; c++)
        sum += right[c];
    cr_expect_eq(score.count, held_out);
    cr_expect_eq(score.correct, json_integer_value(json_object_get(problem, "correct")));
    cr_expect_eq(sum, score.correct);
    free(weights);
    given_free(train);
    given_free(test);
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
    Given *given = given_make(3, 1, 4);
    const float values[] = {1, -1, 2};
    const int32_t labels[] = {0, 2, 1};
    memcpy(given->values, values, sizeof values);
    memcpy(given->labels, labels, sizeof labels);
    const double weights[2 * PRODUCT_LANES] = {0};
    LogisticScore score;
    cr_assert(logistic_score(&given->data, weights, NULL, &score));
    cr_expect_float_eq(score.cross_entropy, log(4), 1e-15);
    cr_expect_eq(score.correct, 1); /* of equal scores the first class */
    given_free(given);
}

/* --- softmax --- */

static float random_float(uint32_t *state) {
    *state = *state * 1664525 + 1013904223;
    return (float)(*state >> 8) / (1 << 24) - 0.5f;
}

static void compare_softmax(int64_t n, int64_t k, float spread) {
    uint32_t state = (uint32_t)(n * 100 + k);
    const int64_t columns = product_columns(k);
    double *scores = calloc((size_t)(n * columns), sizeof *scores), loss = 0;
    double *expected = calloc((size_t)(n * columns), sizeof *expected);
    int32_t *labels = malloc((size_t)n * sizeof *labels);
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        labels[i] = (int32_t)(i % k);
        for (int64_t c = 0; c < k; c++) {
            scores[i * columns + c] = (double)(spread * random_float(&state));
            sum += exp(scores[i * columns + c]);
        }
        for (int64_t c = 0; c < k; c++)
            expected[i * columns + c] = exp(scores[i * columns + c]) / sum;
        loss -= log(expected[i * columns + labels[i]]);
    }
    const double found = softmax_rows(scores, labels, n, k, columns);
    cr_expect_float_eq(found, loss, 1e-12 * fabs(loss));
    for (int64_t i = 0; i < n * columns; i++)
        cr_assert_float_eq(scores[i], expected[i], 1e-14, "%ld classes", (long)k);
    free(scores);
    free(expected);
    free(labels);
}

Test(softmax, is_what_libm_gives) {
    for (int64_t k = 1; k <= 20; k++)
        compare_softmax(3, k, 10);
    compare_softmax(64, 10, 1400); /* e^-700 */
    compare_softmax(500, 1000, 1); /* the sums' product would overflow */
}

Test(softmax, keeps_to_numbers_at_the_ends) {
    double scores[PRODUCT_LANES] = {1e300, -1e300, 0};
    const int32_t label = 0;
    const double loss = softmax_rows(scores, &label, 1, 3, PRODUCT_LANES);
    cr_expect_eq(loss, 0);
    cr_expect_eq(scores[0], 1);
    cr_expect_lt(scores[1], 1e-300);
    scores[0] = scores[1] = NAN;
    const double nothing = softmax_rows(scores, &label, 1, 3, PRODUCT_LANES);
    cr_expect(isnan(nothing));
}

/* --- the probe --- */

enum { IMAGES = 240, CLASSES = 3, NOISE = 4 };

/* Two layers and a reference: layer 0 is noise, layer 1 holds the class at another scale in each
 * column. */
typedef struct World {
    float noise[IMAGES * NOISE], signal[IMAGES * 2];
    int32_t labels[IMAGES], lists[DATA_SPLIT_COUNT][IMAGES];
    DataImages splits[DATA_SPLIT_COUNT];
    FeatureTable features[3];
    ProbeSettings settings;
    ProbeTask task;
} World;

static const int64_t few_labels[] = {5, 200}, numbers[] = {4, 7};

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
    world->features[0] = (FeatureTable){"feature[0]", world->noise, NOISE};
    world->features[1] = (FeatureTable){"feature[1]", world->signal, 2};
    world->features[2] = (FeatureTable){"pixels", world->signal, 2};
    world->settings =
        (ProbeSettings){.labels = {few_labels, 2}, .solver = "lbfgs", .epochs = 10, .batch = 32};
    world->task = (ProbeTask){.settings = &world->settings,
                              .class_of = world->labels,
                              .classes = CLASSES,
                              .splits = world->splits,
                              .features = world->features,
                              .feature_count = 3,
                              .layer_count = 2,
                              .numbers = numbers,
                              .seed = 9,
                              .threads = 1};
    return world;
}

static bool same_score(const LogisticScore *a, const LogisticScore *b) {
    return a->count == b->count && a->correct == b->correct && a->cross_entropy == b->cross_entropy;
}

static bool same_fit(const ProbeFit *a, const ProbeFit *b) {
    return a->choice == b->choice && a->status == b->status && same_score(&a->train, &b->train) &&
           same_score(&a->validation, &b->validation) && same_score(&a->test, &b->test);
}

Test(probe, chooses_the_layer_that_holds_the_class) {
    World *world = world_make();
    ProbeReport report;
    RunError error = {0};
    cr_assert(probe_run(&world->task, &report, &error), "%s", error.text);
    cr_expect_eq(report.best, 1);
    cr_assert_eq(report.label_count, 1, "no class has 200 images");
    cr_expect_eq(report.labels[0], 5);
    cr_expect_eq(report.best_few[0], 1);
    cr_expect_eq(report.side_count, 0);
    cr_expect_eq(report.results[0].all.test.count, 60);
    cr_expect_lt(probe_accuracy(&report.results[0].all.test), 0.6);
    cr_expect_gt(probe_accuracy(&report.results[1].all.test), 0.95);
    cr_expect_eq(report.results[1].all.train.count, 120);
    int64_t right = 0;
    for (int c = 0; c < CLASSES; c++)
        right += report.results[1].all.right[c];
    cr_expect_eq(right, report.results[1].all.test.correct);
    for (uint32_t i = 0; i < PROBE_SUBSETS; i++) {
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
    RunError error = {0};
    cr_assert(probe_run(&world->task, &before, &error));
    for (int i = 180; i < IMAGES; i++)
        world->signal[i * 2] = world->signal[i * 2 + 1] = 0; /* now worthless on test */
    cr_assert(probe_run(&world->task, &after, &error));
    cr_expect_eq(after.best, before.best);
    cr_expect_eq(after.results[1].all.choice, before.results[1].all.choice);
    cr_expect(same_score(&after.results[1].all.validation, &before.results[1].all.validation));
    cr_expect_lt(probe_accuracy(&after.results[1].all.test), 0.5);
    probe_free(&before);
    probe_free(&after);
    free(world);
}

Test(probe, scales_are_those_of_the_training_images) {
    World *world = world_make();
    ProbeReport before, after;
    RunError error = {0};
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

static void compare_reports(const ProbeReport *a, const ProbeReport *b) {
    for (uint32_t i = 0; i < a->feature_count; i++) {
        cr_expect(same_fit(&a->results[i].all, &b->results[i].all));
        for (uint32_t j = 0; j < PROBE_SUBSETS; j++)
            cr_expect(same_fit(&a->results[i].few[j], &b->results[i].few[j]));
    }
    cr_expect(same_fit(&a->side.all, &b->side.all));
}

Test(probe, threads_do_not_change_a_bit) {
    for (int solver = 0; solver < 2; solver++) {
        World *world = world_make();
        ProbeReport one, four;
        RunError error = {0};
        world->settings.solver = solver ? "sgd" : "lbfgs";
        world->settings.concat = 2; /* its fit has the threads to itself */
        cr_assert(probe_run(&world->task, &one, &error));
        world->task.threads = 4;
        cr_assert(probe_run(&world->task, &four, &error));
        compare_reports(&one, &four);
        probe_free(&one);
        probe_free(&four);
        free(world);
    }
}

Test(probe, sgd_finds_its_rate_on_validation) {
    World *world = world_make();
    ProbeReport found, given;
    RunError error = {0};
    world->settings.solver = "sgd";
    cr_assert(probe_run(&world->task, &found, &error), "%s", error.text);
    cr_expect_eq(found.best, 1);
    cr_expect_gt(probe_accuracy(&found.results[1].all.test), 0.95);
    const ProbeFit *fit = &found.results[1].all;
    world->settings.rate = fit->choice;
    cr_assert(probe_run(&world->task, &given, &error), "%s", error.text);
    cr_expect(same_fit(&given.results[1].all, fit));
    for (int i = 0; i < 2; i++) { /* its neighbours in the search are worse */
        ProbeReport other;
        world->settings.rate = fit->choice * (i ? 3.16 : 0.316);
        cr_assert(probe_run(&world->task, &other, &error), "%s", error.text);
        cr_expect_gt(other.results[1].all.validation.cross_entropy, fit->validation.cross_entropy);
        probe_free(&other);
    }
    probe_free(&found);
    probe_free(&given);
    free(world);
}

/* Two layers, each of which knows one class alone from the others. */
static void split_the_signal(World *world) {
    for (int i = 0; i < IMAGES; i++) {
        world->noise[i * NOISE] += 4 * (float)(world->labels[i] == 1);
        world->signal[i * 2] = world->signal[i * 2 + 1] = (float)(world->labels[i] == 2);
    }
}

Test(probe, layers_side_by_side_know_what_each_knows) {
    World *world = world_make();
    ProbeReport report;
    RunError error = {0};
    split_the_signal(world);
    world->settings.concat = 5; /* of two */
    cr_assert(probe_run(&world->task, &report, &error), "%s", error.text);
    cr_assert_eq(report.side_count, 2);
    cr_expect_eq(report.side_index[1], 1);
    for (int layer = 0; layer < 2; layer++)
        cr_expect_lt(probe_accuracy(&report.results[layer].all.test), 0.9);
    cr_expect_gt(probe_accuracy(&report.side.all.test), 0.95);
    cr_expect_gt(probe_spread(report.side.few, PROBE_SUBSETS).mean, 0.9);
    probe_free(&report);
    free(world);
}

Test(probe, layers_side_by_side_may_be_listed) {
    World *world = world_make();
    ProbeReport report;
    RunError error = {0};
    const int64_t listed[] = {7, 4}, absent[] = {4, 5};
    world->settings.concat_layers = (IntegerList){listed, 2};
    cr_assert(probe_run(&world->task, &report, &error), "%s", error.text);
    cr_expect_eq(report.side_index[0], 1);
    cr_expect_eq(report.side_index[1], 0);
    probe_free(&report);
    world->settings.concat_layers.items = absent;
    cr_expect_not(probe_run(&world->task, &report, &error));
    cr_expect(strstr(error.text, "layer 5"), "%s", error.text);
    free(world);
}

/* What is known of the features for comparison is not fitted again; all else is the same. */
Test(probe, takes_what_it_is_given_for_comparison) {
    World *world = world_make();
    ProbeReport report, given;
    ProbeResult kept;
    RunError error = {0};
    cr_assert(probe_run(&world->task, &report, &error), "%s", error.text);
    cr_assert(probe_result_copy(&report, CLASSES, &report.results[2], &kept));
    world->task.reference = &kept;
    cr_assert(probe_run(&world->task, &given, &error), "%s", error.text);
    for (int i = 0; i < 3; i++) {
        cr_expect(same_fit(&report.results[i].all, &given.results[i].all), "%d", i);
        cr_expect_arr_eq(report.results[i].all.right, given.results[i].all.right,
                         CLASSES * sizeof(int64_t));
        for (int draw = 0; draw < PROBE_SUBSETS; draw++)
            cr_expect(same_fit(&report.results[i].few[draw], &given.results[i].few[draw]));
    }
    probe_free(&given);
    kept.all.choice = 12345; /* to be seen that it is what was given */
    cr_assert(probe_run(&world->task, &given, &error), "%s", error.text);
    cr_expect_eq(given.results[2].all.choice, 12345);
    cr_expect_neq(given.results[1].all.choice, 12345);
    probe_result_free(&kept);
    probe_free(&given);
    probe_free(&report);
    free(world);
}

Test(probe, what_cannot_be_probed_is_refused) {
    World *world = world_make();
    ProbeReport report;
    RunError error = {0};
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

/* --- real features --- */

/* The labels and splits of the digits, and features of a layer that was trained on them, which are
 * the caller's. */
static ProbeTask digits_task(const DataSet *data, const ProbeSettings *settings,
                             FeatureTable *table) {
    static const int64_t number = 2;
    FileError error;
    size_t size;
    char *bytes = file_read(SCANLINE_SOURCE_DIR "/tests/parity/probe.npy", 1 << 20, &size, &error);
    cr_assert(bytes, "%s", error.text);
    NpyArray array;
    const char *fault;
    cr_assert(npy_parse((const unsigned char *)bytes, size, &array, &fault), "%s", fault);
    cr_assert_eq(array.extents[0], data->count);
    float *values = malloc((size_t)array.elements * sizeof *values);
    for (int64_t i = 0; i < array.elements; i++)
        values[i] = (float)npy_value(&array, i);
    free(bytes);
    *table = (FeatureTable){"feature[2]", values, array.extents[1]};
    return (ProbeTask){.settings = settings,
                       .class_of = data->labels,
                       .classes = data->classes,
                       .splits = data->splits,
                       .features = table,
                       .feature_count = 1,
                       .layer_count = 1,
                       .numbers = &number,
                       .threads = 2};
}

/* Of a solver, on the test images; probe.json has as many. */
static double accuracy_of(const char *solver, const json_t *reference) {
    const DataSettings source = {.source = "digits", .validation = 0.1, .test = 0.2};
    const ProbeSettings settings = {.solver = solver, .epochs = 30, .batch = 32};
    DataError fault;
    DataSet *data = data_open(&source, &fault);
    cr_assert(data);
    FeatureTable table;
    const ProbeTask task = digits_task(data, &settings, &table);
    ProbeReport report;
    RunError error = {0};
    cr_assert(probe_run(&task, &report, &error), "%s", error.text);
    const LogisticScore test = report.results[0].all.test;
    cr_expect_eq(test.count, json_integer_value(json_object_get(reference, "test_images")));
    probe_free(&report);
    free((float *)table.values);
    data_close(data);
    return probe_accuracy(&test);
}

Test(probe, is_as_good_as_scikit_learns) {
    json_t *reference = json_load_file(SCANLINE_SOURCE_DIR "/tests/parity/probe.json", 0, NULL);
    const double best = json_number_value(json_object_get(reference, "accuracy")),
                 best_sgd = json_number_value(json_object_get(reference, "sgd_accuracy"));
    cr_assert(best > 0.5 && best_sgd > 0.5);
    const double lbfgs = accuracy_of("lbfgs", reference), sgd = accuracy_of("sgd", reference);
    cr_expect_float_eq(lbfgs, best, 0.015, "%.4f, scikit-learn's %.4f", lbfgs, best);
    cr_expect_float_eq(sgd, best, 0.015, "SGD %.4f, scikit-learn's optimum %.4f", sgd, best);
    /* Its SGD fits each class against all others, which is another objective, and does less well.
     */
    cr_expect_gt(sgd, best_sgd - 0.015, "SGD %.4f, scikit-learn's %.4f", sgd, best_sgd);
    json_decref(reference);
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
