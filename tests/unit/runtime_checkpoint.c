/* Checkpoints come back to the bit, and those of another model are refused. */
#include "runtime/run/checkpoint.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[64];

static void make_path(void) {
    strcpy(path, "/tmp/scanline-checkpoint-XXXXXX");
    int file = mkstemp(path);
    cr_assert(file >= 0);
    close(file);
}

static void remove_path(void) { unlink(path); }

TestSuite(checkpoint, .init = make_path, .fini = remove_path);

static Parameter parameters[] = {{"a.w", 2, {"d", "f"}, {2, 3}, 6}, {"b", 0, {0}, {0}, 1}};
static Parameter states[] = {{"a.w:m", 2, {"d", "f"}, {2, 3}, 6}, {"b:m", 0, {0}, {0}, 1}};

static Experiment experiment_of(void) {
    return (Experiment){.name = "x",
                        .spec = "dim d = 2\n",
                        .parameters = parameters,
                        .parameter_count = 2,
                        .states = states,
                        .state_count = 2};
}

static float w[6] = {1, -0.0f, 1e-30f, 3.1415927f, -5, 6}, b[1] = {7}, wm[6] = {9, 8, 7, 6, 5, 4},
             bm[1] = {3};
static const CheckpointState written = {.step = 42,
                                        .best_loss = 1.0 / 3,
                                        .best_accuracy = 0.75,
                                        .best_step = 40,
                                        .waited = 2,
                                        .target = "znver3",
                                        .table = "123",
                                        .data_hash = "abc",
                                        .split_hash = "def",
                                        .whole_split_hash = "whole"};

static void write_it(bool with_states) {
    FileError error;
    Experiment experiment = experiment_of();
    float *values[] = {w, b}, *moments[] = {wm, bm};
    cr_assert(
        checkpoint_write(path, &experiment, values, with_states ? moments : NULL, &written, &error),
        "%s", error.text);
}

Test(checkpoint, comes_back_to_the_bit) {
    FileError error;
    Experiment experiment = experiment_of();
    float w2[6], b2[1], wm2[6], bm2[1];
    float *values[] = {w2, b2}, *moments[] = {wm2, bm2};
    CheckpointState state = {0};
    write_it(true);
    cr_assert(checkpoint_read(path, &experiment, values, moments, &state, &error), "%s",
              error.text);
    cr_assert_arr_eq((char *)w, (char *)w2, sizeof w);
    cr_assert_arr_eq((char *)wm, (char *)wm2, sizeof wm);
    cr_assert(b2[0] == 7 && bm2[0] == 3);
    cr_assert(state.step == 42 && state.best_loss == 1.0 / 3 && state.best_step == 40 &&
              state.waited == 2);
    cr_assert_str_eq(state.target, "znver3");
    cr_assert_str_eq(state.table, "123");
    cr_assert_str_eq(state.split_hash, "def");
    cr_assert_str_eq(state.whole_split_hash, "whole");
    cr_assert_eq(state.best_accuracy, 0.75);
    char *spec = checkpoint_spec(path, &error);
    cr_assert_str_eq(spec, "dim d = 2\n");
    free(spec);
}

Test(checkpoint, palettes_come_back_to_the_bit) {
    static const float centres[] = {0.1f, -1, 1e-7f, 0.33333334f, -0.0f, 1};
    FileError error;
    Experiment experiment = experiment_of();
    float *values[] = {w, b};
    Palette palette, read = {0};
    CheckpointState state = {.best_loss = 1}, found;
    const char *fault;
    cr_assert(palette_create(&palette, centres, 2, 3, &fault));
    state.palette = &palette;
    strcpy(state.palette_hash, palette.hash);
    cr_assert(checkpoint_write(path, &experiment, values, NULL, &state, &error), "%s", error.text);
    cr_assert(checkpoint_state(path, &found, &error), "%s", error.text);
    cr_expect_str_eq(found.palette_hash, palette.hash);
    cr_assert(checkpoint_palette(path, &read, &error), "%s", error.text);
    cr_expect(read.colours == 2 && read.channels == 3);
    cr_expect_str_eq(read.hash, palette.hash);
    palette_free(&read);
    strcpy(state.palette_hash, "00"); /* one that the colours do not have */
    cr_assert(checkpoint_write(path, &experiment, values, NULL, &state, &error));
    cr_expect_not(checkpoint_palette(path, &read, &error));
    cr_expect_not_null(strstr(error.text, "palette"), "%s", error.text);
    palette_free(&palette);
    write_it(false);
    cr_expect(checkpoint_palette(path, &read, &error) && !read.centres, "there is none");
}

Test(checkpoint, no_best_loss_yet) {
    FileError error;
    Experiment experiment = experiment_of();
    float *values[] = {w, b};
    CheckpointState state = {.best_loss = INFINITY}, read = {0};
    cr_assert(checkpoint_write(path, &experiment, values, NULL, &state, &error));
    cr_assert(checkpoint_read(path, &experiment, values, NULL, &read, &error), "%s", error.text);
    cr_assert_eq(read.best_loss, INFINITY);
}

static void refused(Experiment experiment, bool want_states, const char *reason) {
    FileError error;
    float w2[6], b2[1], wm2[6], bm2[1];
    float *values[] = {w2, b2}, *moments[] = {wm2, bm2};
    CheckpointState state;
    cr_assert_not(
        checkpoint_read(path, &experiment, values, want_states ? moments : NULL, &state, &error));
    cr_assert(strstr(error.text, reason), "%s", error.text);
}

Test(checkpoint, of_another_model_is_refused) {
    write_it(true);
    Experiment experiment = experiment_of();
    Parameter other[] = {parameters[0], parameters[1]};
    experiment.parameters = other;
    other[0].extents[1] = 4;
    refused(experiment, true, "another shape");
    other[0] = parameters[0];
    other[0].axis_count = 1;
    refused(experiment, true, "another shape");
    other[0] = parameters[0];
    other[1].path = "c";
    refused(experiment, true, "no 'c'");
    experiment = experiment_of();
    experiment.parameter_count = 1;
    refused(experiment, false, "holds 4 tensors");
    write_it(false);
    refused(experiment_of(), true, "no 'a.w:m'");
}

Test(checkpoint, other_files_are_refused) {
    FileError error;
    cr_assert(file_write(path, "\x02\0\0\0\0\0\0\0{}", 10, &error));
    refused(experiment_of(), true, "not a checkpoint");
    cr_assert_null(checkpoint_spec(path, &error));
    cr_assert(file_write(path, "", 0, &error));
    refused(experiment_of(), true, path);
}
