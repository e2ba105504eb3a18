/* What each format becomes, from small files made here. */
#include "tests/unit/import_support.h"

#include "runtime/files/npy.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

TestSuite(import_formats, .init = import_make_folder, .fini = import_remove_folder);

static ImportTold told;

static ImageFile *import_whole(const char *name, ImportSettings settings) {
    cr_assert(import_do(name, settings, &told), "%s", told.error.text);
    return import_open();
}

static void refuse(const char *name, ImportSettings settings, const char *words) {
    cr_assert_not(import_do(name, settings, &told), "%s was imported", name);
    cr_assert(strstr(told.error.text, words), "%s", told.error.text);
    cr_assert_eq(told.error.code, EXIT_INPUT);
}

static int64_t count_split(const ImageFile *file, ImageSplit split) {
    int64_t count = 0;
    for (int64_t i = 0; i < image_file_count(file); i++)
        count += image_file_split(file, i) == split;
    return count;
}

/* --- CIFAR --- */

/* Pixel (y, x, c) of image i. */
static uint8_t value(int i, int y, int x, int c) {
    return (uint8_t)(i * 50 + y * 7 + x * 3 + c * 85);
}

static void put_cifar(const char *name, int first, int count, int labels) {
    uint8_t *bytes = malloc((size_t)count * 3074), *at = bytes;
    for (int i = first; i < first + count; i++) {
        if (labels == 2)
            *at++ = (uint8_t)(i % 20);
        *at++ = (uint8_t)(labels == 2 ? i % 100 : i % 10);
        for (int c = 0; c < 3; c++)
            for (int y = 0; y < 32; y++)
                for (int x = 0; x < 32; x++)
                    *at++ = value(i, y, x, c);
    }
    import_put(name, bytes, (size_t)(at - bytes));
    free(bytes);
}

static void check_values(const ImageFile *file, int64_t index, int image, int side) {
    const ImageView view = image_file_image(file, index);
    cr_assert(view.height == side && view.width == side && view.channels == 3);
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++)
            for (int c = 0; c < 3; c++)
                cr_assert_eq(view.pixels[(y * side + x) * 3 + c], value(image, y, x, c));
}

Test(import_formats, cifar10) {
    put_cifar("c/data_batch_1.bin", 0, 40, 1);
    put_cifar("c/data_batch_2.bin", 40, 60, 1);
    put_cifar("c/test_batch.bin", 100, 10, 1);
    import_put_text("c/batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n");
    import_put_text("c/readme.html", "<html>");
    ImageFile *file = import_whole("c", (ImportSettings){.validation = -1, .test = -1});
    cr_assert_str_eq(told.result.format, "cifar10");
    cr_assert_eq(image_file_count(file), 110);
    cr_assert_str_eq(image_file_class_name(file, 9), "j");
    for (int i = 0; i < 110; i++) {
        check_values(file, i, i, 32);
        cr_assert_eq(image_file_label(file, i), i % 10);
        cr_assert_eq(image_file_split(file, i) == IMAGE_TEST, i >= 100);
    }
    cr_assert_eq(count_split(file, IMAGE_VALIDATION), 10);
    image_file_close(file);
}

Test(import_formats, cifar10_with_records_that_are_broken) {
    put_cifar("c/data_batch_1.bin", 0, 40, 1);
    put_cifar("c/test_batch.bin", 100, 10, 1);
    cr_assert_eq(truncate(import_path("c/data_batch_1.bin"), 39 * 3073 + 100), 0);
    FILE *batch = fopen(import_path("c/test_batch.bin"), "r+");
    fseek(batch, 3 * 3073, SEEK_SET);
    fputc(10, batch);
    fclose(batch);
    refuse("c", (ImportSettings){0}, "2 of 50 images are broken");
    ImageFile *file = import_whole("c", (ImportSettings){.skip_broken = true});
    cr_assert_eq(image_file_count(file), 48);
    cr_assert(strstr(told.broken, "data_batch_1.bin[39] is cut off") &&
                  strstr(told.broken, "test_batch.bin[3] has the label 10"),
              "%s", told.broken);
    check_values(file, 39 + 3, 104, 32);
    image_file_close(file);
}

