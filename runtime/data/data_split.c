/* Images are ordered by (class, draw, image): a total order, so that the result does not depend on
 * the sort. Within a class the draw decides who goes where; the lists are then put in ascending
 * order. */
#include "runtime/data/data_split.h"

#include "ir/philox.h"

#include <stdlib.h>

/* Set these draws apart from all others that are made with the same seed. */
enum { SPLIT_DOMAIN = 0x53504C54, SUBSET_DOMAIN = 0x53554253 }; /* "SPLT", "SUBS" */

typedef struct Ticket {
    uint64_t draw;
    int32_t label, image;
} Ticket;

static int compare_tickets(const void *a, const void *b) {
    const Ticket *x = a, *y = b;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    if (x->draw != y->draw)
        return x->draw < y->draw ? -1 : 1;
    return x->image < y->image ? -1 : x->image > y->image;
}

static int compare_images(const void *a, const void *b) {
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return x < y ? -1 : x > y;
}

static uint64_t draw(int32_t image, int64_t seed, uint32_t domain) {
    const PhiloxBlock counter = {{(uint32_t)image, 0, 0, domain}};
    const PhiloxBlock block = philox4x32(counter, (uint32_t)seed, (uint32_t)((uint64_t)seed >> 32));
    return (uint64_t)block.word[0] << 32 | block.word[1];
}

/* The images of `from` (NULL: all of count) by class and draw; NULL: no memory. */
static Ticket *sorted_tickets(const int32_t *from, const int32_t *labels, int64_t count,
                              int64_t seed, uint32_t domain) {
    Ticket *tickets = malloc((size_t)(count > 0 ? count : 1) * sizeof *tickets);
    if (!tickets)
        return NULL;
    for (int64_t i = 0; i < count; i++) {
        const int32_t image = from ? from[i] : (int32_t)i;
        tickets[i] = (Ticket){draw(image, seed, domain), labels ? labels[image] : 0, image};
    }
    qsort(tickets, (size_t)count, sizeof *tickets, compare_tickets);
    return tickets;
}

/* One past the last ticket of the class that starts at `first`. */
static int64_t class_end(const Ticket *tickets, int64_t count, int64_t first) {
    int64_t end = first;
    while (end < count && tickets[end].label == tickets[first].label)
        end++;
    return end;
}

static int64_t share_of(double share, int64_t count) {
    return (int64_t)(share * (double)count + 0.5);
}

bool data_split_make(const int32_t *labels, int64_t count, double validation, double test,
                     int64_t seed, DataImages splits[DATA_SPLIT_COUNT]) {
    Ticket *tickets = sorted_tickets(NULL, labels, count, seed, SPLIT_DOMAIN);
    bool ok = tickets != NULL;
    for (int split = 0; split < DATA_SPLIT_COUNT; split++) {
        splits[split] = (DataImages){0, malloc((size_t)(count > 0 ? count : 1) * sizeof(int32_t))};
        ok = ok && splits[split].images;
    }
    for (int64_t first = 0, end; ok && first < count; first = end) {
        end = class_end(tickets, count, first);
        const int64_t tests = share_of(test, end - first),
                      validations = share_of(validation, end - first);
        for (int64_t i = first; i < end; i++) {
            DataImages *list = &splits[i - first < tests                 ? DATA_TEST
                                       : i - first < tests + validations ? DATA_VALIDATION
                                                                         : DATA_TRAIN];
            list->images[list->count++] = tickets[i].image;
        }
    }
    for (int split = 0; split < DATA_SPLIT_COUNT; split++) {
        if (ok) {
            qsort(splits[split].images, (size_t)splits[split].count, sizeof(int32_t),
                  compare_images);
        } else {
            free(splits[split].images);
            splits[split] = (DataImages){0, NULL};
        }
    }
    free(tickets);
    return ok;
}

bool data_split_subset(const DataImages *from, const int32_t *labels, int64_t per_class,
                       int64_t seed, DataImages *taken) {
    Ticket *tickets = sorted_tickets(from->images, labels, from->count, seed, SUBSET_DOMAIN);
    *taken = (DataImages){0, malloc((size_t)(from->count > 0 ? from->count : 1) * sizeof(int32_t))};
    const bool ok = tickets && taken->images;
    for (int64_t first = 0, end; ok && first < from->count; first = end) {
        end = class_end(tickets, from->count, first);
        for (int64_t i = first; i < end && i - first < per_class; i++)
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
