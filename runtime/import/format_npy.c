/* NumPy's arrays, in files of their own or in an .npz: images are bytes [count, height, width] or
 * [count, height, width, 1 or 3], labels are integers [count] or [count, 1]. Which of them are for
 * testing is in what they are called ("x_test"). */
#include "runtime/files/npy.h"
#include "runtime/import/parts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MOST_LABELS = 1 << 28 };

static Claim claim(const char *name) {
    const size_t length = strlen(name);
    return length > 4 && strcasecmp(name + length - 4, ".npy") == 0 ? CLAIM_IMAGES : CLAIM_NONE;
}

static bool begin(Importing *importing) {
    (void)importing; /* the first images say how many channels there are */
    return true;
}

static bool read_images(Importing *importing, const SourceMember *member, const NpyArray *shape) {
    const int64_t *extents = shape->extents;
    const int64_t channels = shape->rank == 4 ? extents[3] : 1;
    if (extents[1] < 1 || extents[2] < 1 || extents[1] > IMAGE_MOST_SIDE ||
        extents[2] > IMAGE_MOST_SIDE || extents[1] * extents[2] > IMAGE_MOST_PIXELS ||
        (channels != 1 && channels != 3))
        return importing_fault(
            importing, member->name,
            "has images of %lld x %lld with %lld channels; 1 and 3 are read, and "
            "the channels come last",
            (long long)extents[1], (long long)extents[2], (long long)channels);
    if (!importing->writer && !importing_open(importing, channels))
        return false;
    const PartImages images = {part_of_name(member->name),
                               extents[0],
                               extents[1] * extents[2] * channels,
                               {extents[1], extents[2], channels, NULL},
                               NULL};
    return parts_images(importing, importing->state, member, &images);
}

static bool is_integer(NpyType type) {
    return type != NPY_F64 && type != NPY_F32 && type != NPY_F16 && type != NPY_BOOL;
}

static bool read_labels(Importing *importing, const SourceMember *member, NpyArray *shape) {
    const bool column = shape->rank == 2 && shape->extents[1] == 1;
    if (!is_integer(shape->type) || (shape->rank != 1 && !column) || shape->elements > MOST_LABELS)
        return importing_fault(importing, member->name,
                               "is no array of images (uint8 [count, height, width] or [count, "
                               "height, width, 3]), and none of labels (integers [count])");
    const size_t size = (size_t)shape->elements * npy_type_size(shape->type);
    unsigned char *bytes = importing_read_bytes(importing, member, size);
    if (!bytes)
        return false;
    int32_t *labels = malloc((size_t)(shape->elements ? shape->elements : 1) * sizeof *labels);
    shape->data = bytes;
    for (int64_t i = 0; labels && i < shape->elements; i++) {
        const double value = npy_value(shape, i);
        labels[i] = value >= 0 && value < IMAGE_MOST_CLASSES ? (int32_t)value : -1;
    }
    free(bytes);
    return parts_labels(importing, importing->state, member, part_of_name(member->name), labels,
                        shape->elements);
}

static bool member(Importing *importing, const SourceMember *member) {
    const unsigned char *bytes;
    const char *fault;
    unsigned char skipped[SOURCE_PEEK];
    NpyArray shape;
    size_t size, header;
    bool whole;
    if (!source_peek(importing->source, &bytes, &size))
        return importing_fault(importing, member->name, "%s", source_fault(importing->source));
    if (!npy_header(bytes, size, &shape, &header, &fault))
        return importing_fault(importing, member->name, "%s", fault);
    importing_read(importing, skipped, header, &whole);
    const bool images = shape.type == NPY_U8 && (shape.rank == 3 || shape.rank == 4);
    return images ? read_images(importing, member, &shape) : read_labels(importing, member, &shape);
}

static bool end(Importing *importing) {
    return importing->writer
               ? parts_finish(importing, importing->state)
               : run_fail(importing->error, EXIT_INPUT,
                          "there is no array of images (uint8 [count, height, width] or "
                          "[count, height, width, 3])");
}

static void release(Importing *importing) { parts_free(importing->state); }

const ImportFormat format_npy = {
    .name = "npy",
    .files = ".npy files, or an .npz: x_train.npy, y_train.npy, x_test.npy, ...",
    .claim = claim,
    .state_bytes = sizeof(Parts),
    .begin = begin,
    .member = member,
    .end = end,
    .release = release,
};