Test(import_formats, cifar100_fine_and_coarse) {
    put_cifar("c/train.bin", 0, 200, 2);
    import_put_text("c/coarse_label_names.txt",
                    "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\nlast\n");
    ImageFile *file = import_whole("c", (ImportSettings){.validation = 0.1, .test = 0.1});
    cr_assert_str_eq(told.result.format, "cifar100");
    cr_assert_eq(image_file_classes(file), 100);
    cr_assert_null(image_file_class_name(file, 0));
    cr_assert_eq(image_file_label(file, 137), 37);
    image_file_close(file);
    file = import_whole("c", (ImportSettings){.coarse = true, .test = 0.1});
    cr_assert_eq(image_file_classes(file), 20);
    cr_assert_str_eq(image_file_class_name(file, 19), "last");
    cr_assert_eq(image_file_label(file, 137), 17);
    check_values(file, 137, 137, 32);
    image_file_close(file);
}

/* --- STL-10 --- */

static void put_stl(const char *name, int first, int count) {
    uint8_t *bytes = malloc((size_t)count * 3 * 96 * 96), *at = bytes;
    for (int i = first; i < first + count; i++)
        for (int c = 0; c < 3; c++)
            for (int x = 0; x < 96; x++)
                for (int y = 0; y < 96; y++)
                    *at++ = value(i, y, x, c);
    import_put(name, bytes, (size_t)(at - bytes));
    free(bytes);
}

Test(import_formats, stl10) {
    static const uint8_t labels[] = {1, 10, 3, 4, 5, 6};
    put_stl("s/stl10_binary/train_X.bin", 0, 4);
    put_stl("s/stl10_binary/test_X.bin", 4, 2);
    put_stl("s/stl10_binary/unlabeled_X.bin", 6, 3);
    import_put("s/stl10_binary/train_y.bin", labels, 4);
    import_put("s/stl10_binary/test_y.bin", labels + 4, 2);
    import_put_text("s/stl10_binary/class_names.txt", "0\n1\n2\n3\n4\n5\n6\n7\n8\ntruck\n");
    ImageFile *file = import_whole("s", (ImportSettings){0});
    cr_assert_str_eq(told.result.format, "stl10");
    cr_assert_eq(image_file_count(file), 9);
    /* in the order of the files: test, train, unlabeled */
    static const int images[] = {4, 5, 0, 1, 2, 3, 6, 7, 8},
                     expected[] = {4, 5, 0, 9, 2, 3, -1, -1, -1};
    for (int i = 0; i < 9; i++) {
        check_values(file, i, images[i], 96);
        cr_assert_eq(image_file_label(file, i), expected[i]);
        cr_assert_eq(image_file_split(file, i), i < 2 ? IMAGE_TEST : IMAGE_TRAIN);
    }
    image_file_close(file);
    import_put("s/stl10_binary/train_y.bin", labels, 3);
    refuse("s", (ImportSettings){0}, "4 images; there are 3 labels");
    import_put("s/stl10_binary/train_y.bin", "\0\1\2\3", 4);
    refuse("s", (ImportSettings){0}, "the label -1");
}

/* Real images: those of a folder of PNG files, put into STL-10's form, come back as they are. */
Test(import_formats, stl10_of_real_images) {
    const char *data = getenv("SCANLINE_DATA");
    char folder[512];
    snprintf(folder, sizeof folder, "%s/stl10-sample", data ? data : "nowhere");
    if (!data || access(folder, R_OK) != 0)
        cr_skip_test("there is no data folder (SCANLINE_DATA) with stl10-sample");
    cr_assert_eq(symlink(folder, import_path("real")), 0);
    ImageFile *file = import_whole("real", (ImportSettings){0});
    const int64_t count = image_file_count(file);
    uint8_t *bytes = malloc((size_t)count * 3 * 96 * 96), *to = bytes;
    for (int64_t i = 0; i < count; i++)
        for (int c = 0; c < 3; c++)
            for (int x = 0; x < 96; x++)
                for (int y = 0; y < 96; y++)
                    *to++ = image_file_image(file, i).pixels[(y * 96 + x) * 3 + c];
    import_put("s/unlabeled_X.bin", bytes, (size_t)(to - bytes));
    unsigned long long *hashes = malloc((size_t)count * sizeof *hashes);
    for (int64_t i = 0; i < count; i++)
        hashes[i] = import_hash(image_file_image(file, i));
    image_file_close(file);
    file = import_whole("s", (ImportSettings){0});
    cr_assert_eq(image_file_count(file), count);
    for (int64_t i = 0; i < count; i++)
        cr_assert_eq(import_hash(image_file_image(file, i)), hashes[i]);
    image_file_close(file);
    free(hashes);
    free(bytes);
}

/* --- IDX --- */

static void put_gzip(const char *name, const void *bytes, size_t size) {
    gzFile file = gzopen(import_path(name), "wb");
    cr_assert_eq(gzwrite(file, bytes, (unsigned)size), (int)size);
    gzclose(file);
}

