/* JPEG and PNG: files of every kind give the pixels that Pillow and numpy give
 * (vectors/make_images.py); what is cut off or lies anywhere is broken, and says so. */
#include "runtime/files/file.h"
#include "runtime/images/image_decode.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define IMAGES SCANLINE_SOURCE_DIR "/tests/unit/vectors/images"

typedef struct Vector {
    char name[64], path[256];
    int64_t height, width;
    unsigned long long hashes[2]; /* in three channels, in one */
    uint8_t *bytes;
    size_t size;
} Vector;

enum { MOST_VECTORS = 32 };

static int read_vectors(Vector vectors[MOST_VECTORS]) {
    FileError error;
    int count = 0;
    FILE *list = fopen(IMAGES "/images.txt", "r");
    cr_assert(list);
    for (Vector *v = vectors; count < MOST_VECTORS; v++, count++) {
        long long height, width;
        if (fscanf(list, "%63s %lld %lld %llx %llx", v->name, &height, &width, &v->hashes[0],
                   &v->hashes[1]) != 5)
            break;
        v->height = height;
        v->width = width;
        snprintf(v->path, sizeof v->path, IMAGES "/%s", v->name);
        v->bytes = (uint8_t *)file_read(v->path, 1 << 20, &v->size, &error);
        cr_assert(v->bytes, "%s", error.text);
    }
    fclose(list);
    cr_assert_gt(count, 10);
    return count;
}

static unsigned long long fnv(const Image *image) {
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (int64_t i = 0; i < image->height * image->width * image->channels; i++)
        hash = (hash ^ image->pixels[i]) * UINT64_C(0x100000001B3);
    return hash;
}

Test(image_decode, gives_the_pixels_of_the_reference) {
    static Vector vectors[MOST_VECTORS];
    const int count = read_vectors(vectors);
    for (int i = 0; i < count; i++)
        for (int64_t channels = 3; channels >= 1; channels -= 2) {
            Image image;
            ImageNote note;
            cr_assert(image_decode(vectors[i].bytes, vectors[i].size, channels, &image, &note),
                      "%s %s", vectors[i].name, note.reason);
            cr_assert(image.height == vectors[i].height && image.width == vectors[i].width &&
                      image.channels == channels);
            cr_expect_eq(fnv(&image), vectors[i].hashes[channels == 1], "%s in %d channels",
                         vectors[i].name, (int)channels);
            free(image.pixels);
        }
}

static const char *remark_of(const char *name) {
    static const char *const remarks[][2] = {
        {"turned.jpg", "orientation 6"}, {"cmyk.jpg", "CMYK"},      {"deep.png", "16 bits"},
        {"deep-grey.png", "16 bits"},    {"alpha.png", "on white"}, {"grey-alpha.png", "on white"},
        {"animated.png", "animated"},
    };
    for (size_t i = 0; i < sizeof remarks / sizeof *remarks; i++)
        if (strcmp(name, remarks[i][0]) == 0)
            return remarks[i][1];
    return NULL;
}

Test(image_decode, remarks_on_what_is_odd) {
    static Vector vectors[MOST_VECTORS];
    const int count = read_vectors(vectors);
    for (int i = 0; i < count; i++) {
        Image image;
        ImageNote note;
        const char *remark = remark_of(vectors[i].name);
        cr_assert(image_decode(vectors[i].bytes, vectors[i].size, 3, &image, &note));
        cr_assert(remark ? strstr(note.remark, remark) != NULL : !*note.remark, "%s: %s",
                  vectors[i].name, note.remark);
        free(image.pixels);
    }
}

/* In memory of its own size, so that a sanitizer sees a byte too far. */
static bool decodes(const uint8_t *bytes, size_t size, ImageNote *note) {
    Image image;
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, bytes, size);
    const bool done = image_decode(copy, size, 3, &image, note);
    cr_assert(done || *note->reason, "broken without a reason");
    cr_assert(done == (image.pixels != NULL));
    free(image.pixels);
    free(copy);
    return done;
}

Test(image_decode, every_beginning_of_a_file_is_broken) {
    static Vector vectors[MOST_VECTORS];
    const int count = read_vectors(vectors);
    for (int i = 0; i < count; i++)
        for (size_t size = 0; size < vectors[i].size; size++) {
            ImageNote note;
            cr_assert_not(decodes(vectors[i].bytes, size, &note), "%zu of %zu bytes of %s", size,
                          vectors[i].size, vectors[i].name);
        }
}

