/* Sampling from models that are known exactly, and the pictures made of it. */
#include "runtime/images/image_png.h"
#include "runtime/study/picture.h"
#include "runtime/study/sample.h"

#include <criterion/criterion.h>
#include <math.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const SampleOptions plain = {.temperature = 1, .top_p = 1, .seed = 1};

/* How often each of 4 colours is drawn at 20,000 places. */
static void draw_many(const float logits[4], const SampleOptions *options, double share[4]) {
    enum { DRAWS = 20000 };
    SampleChoice order[4];
    memset(share, 0, 4 * sizeof *share);
    for (int i = 0; i < DRAWS; i++) {
        const int32_t colour = sample_colour(logits, 4, options, i / 100, i % 100, order);
        cr_assert(colour >= 0 && colour < 4);
        share[colour] += 1.0 / DRAWS;
    }
}

static void expect_shares(const float logits[4], const SampleOptions *options,
                          const double wanted[4]) {
    double share[4];
    draw_many(logits, options, share);
    for (int c = 0; c < 4; c++) /* 0.014 is four standard deviations of a share of a half */
        cr_expect_float_eq(share[c], wanted[c], wanted[c] == 0 ? 1e-15 : 0.014, "colour %d: %g", c,
                           share[c]);
}

Test(sample, draws_follow_the_softmax) {
    const float logits[4] = {logf(1) + 5, logf(2) + 5, logf(3) + 5, logf(4) + 5};
    expect_shares(logits, &plain, (double[4]){0.1, 0.2, 0.3, 0.4});
    SampleOptions options = plain;
    options.temperature = 0.5; /* squares the odds */
    expect_shares(logits, &options, (double[4]){1 / 30.0, 4 / 30.0, 9 / 30.0, 16 / 30.0});
    options.temperature = 0;
    expect_shares(logits, &options, (double[4]){0, 0, 0, 1});
}

Test(sample, tails_are_cut_off) {
    const float logits[4] = {logf(1), logf(2), logf(3), logf(4)};
    SampleOptions options = plain;
    options.top_k = 2;
    expect_shares(logits, &options, (double[4]){0, 0, 3 / 7.0, 4 / 7.0});
    options.top_k = 0;
    options.top_p = 0.75; /* 0.4 and 0.3 are not enough, 0.2 makes it so */
    expect_shares(logits, &options, (double[4]){0, 2 / 9.0, 3 / 9.0, 4 / 9.0});
    options.top_p = 1e-9;
    expect_shares(logits, &options, (double[4]){0, 0, 0, 1});
}

Test(sample, of_equal_colours_the_first_is_kept) {
    const float logits[4] = {1, 1, 1, 1};
    SampleOptions options = plain;
    options.top_k = 1;
    expect_shares(logits, &options, (double[4]){1, 0, 0, 0});
}

Test(sample, logits_of_minus_infinity_are_never_drawn) {
    const float logits[4] = {-INFINITY, 0, -INFINITY, 0};
    expect_shares(logits, &plain, (double[4]){0, 0.5, 0, 0.5});
    const float none[4] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY};
    const float nan[4] = {0, NAN, 0, 0}, infinite[4] = {0, INFINITY, 0, 0};
    SampleChoice order[4];
    cr_expect_eq(sample_colour(none, 4, &plain, 0, 0, order), -1);
    cr_expect_eq(sample_colour(nan, 4, &plain, 0, 0, order), -1);
    cr_expect_eq(sample_colour(infinite, 4, &plain, 0, 0, order), -1);
}

Test(sample, options_are_checked) {
    SampleOptions options = plain;
    cr_expect_null(sample_fault(&options));
    options.temperature = -1;
    cr_expect(strstr(sample_fault(&options), "temperature"));
    options.temperature = NAN;
    cr_expect(strstr(sample_fault(&options), "temperature"));
    options = plain;
    options.top_k = -1;
    cr_expect(strstr(sample_fault(&options), "top_k"));
    options = plain;
    options.top_p = 0;
    cr_expect(strstr(sample_fault(&options), "top_p"));
}

/* --- images --- */

enum { POSITIONS = 6, COLOURS = 4 };