Test(import_formats, idx_packed_and_plain) {
    uint8_t images[16 + 6 * 12] = {0, 0, 8, 3, 0, 0, 0, 6, 0, 0, 0, 4, 0, 0, 0, 3},
                            labels[8 + 6] = {0, 0, 8, 1, 0, 0, 0, 6, 0, 1, 2, 3, 2, 1};
    for (int i = 0; i < 72; i++)
        images[16 + i] = (uint8_t)i;
    put_gzip("m/train-images-idx3-ubyte.gz", images, sizeof images);
    import_put("m/train-labels-idx1-ubyte", labels, sizeof labels);
    import_put("m/t10k-images-idx3-ubyte", images, sizeof images);
    put_gzip("m/t10k-labels-idx1-ubyte.gz", labels, sizeof labels);
    ImageFile *file = import_whole("m", (ImportSettings){0});
    cr_assert_str_eq(told.result.format, "idx");
    cr_assert(image_file_count(file) == 12 && image_file_classes(file) == 4);
    for (int i = 0; i < 12; i++) {
        const ImageView view = image_file_image(file, i);
        cr_assert(view.height == 4 && view.width == 3 && view.channels == 1);
        cr_assert_arr_eq(view.pixels, images + 16 + i % 6 * 12, 12);
        cr_assert_eq(image_file_label(file, i), labels[8 + i % 6]);
        cr_assert_eq(image_file_split(file, i), i < 6 ? IMAGE_TEST : IMAGE_TRAIN);
    }
    image_file_close(file);
    put_gzip("m/train-images-idx3-ubyte.gz", images, sizeof images - 1);
    refuse("m", (ImportSettings){.skip_broken = true}, "is cut off: it has 5 of the 6");
    put_gzip("m/train-images-idx3-ubyte.gz", images, 16);
    images[7] = 0xFF;
    put_gzip("m/train-images-idx3-ubyte.gz", images, sizeof images);
    refuse("m", (ImportSettings){0}, "is cut off");
    images[2] = 0x0D;
    put_gzip("m/train-images-idx3-ubyte.gz", images, sizeof images);
    refuse("m", (ImportSettings){0}, "real numbers");
}

/* --- NumPy --- */

static const uint8_t pixels[4 * 2 * 3 * 3] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 255};

static void put_npy(const char *name, NpyType type, const int64_t *extents, uint32_t rank,
                    const void *data) {
    FileError error;
    NpyArray array = {.type = type, .rank = rank, .elements = 1, .data = data};
    for (uint32_t i = 0; i < rank; i++) {
        array.extents[i] = extents[i];
        array.elements *= extents[i];
    }
    cr_assert(npy_write(import_path(name), &array, &error), "%s", error.text);
}

static const int64_t colour[] = {4, 2, 3, 3}, grey[] = {4, 2, 9}, four[] = {4}, columns[] = {4, 1},
                     odd[] = {2, 2, 9, 2};
static const int64_t labels64[] = {0, 2, 1, 0};
static const double labels_real[] = {0, 2, 1, 0};

Test(import_formats, arrays) {
    put_npy("n/x_train.npy", NPY_U8, colour, 4, pixels);
    put_npy("n/y_train.npy", NPY_I64, columns, 2, labels64);
    put_npy("n/x_test.npy", NPY_U8, colour, 4, pixels);
    put_npy("n/y_test.npy", NPY_I64, four, 1, labels64);
    ImageFile *file = import_whole("n", (ImportSettings){0});
    cr_assert_str_eq(told.result.format, "npy");
    cr_assert(image_file_count(file) == 8 && image_file_classes(file) == 3);
    for (int i = 0; i < 8; i++) {
        const ImageView view = image_file_image(file, i);
        cr_assert(view.height == 2 && view.width == 3 && view.channels == 3);
        cr_assert_arr_eq(view.pixels, pixels + i % 4 * 18, 18);
        cr_assert_eq(image_file_label(file, i), labels64[i % 4]);
        cr_assert_eq(image_file_split(file, i), i < 4 ? IMAGE_TEST : IMAGE_TRAIN);
    }
    image_file_close(file);
    put_npy("n/y_train.npy", NPY_F64, four, 1, labels_real);
    refuse("n", (ImportSettings){0}, "none of labels");
}

Test(import_formats, arrays_without_labels_and_of_grey) {
    put_npy("n/images.npy", NPY_U8, grey, 3, pixels);
    ImageFile *file = import_whole("n", (ImportSettings){0});
    cr_assert(image_file_channels(file) == 1 && image_file_classes(file) == 0);
    cr_assert_eq(image_file_label(file, 0), -1);
    image_file_close(file);
    put_npy("n/images.npy", NPY_U8, odd, 4, pixels);
    refuse("n", (ImportSettings){0}, "2 channels");
}

