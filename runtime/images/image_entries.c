#include "runtime/images/image_entries.h"

#include <stdlib.h>
#include <string.h>

/* The array, with room for one more of `size` bytes behind `count`. NULL: no memory; then it stays
 * as it was. */
static void *grown(void *array, int64_t count, int64_t *capacity, size_t size) {
    if (count < *capacity)
        return array;
    const int64_t larger = *capacity ? 2 * *capacity : 256;
    void *moved = realloc(array, (size_t)larger * size);
    if (moved)
        *capacity = larger;
    return moved;
}

static bool grow_images(ImageEntries *entries) {
    int64_t capacities[3] = {entries->capacity, entries->capacity, entries->capacity};
    const int64_t count = entries->count;
    int32_t *labels = grown(entries->labels, count, &capacities[0], sizeof *labels);
    if (labels)
        entries->labels = labels;
    uint8_t *splits = grown(entries->splits, count, &capacities[1], sizeof *splits);
    if (splits)
        entries->splits = splits;
    ImageSides *sizes = grown(entries->sizes, count, &capacities[2], sizeof *sizes);
    if (sizes)
        entries->sizes = sizes;
    if (!labels || !splits || !sizes)
        return false;
    entries->capacity = capacities[0];
    return true;
}

static bool keep_sum(ImageEntries *entries, const char *bytes) {
    LayoutHash *sums =
        grown(entries->sums, entries->sum_count, &entries->sum_capacity, sizeof *entries->sums);
    if (!sums)
        return false;
    entries->sums = sums;
    memcpy(&sums[entries->sum_count++], bytes, sizeof *sums);
    return true;
}

static bool keep_remark(ImageEntries *entries, const Record *record, const char *name,
                        const char *text) {
    ImageRemark *remarks = grown(entries->remarks, entries->remark_count, &entries->remark_capacity,
                                 sizeof *entries->remarks);
    if (!remarks)
        return false;
    entries->remarks = remarks;
    ImageRemark remark = {record->kind == RECORD_BROKEN, strndup(name, record->name_length),
                          strndup(text, record->text_length)};
    if (!remark.name || !remark.text) {
        free(remark.name);
        free(remark.text);
        return false;
    }
    entries->remarks[entries->remark_count++] = remark;
    return true;
}

bool entries_apply(void *user, const Record *record, const char *name, const char *text) {
    ImageEntries *entries = user;
    switch (record->kind) {
    case RECORD_IMAGE:
        if (!grow_images(entries))
            return false;
        entries->labels[entries->count] = record->label;
        entries->splits[entries->count] = record->split;
        entries->sizes[entries->count++] = (ImageSides){record->height, record->width};
        entries->entries++;
        return !record->text_length || keep_remark(entries, record, name, text);
    case RECORD_BROKEN:
        entries->entries++;
        return keep_remark(entries, record, name, text);
    case RECORD_SUM:
        return record->text_length == sizeof(LayoutHash) && keep_sum(entries, text);
    default:
        return false;
    }
}

bool entries_one_size(const ImageEntries *entries) {
    for (int64_t i = 1; i < entries->count; i++)
        if (entries->sizes[i].height != entries->sizes[0].height ||
            entries->sizes[i].width != entries->sizes[0].width)
            return false;
    return true;
}

uint64_t entries_pixels(const ImageEntries *entries, int64_t channels) {
    uint64_t pixels = 0;
    for (int64_t i = 0; i < entries->count; i++)
        pixels += (uint64_t)entries->sizes[i].height * entries->sizes[i].width;
    return pixels * (uint64_t)channels;
}

void entries_free(ImageEntries *entries) {
    for (int64_t i = 0; i < entries->remark_count; i++) {
        free(entries->remarks[i].name);
        free(entries->remarks[i].text);
    }
    free(entries->remarks);
    free(entries->labels);
    free(entries->splits);
    free(entries->sizes);
    free(entries->sums);
}
