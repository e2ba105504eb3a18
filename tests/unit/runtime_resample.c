/* Area averages: those of Pillow, PyTorch and OpenCV, and in exact fractions
 * (vectors/make_resample.py); boxes that are none. */
#include "runtime/images/resample.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static int64_t number(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

static uint8_t *bytes_of(const json_t *list) {
    uint8_t *bytes = malloc(json_array_size(list));
    cr_assert(bytes);
    for (size_t i = 0; i < json_array_size(list); i++)
        bytes[i] = (uint8_t)json_integer_value(json_array_get(list, i));
    return bytes;
}

/* The whole of the result. */
static bool average(ImageView image, const ResampleBox *box, int64_t resolution, uint8_t *to) {
    Resample resample;
    if (!resample_begin(&resample, image, box, resolution, resolution))
        return false;
    for (int64_t row = 0; row < resolution; row++)
        resample_row(&resample, row, to + row * resolution * image.channels);
    return true;
}

static void check_case(const json_t *entry) {
    const json_t *edges = json_object_get(entry, "box"),
                 *expected = json_object_get(entry, "expected");
    const ResampleBox box = {
        json_integer_value(json_array_get(edges, 0)), json_integer_value(json_array_get(edges, 1)),
        json_integer_value(json_array_get(edges, 2)), json_integer_value(json_array_get(edges, 3))};
    const int64_t resolution = number(entry, "resolution"), channels = number(entry, "channels");
    const size_t size = (size_t)(resolution * resolution * channels);
    const char *by = json_string_value(json_object_get(entry, "by"));
    uint8_t *pixels = bytes_of(json_object_get(entry, "pixels")), *wanted = bytes_of(expected);
    uint8_t *got = malloc(size);
    const ImageView image = {number(entry, "height"), number(entry, "width"), channels, pixels};
    cr_assert(got && json_array_size(expected) == size, "%s", by);
    cr_assert(average(image, &box, resolution, got));
    for (size_t i = 0; i < size; i++)
        cr_expect_leq(abs(got[i] - wanted[i]), number(entry, "within"), "%s to %lld, at %zu: %d %d",
                      by, (long long)resolution, i, got[i], wanted[i]);
    free(pixels);
    free(wanted);
    free(got);
}

Test(resample, agrees_with_others) {
    json_t *cases =
        json_load_file(SCANLINE_SOURCE_DIR "/tests/unit/vectors/resample.json", 0, NULL);
    cr_assert_geq(json_array_size(cases), 12);
    for (size_t i = 0; i < json_array_size(cases); i++)
        check_case(json_array_get(cases, i));
    json_decref(cases);
}

Test(resample, the_middle_square) {
    const ResampleBox wide = resample_centre(3, 6), tall = resample_centre(7, 3);
    cr_expect_eq(wide.left, 3 * 128);
    cr_expect_eq(wide.top, 0);
    cr_expect_eq(wide.width, 3 * 256);
    cr_expect_eq(tall.top, 2 * 256);
    cr_expect_eq(tall.height, 3 * 256);
}

/* The sums of the largest images are as exact as those of small ones. */
Test(resample, large_and_white) {
    const int64_t width = RESAMPLE_MOST_SIDE, height = 64;
    uint8_t *pixels = malloc((size_t)(width * height)), got[9];
    cr_assert(pixels);
    memset(pixels, 255, (size_t)(width * height));
    const ResampleBox box = {1, 1, height * 256 - 2, width * 256 - 2};
    cr_assert(average((ImageView){height, width, 1, pixels}, &box, 3, got));
    for (int i = 0; i < 9; i++)
        cr_expect_eq(got[i], 255);
    free(pixels);
}

Test(resample, rows_and_columns) {
    static const uint8_t pixels[] = {1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23};
    const ImageView image = {2, 6, 1, pixels};
    const ResampleBox box = resample_whole(2, 6);
    Resample resample;
    uint8_t row[3];
    cr_assert(resample_begin(&resample, image, &box, 1, 3));
    resample_row(&resample, 0, row);
    cr_expect(row[0] == 8 && row[1] == 12 && row[2] == 16, "%d %d %d", row[0], row[1], row[2]);
}

Test(resample, boxes_that_are_none) {
    const uint8_t pixels[4 * 4] = {0};
    const ImageView image = {4, 4, 1, pixels}, flat = {4, 0, 1, pixels}, none = {4, 4, 0, pixels};
    uint8_t to[4] = {9, 9, 9, 9};
    const ResampleBox boxes[] = {
        {0, 0, 0, 256},           {0, 0, 256, -1},         {-3 * 256 - 1, 0, 256, 256},
        {0, 1, 1024, 7 * 256},    {7 * 256, 0, 1, 1},      {0, 0, INT64_MAX, 256},
        {INT64_MIN, 0, 256, 256}, {512, 0, INT64_MAX, 256}};
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++)
        cr_expect_not(average(image, &boxes[i], 2, to), "%zu", i);
    const ResampleBox all = resample_whole(4, 4);
    cr_expect_not(average(image, &all, 0, to));
    cr_expect_not(average(image, &all, RESAMPLE_MOST_RESOLUTION + 1, to));
    cr_expect_not(average(flat, &all, 1, to));
    cr_expect_not(average(none, &all, 1, to));
    cr_expect_eq(to[0], 9);
    cr_expect(average(image, &all, 2, to) && to[0] == 0);
}