Test(import_formats, an_npz) {
    FileError error;
    size_t sizes[2];
    put_npy("a.npy", NPY_U8, colour, 4, pixels);
    put_npy("b.npy", NPY_I64, four, 1, labels64);
    char *bytes[2] = {file_read(import_path("a.npy"), 1 << 20, &sizes[0], &error),
                      file_read(import_path("b.npy"), 1 << 20, &sizes[1], &error)};
    const ImportEntry entries[] = {{"images.npy", bytes[0], sizes[0]},
                                   {"labels.npy", bytes[1], sizes[1]}};
    import_put_archive("set.npz", "zip", entries, 2);
    ImageFile *file = import_whole("set.npz", (ImportSettings){0});
    cr_assert(image_file_count(file) == 4 && image_file_label(file, 1) == 2);
    cr_assert_arr_eq(image_file_image(file, 0).pixels, pixels, 18);
    image_file_close(file);
}

/* --- folders and archives --- */

static ImportVector vectors[IMPORT_MOST_VECTORS];

/* colour.png as the set's file of that name. */
static void put_image(const char *name) {
    if (!vectors[0].bytes)
        import_vectors(vectors);
    for (int i = 0; i < IMPORT_MOST_VECTORS; i++)
        if (strcmp(vectors[i].name, "colour.png") == 0)
            import_put(name, vectors[i].bytes, vectors[i].size);
}

static int32_t label_of(const ImageFile *file, const char *name, ImageSplit *split) {
    for (int64_t i = 0; i < image_file_count(file); i++) {
        size_t length;
        const char *stored = image_file_name(file, i, &length);
        if (length == strlen(name) && memcmp(stored, name, length) == 0) {
            *split = image_file_split(file, i);
            return image_file_label(file, i);
        }
    }
    cr_assert(false, "there is no %s", name);
    return -2;
}

static void expect_place(const ImageFile *file, const char *name, ImageSplit split, int32_t label) {
    ImageSplit found;
    cr_assert_eq(label_of(file, name, &found), label, "%s", name);
    cr_assert_eq(found, split, "%s", name);
}

Test(import_formats, folders_of_classes) {
    put_image("f/pear/1.png");
    put_image("f/apple/1.png");
    put_image("f/apple/more/2.png");
    put_image("f/loose.png");
    ImageFile *file = import_whole("f", (ImportSettings){0});
    cr_assert_str_eq(told.result.format, "folder");
    cr_assert_eq(image_file_classes(file), 2);
    cr_assert_str_eq(image_file_class_name(file, 0), "apple");
    expect_place(file, "apple/more/2.png", IMAGE_TRAIN, 0);
    expect_place(file, "pear/1.png", IMAGE_TRAIN, 1);
    expect_place(file, "loose.png", IMAGE_TRAIN, -1);
    image_file_close(file);
}

Test(import_formats, folders_of_splits) {
    put_image("f/Data/train/pear/1.png");
    put_image("f/Data/train/apple/1.png");
    put_image("f/Data/val/apple/2.png");
    put_image("f/Data/val/zebra/2.png");
    ImageFile *file = import_whole("f", (ImportSettings){0});
    expect_place(file, "Data/train/pear/1.png", IMAGE_TRAIN, 1);
    expect_place(file, "Data/val/apple/2.png", IMAGE_VALIDATION, 0);
    expect_place(file, "Data/val/zebra/2.png", IMAGE_VALIDATION, 2);
    image_file_close(file);
    file = import_whole("f", (ImportSettings){.format = "imagenet"});
    expect_place(file, "Data/val/apple/2.png", IMAGE_TEST, 0);
    image_file_close(file);
    put_image("f/Data/test/3.png");
    file = import_whole("f", (ImportSettings){.format = "imagenet"});
    expect_place(file, "Data/val/apple/2.png", IMAGE_VALIDATION, 0);
    expect_place(file, "Data/test/3.png", IMAGE_TEST, -1);
    image_file_close(file);
}

Test(import_formats, one_class_alone) {
    put_image("f/apple/1.png");
    ImageFile *file = import_whole("f", (ImportSettings){0});
    cr_assert_eq(image_file_classes(file), 1);
    expect_place(file, "apple/1.png", IMAGE_TRAIN, 0);
    image_file_close(file);
}

