/* Data sets of pixels: what a data file's images become at a resolution and with a palette, and
 * what is made of them in training. */
#include "runtime/data/data_augment.h"
#include "runtime/images/image_file.h"
#include "runtime/images/image_writer.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { IMAGES = 6, SIDE = 8, MOST = 64 };

static char folder[64], path[96];

static void make_folder(void) {
    strcpy(folder, "/tmp/scanline-images-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/set.images", folder);
}

static void remove_folder(void) {
    unlink(path);
    rmdir(folder);
}

TestSuite(data_images, .init = make_folder, .fini = remove_folder);

/* Image i has at [y, x] the level 20 i + 10 y + x in each channel; image 4 is for validation, 5 for
 * testing; image 2 has no label, unless all have. */
static void write_images(int64_t height, int64_t width, int64_t channels, bool all_labelled) {
    FileError error;
    ImageWriter *writer = image_writer_open(path, channels, NULL, &error);
    cr_assert(writer, "%s", error.text);
    uint8_t *pixels = malloc((size_t)(height * width * channels));
    cr_assert(pixels);
    for (int i = 0; i < IMAGES; i++) {
        for (int64_t p = 0; p < height * width; p++)
            memset(pixels + p * channels, (int)(20 * i + 10 * (p / width) + p % width),
                   (size_t)channels);
        const ImageSplit split = i == 4 ? IMAGE_VALIDATION : i == 5 ? IMAGE_TEST : IMAGE_TRAIN;
        cr_assert(image_writer_add(writer, (ImageView){height, width, channels, pixels},
                                   i == 2 && !all_labelled ? -1 : i % 2, split, NULL, NULL, &error),
                  "%s", error.text);
    }
    const char *const names[] = {"even", "odd"};
    const ImageFileText text = {2, names, "{}"};
    cr_assert(image_writer_finish(writer, &text, &error), "%s", error.text);
    free(pixels);
}

static DataSet *open_set(const DataSettings *settings) {
    DataError error;
    DataSet *data = data_open(settings, &error);
    cr_assert(data, "%s", error.text);
    return data;
}

static void expect_fault(const DataSettings *settings, const char *part) {
    DataError error = {""};
    cr_expect_null(data_open(settings, &error));
    cr_expect_not_null(strstr(error.text, part), "no '%s' in: %s", part, error.text);
}

static void read_one(const DataSet *data, const DataAugmentation *augmentation, int64_t step,
                     int32_t image, int32_t *tokens) {
    data_batch(data, augmentation, step, &image, 1, tokens, NULL);
}

/* --- what is read --- */

Test(data_images, greys_as_they_are) {
    write_images(SIDE, SIDE, 1, true);
    const DataSettings settings = {.source = path, .validation = 0.5};
    DataSet *data = open_set(&settings);
    int32_t tokens[SIDE * SIDE], label;
    cr_expect(data->height == SIDE && data->width == SIDE && data->colours == 256);
    cr_expect(data->classes == 2 && data->names.count == 2);
    cr_expect_str_eq(data->names.at[1], "odd");
    cr_expect(data->has_splits && data->splits[DATA_TRAIN].count == 4 &&
              data->splits[DATA_VALIDATION].images[0] == 4 &&
              data->splits[DATA_TEST].images[0] == 5);
    const int32_t image = 3;
    data_batch(data, NULL, 0, &image, 1, tokens, &label);
    cr_expect_eq(label, 1);
    for (int p = 0; p < SIDE * SIDE; p++)
        cr_expect_eq(tokens[p], 60 + 10 * (p / SIDE) + p % SIDE);
    data_close(data);
}

Test(data_images, the_middle_at_a_resolution) {
    write_images(4, 6, 1, true);
    const DataSettings settings = {.source = path, .resolution = 2};
    DataSet *data = open_set(&settings);
    int32_t tokens[4];
    read_one(data, NULL, 0, 0, tokens); /* columns 1 to 4: means of 1, 2, 11, 12 and so on */
    cr_expect(tokens[0] == 7 && tokens[1] == 9 && tokens[2] == 27 && tokens[3] == 29, "%d %d %d %d",
              tokens[0], tokens[1], tokens[2], tokens[3]);
    data_close(data);
}

