/* CIFAR-10 and CIFAR-100, the binary versions (Krizhevsky,
 * https://www.cs.toronto.edu/~kriz/cifar.html): records of a label (CIFAR-100: two, coarse and
 * fine) and 32 x 32 pixels, the red, the green and the blue plane, row by row. */
#include "runtime/import/importing.h"

#include <stdlib.h>
#include <string.h>

enum {
    SIDE = 32,
    PLANE = SIDE * SIDE,
    PIXELS = 3 * PLANE,
    CLASSES_10 = 10,
    FINE_CLASSES = 100,
    COARSE_CLASSES = 20,
    MOST_RECORD = 2 + PIXELS
};

static Claim claim_10(const char *name) {
    const char *base = source_base_name(name);
    if (strcmp(base, "batches.meta.txt") == 0)
        return CLAIM_BESIDE;
    const bool batch = strncmp(base, "data_batch_", 11) == 0 && base[11] >= '1' &&
                       base[11] <= '9' && strcmp(base + 12, ".bin") == 0;
    return batch || strcmp(base, "test_batch.bin") == 0 ? CLAIM_IMAGES : CLAIM_NONE;
}

static Claim claim_100(const char *name) {
    const char *base = source_base_name(name);
    if (strcmp(base, "fine_label_names.txt") == 0 || strcmp(base, "coarse_label_names.txt") == 0)
        return CLAIM_BESIDE;
    return strcmp(base, "train.bin") == 0 || strcmp(base, "test.bin") == 0 ? CLAIM_IMAGES
                                                                           : CLAIM_NONE;
}

static bool begin_10(Importing *importing) {
    importing->classes = CLASSES_10;
    return importing_open(importing, 3);
}

static bool begin_100(Importing *importing) {
    importing->classes = importing->settings->coarse ? COARSE_CLASSES : FINE_CLASSES;
    return importing_open(importing, 3);
}

static void interleave(const uint8_t *planes, uint8_t *pixels) {
    for (int i = 0; i < PLANE; i++)
        for (int c = 0; c < 3; c++)
            pixels[3 * i + c] = planes[c * PLANE + i];
}

/* One record; `label_at`: where its label is, `labels` before the pixels. */
static bool add_record(Importing *importing, const char *name, const uint8_t *record, int label_at,
                       int labels, ImageSplit split) {
    uint8_t pixels[PIXELS];
    const Place place = {split, record[label_at]};
    if (importing_skips(importing))
        return true;
    if (place.label >= importing->classes) {
        char reason[80];
        snprintf(reason, sizeof reason, "has the label %d; 0 to %lld are possible", place.label,
                 (long long)importing->classes - 1);
        return importing_leave_out(importing, name, reason);
    }
    interleave(record + labels, pixels);
    return importing_add(importing, (ImageView){SIDE, SIDE, 3, pixels}, place, NULL);
}

static bool read_records(Importing *importing, const SourceMember *member, int label_at, int labels,
                         ImageSplit split) {
    uint8_t record[MOST_RECORD];
    const size_t size = (size_t)(labels + PIXELS);
    for (int64_t index = 0;; index++) {
        char name[160], reason[80];
        size_t got;
        snprintf(name, sizeof name, "%.120s[%lld]", source_base_name(member->name),
                 (long long)index);
        if (!source_read_all(importing->source, record, size, &got))
            return importing_skips(importing) ||
                   importing_leave_out(importing, name, source_fault(importing->source));
        if (got == 0)
            return true;
        if (got < size) {
            snprintf(reason, sizeof reason, "is cut off: %zu of its %zu bytes are there", got,
                     size);
            return importing_skips(importing) || importing_leave_out(importing, name, reason);
        }
        if (!add_record(importing, name, record, label_at, labels, split))
            return false;
    }
}

static bool member_10(Importing *importing, const SourceMember *member) {
    const char *base = source_base_name(member->name);
    if (claim_10(base) == CLAIM_BESIDE)
        return importing_read_names(importing, member);
    return read_records(importing, member, 0, 1, *base == 't' ? IMAGE_TEST : IMAGE_TRAIN);
}

static bool member_100(Importing *importing, const SourceMember *member) {
    const char *base = source_base_name(member->name);
    const bool coarse = importing->settings->coarse;
    if (claim_100(base) == CLAIM_IMAGES)
        return read_records(importing, member, !coarse, 2,
                            base[1] == 'e' ? IMAGE_TEST : IMAGE_TRAIN);
    return (*base == 'c') != coarse || importing_read_names(importing, member);
}

static bool end(Importing *importing) {
    (void)importing;
    return true;
}

const ImportFormat format_cifar10 = {
    .name = "cifar10",
    .files = "data_batch_1.bin to data_batch_5.bin, test_batch.bin, batches.meta.txt",
    .claim = claim_10,
    .state_bytes = 1,
    .begin = begin_10,
    .member = member_10,
    .end = end,
};

const ImportFormat format_cifar100 = {
    .name = "cifar100",
    .files = "train.bin, test.bin, fine_label_names.txt, coarse_label_names.txt",
    .claim = claim_100,
    .state_bytes = 1,
    .begin = begin_100,
    .member = member_100,
    .end = end,
};
