/* Mutated data files, image files, and sources of every format: what reads them must refuse or
 * accept, with a reason for the one, and with pixels that can all be read for the other. A data
 * file that was changed gets sums that are right again, every other time: its sums are no proof
 * against malice.
 *
 *     fuzz_images [ROUNDS [SEED]]                      the same rounds every time */
#include "runtime/files/npy.h"
#include "runtime/images/image_decode.h"
#include "runtime/images/image_file_layout.h"
#include "runtime/images/image_writer.h"
#include "runtime/import/import.h"
#include "tests/fuzz/mutate.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VECTORS SCANLINE_SOURCE_DIR "/tests/unit/vectors/images/"

enum { LONGEST = 1 << 16, DEFAULT_ROUNDS = 20000, MOST_SEEDS = 32 };

typedef struct Seed {
    const char *name; /* of the file: it says the format */
    char *bytes;
    size_t size;
} Seed;

static Seed seeds[MOST_SEEDS];
static size_t seed_count;
static char folder[64];

_Noreturn static void fail(const char *what, const char *name) {
    fprintf(stderr, "%s: %s\n", name, what);
    abort();
}

static const char *path_of(const char *name) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* --- the corpus --- */

static void add_seed(const char *name, const void *bytes, size_t size) {
    char *copy = malloc(size ? size : 1);
    if (!copy || seed_count == MOST_SEEDS || size > LONGEST)
        fail("no room in the corpus", name);
    memcpy(copy, bytes, size);
    seeds[seed_count++] = (Seed){name, copy, size};
}

/* A file that is in the folder. */
static void add_file(const char *name, const char *path) {
    FileError error;
    size_t size;
    char *bytes = file_read(path, LONGEST, &size, &error);
    if (!bytes)
        fail(error.text, name);
    add_seed(name, bytes, size);
    free(bytes);
}

static void add_data_files(void) {
    static const char *const classes[] = {"one", "two"};
    static const float palette[6] = {-1, 0, 1, 0.5f, 0.25f, 0};
    for (int one_size = 0; one_size < 2; one_size++) {
        uint8_t pixels[6 * 6 * 3] = {1, 2, 3};
        FileError error;
        ImageWriter *writer = image_writer_open(path_of("seed.images"), 3, NULL, &error);
        for (int i = 0; writer && i < 5; i++)
            image_writer_add(writer, (ImageView){6, one_size ? 6 : 1 + i, 3, pixels}, i % 2,
                             (ImageSplit)(i % 3), "name", NULL, &error);
        if (!writer || !image_writer_finish(writer, &(ImageFileText){2, classes, "{}"}, &error) ||
            !image_file_set_palette(path_of("seed.images"), palette, 2, 3, &error))
            fail(error.text, "seed.images");
        add_file("x.images", path_of("seed.images"));
    }
}

static void add_arrays(void) {
    static const uint8_t idx[16 + 12] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2},
                                  labels[8 + 3] = {0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 2},
                                  cifar[2 * 3073] = {7};
    FileError error;
    const NpyArray array = {NPY_U8, 4, {3, 2, 2, 1}, 12, idx};
    add_seed("train-images-idx3-ubyte", idx, sizeof idx);
    add_seed("train-labels-idx1-ubyte", labels, sizeof labels);
    add_seed("data_batch_1.bin", cifar, sizeof cifar);
    if (!npy_write(path_of("seed.npy"), &array, &error))
        fail(error.text, "seed.npy");
    add_file("images.npy", path_of("seed.npy"));
}

static void add_pictures(void) {
    static const char *const names[] = {"baseline.jpg", "progressive.jpg", "cmyk.jpg",
                                        "turned.jpg",   "grey.jpg",        "palette.png",
                                        "deep.png",     "interlaced.png",  "grey-alpha.png"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[256];
        snprintf(path, sizeof path, VECTORS "%s", names[i]);
        add_file(names[i], path);
    }
}

/* Of pictures, and of a tar of them. */
static void add_archive(const char *name, bool packed) {
    struct archive *archive = archive_write_new();
    archive_write_set_format_pax_restricted(archive);
    if (packed)
        archive_write_add_filter_gzip(archive);
    archive_write_open_filename(archive, path_of(name));
    for (size_t i = 0; i < seed_count; i++) {
        const bool is_tar = strcmp(seeds[i].name, "x.tar") == 0;
        if (image_kind_of_name(seeds[i].name) == IMAGE_KIND_UNKNOWN && !is_tar)
            continue;
        char inside[80];
        struct archive_entry *entry = archive_entry_new();
        snprintf(inside, sizeof inside, is_tar ? "%s" : "train/c/%s", seeds[i].name);
        archive_entry_set_pathname(entry, inside);
        archive_entry_set_size(entry, (la_int64_t)seeds[i].size);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_write_header(archive, entry);
        archive_write_data(archive, seeds[i].bytes, seeds[i].size);
        archive_entry_free(entry);
    }
    archive_write_free(archive);
    add_file(name, path_of(name));
}

static void make_corpus(void) {
    strcpy(folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm/scanline-fuzz-XXXXXX"
                                                 : "/tmp/scanline-fuzz-XXXXXX");
    if (!mkdtemp(folder))
        fail("can't be made", folder);
    add_data_files();
    add_arrays();
    add_pictures();
    add_archive("x.tar", false);
    add_archive("y.tar.gz", true);
}

/* --- one round --- */

