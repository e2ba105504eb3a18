/* Where two runs differ first. */
#include "runtime/files/folder.h"
#include "runtime/run/checkpoint.h"
#include "runtime/run/run_compare.h"
#include "runtime/run/run_folder.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];
static char *run, *reproduction;
static RunComparison comparison;
static RunError error;

static char *make_folder(const char *name) {
    FileError fault;
    char *folder = file_path(root, name), *inside = file_path(folder, "checkpoints");
    cr_assert_eq(mkdir(folder, 0777), 0);
    cr_assert_eq(mkdir(inside, 0777), 0);
    char *metrics = file_path(folder, "metrics.jsonl");
    cr_assert(file_write(metrics, "", 0, &fault));
    free(metrics);
    free(inside);
    return folder;
}

static void make_both(void) {
    strcpy(root, "/tmp/scanline-compare-XXXXXX");
    cr_assert(mkdtemp(root));
    run = make_folder("run");
    reproduction = make_folder("reproduction");
}

static void remove_both(void) {
    FileError fault;
    cr_assert(folder_remove(root, &fault), "%s", fault.text);
    free(run);
    free(reproduction);
}

TestSuite(run_compare, .init = make_both, .fini = remove_both);

static void write_lines(const char *folder, const char *lines) {
    FileError fault;
    char *path = file_path(folder, "metrics.jsonl");
    cr_assert(file_write(path, lines, strlen(lines), &fault), "%s", fault.text);
    free(path);
}

static void write_state(const char *folder, const char *name, const CheckpointState *state,
                        float element) {
    static Parameter parameter = {"w", 2, {"d", "f"}, {2, 3}, 6};
    const Experiment experiment = {.spec = "", .parameters = &parameter, .parameter_count = 1};
    float w[6] = {1, 2, 3, 4, 5, element}, *values[] = {w};
    FileError fault;
    char *path = file_path(folder, name);
    cr_assert(checkpoint_write(path, &experiment, values, NULL, state, &fault), "%s", fault.text);
    free(path);
}

static void write_checkpoint(const char *folder, const char *name, int64_t step, float element) {
    write_state(folder, name, &(CheckpointState){.step = step}, element);
}

static void begin(bool ended) {
    cr_assert(run_compare_begin(&comparison, run, ended, &error), "%s", error.text);
    comparison.reproduction = reproduction;
}

static void expect_difference(int64_t step, const char *file, const char *what) {
    const RunDifference *difference = &comparison.difference;
    cr_assert(difference->found);
    cr_expect_eq(difference->step, step, "step %lld", (long long)difference->step);
    cr_expect_str_eq(difference->file, file);
    cr_expect_str_eq(difference->what, what);
}

#define ZERO      "{\"step\": 0, \"split\": \"validation\", \"loss\": 2}\n"
#define ONE(loss) "{\"step\": 1, \"split\": \"train\", \"loss\": " loss "}\n"

Test(run_compare, equal_files_step_by_step) {
    write_lines(run, ZERO ONE("1"));
    write_checkpoint(run, "checkpoints/step-000001.safetensors", 1, 6);
    write_checkpoint(run, "checkpoints/last.safetensors", 1, 6);
    write_checkpoint(run, "checkpoints/best.safetensors", 1, 6);
    begin(true);
    cr_expect_eq(comparison.until, 1);
    write_lines(reproduction, ZERO);
    cr_assert(run_compare_step(&comparison, 0, &error), "%s", error.text);
    cr_expect_eq(comparison.lines, 1);
    write_lines(reproduction, ZERO ONE("1"));
    write_checkpoint(reproduction, "checkpoints/step-000001.safetensors", 1, 6);
    write_checkpoint(reproduction, "checkpoints/best.safetensors", 1, 6);
    cr_assert(run_compare_step(&comparison, 1, &error), "%s", error.text);
    cr_assert(run_compare_end(&comparison, &error), "%s", error.text);
    cr_expect_not(comparison.difference.found);
    cr_expect_eq(comparison.lines, 2);
    cr_expect_eq(comparison.checkpoints, 2);
}

Test(run_compare, figures_are_named) {
    write_lines(run, ZERO ONE("1.25"));
    write_lines(reproduction, ZERO ONE("1.5"));
    begin(true);
    cr_assert(run_compare_end(&comparison, &error));
    expect_difference(1, "metrics.jsonl", "train loss");
    cr_expect_str_eq(comparison.difference.run, "1.25");
    cr_expect_str_eq(comparison.difference.reproduction, "1.5");
}

Test(run_compare, lines_that_are_no_figures_are_shown_safely) {
    write_lines(run, ZERO "\x1b[31m\xff\n");
    write_lines(reproduction, ZERO ONE("1"));
    begin(true);
    cr_assert(run_compare_end(&comparison, &error));
    expect_difference(1, "metrics.jsonl", "the line");
    cr_expect_str_eq(comparison.difference.run, "?[31m?");
}