/* A model whose logits at a position depend on all tokens before it, and on nothing else. */
static bool toy_model(void *user, const int32_t *tokens, int64_t count, int64_t position,
                      float *logits) {
    const int64_t *most = user;
    if (count > *most)
        return false;
    for (int64_t i = 0; i < count; i++) {
        uint32_t state = 12345;
        for (int64_t p = 0; p < position; p++)
            state = state * 1664525 + 1013904223 + (uint32_t)tokens[i * POSITIONS + p];
        float *row = logits + i * COLOURS;
        for (int c = 0; c < COLOURS; c++) {
            state = state * 1664525 + 1013904223;
            row[c] = (float)(state >> 28);
        }
    }
    return true;
}

static bool broken_model(void *user, const int32_t *tokens, int64_t count, int64_t position,
                         float *logits) {
    (void)user, (void)tokens;
    for (int64_t i = 0; i < count * COLOURS; i++)
        logits[i] = position < 3 ? 0 : NAN;
    return true;
}

static bool failing_model(void *user, const int32_t *tokens, int64_t count, int64_t position,
                          float *logits) {
    (void)user, (void)tokens, (void)count, (void)position, (void)logits;
    return false;
}

static SampleStatus draw_images(int64_t count, int64_t number, int64_t given, int32_t *tokens) {
    int64_t together = count < 5 ? count : 5; /* so that the last ones are fewer */
    const SampleTask task = {toy_model, &together, count,  POSITIONS, COLOURS,
                             together,  given,     number, 3};
    return sample_images(&task, &plain, tokens);
}

Test(sample, an_image_does_not_depend_on_its_batch) {
    int32_t together[32 * POSITIONS], again[32 * POSITIONS], alone[POSITIONS];
    memset(together, 0x55, sizeof together); /* what is not given does not matter */
    memset(again, 0, sizeof again);
    cr_assert_eq(draw_images(32, 0, 0, together), SAMPLE_DONE);
    cr_assert_eq(draw_images(32, 0, 0, again), SAMPLE_DONE);
    cr_expect_arr_eq(together, again, sizeof together);
    int same = 0;
    for (int i = 0; i < 32; i++) {
        cr_assert_eq(draw_images(1, i, 0, alone), SAMPLE_DONE);
        cr_expect_arr_eq(alone, together + i * POSITIONS, sizeof alone);
        same += i > 0 && memcmp(together, together + i * POSITIONS, sizeof alone) == 0;
    }
    cr_expect_lt(same, 8, "images are drawn apart");
}

Test(sample, what_is_given_stays) {
    int32_t tokens[2 * POSITIONS] = {3, 2, 1, 9, 9, 9, 0, 1, 2, 9, 9, 9};
    cr_assert_eq(draw_images(2, 0, 3, tokens), SAMPLE_DONE);
    cr_expect_arr_eq(tokens, ((int32_t[]){3, 2, 1}), 3 * sizeof *tokens);
    cr_expect_arr_eq(tokens + POSITIONS, ((int32_t[]){0, 1, 2}), 3 * sizeof *tokens);
    for (int i = 0; i < 2 * POSITIONS; i++)
        cr_expect(tokens[i] >= 0 && tokens[i] < COLOURS);
}

Test(sample, failures_are_told_apart) {
    int32_t tokens[POSITIONS] = {0};
    const SampleTask broken = {broken_model, NULL, 1, POSITIONS, COLOURS, 1, 0, 0, 1};
    const SampleTask failing = {failing_model, NULL, 1, POSITIONS, COLOURS, 1, 0, 0, 1};
    cr_expect_eq(sample_images(&broken, &plain, tokens), SAMPLE_NOT_FINITE);
    cr_expect_eq(sample_images(&failing, &plain, tokens), SAMPLE_FAILED);
}

/* --- pictures --- */

static const int32_t cells[] = {0, 1, 2, 3, /**/ 3, 3, 3, 3, /**/ -1, 0, 0, 0, /**/ 1, 1, 1, 1};
static const PictureGrid grid = {
    .rows = 2, .columns = 2, .height = 2, .width = 2, .lead = 1, .colours = 4, .tokens = cells};