Test(data_images, hashes_tell_resolutions_and_palettes_apart) {
    write_images(SIDE, SIDE, 3, true);
    const float centres[] = {-1, -1, -1, 1, 1, 1}, others[] = {-1, -1, -1, 0, 0, 0};
    DataSettings settings = {.source = path};
    FileError error;
    expect_fault(&settings, "scanline data palette");
    char hashes[3][DATA_HASH_SIZE], images[DATA_HASH_SIZE] = "";
    for (int i = 0; i < 3; i++) {
        cr_assert(image_file_set_palette(path, i == 2 ? others : centres, 2, 3, &error));
        settings.resolution = i == 1 ? 4 : 0;
        DataSet *data = open_set(&settings);
        cr_expect_eq(data->colours, 2);
        strcpy(hashes[i], data->hash);
        cr_expect(i == 0 || strcmp(images, data->images_hash) == 0, "the images are the same");
        strcpy(images, data->images_hash);
        data_close(data);
    }
    cr_expect_str_neq(hashes[0], hashes[1]);
    cr_expect_str_neq(hashes[0], hashes[2]);
    cr_expect_eq(strlen(images), DATA_HASH_SIZE - 1);
}

Test(data_images, what_cannot_be) {
    write_images(SIDE, SIDE, 1, false);
    DataSettings settings = {.source = path};
    settings.augment = "shift";
    settings.shift = 1;
    expect_fault(&settings, "pad and crop");
    settings.augment = "pad";
    settings.pad = SIDE;
    expect_fault(&settings, "0 to 7");
    settings = (DataSettings){.source = path, .palette = "/nowhere/p.npy"};
    expect_fault(&settings, "/nowhere/p.npy");
    settings = (DataSettings){.source = "/nowhere/a.images"};
    expect_fault(&settings, "/nowhere/a.images");
    settings = (DataSettings){.source = "digits", .resolution = 4};
    expect_fault(&settings, "data.resolution");
    settings = (DataSettings){.source = "digits", .augment = "pad", .pad = 1};
    expect_fault(&settings, "data.augment = pad");
}

/* --- images without a label --- */

/* Image i is for training up to 3, 4 for validation, 5 for testing; `labels` [IMAGES]. */
static void write_labels(const int32_t *labels) {
    FileError error;
    ImageWriter *writer = image_writer_open(path, 1, NULL, &error);
    cr_assert(writer, "%s", error.text);
    for (int i = 0; i < IMAGES; i++) {
        uint8_t pixels[4] = {(uint8_t)i, 1, 2, 3};
        const ImageSplit split = i == 4 ? IMAGE_VALIDATION : i == 5 ? IMAGE_TEST : IMAGE_TRAIN;
        cr_assert(image_writer_add(writer, (ImageView){2, 2, 1, pixels}, labels[i], split, NULL,
                                   NULL, &error));
    }
    cr_assert(image_writer_finish(writer, &(ImageFileText){3, NULL, "{}"}, &error));
}

static void expect_list(const DataImages *list, const int32_t *expected, int64_t count) {
    cr_assert_eq(list->count, count, "%lld images, not %lld", (long long)list->count,
                 (long long)count);
    cr_expect_arr_eq(list->images, expected, (size_t)count * sizeof *expected);
}

static void expect_unlabelled(const DataSet *data, int64_t train, int64_t validation) {
    cr_expect(data->unlabelled[DATA_TRAIN] == train &&
                  data->unlabelled[DATA_VALIDATION] == validation &&
                  data->unlabelled[DATA_TEST] == 0,
              "%lld, %lld", (long long)data->unlabelled[DATA_TRAIN],
              (long long)data->unlabelled[DATA_VALIDATION]);
}