Test(image_decode, any_changed_byte_is_survived) {
    static Vector vectors[MOST_VECTORS];
    const int count = read_vectors(vectors);
    int broken = 0, tried = 0;
    for (int i = 0; i < count; i++)
        for (size_t at = 0; at < vectors[i].size; at++)
            for (int bit = 0; bit < 8; bit += 3) {
                ImageNote note;
                vectors[i].bytes[at] ^= (uint8_t)(1 << bit);
                broken += !decodes(vectors[i].bytes, vectors[i].size, &note);
                vectors[i].bytes[at] ^= (uint8_t)(1 << bit);
                tried++;
            }
    cr_assert(broken > tried / 2 && broken < tried, "%d of %d", broken, tried);
}

/* The header of a PNG with another size, its sum put right. */
static void lie_png(uint8_t *png, uint32_t width, uint32_t height) {
    uint32_t sum = 0xFFFFFFFF;
    for (int i = 0; i < 4; i++) {
        png[16 + i] = (uint8_t)(width >> (24 - 8 * i));
        png[20 + i] = (uint8_t)(height >> (24 - 8 * i));
    }
    for (int i = 12; i < 29; i++) {
        sum ^= png[i];
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? 0xEDB88320 : 0);
    }
    for (int i = 0; i < 4; i++)
        png[29 + i] = (uint8_t)(~sum >> (24 - 8 * i));
}

/* The size in the frame's header (SOF0 to SOF2). */
static void lie_jpeg(uint8_t *jpeg, size_t size, unsigned width, unsigned height) {
    for (size_t at = 2; at + 9 < size;) {
        if (jpeg[at + 1] >= 0xC0 && jpeg[at + 1] <= 0xC2) {
            jpeg[at + 5] = (uint8_t)(height >> 8);
            jpeg[at + 6] = (uint8_t)height;
            jpeg[at + 7] = (uint8_t)(width >> 8);
            jpeg[at + 8] = (uint8_t)width;
            return;
        }
        at += 2 + (size_t)(jpeg[at + 2] << 8 | jpeg[at + 3]);
    }
    cr_assert(false, "a JPEG without a frame");
}

Test(image_decode, lies_about_sizes_are_refused_before_memory_is_taken) {
    static const unsigned sides[][2] = {
        {65500, 65500}, {60000, 2000}, {24, 19}, {23, 20}, {1, 65500}, {0, 19},
    };
    static Vector vectors[MOST_VECTORS];
    const int count = read_vectors(vectors);
    for (int i = 0; i < count; i++)
        for (size_t s = 0; s < sizeof sides / sizeof *sides; s++) {
            ImageNote note;
            uint8_t *copy = malloc(vectors[i].size);
            memcpy(copy, vectors[i].bytes, vectors[i].size);
            if (strstr(vectors[i].name, ".png"))
                lie_png(copy, sides[s][0], sides[s][1]);
            else
                lie_jpeg(copy, vectors[i].size, sides[s][0], sides[s][1]);
            const bool done = decodes(copy, vectors[i].size, &note);
            /* one row or column more can be within the last block of a JPEG, or byte of a row */
            const bool more = sides[s][0] == 24 || sides[s][1] == 20;
            const bool rounded = strstr(vectors[i].name, ".jpg") ||
                                 strcmp(vectors[i].name, "palette.png") == 0 ||
                                 strcmp(vectors[i].name, "bits.png") == 0;
            cr_assert(!done || (more && rounded), "%s as %u x %u", vectors[i].name, sides[s][0],
                      sides[s][1]);
            cr_assert(s > 1 || strstr(note.reason, "at most"), "%s: %s", vectors[i].name,
                      note.reason);
            free(copy);
        }
}

Test(image_decode, other_kinds_are_named) {
    static const struct {
        const char *bytes, *reason;
        size_t size;
    } others[] = {
        {"GIF89a\1\0\1\0", "a GIF", 10},
        {"RIFF\0\0\0\0WEBPVP8 ", "a WebP", 16},
        {"BM\0\0\0\0\0\0", "a BMP", 8},
        {"II*\0\10\0\0\0", "a TIFF", 8},
        {"", "is empty", 0},
        {"<html><body>404", "begins as neither", 15},
        {"\x89PNG\r\n\x1A", "begins as neither", 7},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        Image image;
        ImageNote note;
        cr_assert_not(
            image_decode((const uint8_t *)others[i].bytes, others[i].size, 3, &image, &note));
        cr_assert(strstr(note.reason, others[i].reason), "%s", note.reason);
    }
    cr_assert_eq(image_kind_of_name("a.b/c.JPEG"), IMAGE_KIND_JPEG);
    cr_assert_eq(image_kind_of_name("a.png/c"), IMAGE_KIND_UNKNOWN);
}
