/* Some two hundred files that are cut off, lie, are something else or can't be had, among good
 * ones: each is named, the good ones all arrive, and their pixels are right. */
#include "tests/unit/import_support.h"

#include "runtime/files/hash.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(import_broken, .init = import_make_folder, .fini = import_remove_folder);

enum { MOST = 512 };

static char bad[MOST][96]; /* as they are to be named */
static int bad_count;

static void put_bad(const char *name, const void *bytes, size_t size) {
    char path[128];
    snprintf(path, sizeof path, "set/%s", name);
    import_put(path, bytes, size);
    strcpy(bad[bad_count++], name);
}

static void put_cut(const ImportVector *vector) {
    for (size_t part = 1; part <= 10; part++) {
        char name[96];
        snprintf(name, sizeof name, "a/cut-%zu-%s", part, vector->name);
        put_bad(name, vector->bytes, vector->size * part / 11);
    }
}

/* Of the JPEG files: 65,000 pixels high; the PNG files' sums do not fit. */
static void put_lies(const ImportVector *vector) {
    static const uint8_t marker[] = {0xFF, 0xC0};
    char name[96];
    uint8_t *copy = malloc(vector->size);
    memcpy(copy, vector->bytes, vector->size);
    uint8_t *frame = memmem(copy, vector->size, marker, 2);
    if (strstr(vector->name, ".png"))
        memcpy(copy + 16, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8);
    else if (frame)
        memcpy(frame + 5, "\xFE\x00\xFE\x00", 4);
    snprintf(name, sizeof name, "b/large-%s", vector->name);
    if (strstr(vector->name, ".png") || frame)
        put_bad(name, copy, vector->size);
    memset(copy + vector->size / 2, 0x5A, vector->size - vector->size / 2);
    snprintf(name, sizeof name, "b/overwritten-%s", vector->name);
    put_bad(name, copy, vector->size);
    free(copy);
}

static void put_others(void) {
    static const struct {
        const char *name, *bytes;
        size_t size;
    } others[] = {
        {"a/empty.jpg", "", 0},
        {"a/empty.png", "", 0},
        {"a/moving.gif", "GIF89a\1\0\1\0\x80\0\0", 13},
        {"a/gif.jpg", "GIF89a\1\0\1\0\x80\0\0", 13},
        {"b/web.png", "RIFF\x24\0\0\0WEBPVP8 \0\0\0\0", 20},
        {"b/not-found.jpg", "<html><body>404 not found</body></html>", 39},
        {"b/text.PNG", "no image\n", 9},
        {"b/magic.jpg", "\xFF\xD8\xFF", 3},
        {"b/magic.png", "\x89PNG\r\n\x1A\n", 8},
        {"b/zeros.jpeg", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15},
        {"b/scan.tiff", "II*\0\x08\0\0\0", 8},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        put_bad(others[i].name, others[i].bytes, others[i].size);
}

/* What is no file, or can't be read. */
static void put_strange(void) {
    cr_assert_eq(mkdir(import_path("set/a/folder.jpg"), 0777), 0);
    strcpy(bad[bad_count++], "a/folder.jpg");
    cr_assert_eq(symlink("..", import_path("set/a/loop")), 0);
    strcpy(bad[bad_count++], "a/loop");
    cr_assert_eq(symlink("nothing.jpg", import_path("set/a/dangling.jpg")), 0);
    strcpy(bad[bad_count++], "a/dangling.jpg");
    cr_assert_eq(symlink("round.jpg", import_path("set/a/round.jpg")), 0);
    strcpy(bad[bad_count++], "a/round.jpg");
    cr_assert_eq(mkfifo(import_path("set/b/pipe.png"), 0666), 0);
    strcpy(bad[bad_count++], "b/pipe.png");
    put_bad("b/large.jpg", "\xFF\xD8\xFF\xE0", 4);
    cr_assert_eq(truncate(import_path("set/b/large.jpg"), (256 << 20) + 1), 0);
    put_bad("b/\xFFname.jpg", "x", 1);
    strcpy(bad[bad_count - 1], "b/\\xFFname.jpg");
    put_bad("b/new\nline.jpg", "x", 1);
    strcpy(bad[bad_count - 1], "b/new\\x0Aline.jpg");
    if (geteuid() != 0) { /* who may read everything */
        put_bad("b/locked.jpg", "x", 1);
        cr_assert_eq(chmod(import_path("set/b/locked.jpg"), 0), 0);
    }
}

/* Each twice, in the end under a name that says something else, without an ending, or that is no
 * text. */
static int put_good(const ImportVector *vectors, int count) {
    for (int i = 0; i < count; i++) {
        char path[128];
        snprintf(path, sizeof path, "set/a/%s", vectors[i].name);
        import_put(path, vectors[i].bytes, vectors[i].size);
        const bool png = strstr(vectors[i].name, ".png") != NULL;
        snprintf(path, sizeof path,
                 i % 3 == 0   ? "set/b/g-%d.%s"
                 : i % 3 == 1 ? "set/b/g-%d"
                              : "set/b/\xE4-%d.%s",
                 i, png ? "jpg" : "PNG");
        import_put(path, vectors[i].bytes, vectors[i].size);
    }
    import_put_text("set/words.txt", "no image, and not called as one\n");
    import_put_text("set/b/.hidden.jpg", "x");
    return 2 * count;
}

static int build_set(ImportVector vectors[IMPORT_MOST_VECTORS], int *count) {
    *count = import_vectors(vectors);
    bad_count = 0;
    for (int i = 0; i < *count; i++) {
        put_cut(&vectors[i]);
        put_lies(&vectors[i]);
    }
    put_others();
    put_strange();
    return put_good(vectors, *count);
}

/* Whether a line of what was said of broken images begins with a name. */
static bool is_told(const ImportTold *told, const char *name) {
    for (const char *line = told->broken; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ' ')
            return true;
    }
    return false;
}