/* Imagenet's own form: a tar of a tar for each class. */
Test(import_formats, a_tar_of_tars_gives_what_the_folder_gives) {
    char folder_hash[HASH_SIZE];
    FileError error;
    const int count = import_vectors(vectors);
    ImportEntry entries[IMPORT_MOST_VECTORS], inner[2];
    size_t sizes[2];
    for (int class = 0; class < 2; class ++) {
        static const char *const tars[] = {"n01.tar", "n02.tar"};
        int filled = 0;
        for (int i = class; i < count; i += 2, filled++) {
            char name[96];
            entries[filled] = (ImportEntry){vectors[i].name, vectors[i].bytes, vectors[i].size};
            snprintf(name, sizeof name, "f/n0%d/%.63s", class + 1, vectors[i].name);
            import_put(name, vectors[i].bytes, vectors[i].size);
        }
        import_put_archive(tars[class], "tar", entries, filled);
        inner[class] = (ImportEntry){
            tars[class], file_read(import_path(tars[class]), 1 << 24, &sizes[class], &error), 0};
        inner[class].size = sizes[class];
    }
    ImageFile *file = import_whole("f", (ImportSettings){0});
    strcpy(folder_hash, image_file_hash(file));
    image_file_close(file);
    import_put_archive("all.tar", "tar", inner, 2);
    import_put_archive("all.tar.gz", "tgz", inner, 2);
    for (int packed = 0; packed < 2; packed++) {
        /* names are in another order in a tar: the same images, each with its class */
        file = import_whole(packed ? "all.tar.gz" : "all.tar", (ImportSettings){0});
        cr_assert_eq(image_file_count(file), count);
        cr_assert_eq(image_file_classes(file), 2);
        cr_assert_str_eq(image_file_class_name(file, 1), "n02");
        for (int i = 0; i < count; i++) {
            char name[96];
            snprintf(name, sizeof name, "n0%d/%.63s", i % 2 + 1, vectors[i].name);
            expect_place(file, name, IMAGE_TRAIN, i % 2);
        }
        image_file_close(file);
    }
    put_image("g/1.png");
    import_put("g/n01.tar", inner[0].bytes, inner[0].size);
    file = import_whole("g", (ImportSettings){0});
    cr_assert_eq(image_file_count(file), 1 + (count + 1) / 2);
    expect_place(file, "n01/baseline.jpg", IMAGE_TRAIN, 0);
    image_file_close(file);
}

Test(import_formats, smaller_and_grey) {
    put_image("f/a/1.png"); /* 19 x 23 */
    ImageFile *file = import_whole("f", (ImportSettings){.shorter = 8, .grey = true});
    const ImageView view = image_file_image(file, 0);
    cr_assert(view.height == 8 && view.width == 10 && view.channels == 1);
    image_file_close(file);
    file = import_whole("f", (ImportSettings){.shorter = 19});
    cr_assert_eq(import_hash(image_file_image(file, 0)), 0xb8c830e7c648b27dULL);
    image_file_close(file);
}

/* --- what is no set --- */

Test(import_formats, what_is_no_set_is_refused_with_a_way_out) {
    import_put_text("e/readme.txt", "nothing here");
    refuse("e", (ImportSettings){0}, "readme.txt");
    refuse("e", (ImportSettings){.format = "cifar10"}, "data_batch_1.bin");
    put_cifar("e/test_batch.bin", 0, 1, 1);
    put_image("e/a/1.png");
    refuse("e", (ImportSettings){0}, "--format");
    ImageFile *file = import_whole("e", (ImportSettings){.format = "folder"});
    cr_assert_eq(image_file_count(file), 1);
    image_file_close(file);
    import_put("empty/x", "", 0);
    unlink(import_path("empty/x"));
    refuse("empty", (ImportSettings){0}, "no file");
    refuse("absent", (ImportSettings){0}, "absent");
}

/* --- splits --- */

Test(import_formats, shares_are_stratified_and_by_seed) {
    put_cifar("c/data_batch_1.bin", 0, 200, 1);
    uint8_t first[200];
    for (int64_t seed = 0; seed < 2; seed++) {
        ImageFile *file =
            import_whole("c", (ImportSettings){.validation = 0.2, .test = 0.1, .seed = seed});
        int counts[10][IMAGE_SPLIT_COUNT] = {{0}};
        for (int i = 0; i < 200; i++)
            counts[image_file_label(file, i)][image_file_split(file, i)]++;
        for (int c = 0; c < 10; c++)
            cr_assert(counts[c][IMAGE_TRAIN] == 14 && counts[c][IMAGE_VALIDATION] == 4 &&
                      counts[c][IMAGE_TEST] == 2);
        if (seed)
            cr_assert_arr_neq(image_file_splits(file), first, 200);
        memcpy(first, image_file_splits(file), 200);
        image_file_close(file);
    }
}
