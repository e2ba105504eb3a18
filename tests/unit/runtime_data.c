/* Data sets: the embedded digits, IDX files as they may come, splits, batches and augmentation. */
#include "runtime/data/data.h"
#include "runtime/data/data_file.h"
#include "runtime/data/data_gzip.h"
#include "runtime/files/idx.h"
#include "runtime/data/data_split.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static const DataSettings digits = {.source = "digits", .validation = 0.1, .test = 0.2};

static DataSet *open_or_fail(const DataSettings *settings) {
    DataError error = {""};
    DataSet *data = data_open(settings, &error);
    cr_assert(data, "%s", error.text);
    return data;
}

Test(data, digits_are_whole) {
    DataSet *data = open_or_fail(&digits);
    cr_expect_eq(data->count, 1797);
    cr_expect_eq(data->height, 8);
    cr_expect_eq(data->width, 8);
    cr_expect_eq(data->positions, 64);
    cr_expect_eq(data->colours, 17);
    cr_expect_eq(data->classes, 10);
    const int32_t first = 0;
    int32_t tokens[64], label;
    data_batch(data, NULL, 0, &first, 1, tokens, &label);
    const int32_t row[8] = {0, 0, 5, 13, 9, 1, 0, 0};
    cr_expect_arr_eq(tokens, row, sizeof row);
    cr_expect_eq(label, 0);
    data_close(data);
}

static void expect_list(const DataImages *list, const char *file) {
    char path[512];
    snprintf(path, sizeof path, SCANLINE_SOURCE_DIR "/models/digits/%s.txt", file);
    FILE *stream = fopen(path, "r");
    cr_assert(stream, "%s", path);
    int image;
    int64_t i = 0;
    for (; fscanf(stream, "%d", &image) == 1; i++)
        cr_assert(i < list->count && list->images[i] == image, "%s, line %ld", file, (long)i + 1);
    cr_expect_eq(i, list->count, "%s has %ld images", file, (long)i);
    fclose(stream);
}

Test(data, split_of_digits_is_the_committed_one) {
    DataSet *data = open_or_fail(&digits);
    for (int split = 0; split < DATA_SPLIT_COUNT; split++)
        expect_list(&data->splits[split], data_split_name(split));
    data_close(data);
}

Test(data, hashes_tell_splits_apart) {
    DataSet *data = open_or_fail(&digits);
    DataSettings other_seed = digits;
    other_seed.seed = 1;
    DataSet *other = open_or_fail(&other_seed), *again = open_or_fail(&digits);
    cr_expect_str_eq(data->hash, other->hash);
    cr_expect_str_neq(data->split_hash, other->split_hash);
    cr_expect_str_eq(data->split_hash, again->split_hash);
    cr_expect_eq(strlen(data->hash), 32);
    data_close(data);
    data_close(other);
    data_close(again);
}

Test(data, split_is_stratified_and_a_partition) {
    DataSettings settings = digits;
    settings.validation = 0.25;
    settings.test = 0.5;
    settings.seed = -7;
    DataSet *data = open_or_fail(&settings);
    int seen[1797] = {0}, classes[DATA_SPLIT_COUNT][10] = {{0}}, all[10] = {0};
    for (int split = 0; split < DATA_SPLIT_COUNT; split++)
        for (int64_t i = 0; i < data->splits[split].count; i++) {
            const int32_t image = data->splits[split].images[i];
            seen[image]++;
            classes[split][data->labels[image]]++;
            all[data->labels[image]]++;
        }
    for (int image = 0; image < 1797; image++)
        cr_assert_eq(seen[image], 1);
    for (int label = 0; label < 10; label++) {
        cr_expect_eq(classes[DATA_TEST][label], (int)(0.5 * all[label] + 0.5));
        cr_expect_eq(classes[DATA_VALIDATION][label], (int)(0.25 * all[label] + 0.5));
    }
    data_close(data);
}