static void check_origin(const ImageFile *file) {
    json_t *origin = json_loads(image_file_origin(file), 0, NULL);
    const json_t *left_out = json_object_get(origin, "left_out");
    cr_assert_eq(json_array_size(left_out), (size_t)bad_count);
    for (int i = 0; i < bad_count; i++) {
        bool found = false;
        for (size_t j = 0; j < json_array_size(left_out); j++) {
            const json_t *entry = json_array_get(left_out, j);
            const char *name = json_string_value(json_object_get(entry, "name"));
            found = found || (strcmp(name, bad[i]) == 0 &&
                              *json_string_value(json_object_get(entry, "reason")));
        }
        cr_assert(found, "%s is not in the origin", bad[i]);
    }
    cr_assert_eq(
        json_integer_value(json_object_get(json_object_get(origin, "passed_over"), "files")), 1);
    json_decref(origin);
}

static void check_pixels(const ImageFile *file, const ImportVector *vectors, int count) {
    for (int64_t i = 0; i < image_file_count(file); i++) {
        size_t length;
        char name[128] = "";
        const char *stored = image_file_name(file, i, &length);
        memcpy(name, stored, length);
        const unsigned long long hash = import_hash(image_file_image(file, i));
        bool found = false;
        for (int v = 0; v < count; v++)
            found = found || (hash == vectors[v].hash &&
                              (*name == 'b' || strcmp(name + 2, vectors[v].name) == 0));
        cr_assert(found, "the pixels of %s", name);
        cr_assert_eq(image_file_label(file, i), *name - 'a');
    }
}

Test(import_broken, each_is_named_and_the_good_ones_arrive) {
    static ImportVector vectors[IMPORT_MOST_VECTORS];
    static ImportTold told;
    char hashes[2][HASH_SIZE];
    FileError error;
    int count;
    const int good = build_set(vectors, &count);
    cr_assert_geq(bad_count, 200);
    for (int threads = 1; threads <= 3; threads += 2) {
        cr_assert(
            import_do("set", (ImportSettings){.skip_broken = true, .threads = threads}, &told),
            "%s", told.error.text);
        cr_assert_eq(told.result.broken, bad_count, "%s", told.broken);
        for (int i = 0; i < bad_count; i++)
            cr_assert(is_told(&told, bad[i]), "%s is not named", bad[i]);
        ImageFile *file = import_open();
        cr_assert_eq(image_file_count(file), good);
        check_origin(file);
        check_pixels(file, vectors, count);
        image_file_close(file);
        cr_assert(hash_file(import_path("out.images"), hashes[threads / 2], &error));
    }
    cr_assert_str_eq(hashes[0], hashes[1]);
}

