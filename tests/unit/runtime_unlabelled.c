/* Real images in STL-10's form, most of them without a label: from the file that is imported to the
 * data set that a training, and a probe, would have. */
#include "tests/unit/import_support.h"

#include "runtime/data/data.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIDE = 96, BYTES = 3 * SIDE * SIDE };

TestSuite(unlabelled, .init = import_make_folder, .fini = import_remove_folder);

static ImportTold told;

/* One of STL-10's files. */
typedef struct Part {
    uint8_t *images, *labels;
    int64_t count;
} Part;

static void part_add(Part *part, ImageView image, int label) {
    part->images = realloc(part->images, (size_t)(part->count + 1) * BYTES);
    part->labels = realloc(part->labels, (size_t)part->count + 1);
    uint8_t *to = part->images + part->count * BYTES;
    for (int c = 0; c < 3; c++)
        for (int x = 0; x < SIDE; x++)
            for (int y = 0; y < SIDE; y++)
                *to++ = image.pixels[(y * SIDE + x) * 3 + c];
    part->labels[part->count++] = (uint8_t)label;
}

static void part_put(Part *part, const char *name, bool labels) {
    char path[32];
    snprintf(path, sizeof path, "s/%s_X.bin", name);
    import_put(path, part->images, (size_t)part->count * BYTES);
    snprintf(path, sizeof path, "s/%s_y.bin", name);
    if (labels)
        import_put(path, part->labels, (size_t)part->count);
    free(part->images);
    free(part->labels);
}

/* Two of STL-10's classes, each image in turn for training and for testing; the rest has no label.
 */
static void put_parts(const ImageFile *file, Part parts[3]) {
    int kept = 0;
    for (int64_t i = 0; i < image_file_count(file); i++) {
        const char *class = image_file_class_name(file, image_file_label(file, i));
        const int label = strcmp(class, "feline") == 0 ? 4 : strcmp(class, "truck") == 0 ? 10 : 0;
        part_add(&parts[label ? kept++ % 2 : 2], image_file_image(file, i), label);
    }
    const int64_t counts[] = {parts[0].count, parts[1].count, parts[2].count};
    part_put(&parts[0], "train", true);
    part_put(&parts[1], "test", true);
    part_put(&parts[2], "unlabeled", false);
    for (int p = 0; p < 3; p++)
        parts[p].count = counts[p];
}

static DataSet *open_set(bool labelled) {
    char path[128];
    DataError error;
    snprintf(path, sizeof path, "%s/out.images", import_folder);
    const float centres[] = {-1, -1, -1, 0, 0, 0, 1, 1, 1};
    FileError fault;
    cr_assert(image_file_set_palette(path, centres, 3, 3, &fault), "%s", fault.text);
    const DataSettings settings = {.source = path, .resolution = 8, .labelled = labelled};
    DataSet *data = data_open(&settings, &error);
    cr_assert(data, "%s", error.text);
    return data;
}

Test(unlabelled, real_images_in_the_form_of_stl10) {
    const char *data = getenv("SCANLINE_DATA");
    char folder[512];
    snprintf(folder, sizeof folder, "%s/stl10-sample", data ? data : "nowhere");
    if (!data || access(folder, R_OK) != 0)
        cr_skip_test("there is no data folder (SCANLINE_DATA) with stl10-sample");
    cr_assert_eq(symlink(folder, import_path("real")), 0);
    cr_assert(import_do("real", (ImportSettings){0}, &told), "%s", told.error.text);
    ImageFile *file = import_open();
    Part parts[3] = {{0}};
    put_parts(file, parts);
    image_file_close(file);
    cr_assert(import_do("s", (ImportSettings){.validation = 0.25}, &told), "%s", told.error.text);
    DataSet *all = open_set(false), *some = open_set(true);
    const int64_t labelled = parts[0].count, without = parts[2].count;
    cr_assert(labelled >= 12 && parts[1].count >= 12 && without > 200);
    cr_expect_eq(all->classes, 10);
    cr_expect_eq(all->splits[DATA_TRAIN].count + all->splits[DATA_VALIDATION].count,
                 labelled + without);
    cr_expect_eq(all->unlabelled[DATA_TRAIN] + all->unlabelled[DATA_VALIDATION], without);
    cr_expect_eq(some->splits[DATA_TRAIN].count + some->splits[DATA_VALIDATION].count, labelled);
    cr_expect_eq(some->splits[DATA_TEST].count, parts[1].count);
    for (int split = 0; split < DATA_SPLIT_COUNT; split++)
        for (int64_t i = 0; i < some->splits[split].count; i++) {
            const int32_t label = some->labels[some->splits[split].images[i]];
            cr_expect(label == 3 || label == 9, "label %d", label);
        }
    cr_expect_str_eq(some->whole_split_hash, all->whole_split_hash);
    cr_expect_str_eq(some->hash, all->hash);
    data_close(all);
    data_close(some);
}
