/* The lists of images, in ascending order, that runtime/images/split.h decides on. */
#include "runtime/data/data_split.h"

#include "runtime/images/split.h"

#include <stdlib.h>

enum { SUBSET_DOMAIN = 0x53554253 }; /* "SUBS": as SPLIT_DOMAIN */

static int compare_images(const void *a, const void *b) {
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return x < y ? -1 : x > y;
}

bool data_split_lists(const uint8_t *splits, int64_t count, DataImages lists[DATA_SPLIT_COUNT]) {
    bool ok = true;
    for (int split = 0; split < DATA_SPLIT_COUNT; split++) {
        lists[split] = (DataImages){0, malloc((size_t)(count > 0 ? count : 1) * sizeof(int32_t))};
        ok = ok && lists[split].images;
    }
    for (int64_t i = 0; ok && i < count; i++)
        lists[splits[i]].images[lists[splits[i]].count++] = (int32_t)i;
    for (int split = 0; !ok && split < DATA_SPLIT_COUNT; split++) {
        free(lists[split].images);
        lists[split] = (DataImages){0, NULL};
    }
    return ok;
}

bool data_split_make(const int32_t *labels, int64_t count, double validation, double test,
                     int64_t seed, DataImages splits[DATA_SPLIT_COUNT]) {
    uint8_t *assigned = calloc((size_t)(count > 0 ? count : 1), 1);
    const bool ok = assigned && split_assign(labels, count, validation, test, seed, assigned) &&
                    data_split_lists(assigned, count, splits);
    free(assigned);
    return ok;
}

void data_split_keep_labelled(DataImages *list, const int32_t *labels) {
    int64_t kept = 0;
    for (int64_t i = 0; i < list->count; i++)
        if (labels[list->images[i]] >= 0)
            list->images[kept++] = list->images[i];
    list->count = kept;
}

/* How many of a class of so many images are taken. */
typedef struct Part {
    int64_t per_class;
    double share; /* where per_class is 0 */
} Part;

static int64_t part_of(Part part, int64_t count) {
    if (part.per_class)
        return part.per_class < count ? part.per_class : count;
    const int64_t share = split_share(part.share, count);
    return share > 1 ? share : 1;
}

static bool take_part(const DataImages *from, const int32_t *labels, Part part, int64_t seed,
                      DataImages *taken) {
    SplitTicket *tickets = split_tickets(from->images, labels, from->count, seed, SUBSET_DOMAIN);
    *taken = (DataImages){0, malloc((size_t)(from->count > 0 ? from->count : 1) * sizeof(int32_t))};
    const bool ok = tickets && taken->images;
    for (int64_t first = 0, end; ok && first < from->count; first = end) {
        end = split_class_end(tickets, from->count, first);
        for (int64_t i = first; i < first + part_of(part, end - first); i++)
            taken->images[taken->count++] = tickets[i].image;
    }
    if (ok) {
        qsort(taken->images, (size_t)taken->count, sizeof(int32_t), compare_images);
    } else {
        free(taken->images);
        *taken = (DataImages){0, NULL};
    }
    free(tickets);
    return ok;
}

bool data_split_subset(const DataImages *from, const int32_t *labels, int64_t per_class,
                       int64_t seed, DataImages *taken) {
    return take_part(from, labels, (Part){.per_class = per_class}, seed, taken);
}

bool data_split_share(const DataImages *from, const int32_t *labels, double share, int64_t seed,
                      DataImages *taken) {
    return take_part(from, labels, (Part){.share = share}, seed, taken);
}