Test(import_broken, they_are_fatal_unless_they_are_to_be_skipped) {
    static ImportVector vectors[IMPORT_MOST_VECTORS];
    static ImportTold told;
    int count;
    build_set(vectors, &count);
    cr_assert_not(import_do("set", (ImportSettings){0}, &told));
    cr_assert_eq(told.error.code, EXIT_INPUT);
    cr_assert(strstr(told.error.text, "--skip-broken"), "%s", told.error.text);
    for (int i = 0; i < bad_count; i++)
        cr_assert(is_told(&told, bad[i]), "%s is not named", bad[i]);
    cr_assert_neq(access(import_path("out.images"), F_OK), 0);
    const int64_t entries = told.result.entries;
    cr_assert(import_do("set", (ImportSettings){.skip_broken = true}, &told));
    cr_assert_eq(told.result.resumed, entries, "what was done was thrown away");
    cr_assert_eq(told.result.broken, bad_count);
}

Test(import_broken, a_set_of_nothing_else_is_an_error) {
    static ImportTold told;
    import_put_text("set/a/x.jpg", "no");
    cr_assert_not(import_do("set", (ImportSettings){.skip_broken = true}, &told));
    cr_assert(strstr(told.error.text, "no image"), "%s", told.error.text);
    import_put("x.tar.gz", "\x1F\x8B\x08\0\0\0\0\0\0\x03short", 15);
    cr_assert_not(import_do("x.tar.gz", (ImportSettings){.skip_broken = true}, &told));
    cr_assert(strstr(told.error.text, "cut off"), "%s", told.error.text);
}

/* A tar in a tar that is damaged: those behind it arrive. */
Test(import_broken, a_damaged_tar_in_a_tar) {
    static ImportVector vectors[IMPORT_MOST_VECTORS];
    static ImportTold told;
    FileError error;
    size_t size;
    import_vectors(vectors);
    const ImportEntry inner[] = {{"1.jpg", vectors[0].bytes, vectors[0].size},
                                 {"2.jpg", vectors[1].bytes, vectors[1].size}};
    import_put_archive("n.tar", "tar", inner, 2);
    char *tar = file_read(import_path("n.tar"), 1 << 20, &size, &error);
    char *damaged = memcpy(malloc(size), tar, size);
    memset(damaged + 512 + 1024, 'x', 512); /* the header of the second, behind one of 858 bytes */
    const ImportEntry outer[] = {
        {"n01.tar", tar, size}, {"n02.tar", damaged, size}, {"n03.tar", tar, size}};
    import_put_archive("all.tar", "tar", outer, 3);
    cr_assert(import_do("all.tar", (ImportSettings){.skip_broken = true}, &told), "%s",
              told.error.text);
    cr_assert(strstr(told.broken, "n02.tar is damaged"), "%s", told.broken);
    ImageFile *file = import_open();
    cr_assert_geq(image_file_count(file), 4);
    cr_assert_str_eq(image_file_class_name(file, image_file_classes(file) - 1), "n03");
    image_file_close(file);
    free(tar);
    free(damaged);
}

/* An archive that ends early: what came before arrives, and the archive is named. */
Test(import_broken, an_archive_that_is_cut_off) {
    static ImportVector vectors[IMPORT_MOST_VECTORS];
    static ImportTold told;
    enum { NOISE = 2000 };
    uint64_t noise = 1;
    const int count = import_vectors(vectors);
    for (int packed = 0; packed < 2; packed++) {
        ImportEntry entries[MOST];
        static char names[MOST][96];
        struct stat status;
        const char *name = packed ? "x.tar.gz" : "x.tar";
        for (int i = 0; i < 12 * count; i++) {
            /* with something behind the image that can't be packed */
            const size_t size = vectors[i % count].size;
            uint8_t *bytes = memcpy(malloc(size + NOISE), vectors[i % count].bytes, size);
            for (size_t k = 0; k < NOISE; k++)
                bytes[size + k] = (uint8_t)(noise = noise * 6364136223846793005u + 1, noise >> 56);
            snprintf(names[i], sizeof names[i], "c%d/%s", i / count, vectors[i % count].name);
            entries[i] = (ImportEntry){names[i], bytes, size + NOISE};
        }
        import_put_archive(name, packed ? "tgz" : "tar", entries, 12 * count);
        cr_assert_eq(stat(import_path(name), &status), 0);
        cr_assert_eq(truncate(import_path(name), status.st_size / 2), 0);
        cr_assert(import_do(name, (ImportSettings){.skip_broken = true}, &told), "%s",
                  told.error.text);
        cr_assert(strstr(told.broken, name) && strstr(told.broken, "cut off"), "%s", told.broken);
        ImageFile *file = import_open();
        cr_assert(image_file_count(file) >= 2 * count && image_file_count(file) < 12 * count);
        image_file_close(file);
        cr_assert_not(import_do(name, (ImportSettings){0}, &told));
    }
}