/* What a process that was killed had not written is no difference. */
Test(run_compare, the_end_of_a_killed_run_is_open) {
    write_lines(run, ZERO ONE("1") "{\"step\": 2, \"spl");
    write_lines(reproduction, ZERO ONE("1") "{\"step\": 2, \"split\": \"train\", \"loss\": 7}\n");
    begin(false);
    cr_expect_eq(comparison.until, 1);
    cr_assert(run_compare_end(&comparison, &error));
    cr_expect_not(comparison.difference.found);
    begin(true);
    cr_assert(run_compare_end(&comparison, &error));
    expect_difference(2, "metrics.jsonl", "the line");
}

Test(run_compare, lines_after_the_last_checkpoint_of_a_killed_run_do_not_count) {
    write_lines(run, ZERO ONE("1") "{\"step\": 9, \"split\": \"train\", \"loss\": 7}\n");
    write_checkpoint(run, "checkpoints/last.safetensors", 1, 6);
    write_checkpoint(run, "checkpoints/best.safetensors", 9, 6);
    write_lines(reproduction, ZERO ONE("1"));
    write_checkpoint(reproduction, "checkpoints/step-000001.safetensors", 1, 6);
    write_checkpoint(reproduction, "checkpoints/best.safetensors", 1, 7);
    begin(false);
    cr_expect_eq(comparison.until, 1);
    cr_assert(run_compare_step(&comparison, 1, &error), "%s", error.text);
    cr_assert(run_compare_end(&comparison, &error), "%s", error.text);
    cr_expect_not(comparison.difference.found);
    cr_expect_eq(comparison.checkpoints, 1);
    begin(true);
    cr_assert(run_compare_end(&comparison, &error), "%s", error.text);
    expect_difference(9, "metrics.jsonl", "the line");
}

/* Its last checkpoint is from before the evaluation, its line and its best from after it. */
Test(run_compare, an_evaluation_that_is_due_does_not_count) {
    const CheckpointState due = {.step = 1, .evaluation_due = true};
    const char evaluation[] =
        ZERO ONE("1") "{\"step\": 1, \"split\": \"validation\", \"loss\": 3}\n";
    write_lines(run, evaluation);
    write_state(run, "checkpoints/last.safetensors", &due, 6);
    write_checkpoint(run, "checkpoints/best.safetensors", 1, 6);
    write_lines(reproduction, ZERO ONE("1"));
    write_state(reproduction, "checkpoints/step-000001.safetensors", &due, 6);
    write_checkpoint(reproduction, "checkpoints/best.safetensors", 0, 1);
    begin(false);
    cr_assert(comparison.evaluation_due);
    cr_assert(run_compare_step(&comparison, 1, &error), "%s", error.text);
    cr_assert(run_compare_end(&comparison, &error), "%s", error.text);
    cr_expect_not(comparison.difference.found);
    cr_expect_eq(comparison.checkpoints, 1);
    begin(false);
    write_checkpoint(reproduction, "checkpoints/step-000001.safetensors", 1, 6);
    cr_assert(run_compare_step(&comparison, 1, &error), "%s", error.text);
    expect_difference(1, "checkpoints/last.safetensors", "evaluation");
    write_checkpoint(run, "checkpoints/last.safetensors", 1, 6);
    begin(true);
    cr_assert_not(comparison.evaluation_due);
    cr_assert(run_compare_end(&comparison, &error), "%s", error.text);
    expect_difference(1, "metrics.jsonl", "the line");
}

Test(run_compare, elements_of_tensors_are_named) {
    write_lines(run, ZERO);
    write_lines(reproduction, ZERO);
    write_checkpoint(run, "checkpoints/last.safetensors", 5, 6);
    write_checkpoint(reproduction, "checkpoints/step-000005.safetensors", 5, 6.5f);
    begin(true);
    cr_assert(run_compare_step(&comparison, 5, &error), "%s", error.text);
    expect_difference(5, "checkpoints/last.safetensors", "w[1, 2]");
    cr_expect_str_eq(comparison.difference.run, "6");
    cr_expect_str_eq(comparison.difference.reproduction, "6.5");
}

Test(run_compare, a_damaged_checkpoint_is_the_difference) {
    FileError fault;
    write_lines(run, ZERO ONE("1"));
    write_lines(reproduction, ZERO ONE("1"));
    char *path = file_path(run, "checkpoints/step-000001.safetensors");
    cr_assert(file_write(path, "{}", 2, &fault));
    free(path);
    write_checkpoint(reproduction, "checkpoints/step-000001.safetensors", 1, 6);
    begin(true);
    cr_assert(run_compare_step(&comparison, 1, &error), "%s", error.text);
    expect_difference(1, "checkpoints/step-000001.safetensors", "the file");
}

Test(run_compare, nothing_to_compare_is_an_error) {
    cr_assert_not(run_compare_begin(&comparison, run, false, &error));
    cr_expect_eq(error.code, EXIT_INPUT);
    cr_expect(strstr(error.text, "no record of any step"), "%s", error.text);
}