Test(data, subset_has_so_many_a_class) {
    DataSet *data = open_or_fail(&digits);
    DataImages ten, other;
    cr_assert(data_split_subset(&data->splits[DATA_TRAIN], data->labels, 10, 0, &ten));
    cr_assert(data_split_subset(&data->splits[DATA_TRAIN], data->labels, 10, 1, &other));
    cr_assert_eq(ten.count, 100);
    cr_assert_eq(other.count, 100);
    cr_expect_arr_neq(ten.images, other.images, 100 * sizeof *ten.images);
    int classes[10] = {0};
    for (int i = 0; i < 100; i++)
        classes[data->labels[ten.images[i]]]++;
    for (int label = 0; label < 10; label++)
        cr_expect_eq(classes[label], 10);
    free(ten.images);
    free(other.images);
    data_close(data);
}

/* The part that a probe with as many labels draws, and the images held out are the same. */
Test(data, trains_on_so_many_a_class) {
    DataSettings few = digits;
    few.labels = 10;
    few.subset = 3;
    DataSet *data = open_or_fail(&digits), *part = open_or_fail(&few);
    DataImages ten;
    cr_assert(
        data_split_subset(&data->splits[DATA_TRAIN], data->labels, 10, digits.seed + 3, &ten));
    cr_assert_eq(part->splits[DATA_TRAIN].count, 100);
    cr_expect_arr_eq(part->splits[DATA_TRAIN].images, ten.images, 100 * sizeof *ten.images);
    for (int split = DATA_VALIDATION; split < DATA_SPLIT_COUNT; split++) {
        const DataImages *held = &data->splits[split];
        cr_assert_eq(part->splits[split].count, held->count);
        cr_expect_arr_eq(part->splits[split].images, held->images,
                         (size_t)held->count * sizeof *held->images);
    }
    cr_expect_str_eq(part->hash, data->hash);
    cr_expect_str_eq(part->whole_split_hash, data->split_hash);
    cr_expect_str_eq(data->whole_split_hash, data->split_hash);
    cr_expect_str_neq(part->split_hash, data->split_hash);
    free(ten.images);
    data_close(data);
    data_close(part);
}

Test(data, trains_on_a_share_of_each_class) {
    DataSettings tenth = digits;
    tenth.share = 0.1;
    DataSet *data = open_or_fail(&digits), *part = open_or_fail(&tenth);
    int all[10] = {0}, taken[10] = {0};
    for (int64_t i = 0; i < data->splits[DATA_TRAIN].count; i++)
        all[data->labels[data->splits[DATA_TRAIN].images[i]]]++;
    for (int64_t i = 0; i < part->splits[DATA_TRAIN].count; i++)
        taken[data->labels[part->splits[DATA_TRAIN].images[i]]]++;
    for (int label = 0; label < 10; label++)
        cr_expect_eq(taken[label], (int)(0.1 * all[label] + 0.5));
    tenth.share = 1e-6; /* of no class nothing */
    DataSet *least = open_or_fail(&tenth);
    cr_expect_eq(least->splits[DATA_TRAIN].count, 10);
    data_close(data);
    data_close(part);
    data_close(least);
}

