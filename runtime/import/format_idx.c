/* MNIST and what is distributed as it is: IDX files (runtime/files/idx.h) of grey images [count,
 * height, width] and of labels, which are called alike. */
#include "runtime/files/idx.h"
#include "runtime/import/parts.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_LABELS = 1 << 28 };

static Claim claim(const char *name) {
    const char *base = source_base_name(name);
    if (strstr(base, "images") && strstr(base, "idx3"))
        return CLAIM_IMAGES;
    const bool beside = (strstr(base, "labels") && strstr(base, "idx1")) ||
                        strcmp(base, "classes.txt") == 0 || strcmp(base, "labels.txt") == 0;
    return beside ? CLAIM_BESIDE : CLAIM_NONE;
}

static bool begin(Importing *importing) { return importing_open(importing, 1); }

/* The header, with what follows it left to be read. */
static bool read_header(Importing *importing, const SourceMember *member, IdxArray *array) {
    const unsigned char *bytes;
    const char *fault;
    uint8_t skipped[IDX_MAX_HEADER];
    size_t size, header;
    bool whole;
    if (!source_peek(importing->source, &bytes, &size))
        return importing_fault(importing, member->name, "%s", source_fault(importing->source));
    if (!idx_header(bytes, size, array, &header, &fault))
        return importing_fault(importing, member->name, "%s", fault);
    return importing_read(importing, skipped, header, &whole);
}

static bool read_images(Importing *importing, const SourceMember *member) {
    IdxArray array;
    if (!read_header(importing, member, &array))
        return false;
    const int64_t *extents = array.extents;
    if (array.rank != 3 || array.value_bytes != 1)
        return importing_fault(importing, member->name,
                               "has %u axes and %u bytes a pixel; [image, row, column] of one byte "
                               "is what is read here",
                               array.rank, array.value_bytes);
    if (extents[1] > IMAGE_MOST_SIDE || extents[2] > IMAGE_MOST_SIDE ||
        extents[1] * extents[2] > IMAGE_MOST_PIXELS)
        return importing_fault(importing, member->name,
                               "says that its images have %lld x %lld pixels",
                               (long long)extents[1], (long long)extents[2]);
    const PartImages images = {part_of_name(member->name),
                               extents[0],
                               extents[1] * extents[2],
                               {extents[1], extents[2], 1, NULL},
                               NULL};
    return parts_images(importing, importing->state, member, &images);
}

static bool read_labels(Importing *importing, const SourceMember *member) {
    IdxArray array;
    if (!read_header(importing, member, &array))
        return false;
    if (array.rank != 1 || array.elements > MOST_LABELS)
        return importing_fault(importing, member->name, "has %u axes and %lld labels", array.rank,
                               (long long)array.elements);
    const size_t size = (size_t)array.elements * array.value_bytes;
    unsigned char *bytes = importing_read_bytes(importing, member, size);
    if (!bytes)
        return false;
    int32_t *labels = malloc((size_t)(array.elements ? array.elements : 1) * sizeof *labels);
    array.values = bytes;
    for (int64_t i = 0; labels && i < array.elements; i++)
        labels[i] = idx_value(&array, i);
    free(bytes);
    return parts_labels(importing, importing->state, member, part_of_name(member->name), labels,
                        array.elements);
}

static bool member(Importing *importing, const SourceMember *member) {
    if (claim(member->name) == CLAIM_IMAGES)
        return read_images(importing, member);
    return strstr(source_base_name(member->name), "idx1") ? read_labels(importing, member)
                                                          : importing_read_names(importing, member);
}

static bool end(Importing *importing) { return parts_finish(importing, importing->state); }
static void release(Importing *importing) { parts_free(importing->state); }

const ImportFormat format_idx = {
    .name = "idx",
    .files = "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-..., perhaps packed (.gz)",
    .claim = claim,
    .state_bytes = sizeof(Parts),
    .begin = begin,
    .member = member,
    .end = end,
    .release = release,
};
