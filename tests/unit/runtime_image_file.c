/* The data file: what is written comes back; a draft is gone on with to the same bytes; a palette
 * is put in beside readers; what is damaged in any place is refused. */
#include "runtime/images/image_file.h"
#include "runtime/images/image_file_layout.h"
#include "runtime/images/image_writer.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IMAGES = 40, MOST_BYTES = 64 * 64 * 3 };

static char folder[64], path[96];

static void make_folder(void) {
    strcpy(folder, "/tmp/scanline-images-XXXXXX");
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/set.images", folder);
}

static void remove_folder(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(image_file, .init = make_folder, .fini = remove_folder);

/* --- sets to write --- */

/* Image i of a set: of one size, or each with its own. */
static ImageView image_of(int i, int64_t channels, bool one_size, uint8_t bytes[MOST_BYTES]) {
    const ImageView view = {one_size ? 5 : 1 + i % 7, one_size ? 4 : 1 + i % 3, channels, bytes};
    for (int64_t k = 0; k < image_bytes(view); k++)
        bytes[k] = (uint8_t)(i * 31 + k * 7);
    return view;
}

static const char *const classes[] = {"an \xc3\xa4pple", "pear", "plum"};
static const ImageFileText text = {3, classes, "{\"format\": \"test\"}"};

static void add(ImageWriter *writer, int i, int64_t channels, bool one_size) {
    uint8_t bytes[MOST_BYTES];
    char name[32];
    FileError error;
    snprintf(name, sizeof name, "n/%d.png", i);
    cr_assert(image_writer_add(writer, image_of(i, channels, one_size, bytes), i % 4 - 1,
                               (ImageSplit)(i % 3), name, NULL, &error),
              "%s", error.text);
}

static void write_set(int64_t channels, bool one_size) {
    FileError error;
    ImageWriter *writer = image_writer_open(path, channels, NULL, &error);
    cr_assert(writer, "%s", error.text);
    for (int i = 0; i < IMAGES; i++)
        add(writer, i, channels, one_size);
    cr_assert(image_writer_finish(writer, &text, &error), "%s", error.text);
}

static ImageFile *open_set(void) {
    FileError error;
    ImageFile *file = image_file_open(path, &error);
    cr_assert(file, "%s", error.text);
    return file;
}

static void check_set(const ImageFile *file, int64_t channels, bool one_size) {
    cr_assert_eq(image_file_count(file), IMAGES);
    cr_assert_eq(image_file_channels(file), channels);
    cr_assert_eq(image_file_classes(file), 3);
    cr_assert_str_eq(image_file_class_name(file, 0), classes[0]);
    cr_assert_str_eq(image_file_class_name(file, 2), classes[2]);
    cr_assert_str_eq(image_file_origin(file), text.origin);
    for (int i = 0; i < IMAGES; i++) {
        uint8_t bytes[MOST_BYTES];
        char name[32];
        size_t length;
        const ImageView expected = image_of(i, channels, one_size, bytes),
                        found = image_file_image(file, i);
        cr_assert(found.height == expected.height && found.width == expected.width &&
                  found.channels == channels);
        cr_assert_arr_eq(found.pixels, bytes, (size_t)image_bytes(expected));
        cr_assert_eq(image_file_label(file, i), i % 4 - 1);
        cr_assert_eq(image_file_split(file, i), (ImageSplit)(i % 3));
        snprintf(name, sizeof name, "n/%d.png", i);
        const char *read = image_file_name(file, i, &length);
        cr_assert(length == strlen(name) && memcmp(read, name, length) == 0);
    }
}

Test(image_file, gives_back_what_was_written) {
    for (int64_t channels = 1; channels <= 3; channels += 2)
        for (int one_size = 0; one_size < 2; one_size++) {
            int64_t height = 0, width = 0;
            write_set(channels, one_size);
            ImageFile *file = open_set();
            check_set(file, channels, one_size);
            cr_assert_eq(image_file_size(file, &height, &width), (bool)one_size);
            cr_assert(!one_size || (height == 5 && width == 4));
            image_file_close(file);
        }
    cr_assert(image_file_is(path));
    cr_assert_not(image_file_is("/dev/null"));
}

Test(image_file, leaves_nothing_beside_it) {
    write_set(3, true);
    char other[128];
    snprintf(other, sizeof other, "%s.draft", path);
    cr_assert_neq(access(other, F_OK), 0);
    snprintf(other, sizeof other, "%s.journal", path);
    cr_assert_neq(access(other, F_OK), 0);
}

Test(image_file, may_have_no_names) {
    FileError error;
    uint8_t bytes[MOST_BYTES];
    size_t length;
    ImageWriter *writer = image_writer_open(path, 1, NULL, &error);
    cr_assert(
        image_writer_add(writer, image_of(1, 1, true, bytes), -1, IMAGE_TRAIN, NULL, NULL, &error));
    cr_assert(image_writer_finish(writer, &(ImageFileText){0, NULL, "{}"}, &error), "%s",
              error.text);
    ImageFile *file = open_set();
    cr_assert_null(image_file_name(file, 0, &length));
    cr_assert_eq(image_file_classes(file), 0);
    image_file_close(file);
}

Test(image_file, its_hash_is_of_pixels_sizes_and_labels) {
    char first[HASH_SIZE];
    FileError error;
    write_set(3, true);
    ImageFile *file = open_set();
    strcpy(first, image_file_hash(file));
    image_file_close(file);
    ImageWriter *writer = image_writer_open(path, 3, NULL, &error);
    for (int i = 0; i < IMAGES; i++)
        add(writer, i, 3, true);
    image_writer_splits(writer)[3] = IMAGE_TEST;
    cr_assert(image_writer_finish(writer, &(ImageFileText){3, NULL, "[]"}, &error));
    file = open_set();
    cr_assert_str_eq(image_file_hash(file), first, "splits, names and origin matter");
    image_file_close(file);
    writer = image_writer_open(path, 3, NULL, &error);
    for (int i = 0; i < IMAGES; i++)
        add(writer, i, 3, true);
    image_writer_labels(writer)[3] = 1;
    cr_assert(image_writer_finish(writer, &text, &error));
    file = open_set();
    cr_assert_str_neq(image_file_hash(file), first, "labels do not matter");
    image_file_close(file);
}

/* --- drafts --- */

enum { LARGE_SIDE = 2048, LARGE_IMAGES = 9, LARGE_BYTES = LARGE_SIDE * LARGE_SIDE * 3 };

static void add_large(ImageWriter *writer, uint8_t *bytes, int i) {
    FileError error;
    char name[16];
    for (int64_t k = 0; k < LARGE_BYTES; k++)
        bytes[k] = (uint8_t)(k * (i + 3) >> 5);
    snprintf(name, sizeof name, "%d", i);
    const ImageView image = {LARGE_SIDE, LARGE_SIDE - i, 3, bytes};
    if (i == 1)
        cr_assert(image_writer_leave_out(writer, "bad", "is bad", &error));
    cr_assert(
        image_writer_add(writer, image, i % 3, IMAGE_TRAIN, name, i == 2 ? "odd" : NULL, &error),
        "%s", error.text);
}

/* A process that is killed after some images. */
static void write_and_die(int images) {
    const pid_t child = fork();
    cr_assert(child >= 0);
    if (child == 0) {
        FileError error;
        uint8_t *bytes = malloc(LARGE_BYTES);
        ImageWriter *writer = image_writer_open(path, 3, "the key", &error);
        for (int i = 0; bytes && writer && i < images; i++)
            add_large(writer, bytes, i);
        kill(getpid(), SIGKILL);
    }
    int status;
    waitpid(child, &status, 0);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void finish_large(ImageWriter *writer) {
    FileError error;
    int64_t remarks;
    uint8_t *bytes = malloc(LARGE_BYTES);
    for (int i = (int)image_writer_count(writer); i < LARGE_IMAGES; i++)
        add_large(writer, bytes, i);
    const ImageRemark *at = image_writer_remarks(writer, &remarks);
    cr_assert_eq(remarks, 2);
    cr_assert(at[0].left_out && strcmp(at[0].name, "bad") == 0);
    cr_assert(!at[1].left_out && strcmp(at[1].name, "2") == 0 && strcmp(at[1].text, "odd") == 0);
    cr_assert_eq(image_writer_entries(writer), LARGE_IMAGES + 1);
    cr_assert(image_writer_finish(writer, &text, &error), "%s", error.text);
    free(bytes);
}

Test(image_file, a_killed_writer_is_gone_on_with) {
    FileError error;
    char whole[HASH_SIZE], resumed[HASH_SIZE];
    ImageWriter *writer = image_writer_open(path, 3, "the key", &error);
    cr_assert_eq(image_writer_count(writer), 0);
    finish_large(writer);
    cr_assert(hash_file(path, whole, &error));
    cr_assert_eq(unlink(path), 0);
    write_and_die(4); /* synced after three: at more than 32 MiB */
    writer = image_writer_open(path, 3, "the key", &error);
    cr_assert(writer, "%s", error.text);
    cr_assert_eq(image_writer_count(writer), 3);
    finish_large(writer);
    cr_assert(hash_file(path, resumed, &error));
    cr_assert_str_eq(resumed, whole);
    ImageFile *file = open_set();
    for (int64_t block = 0; block < image_file_blocks(file); block++)
        cr_assert(image_file_block_intact(file, block));
    image_file_close(file);
}

Test(image_file, a_draft_of_something_else_is_not) {
    FileError error;
    write_and_die(4);
    ImageWriter *writer = image_writer_open(path, 3, "another key", &error);
    cr_assert_eq(image_writer_count(writer), 0);
    image_writer_close(writer, true);
    write_and_die(4);
    writer = image_writer_open(path, 3, NULL, &error);
    cr_assert_eq(image_writer_count(writer), 0);
    image_writer_close(writer, true);
}

/* What a damaged journal tells from there on did not happen. */
Test(image_file, a_journal_counts_to_its_first_damage) {
    FileError error;
    char journal[128];
    size_t size;
    write_and_die(7); /* two blocks, of three images each */
    snprintf(journal, sizeof journal, "%s.journal", path);
    char *bytes = file_read(journal, 1 << 20, &size, &error);
    bytes[size - 20] ^= 1;
    cr_assert(file_write(journal, bytes, size, &error));
    ImageWriter *writer = image_writer_open(path, 3, "the key", &error);
    cr_assert(writer, "%s", error.text);
    cr_assert_eq(image_writer_count(writer), 3);
    image_writer_close(writer, true);
    free(bytes);
}

Test(image_file, has_one_writer_at_a_time) {
    FileError error;
    ImageWriter *writer = image_writer_open(path, 3, "k", &error);
    cr_assert(writer);
    cr_assert_null(image_writer_open(path, 3, "k", &error));
    cr_assert(strstr(error.text, "another process"));
    image_writer_close(writer, true);
}

Test(image_file, refuses_what_it_cannot_hold) {
    FileError error;
    uint8_t bytes[MOST_BYTES];
    ImageWriter *writer = image_writer_open(path, 3, NULL, &error);
    cr_assert_not(
        image_writer_add(writer, image_of(0, 1, true, bytes), 0, IMAGE_TRAIN, NULL, NULL, &error));
    const ImageView large = {1 << 14, 1 << 13, 3, bytes};
    cr_assert_not(image_writer_add(writer, large, 0, IMAGE_TRAIN, NULL, NULL, &error));
    cr_assert_not(image_writer_finish(writer, &text, &error), "an empty set was written");
    cr_assert_neq(access(path, F_OK), 0);
    writer = image_writer_open(path, 3, NULL, &error);
    cr_assert(
        image_writer_add(writer, image_of(0, 3, true, bytes), 3, IMAGE_TRAIN, NULL, NULL, &error));
    cr_assert_not(image_writer_finish(writer, &text, &error), "label 3 of 3 classes was written");
    writer = image_writer_open(path, 3, NULL, &error);
    cr_assert(image_writer_add(writer, image_of(0, 3, true, bytes), 0, (ImageSplit)3, NULL, NULL,
                               &error));
    cr_assert_not(image_writer_finish(writer, &text, &error),
                  "a split that there is not was written");
}

/* --- the palette --- */

Test(image_file, takes_palettes_beside_readers) {
    FileError error;
    char before[HASH_SIZE];
    int64_t colours, channels;
    const float first[6] = {-1, -0.5f, 0, 0.25f, 0.5f, 1}, second[2] = {-1, 1};
    write_set(3, false);
    ImageFile *file = open_set();
    strcpy(before, image_file_hash(file));
    cr_assert_null(image_file_palette(file, &colours, &channels));
    cr_assert(image_file_set_palette(path, first, 2, 3, &error), "%s", error.text);
    ImageFile *with = open_set();
    const float *palette = image_file_palette(with, &colours, &channels);
    cr_assert(palette && colours == 2 && channels == 3);
    cr_assert_arr_eq(palette, first, sizeof first);
    cr_assert(image_file_set_palette(path, second, 2, 1, &error), "%s", error.text);
    cr_assert_arr_eq(palette, first, sizeof first, "an open file changed");
    check_set(file, 3, false);
    image_file_close(file);
    image_file_close(with);
    file = open_set();
    palette = image_file_palette(file, &colours, &channels);
    cr_assert(colours == 2 && channels == 1);
    cr_assert_arr_eq(palette, second, sizeof second);
    cr_assert_str_eq(image_file_hash(file), before);
    check_set(file, 3, false);
    image_file_close(file);
    const float bad[1] = {1.0f / 0.0f};
    cr_assert_not(image_file_set_palette(path, bad, 1, 1, &error));
    cr_assert_not(image_file_set_palette(path, first, 1, 2, &error));
}

/* --- damage --- */

static void put_bytes(const unsigned char *bytes, size_t size) {
    FILE *stream = fopen(path, "wb"); /* not synced, as it is many times */
    cr_assert(stream && fwrite(bytes, 1, size, stream) == size && fclose(stream) == 0);
}

static bool opens(void) {
    FileError error = {{0}};
    ImageFile *file = image_file_open(path, &error);
    if (!file)
        cr_assert(strstr(error.text, path), "refused without a name: %s", error.text);
    image_file_close(file);
    return file != NULL;
}

Test(image_file, one_torn_header_is_survived) {
    FileError error;
    int64_t colours, channels;
    size_t size;
    const float palette[2] = {-1, 1};
    write_set(3, true);
    cr_assert(image_file_set_palette(path, palette, 2, 1, &error));
    unsigned char *bytes = (unsigned char *)file_read(path, 1 << 20, &size, &error);
    memset(bytes + LAYOUT_SLOT_BYTES + 100, 0xFF, 300); /* the newer one */
    put_bytes(bytes, size);
    ImageFile *file = open_set();
    check_set(file, 3, true);
    cr_assert_null(image_file_palette(file, &colours, &channels));
    image_file_close(file);
    bytes[50] ^= 1;
    put_bytes(bytes, size);
    cr_assert_not(opens());
    free(bytes);
}

/* Every byte but the pixels and what only fills up is covered by some sum. */
Test(image_file, damage_is_seen) {
    FileError error;
    size_t size;
    write_set(3, false);
    unsigned char *bytes = (unsigned char *)file_read(path, 1 << 20, &size, &error);
    LayoutHeader header;
    cr_assert_eq(layout_slot(bytes, &header), 0);
    for (int i = SECTION_BLOCKS; i < SECTION_COUNT; i++)
        for (uint64_t at = 0; at < header.sections[i].size; at++) {
            bytes[header.sections[i].offset + at] ^= 0x10;
            if (at % 16 == 0 || at + 1 == header.sections[i].size) {
                put_bytes(bytes, size);
                cr_assert_not(opens(), "byte %d of section %d", (int)at, i);
            }
            bytes[header.sections[i].offset + at] ^= 0x10;
        }
    for (size_t cut = 0; cut < size - LAYOUT_ALIGNMENT; cut += 997) {
        put_bytes(bytes, cut);
        cr_assert_not(opens(), "cut to %zu bytes", cut);
    }
    bytes[LAYOUT_PIXELS + 10] ^= 1;
    put_bytes(bytes, size);
    ImageFile *file = open_set();
    cr_assert_not(image_file_block_intact(file, 0));
    image_file_close(file);
    free(bytes);
}

/* Sums that are right for lies: bounds must hold. */
static void lie(const unsigned char *bytes, size_t size, const LayoutHeader *made) {
    LayoutHeader header = *made;
    unsigned char *copy = malloc(size);
    memcpy(copy, bytes, size);
    header.checksum = layout_checksum(&header);
    memcpy(copy, &header, sizeof header);
    put_bytes(copy, size);
    cr_assert_not(opens(), "a lie was believed");
    free(copy);
}

/* A byte of a section changed, and its sum too. */
static void lie_in(LayoutSection section, uint64_t at, unsigned char value) {
    FileError error;
    size_t size;
    LayoutHeader header;
    write_set(3, false);
    unsigned char *bytes = (unsigned char *)file_read(path, 1 << 20, &size, &error);
    cr_assert_eq(layout_slot(bytes, &header), 0);
    LayoutRange *range = &header.sections[section];
    bytes[range->offset + at] = value;
    range->hash = layout_hash(bytes + range->offset, range->size);
    lie(bytes, size, &header);
    free(bytes);
}

Test(image_file, lies_within_sections_are_refused) {
    lie_in(SECTION_LABELS, 4, 3);                                     /* of 3 classes */
    lie_in(SECTION_LABELS, 7, 0x80);                                  /* below -1 */
    lie_in(SECTION_SPLITS, IMAGES - 1, 3);                            /* of 3 */
    lie_in(SECTION_INDEX, 16 * (IMAGES - 1) + 2, 1);                  /* an offset behind the end */
    lie_in(SECTION_INDEX, 16 * (IMAGES - 1) + 8 + 1, 1);              /* a height */
    lie_in(SECTION_INDEX, 12, 0);                                     /* a width of nothing */
    lie_in(SECTION_CLASSES, 3, '\n');                                 /* in a name */
    lie_in(SECTION_CLASSES, 10 + 4, 'x');                             /* one name too few */
    lie_in(SECTION_NAMES, 8 * 5 + 1, 1);                              /* names that overlap */
    lie_in(SECTION_ORIGIN, sizeof "{\"format\": \"test\"}" - 1, '!'); /* without an end */
}

Test(image_file, lies_are_refused) {
    static const int64_t numbers[] = {-1, 0, 2, IMAGES - 1, IMAGES + 1, INT64_MAX, INT64_MIN};
    FileError error;
    size_t size;
    for (int one_size = 0; one_size < 2; one_size++) {
        LayoutHeader header, changed;
        write_set(3, one_size);
        unsigned char *bytes = (unsigned char *)file_read(path, 1 << 20, &size, &error);
        cr_assert_eq(layout_slot(bytes, &header), 0);
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
            int64_t *const fields[] = {&changed.count, &changed.height, &changed.channels,
                                       &changed.classes};
            for (size_t f = 0; f < sizeof fields / sizeof *fields; f++) {
                changed = header;
                if (*fields[f] == numbers[i])
                    continue;
                *fields[f] = numbers[i];
                lie(bytes, size, &changed);
            }
            for (int s = 0; s < SECTION_COUNT; s++) {
                changed = header;
                changed.sections[s].offset = (uint64_t)numbers[i];
                if (numbers[i])
                    lie(bytes, size, &changed);
                changed = header;
                if (changed.sections[s].size == (uint64_t)numbers[i])
                    continue;
                changed.sections[s].size = (uint64_t)numbers[i];
                lie(bytes, size, &changed);
            }
        }
        changed = header;
        changed.version++;
        lie(bytes, size, &changed);
        free(bytes);
    }
}