Test(data, settings_are_checked) {
    const struct {
        DataSettings settings;
        const char *says;
    } cases[] = {
        {{.source = "digits", .validation = 0.5, .test = 0.5}, "nothing to train on"},
        {{.source = "digits", .validation = -0.1}, "nothing to train on"},
        {{.source = "digits", .validation = __builtin_nan("")}, "nothing to train on"},
        {{.source = "digits", .validation = 0.9999}, "no image to train on"},
        {{.source = "digits", .augment = "flip"}, "data.augment = flip"},
        {{.source = "digits", .augment = "shift", .shift = 8}, "0 to 7"},
        {{.source = "digits", .augment = "shift", .shift = -1}, "0 to 7"},
        {{.source = ""}, "names no data set"},
        {{.source = "/nowhere/images"}, "No such file"},
        {{.source = "/"}, "directory"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        DataError error = {""};
        cr_expect_null(data_open(&cases[i].settings, &error), "case %zu", i);
        cr_expect(strstr(error.text, cases[i].says), "case %zu: %s", i, error.text);
    }
}

Test(data, inputs_are_checked) {
    DataSet *data = open_or_fail(&digits);
    const struct {
        DataInput input;
        const char *says; /* NULL: it fits */
    } cases[] = {
        {{.name = "tokens", .axis_count = 1, .extents = {64}, .limit = 17}, NULL},
        {{.name = "tokens", .axis_count = 2, .extents = {8, 8}, .limit = 512}, NULL},
        {{.name = "tokens", .axis_count = 1, .extents = {63}, .limit = 17}, "63 tokens"},
        {{.name = "tokens", .axis_count = 1, .extents = {64}, .limit = 16}, "16 colours"},
        {{.name = "label", .limit = 10}, NULL},
        {{.name = "label", .limit = 9}, "9 classes"},
        {{.name = "label", .axis_count = 1, .extents = {2}, .limit = 10}, "one label an image"},
        {{.name = "caption", .limit = 10}, "caption"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        DataError error = {""};
        const bool fits = data_fits(data, &cases[i].input, 1, &error);
        cr_expect_eq(fits, cases[i].says == NULL, "case %zu", i);
        cr_expect(fits || strstr(error.text, cases[i].says), "case %zu: %s", i, error.text);
    }
    data_close(data);
}

/* --- augmentation --- */

Test(data, shift_moves_by_at_most_that_and_fills_with_0) {
    DataSet *data = open_or_fail(&digits);
    const DataAugmentation shift = {.shift = 1, .seed = 3};
    int seen[3][3] = {{0}};
    for (int32_t image = 0; image < 300; image++) {
        int32_t plain[64], moved[64];
        data_batch(data, NULL, 5, &image, 1, plain, NULL);
        data_batch(data, &shift, 5, &image, 1, moved, NULL);
        int matches = 0;
        for (int down = -1; down <= 1; down++)
            for (int right = -1; right <= 1; right++) {
                bool same = true;
                for (int row = 0; row < 8; row++)
                    for (int column = 0; column < 8; column++) {
                        const int y = row - down, x = column - right;
                        const bool inside = y >= 0 && y < 8 && x >= 0 && x < 8;
                        same = same && moved[row * 8 + column] == (inside ? plain[y * 8 + x] : 0);
                    }
                matches += same;
                seen[down + 1][right + 1] += same;
            }
        cr_assert(matches >= 1, "image %d is no shift of itself", image);
    }
    for (int place = 0; place < 9; place++)
        cr_expect(seen[place / 3][place % 3] > 10, "shift %d is drawn %d times of 300", place,
                  seen[place / 3][place % 3]);
    data_close(data);
}

Test(data, a_draw_depends_on_image_step_and_seed_alone) {
    DataSet *data = open_or_fail(&digits);
    const DataAugmentation shift = {.shift = 2, .seed = 3}, other = {.shift = 2, .seed = 4};
    int32_t images[64], together[64 * 64], alone[64], elsewhere[64 * 64];
    for (int i = 0; i < 64; i++)
        images[i] = 7 * i + 1;
    data_batch(data, &shift, 9, images, 64, together, NULL);
    for (int i = 0; i < 64; i++) {
        data_batch(data, &shift, 9, &images[i], 1, alone, NULL);
        cr_expect_arr_eq(alone, together + 64 * i, sizeof alone);
    }
    data_batch(data, &shift, 10, images, 64, elsewhere, NULL);
    cr_expect_arr_neq(elsewhere, together, sizeof together);
    data_batch(data, &other, 9, images, 64, elsewhere, NULL);
    cr_expect_arr_neq(elsewhere, together, sizeof together);
    data_close(data);
}

Test(data, augmentation_follows_the_settings) {
    DataSettings settings = {.source = "digits", .augment = "none", .shift = 1};
    cr_expect_eq(data_augmentation(&settings, 1).shift, 0);
    settings.augment = "shift";
    cr_expect_eq(data_augmentation(&settings, 1).shift, 1);
    cr_expect_eq(data_augmentation(&settings, 1).seed, 1);
}

/* --- IDX files --- */

typedef struct Bytes {
    unsigned char at[512];
    size_t size;
} Bytes;

static Bytes idx(unsigned type, unsigned rank, const uint32_t *extents, size_t payload) {
    Bytes bytes = {.at = {0, 0, (unsigned char)type, (unsigned char)rank},
                   .size = 4 + 4 * rank + payload};
    for (unsigned axis = 0; axis < rank; axis++)
        for (int byte = 0; byte < 4; byte++)
            bytes.at[4 + 4 * axis + byte] = (unsigned char)(extents[axis] >> (24 - 8 * byte));
    return bytes;
}

Test(data, idx_headers_are_not_trusted) {
    const uint32_t shape[] = {2, 3}, empty[] = {0, 3},
                   huge[] = {0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF};
    const struct {
        Bytes bytes;
        const char *says; /* NULL: it is right */
    } cases[] = {
        {idx(8, 2, shape, 6), NULL},
        {idx(0x0B, 2, shape, 12), NULL},
        {idx(0x0C, 2, shape, 24), NULL},
        {idx(8, 2, shape, 5), "not as long"},
        {idx(8, 2, shape, 7), "not as long"},
        {idx(0x0C, 2, shape, 6), "not as long"},
        {idx(0x0D, 2, shape, 24), "real numbers"},
        {idx(9, 2, shape, 6), "not read here"},
        {idx(8, 2, empty, 0), "empty"},
        {idx(0x0C, 3, huge, 6), "impossible"},
        {idx(8, 2, huge, 6), "impossible"},
        {idx(8, 0, shape, 0), "damaged"},
        {idx(8, 5, (uint32_t[5]){1, 1, 1, 1, 1}, 1), "too many axes"},
        {{.at = {0, 0, 8, 3, 0}, .size = 5}, "damaged"},
        {{.at = {0}, .size = 0}, "not an IDX"},
        {{.at = {0, 0, 8}, .size = 3}, "not an IDX"},
        {{.at = {'h', 'e', 'l', 'l', 'o'}, .size = 5}, "not an IDX"},
        {{.at = {0x1F, 0x8B, 8, 0}, .size = 4}, "gunzip"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        /* An allocation of exactly that size lets a sanitizer see any read beyond it. */
        unsigned char *exact = malloc(cases[i].bytes.size + 1);
        memcpy(exact + 1, cases[i].bytes.at, cases[i].bytes.size);
        IdxArray array;
        const char *fault = NULL;
        const bool right = idx_parse(exact + 1, cases[i].bytes.size, &array, &fault);
        cr_expect_eq(right, cases[i].says == NULL, "case %zu: %s", i, fault ? fault : "accepted");
        cr_expect(right || strstr(fault, cases[i].says), "case %zu: %s", i, fault);
        free(exact);
    }
}

static void write_file(const char *folder, const char *name, const Bytes *bytes) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *stream = fopen(path, "wb");
    cr_assert(stream);
    cr_assert_eq(fwrite(bytes->at, 1, bytes->size, stream), bytes->size);
    fclose(stream);
}

static void write_text(const char *folder, const char *name, const char *text) {
    Bytes bytes = {.size = strlen(text)};
    memcpy(bytes.at, text, bytes.size);
    write_file(folder, name, &bytes);
}

static void remove_folder(const char *folder) {
    char command[256];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    cr_expect_eq(system(command), 0);
}

Test(data, idx_files_of_any_width_with_labels_beside_them) {
    char folder[] = "/tmp/scanline-data-XXXXXX";
    cr_assert(mkdtemp(folder));
    Bytes images = idx(0x0B, 3, (uint32_t[]){4, 1, 2}, 16), labels = idx(8, 1, (uint32_t[]){4}, 4);
    memcpy(images.at + 16, (unsigned char[]){0, 1, 0, 2, 0, 3, 1, 44, 0, 0, 0, 0, 0, 9, 0, 8}, 16);
    memcpy(labels.at + 8, (unsigned char[]){0, 2, 0, 1}, 4);
    write_file(folder, "some-images-idx3-ubyte", &images);
    char source[256];
    snprintf(source, sizeof source, "%s/some-images-idx3-ubyte", folder);
    const DataSettings settings = {.source = source};
    DataSet *bare = open_or_fail(&settings);
    cr_expect_eq(bare->classes, 0);
    cr_expect_null(bare->labels);
    write_file(folder, "some-labels-idx1-ubyte", &labels);
    cr_assert_eq(setenv("SCANLINE_DATA", folder, 1), 0);
    const DataSettings in_folder = {.source = "some-images-idx3-ubyte"};
    DataSet *data = open_or_fail(&in_folder);
    cr_expect_eq(data->count, 4);
    cr_expect_eq(data->colours, 301);
    cr_expect_eq(data->classes, 3);
    cr_expect_str_neq(data->hash, bare->hash);
    const int32_t chosen[] = {1, 3};
    int32_t tokens[4], got[2];
    data_batch(data, NULL, 0, chosen, 2, tokens, got);
    cr_expect_arr_eq(tokens, ((int32_t[]){3, 300, 9, 8}), sizeof tokens);
    cr_expect_arr_eq(got, ((int32_t[]){2, 1}), sizeof got);
    data_close(bare);
    data_close(data);
    remove_folder(folder);
}

Test(data, idx_files_with_wrong_contents_are_refused) {
    char folder[] = "/tmp/scanline-data-XXXXXX";
    cr_assert(mkdtemp(folder));
    char source[256];
    snprintf(source, sizeof source, "%s/some-images-idx3-ubyte", folder);
    const DataSettings settings = {.source = source};
    DataError error;
    Bytes images = idx(0x0B, 2, (uint32_t[]){2, 1}, 4);
    images.at[12] = 0xFF; /* below 0 */
    write_file(folder, "some-images-idx3-ubyte", &images);
    cr_expect_null(data_open(&settings, &error));
    cr_expect(strstr(error.text, "from -256"), "%s", error.text);
    images = idx(8, 4, (uint32_t[]){1, 1, 1, 3}, 3);
    write_file(folder, "some-images-idx3-ubyte", &images);
    cr_expect_null(data_open(&settings, &error));
    cr_expect(strstr(error.text, "4 axes"), "%s", error.text);
    images = idx(8, 2, (uint32_t[]){2, 1}, 2);
    write_file(folder, "some-images-idx3-ubyte", &images);
    const Bytes labels = idx(8, 1, (uint32_t[]){3}, 3);
    write_file(folder, "some-labels-idx1-ubyte", &labels);
    cr_expect_null(data_open(&settings, &error));
    cr_expect(strstr(error.text, "3 labels"), "%s", error.text);
    remove_folder(folder);
}

/* --- gzip --- */

static Bytes gzipped(const unsigned char *bytes, size_t size) {
    Bytes packed = {.size = 0};
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)bytes, .avail_in = (uInt)size};
    stream.next_out = packed.at;
    stream.avail_out = sizeof packed.at;
    cr_assert_eq(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    cr_assert_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
    packed.size = sizeof packed.at - stream.avail_out;
    deflateEnd(&stream);
    return packed;
}

static Bytes joined(const Bytes *a, const Bytes *b) {
    Bytes both = *a;
    memcpy(both.at + both.size, b->at, b->size);
    both.size += b->size;
    return both;
}

/* Unpacks from memory of exactly that size, so that a sanitizer sees any read beyond it. */
static bool unpacks(const Bytes *packed, FileView *view, const char **fault) {
    unsigned char *exact = malloc(packed->size);
    memcpy(exact, packed->at, packed->size);
    *view = (FileView){exact, packed->size, FILE_STATIC};
    const bool unpacked = file_view_unpack(view, fault);
    free(exact);
    return unpacked;
}

static const uint32_t few[] = {2, 100};

Test(data, gzip_unpacks_to_the_same_bytes) {
    Bytes images = idx(8, 2, few, 200);
    for (int i = 0; i < 200; i++)
        images.at[12 + i] = (unsigned char)(i * i);
    const Bytes whole = gzipped(images.at, images.size);
    const Bytes first = gzipped(images.at, 9), second = gzipped(images.at + 9, images.size - 9);
    const Bytes members = joined(&first, &second); /* a gzip file may have several */
    const Bytes *const cases[] = {&whole, &members};
    for (size_t i = 0; i < 2; i++) {
        FileView view;
        const char *fault = "";
        cr_assert(unpacks(cases[i], &view, &fault), "case %zu: %s", i, fault);
        cr_assert_eq(view.size, images.size);
        cr_expect_arr_eq(view.bytes, images.at, images.size);
        file_view_close(&view);
    }
}

Test(data, gzip_that_is_cut_off_anywhere_is_refused) {
    Bytes images = idx(8, 2, few, 200);
    const Bytes whole = gzipped(images.at, images.size);
    for (size_t size = 2; size < whole.size; size++) {
        Bytes cut = whole;
        cut.size = size;
        FileView view;
        const char *fault = "";
        cr_assert_not(unpacks(&cut, &view, &fault), "%zu bytes of %zu", size, whole.size);
        cr_expect(strstr(fault, "cut off"), "%zu bytes: %s", size, fault);
    }
}

Test(data, gzip_is_not_trusted) {
    const uint32_t huge[] = {1 << 20, 1 << 20}, more[] = {2, 101}, less[] = {2, 99};
    unsigned char *zeros = calloc(1, 200000);
    const Bytes images = idx(8, 2, few, 200), longer = idx(8, 2, more, 200),
                shorter = idx(8, 2, less, 200), promised = idx(8, 2, huge, 0);
    const Bytes garbage = {.at = {'x'}, .size = 1}, nothing = {.at = {0}, .size = 4};
    memcpy(zeros, shorter.at, 12);
    const Bytes whole = gzipped(images.at, images.size), bomb = gzipped(zeros, 200000);
    Bytes damaged = whole;
    damaged.at[whole.size - 8] ^= 1; /* the checksum */
    const struct {
        Bytes bytes;
        const char *says;
    } cases[] = {
        {joined(&whole, &garbage), "behind its end"},
        {joined(&whole, &nothing), "behind its end"},
        {joined(&whole, &whole), "more than its IDX header"},
        {damaged, "damaged"},
        {gzipped(longer.at, longer.size), "less than its IDX header"},
        {gzipped(shorter.at, shorter.size), "more than its IDX header"},
        {bomb, "more than its IDX header"},
        {gzipped(promised.at, promised.size), "less than its IDX header"}, /* a TiB of it */
        {gzipped((const unsigned char *)"hello", 5), "not an IDX file"},
        {gzipped(whole.at, whole.size), "compressed"},
        {gzipped(images.at, 3), "not an IDX file"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        FileView view;
        const char *fault = "";
        cr_expect_not(unpacks(&cases[i].bytes, &view, &fault), "case %zu", i);
        cr_expect(strstr(fault, cases[i].says), "case %zu: %s", i, fault);
    }
    free(zeros);
}

Test(data, a_set_is_the_same_packed_or_not) {
    char folder[] = "/tmp/scanline-data-XXXXXX";
    cr_assert(mkdtemp(folder));
    Bytes images = idx(8, 2, few, 200);
    const Bytes labels = {.at = {0, 0, 8, 1, 0, 0, 0, 2, 1, 0}, .size = 10};
    images.at[100] = 7;
    const Bytes packed_images = gzipped(images.at, images.size),
                packed_labels = gzipped(labels.at, labels.size);
    write_file(folder, "some-images-idx3-ubyte", &images);
    write_file(folder, "some-labels-idx1-ubyte.gz", &packed_labels); /* the other is not packed */
    char source[256];
    snprintf(source, sizeof source, "%s/some-images-idx3-ubyte", folder);
    DataSettings settings = {.source = source};
    DataSet *plain = open_or_fail(&settings);
    write_file(folder, "some-images-idx3-ubyte.gz", &packed_images);
    write_file(folder, "some-labels-idx1-ubyte", &labels);
    strcat(source, ".gz");
    DataSet *packed = open_or_fail(&settings);
    cr_expect_eq(plain->classes, 2);
    cr_expect_eq(packed->classes, 2);
    cr_expect_str_eq(plain->hash, packed->hash);
    cr_expect_eq(packed->colours, 8);
    data_close(plain);
    data_close(packed);
    Bytes cut = packed_images;
    cut.size -= 5;
    write_file(folder, "some-images-idx3-ubyte.gz", &cut);
    DataError error;
    cr_expect_null(data_open(&settings, &error));
    cr_expect(strstr(error.text, "the image file of") && strstr(error.text, "cut off"), "%s",
              error.text);
    remove_folder(folder);
}

/* --- names of classes --- */

static DataSet *open_named(const char *folder, const char *classes, DataError *error) {
    char source[256];
    snprintf(source, sizeof source, "%s/some-images-idx3-ubyte", folder);
    const DataSettings settings = {.source = source, .classes = classes};
    return data_open(&settings, error);
}

Test(data, classes_have_names) {
    char folder[] = "/tmp/scanline-data-XXXXXX", path[256];
    cr_assert(mkdtemp(folder));
    const Bytes images = idx(8, 2, few, 200),
                labels = {.at = {0, 0, 8, 1, 0, 0, 0, 2, 1, 0}, .size = 10};
    write_file(folder, "some-images-idx3-ubyte", &images);
    write_file(folder, "some-labels-idx1-ubyte", &labels);
    DataError error = {""};
    DataClassNumber number;
    DataSet *data = open_named(folder, NULL, &error);
    cr_expect_str_eq(data_class_name(data, 1, &number), "1");
    data_close(data);
    write_text(folder, "labels.txt", "a cat\r\nB\303\244r\n\n");
    data = open_named(folder, NULL, &error);
    cr_assert(data, "%s", error.text);
    cr_expect_str_eq(data_class_name(data, 0, &number), "a cat");
    cr_expect_str_eq(data_class_name(data, 1, &number), "B\303\244r");
    cr_expect_str_eq(data_class_name(data, 2, &number), "2");
    data_close(data);
    write_text(folder, "labels.txt", "1\n0\n1\n"); /* of images, perhaps: not as many as classes */
    data = open_named(folder, NULL, &error);
    cr_expect_str_eq(data_class_name(data, 0, &number), "0");
    data_close(data);
    write_text(folder, "mine.txt", "x\ny\nz");
    snprintf(path, sizeof path, "%s/mine.txt", folder);
    data = open_named(folder, path, &error);
    cr_assert(data, "%s", error.text);
    cr_expect_str_eq(data_class_name(data, 1, &number), "y");
    data_close(data);
    remove_folder(folder);
}

Test(data, names_that_are_given_are_checked) {
    char folder[] = "/tmp/scanline-data-XXXXXX", path[256];
    cr_assert(mkdtemp(folder));
    const Bytes images = idx(8, 2, few, 200),
                labels = {.at = {0, 0, 8, 1, 0, 0, 0, 2, 1, 0}, .size = 10};
    write_file(folder, "some-images-idx3-ubyte", &images);
    write_file(folder, "some-labels-idx1-ubyte", &labels);
    snprintf(path, sizeof path, "%s/mine.txt", folder);
    const struct {
        const char *text, *says;
    } cases[] = {{"one", "names 1 classes"},
                 {"", "class 0 is empty"},
                 {"a\n\nb", "class 1 is empty"},
                 {"a\nb\033[2J", "class 1 has a control"},
                 {"a\nb\377", "class 1 is not UTF-8"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        DataError error = {""};
        write_text(folder, "mine.txt", cases[i].text);
        cr_expect_null(open_named(folder, path, &error), "case %zu", i);
        cr_expect(strstr(error.text, cases[i].says), "case %zu: %s", i, error.text);
    }
    DataError error = {""};
    cr_expect_null(open_named(folder, "/nowhere.txt", &error));
    cr_expect(strstr(error.text, "/nowhere.txt"), "%s", error.text);
    remove_folder(folder);
}