Test(data_images, what_reads_labels_has_the_labelled_images_alone) {
    write_labels((const int32_t[]){2, -1, -1, 1, -1, 0});
    DataSettings settings = {.source = path};
    DataInput label = {.name = "label", .limit = 3};
    DataError error;
    char text[200];
    DataSet *all = open_set(&settings);
    cr_expect_eq(all->classes, 3);
    cr_expect(data_fits(all, &label, 1, &error), "%s", error.text);
    expect_list(&all->splits[DATA_TRAIN], (const int32_t[]){0, 1, 2, 3}, 4);
    expect_list(&all->splits[DATA_VALIDATION], (const int32_t[]){4}, 1);
    expect_unlabelled(all, 2, 1);
    int32_t labels[IMAGES];
    data_batch(all, NULL, 0, (const int32_t[]){0, 1, 2, 3, 4, 5}, IMAGES, NULL, labels);
    cr_expect_arr_eq(labels, ((int32_t[]){2, 0, 0, 1, 0, 0}), sizeof labels);
    settings.labelled = true;
    DataSet *some = open_set(&settings);
    expect_list(&some->splits[DATA_TRAIN], (const int32_t[]){0, 3}, 2);
    cr_expect_eq(some->splits[DATA_VALIDATION].count, 0);
    expect_list(&some->splits[DATA_TEST], (const int32_t[]){5}, 1);
    expect_unlabelled(some, 2, 1);
    data_unlabelled_text(some, text, sizeof text);
    cr_expect(strstr(text, "2 images for training, 1 for validation, 0 for testing"), "%s", text);
    cr_expect_str_eq(some->whole_split_hash, all->whole_split_hash, "what is held out is the same");
    cr_expect_str_neq(some->split_hash, all->split_hash);
    data_close(some);
    settings.labels = 1; /* also without that: a class has so many of those that are in it */
    settings.labelled = false;
    DataSet *few = open_set(&settings);
    expect_list(&few->splits[DATA_TRAIN], (const int32_t[]){0, 3}, 2);
    expect_unlabelled(few, 0, 1);
    data_close(few);
    data_close(all);
}

Test(data_images, without_any_label_there_are_none) {
    write_labels((const int32_t[]){-1, -1, -1, -1, 0, 0});
    DataSettings settings = {.source = path, .labelled = true};
    expect_fault(&settings, "none of the 4 images");
    write_labels((const int32_t[]){-1, -1, -1, -1, -1, -1});
    DataSet *data = open_set(&settings);
    DataError error;
    cr_expect(data->classes == 0 && !data->labels && data->splits[DATA_TRAIN].count == 4);
    expect_unlabelled(data, 0, 0);
    cr_expect_not(data_fits(data, &(DataInput){.name = "label", .limit = 3}, 1, &error));
    cr_expect_not_null(strstr(error.text, "has none"), "%s", error.text);
    data_close(data);
}

/* --- what is drawn --- */

Test(data_images, draws_are_of_seed_step_and_image_alone) {
    const DataAugmentation all = {.pad = 4, .crop = true, .flip = true, .seed = 3},
                           other = {.pad = 4, .crop = true, .flip = true, .seed = 4};
    const AugmentDraw draw = augment_draw(&all, 7, 9), again = augment_draw(&all, 7, 9);
    const AugmentDraw draws[] = {augment_draw(&other, 7, 9), augment_draw(&all, 8, 9),
                                 augment_draw(&all, 7, 10), augment_draw(&all, 7 + (1LL << 32), 9)};
    cr_expect(again.from_top == draw.from_top && again.from_left == draw.from_left &&
              again.down == draw.down && again.right == draw.right &&
              again.short_side == draw.short_side && again.mirrored == draw.mirrored);
    for (size_t i = 0; i < sizeof draws / sizeof *draws; i++)
        cr_expect(draws[i].from_top != draw.from_top && draws[i].from_left != draw.from_left, "%zu",
                  i);
}

/* 20,000 draws: each value as often as it should be, by five standard deviations. */
Test(data_images, draws_are_uniform) {
    enum { DRAWS = 20000, VALUES = 9, SIDES = 129 };
    const DataAugmentation all = {.pad = 4, .crop = true, .flip = true, .seed = 1};
    int downs[VALUES] = {0}, rights[VALUES] = {0}, sides[SIDES] = {0}, mirrored = 0;
    double top = 0, left = 0;
    for (int32_t i = 0; i < DRAWS; i++) {
        const AugmentDraw draw = augment_draw(&all, 5, i);
        cr_assert(llabs(draw.down) <= 4 && llabs(draw.right) <= 4 && draw.short_side >= 256 &&
                  draw.short_side <= 384);
        downs[draw.down + 4]++;
        rights[draw.right + 4]++;
        sides[draw.short_side - 256]++;
        mirrored += draw.mirrored;
        top += draw.from_top;
        left += draw.from_left;
    }
    for (int v = 0; v < VALUES; v++)
        cr_expect(abs(downs[v] - DRAWS / VALUES) < 230 && abs(rights[v] - DRAWS / VALUES) < 230,
                  "%d: %d %d", v - 4, downs[v], rights[v]);
    for (int s = 0; s < SIDES; s++)
        cr_expect(abs(sides[s] - DRAWS / SIDES) < 65, "%d: %d", 256 + s, sides[s]);
    cr_expect(abs(mirrored - DRAWS / 2) < 360, "%d", mirrored);
    cr_expect(top / DRAWS > 0.489 && top / DRAWS < 0.511, "%g", top / DRAWS);
    cr_expect(left / DRAWS > 0.489 && left / DRAWS < 0.511, "%g", left / DRAWS);
}