Test(picture, pixels_are_where_they_belong) {
    Image picture;
    cr_assert(picture_draw(&grid, &picture));
    /* A cell is 2 x 2 pixels at 32 times; lines of 2, and of 10 after the first column. */
    cr_assert_eq(picture.width, 2 + 64 + 10 + 64 + 2);
    cr_assert_eq(picture.height, 2 + 64 + 2 + 64 + 2);
#define AT(x, y) picture.pixels[(y)*picture.width + (x)]
    cr_expect_eq(AT(2, 2), 0);
    cr_expect_eq(AT(33, 2), 0);
    cr_expect_eq(AT(34, 2), 85);
    cr_expect_eq(AT(33, 65), 170);
    cr_expect_eq(AT(65, 65), 255);
    cr_expect_eq(AT(76, 2), 255);
    cr_expect_eq(AT(139, 65), 255);
    cr_expect_eq(AT(76, 131), 85);
    const uint8_t line = AT(0, 0), nothing = AT(2, 68);
    cr_expect_neq(line, nothing);
    cr_expect_eq(AT(66, 2), line);
    cr_expect_eq(AT(75, 65), line);
    cr_expect_eq(AT(140, 65), line);
    cr_expect_eq(AT(2, 66), line);
    cr_expect_eq(AT(33, 99), nothing);
#undef AT
    free(picture.pixels);
}

Test(picture, one_image_plain) {
    Image picture;
    cr_assert(picture_draw_plain(&grid, &picture));
    cr_assert(picture.width == 2 && picture.height == 2 && picture.channels == 1);
    cr_expect_arr_eq(picture.pixels, ((uint8_t[]){0, 85, 170, 255}), 4);
    free(picture.pixels);
}

/* Tokens beyond the palette, which a model may have, are black. */
Test(picture, colours_of_a_palette) {
    static const float centres[] = {1, -1, -1, /**/ -1, 1, -1, /**/ 0, 0, 0};
    static const uint8_t expected[] = {255, 0, 0, /**/ 0, 255, 0, /**/ 128, 128, 128, /**/ 0, 0, 0};
    Palette palette;
    const char *fault;
    Image picture;
    cr_assert(palette_create(&palette, centres, 3, 3, &fault));
    PictureGrid coloured = grid;
    coloured.palette = &palette;
    cr_assert(picture_draw(&coloured, &picture) && picture.channels == 3);
    for (int i = 0; i < 4; i++) /* the four pixels of the first cell */
        cr_expect_arr_eq(picture.pixels + 3 * ((2 + i / 2 * 32) * picture.width + 2 + i % 2 * 32),
                         expected + 3 * i, 3, "%d", i);
    free(picture.pixels);
    palette_free(&palette);
}

Test(picture, png_reads_back) {
    Image picture;
    cr_assert(picture_draw(&grid, &picture));
    char folder[] = "/tmp/scanline-picture-XXXXXX", path[64];
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/grid.png", folder);
    FileError error = {""};
    const ImageView view = {picture.height, picture.width, picture.channels, picture.pixels};
    cr_assert(image_write_png(view, path, &error), "%s", error.text);
    png_image image = {.version = PNG_IMAGE_VERSION};
    cr_assert(png_image_begin_read_from_file(&image, path));
    image.format = PNG_FORMAT_GRAY;
    cr_assert_eq(image.width, picture.width);
    cr_assert_eq(image.height, picture.height);
    uint8_t *grey = malloc(PNG_IMAGE_SIZE(image));
    cr_assert(png_image_finish_read(&image, NULL, grey, 0, NULL));
    cr_expect_arr_eq(grey, picture.pixels, (size_t)(picture.width * picture.height));
    free(grey);
    free(picture.pixels);
    unlink(path);
    rmdir(folder);
}

Test(picture, a_folder_that_is_not_there_is_an_error) {
    Image picture;
    cr_assert(picture_draw(&grid, &picture));
    FileError error = {""};
    const ImageView nowhere = {picture.height, picture.width, 1, picture.pixels};
    cr_expect_not(image_write_png(nowhere, "/nowhere/grid.png", &error));
    cr_expect(strstr(error.text, "/nowhere"), "%s", error.text);
    free(picture.pixels);
}

Test(picture, sizes_are_bounded) {
    PictureGrid huge = grid;
    huge.rows = 1 << 20;
    Image picture;
    cr_expect_not(picture_draw(&huge, &picture));
    huge = grid;
    huge.width = 0;
    cr_expect_not(picture_draw(&huge, &picture));
}
