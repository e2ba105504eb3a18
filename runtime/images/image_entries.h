/* What a writer keeps of each image besides its pixels and name, and of what is left out: what the
 * records of its journal say. For image_writer.c. */
#ifndef SCANLINE_RUNTIME_IMAGE_ENTRIES_H
#define SCANLINE_RUNTIME_IMAGE_ENTRIES_H

#include "runtime/images/image_journal.h"
#include "runtime/images/image_writer.h"

typedef struct ImageSides {
    uint32_t height, width;
} ImageSides;

typedef struct ImageEntries {
    int64_t count, capacity; /* images */
    int64_t entries;         /* images and what was left out */
    int32_t *labels;
    uint8_t *splits;
    ImageSides *sizes;
    ImageRemark *remarks;
    int64_t remark_count, remark_capacity;
    LayoutHash *sums; /* of the full blocks of pixels */
    int64_t sum_count, sum_capacity;
} ImageEntries;

/* A JournalVisit: does what a record says to the ImageEntries at `user`. False: no memory, or no
 * such record. */
bool entries_apply(void *user, const Record *record, const char *name, const char *text);

bool entries_one_size(const ImageEntries *entries);

/* Bytes of all images' pixels. */
uint64_t entries_pixels(const ImageEntries *entries, int64_t channels);

void entries_free(ImageEntries *entries);

#endif