static void put(const char *path, const char *bytes, size_t size) {
    FILE *stream = fopen(path, "wb");
    if (!stream || fwrite(bytes, 1, size, stream) != size || fclose(stream) != 0)
        fail("can't be written", path);
}

static unsigned read_all(const uint8_t *bytes, size_t size) {
    unsigned sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += bytes[i];
    return sum;
}

/* Sums of sections that lie in the file, and of the headers. */
static void mend(char *bytes, size_t size) {
    for (int slot = 0; size >= LAYOUT_PIXELS && slot < LAYOUT_SLOTS; slot++) {
        LayoutHeader header;
        memcpy(&header, bytes + slot * LAYOUT_SLOT_BYTES, sizeof header);
        for (int i = 0; i < SECTION_COUNT; i++) {
            LayoutRange *range = &header.sections[i];
            if (range->offset <= size && range->size <= size - range->offset)
                range->hash = layout_hash(bytes + range->offset, range->size);
        }
        header.checksum = layout_checksum(&header);
        memcpy(bytes + slot * LAYOUT_SLOT_BYTES, &header, sizeof header);
    }
}

/* All that can be asked of a data file. */
static bool read_data_file(const char *path) {
    FileError error = {{0}};
    int64_t colours, channels;
    volatile unsigned sum = 0;
    ImageFile *file = image_file_open(path, &error);
    if (!file) {
        if (!*error.text)
            fail("refused without a reason", path);
        return false;
    }
    for (int64_t i = 0; i < image_file_count(file); i++) {
        size_t length = 0;
        const ImageView view = image_file_image(file, i);
        const char *name = image_file_name(file, i, &length);
        sum += read_all(view.pixels, (size_t)image_bytes(view));
        sum += name ? read_all((const uint8_t *)name, length) : 0;
        sum += (unsigned)image_file_label(file, i) + image_file_split(file, i);
    }
    for (int64_t c = 0; c < image_file_classes(file); c++)
        sum += (unsigned)(image_file_class_name(file, c) != NULL);
    for (int64_t b = 0; b < image_file_blocks(file); b++)
        sum += image_file_block_intact(file, b);
    const float *palette = image_file_palette(file, &colours, &channels);
    sum += palette ? read_all((const uint8_t *)palette, (size_t)(colours * channels) * 4) : 0;
    sum += (unsigned)strlen(image_file_origin(file));
    image_file_close(file);
    return true;
}

static bool read_picture(const char *name, const char *bytes, size_t size) {
    Image image;
    ImageNote note;
    uint8_t *copy = memcpy(malloc(size ? size : 1), bytes, size); /* so that its end is guarded */
    const bool done = image_decode(copy, size, size % 2 ? 1 : 3, &image, &note);
    if (!done && !*note.reason)
        fail("broken without a reason", name);
    free(image.pixels);
    free(copy);
    return done;
}

static bool import_file(const char *path) {
    char out[128];
    ImportResult result;
    RunError error = {0};
    snprintf(out, sizeof out, "%s/out.images", folder);
    const char *const sources[] = {path};
    const ImportSettings settings = {
        .sources = sources, .source_count = 1, .path = out, .skip_broken = true, .threads = 1};
    const bool done = import_run(&settings, NULL, &result, &error);
    if (!done && !*error.text)
        fail("refused without a reason", path);
    if (done && !read_data_file(out))
        fail("made a data file that can't be opened", path);
    return done;
}

/* Whether what was made of a file of the corpus was accepted. */
static bool run_round(Mutator *mutator) {
    static char bytes[LONGEST];
    char path[128];
    const Seed *seed = &seeds[mutate_below(mutator, seed_count)];
    memcpy(bytes, seed->bytes, seed->size);
    const size_t size = mutate(mutator, bytes, seed->size, LONGEST);
    snprintf(path, sizeof path, "%s", path_of(seed->name));
    const bool is_data = strcmp(seed->name, "x.images") == 0;
    if (is_data && mutate_below(mutator, 2))
        mend(bytes, size);
    if (image_kind_of_name(seed->name) != IMAGE_KIND_UNKNOWN && mutate_below(mutator, 4))
        return read_picture(seed->name, bytes, size);
    put(path, bytes, size);
    const bool accepted = is_data ? read_data_file(path) : import_file(path);
    unlink(path);
    return accepted;
}

static const char *const words[] = {
    "\x7F\xFF\xFF\xFF",
    "\xFF\xFF\xFF\xFF",
    "\x01",
    "\xFF\xD8\xFF",
    "IDAT",
    "ustar",
    "SCANIMGS",
    "{'descr': '|u1'",
    "(3, 2, 2)",
    "\xFF\xC0",
    "\xFF\xDA",
    "tRNS",
    "PLTE",
    "00000000777",
};

int main(int argument_count, char **arguments) {
    const long rounds = argument_count > 1 ? strtol(arguments[1], NULL, 10) : DEFAULT_ROUNDS;
    Mutator mutator = {.state = argument_count > 2 ? strtoull(arguments[2], NULL, 10) : 1,
                       .dictionary = words,
                       .word_count = sizeof words / sizeof words[0]};
    long accepted = 0;
    make_corpus();
    for (long round = 0; round < rounds; round++)
        accepted += run_round(&mutator);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    printf("%ld files, %ld accepted\n", rounds, accepted);
    return system(command) == 0 && accepted > 0 && accepted < rounds ? EXIT_SUCCESS : EXIT_FAILURE;
}