/* A box of 224 / short side of the shorter side, anywhere in the image. */
Test(data_images, crops_are_within) {
    const DataAugmentation crop = {.crop = true, .seed = 2};
    const int64_t height = 375, width = 500;
    const ResampleBox base = resample_centre(height, width);
    int64_t farthest = 0;
    for (int32_t i = 0; i < 2000; i++) {
        const AugmentDraw draw = augment_draw(&crop, 1, i);
        const ResampleBox box = augment_box(&crop, &draw, height, width, base);
        cr_assert(box.top >= 0 && box.left >= 0 &&
                  box.top + box.height <= height * RESAMPLE_UNITS &&
                  box.left + box.width <= width * RESAMPLE_UNITS);
        cr_assert(box.height == box.width &&
                  box.height == height * RESAMPLE_UNITS * 224 / draw.short_side);
        farthest = box.left + box.width > farthest ? box.left + box.width : farthest;
    }
    cr_expect_gt(farthest, 490 * RESAMPLE_UNITS);
}

/* --- what becomes of an image --- */

/* The image moved by what was drawn, reflected at its edges, and mirrored. */
Test(data_images, pad_and_flip) {
    write_images(SIDE, SIDE, 1, true);
    const DataSettings settings = {.source = path, .augment = "pad", .pad = 3, .flip = "yes"};
    DataSet *data = open_set(&settings);
    const DataAugmentation augmentation = data_augmentation(&settings, 11);
    int32_t tokens[SIDE * SIDE];
    int moved = 0, mirrored = 0;
    for (int64_t step = 0; step < 40; step++) {
        const AugmentDraw draw = augment_draw(&augmentation, step, 1);
        read_one(data, &augmentation, step, 1, tokens);
        for (int64_t p = 0; p < SIDE * SIDE; p++) {
            const int64_t column = draw.mirrored ? SIDE - 1 - p % SIDE : p % SIDE;
            int64_t y = llabs(p / SIDE + draw.down), x = llabs(column + draw.right);
            y = y < SIDE ? y : 2 * SIDE - 2 - y;
            x = x < SIDE ? x : 2 * SIDE - 2 - x;
            cr_assert_eq(tokens[p], 20 + 10 * y + x, "step %d, %d", (int)step, (int)p);
        }
        moved += draw.down != 0;
        mirrored += draw.mirrored;
    }
    cr_expect(moved > 20 && mirrored > 5 && mirrored < 35);
    data_close(data);
}

Test(data_images, evaluation_changes_nothing) {
    write_images(SIDE, SIDE, 1, true);
    const DataSettings settings = {
        .source = path, .resolution = 4, .augment = "crop", .flip = "yes"};
    DataSet *data = open_set(&settings);
    const DataAugmentation augmentation = data_augmentation(&settings, 1);
    int32_t plain[16], again[16], changed[16];
    int differ = 0;
    read_one(data, NULL, 1, 2, plain);
    for (int64_t step = 0; step < 20; step++) {
        read_one(data, NULL, step, 2, again);
        read_one(data, &augmentation, step, 2, changed);
        cr_expect_arr_eq(plain, again, sizeof plain);
        differ += memcmp(plain, changed, sizeof plain) != 0;
    }
    cr_expect_geq(differ, 19);
    data_close(data);
}

/* In a batch as alone. */
Test(data_images, batches) {
    write_images(SIDE, SIDE, 1, true);
    const DataSettings settings = {.source = path, .resolution = 4, .augment = "crop"};
    DataSet *data = open_set(&settings);
    const DataAugmentation augmentation = data_augmentation(&settings, 1);
    const int32_t images[] = {3, 0, 3, 1};
    int32_t together[4 * 16], alone[16], labels[4];
    data_batch(data, &augmentation, 6, images, 4, together, labels);
    for (int i = 0; i < 4; i++) {
        read_one(data, &augmentation, 6, images[i], alone);
        cr_expect_arr_eq(alone, together + 16 * i, sizeof alone);
        cr_expect_eq(labels[i], images[i] % 2);
    }
    data_close(data);
}
