/* STL-10, the binary version (Coates, Ng and Lee, https://cs.stanford.edu/~acoates/stl10/): 96 x 96
 * pixels, the red, the green and the blue plane, each column by column; labels from 1. The
 * unlabelled images are for training. */
#include "runtime/import/parts.h"

#include <stdlib.h>
#include <string.h>

enum { SIDE = 96, PLANE = SIDE * SIDE, PIXELS = 3 * PLANE, CLASSES = 10, MOST_LABELS = 1 << 20 };

static bool is_images(const char *base) {
    return strcmp(base, "train_X.bin") == 0 || strcmp(base, "test_X.bin") == 0 ||
           strcmp(base, "unlabeled_X.bin") == 0;
}

static bool is_labels(const char *base) {
    return strcmp(base, "train_y.bin") == 0 || strcmp(base, "test_y.bin") == 0;
}

static Claim claim(const char *name) {
    const char *base = source_base_name(name);
    if (is_labels(base) || strcmp(base, "class_names.txt") == 0)
        return CLAIM_BESIDE;
    return is_images(base) ? CLAIM_IMAGES : CLAIM_NONE;
}

static bool begin(Importing *importing) {
    importing->classes = CLASSES;
    return importing_open(importing, 3);
}

static void make(const uint8_t *record, ImageView image, uint8_t *pixels) {
    (void)image;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            for (int c = 0; c < 3; c++)
                *pixels++ = record[c * PLANE + x * SIDE + y];
}

static bool read_labels(Importing *importing, const SourceMember *member) {
    size_t got = 0;
    uint8_t *bytes = malloc(MOST_LABELS);
    const bool read = bytes && source_read_all(importing->source, bytes, MOST_LABELS, &got);
    int32_t *labels = read ? malloc((got ? got : 1) * sizeof *labels) : NULL;
    for (size_t i = 0; labels && i < got; i++)
        labels[i] = bytes[i] - 1;
    free(bytes);
    if (bytes && !read)
        return importing_fault(importing, member->name, "%s", source_fault(importing->source));
    return parts_labels(importing, importing->state, member, part_of_name(member->name), labels,
                        (int64_t)got);
}

static bool member(Importing *importing, const SourceMember *member) {
    const char *base = source_base_name(member->name);
    if (is_labels(base))
        return read_labels(importing, member);
    if (!is_images(base))
        return importing_read_names(importing, member);
    if (member->size < 0 || member->size % PIXELS)
        return importing_fault(importing, member->name,
                               "is cut off: %lld bytes are no whole number of images of %d",
                               (long long)member->size, PIXELS);
    const PartImages images = {
        part_of_name(base), member->size / PIXELS, PIXELS, {SIDE, SIDE, 3, NULL}, make};
    return parts_images(importing, importing->state, member, &images);
}

static bool end(Importing *importing) { return parts_finish(importing, importing->state); }
static void release(Importing *importing) { parts_free(importing->state); }

const ImportFormat format_stl10 = {
    .name = "stl10",
    .files = "train_X.bin, train_y.bin, test_X.bin, test_y.bin, unlabeled_X.bin, class_names.txt",
    .claim = claim,
    .state_bytes = sizeof(Parts),
    .begin = begin,
    .member = member,
    .end = end,
    .release = release,
};
