/* The profile: its lines add up, calls are counted, and nothing that is computed changes. */
#include "runtime/execution/profile_report.h"
#include "runtime/training/trainer.h"
#include "tests/unit/runtime_model.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 12, BATCH = 24, WEIGHTS = 64 };
/* In the test model's plan. */
enum { KERNEL_INIT, KERNEL_PREDICT, KERNEL_GRAD_W = 3, KERNEL_EVAL = 5, KERNEL_UPDATE = 6 };

typedef struct Run {
    TestModel *model;
    DataSet *data;
    Trainer *trainer;
    Profile *profile; /* NULL: without */
} Run;

static Run run_open(int64_t chunks, int threads, bool profiled) {
    DataError fault;
    RunError error;
    Run run = {.model = test_model_create(BATCH, chunks, STEPS, 0.02)};
    run.data = data_open(&run.model->experiment.data, &fault);
    cr_assert(run.data, "%s", fault.text);
    run.trainer = trainer_create(&run.model->program, run.data, threads, &error);
    cr_assert(run.trainer && trainer_init(run.trainer, &error), "%s", error.text);
    if (profiled) {
        run.profile = profile_create(&run.model->program, threads);
        cr_assert(run.profile);
    }
    trainer_set_profile(run.trainer, run.profile);
    return run;
}

static void run_train(Run *run) {
    RunError error;
    Evaluation evaluation;
    float loss;
    profile_start(run->profile);
    for (int step = 1; step <= STEPS; step++)
        cr_assert(trainer_step(run->trainer, step, &loss, &error), "%s", error.text);
    profile_gather(run->profile, PROFILE_EVALUATION);
    cr_assert(
        evaluation_run(trainer_evaluator(run->trainer), DATA_VALIDATION, &evaluation, &error));
    profile_gather(run->profile, PROFILE_PARTS);
    profile_stop(run->profile);
}

static void run_close(Run *run) {
    profile_free(run->profile);
    trainer_free(run->trainer);
    data_close(run->data);
    test_model_free(run->model);
}

static int64_t calls(const Run *run, uint32_t kernel) {
    return profile_line(run->profile, PROFILE_PARTS + kernel).calls;
}

static void check_profile(const Run *run, int64_t chunks, const char *what) {
    double sum = 0;
    for (uint32_t i = 0; i < PROFILE_PARTS + run->model->plan->kernel_count; i++) {
        cr_assert_geq(profile_line(run->profile, i).seconds, 0);
        sum += profile_line(run->profile, i).seconds;
    }
    cr_expect_gt(sum, 0);
    cr_expect_float_eq(sum, profile_seconds(run->profile), 1e-9, "%s", what);
    cr_expect_eq(profile_steps(run->profile), STEPS);
    cr_expect_eq(calls(run, KERNEL_INIT), 0);
    cr_expect_eq(calls(run, KERNEL_PREDICT), STEPS * chunks, "%s", what);
    cr_expect_eq(calls(run, KERNEL_GRAD_W), STEPS * chunks, "%s", what);
    cr_expect_eq(calls(run, KERNEL_EVAL), 0, "of an evaluation");
    cr_expect_eq(calls(run, KERNEL_UPDATE), STEPS, "%s", what);
    cr_expect_gt(profile_line(run->profile, PROFILE_EVALUATION).seconds, 0);
}

/* Alone (as many chunks as threads), as a team, and by one thread. */
Test(profile, adds_up_and_changes_nothing) {
    for (int64_t chunks = 1; chunks <= 4; chunks *= 4)
        for (int threads = 1; threads <= 3; threads++) {
            char what[64];
            snprintf(what, sizeof what, "%d chunks, %d threads", (int)chunks, threads);
            Run with = run_open(chunks, threads, true), without = run_open(chunks, threads, false);
            run_train(&with);
            run_train(&without);
            check_profile(&with, chunks, what);
            cr_expect_arr_eq(trainer_model(with.trainer)->parameters.values[0],
                             trainer_model(without.trainer)->parameters.values[0],
                             WEIGHTS * sizeof(float), "%s", what);
            run_close(&with);
            run_close(&without);
        }
}

static const json_t *kernel_of(const json_t *report, const char *symbol) {
    const json_t *kernels = json_object_get(report, "kernels");
    for (size_t i = 0; i < json_array_size(kernels); i++) {
        const json_t *kernel = json_array_get(kernels, i);
        if (strcmp(json_string_value(json_object_get(kernel, "kernel")), symbol) == 0)
            return kernel;
    }
    return NULL;
}

Test(profile, says_where_kernels_are_from) {
    Run run = run_open(4, 2, true);
    run_train(&run);
    json_t *report = profile_json(run.profile, (ProfilePeak){1e12, 1e10});
    cr_assert(report);
    const json_t *kernel = kernel_of(report, "momentum_w");
    cr_assert(kernel);
    const json_t *places = json_object_get(kernel, "places");
    cr_expect_eq(json_array_size(places), 1);
    cr_expect_str_eq(json_string_value(json_array_get(places, 0)), "test.scan:9");
    cr_expect_null(kernel_of(report, "loss_each"));
    json_decref(report);
    run_close(&run);
}

Test(profile, prints_the_whole) {
    Run run = run_open(1, 2, true);
    run_train(&run);
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    cr_assert(to && profile_print(run.profile, (ProfilePeak){0, 0}, to));
    fclose(to);
    cr_expect(strstr(text, "profile: 12 steps"), "%s", text);
    cr_expect(strstr(text, "momentum_w test.scan:9"), "%s", text);
    cr_expect(strstr(text, "100.00 %"), "%s", text);
    free(text);
    run_close(&run);
}
