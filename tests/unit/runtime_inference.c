/* Running a function over images, and the features that it gives. */
#include "runtime/data/data.h"
#include "runtime/model/inference.h"
#include "runtime/study/features.h"
#include "tests/unit/command_model.h"

#include <criterion/criterion.h>
#include <string.h>

typedef struct Taken {
    float poor[11];
    int times[11];
} Taken;

static void take(void *user, int64_t first, int64_t count, void *const *outputs) {
    Taken *taken = user;
    for (int64_t i = 0; i < count; i++) {
        taken->poor[first + i] = ((const float *)outputs[0])[i];
        taken->times[first + i]++;
    }
}

/* The 11 images of a set whose numbers are 100 apart. */
static void give(void *user, int64_t first, int64_t count, Chunk *chunk) {
    (void)user;
    for (int64_t i = 0; i < count; i++) {
        chunk->tokens[i * N] = (int32_t)(first + i);
        chunk->image[i] = (int32_t)(100 * (first + i));
    }
}

/* One and two threads run whole chunks, more of them are a team. */
Test(inference, every_image_once_whatever_the_threads) {
    const Experiment experiment = command_experiment();
    const Program program = {
        .experiment = &experiment, .plan = &command_plan, .kernels = command_kernels};
    _Alignas(64) float gain = 2;
    float *values[] = {&gain};
    const Model model = command_model_of(&experiment, values);
    for (int threads = 1; threads <= 4; threads++) {
        RunError error = {0};
        int64_t width = 0;
        Inference *inference =
            inference_create(&program, "features", &model, NULL, threads, &error);
        cr_assert(inference, "%s", error.text);
        cr_expect_eq(inference_output(inference, "tap.feature.1", &width), 1);
        cr_expect_eq(width, N);
        cr_expect_eq(inference_output(inference, "tap.feature.2", &width), -1);
        Taken taken = {{0}, {0}};
        inference_run(inference, 11, 0, give, take, &taken);
        for (int i = 0; i < 11; i++) {
            cr_expect_eq(taken.times[i], 1);
            cr_expect_eq(taken.poor[i], 2 * (float)(i + 100 * i));
        }
        inference_free(inference);
    }
}

Test(inference, what_cannot_be_bound_is_refused) {
    const Experiment experiment = command_experiment();
    const Program program = {
        .experiment = &experiment, .plan = &command_plan, .kernels = command_kernels};
    _Alignas(64) float gain = 2;
    float *values[] = {&gain};
    const Model model = command_model_of(&experiment, values);
    RunError error = {0};
    cr_expect_null(inference_create(&program, "nothing", &model, NULL, 1, &error));
    cr_expect(strstr(error.text, "nothing"), "%s", error.text);
    cr_expect_null(inference_create(&program, "strange", &model, NULL, 1, &error));
    cr_expect(strstr(error.text, "names strange, which is unknown"), "%s", error.text);
    cr_expect_eq(error.code, EXIT_INPUT);
}

static void compare_features(const Features *features, const DataSet *data,
                             const DataImages *images) {
    cr_assert_eq(features->layer_count, 2);
    cr_expect_str_eq(features->layers[1].name, "feature[1]");
    cr_expect_str_eq(features->layers[2].name, "pixels");
    cr_expect_eq(features->layers[0].width, 1);
    cr_expect_eq(features->layers[1].width, N);
    for (int64_t row = 0; row < images->count; row++) {
        const int32_t image = images->images[row];
        int32_t tokens[N];
        data_batch(data, NULL, 0, &image, 1, tokens, NULL);
        cr_assert_eq(features->layers[0].values[row], 0.5f * (float)(tokens[0] + image));
        for (int p = 0; p < N; p++) {
            cr_assert_eq(features->layers[1].values[row * N + p], 0.5f * (float)tokens[p]);
            cr_assert_eq(features->layers[2].values[row * N + p], (float)tokens[p]);
        }
    }
}

Test(features, are_those_of_each_image_and_the_pixels_come_last) {
    Experiment experiment = command_experiment();
    const Program program = {
        .experiment = &experiment, .plan = &command_plan, .kernels = command_kernels};
    DataError fault;
    DataSet *data = data_open(&experiment.data, &fault);
    cr_assert(data);
    _Alignas(64) float gain = 0.5f;
    float *values[] = {&gain};
    const Model model = command_model_of(&experiment, values);
    const FeaturesUse use = {.threads = 3, .folder = "/tmp"};
    for (int filed = 0; filed < 2; filed++) { /* in memory, and in a file */
        Features features;
        RunError error = {0};
        experiment.probe.memory = filed ? 1 : 1 << 30;
        cr_assert(features_read(&program, &model, data, &data->splits[DATA_TEST], &use, &features,
                                &error),
                  "%s", error.text);
        cr_expect_eq(features.stores[0].mapped, filed);
        compare_features(&features, data, &data->splits[DATA_TEST]);
        features_free(&features);
    }
    data_close(data);
}

Test(features, a_folder_that_cannot_hold_them_is_an_error) {
    FeatureStore store;
    RunError error = {0};
    cr_expect_not(feature_store_create(&store, 1 << 20, "/nowhere", &error));
    cr_expect_eq(error.code, EXIT_MACHINE);
    cr_expect(strstr(error.text, "/nowhere"), "%s", error.text);
    cr_expect_not(feature_store_create(&store, (size_t)1 << 60, "/tmp", &error));
    cr_expect(strstr(error.text, "1152921504606846976 bytes"), "%s", error.text);
}
