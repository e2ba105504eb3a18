#include "runtime/images/split.h"

#include "ir/philox.h"

#include <stdlib.h>

static int compare_tickets(const void *a, const void *b) {
    const SplitTicket *x = a, *y = b;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    if (x->draw != y->draw)
        return x->draw < y->draw ? -1 : 1;
    return x->image < y->image ? -1 : x->image > y->image;
}

static uint64_t draw(int32_t image, int64_t seed, uint32_t domain) {
    const PhiloxBlock counter = {{(uint32_t)image, 0, 0, domain}};
    const PhiloxBlock block = philox4x32(counter, (uint32_t)seed, (uint32_t)((uint64_t)seed >> 32));
    return (uint64_t)block.word[0] << 32 | block.word[1];
}

SplitTicket *split_tickets(const int32_t *from, const int32_t *labels, int64_t count, int64_t seed,
                           uint32_t domain) {
    SplitTicket *tickets = malloc((size_t)(count > 0 ? count : 1) * sizeof *tickets);
    if (!tickets)
        return NULL;
    for (int64_t i = 0; i < count; i++) {
        const int32_t image = from ? from[i] : (int32_t)i;
        tickets[i] = (SplitTicket){draw(image, seed, domain), labels ? labels[image] : 0, image};
    }
    qsort(tickets, (size_t)count, sizeof *tickets, compare_tickets);
    return tickets;
}

int64_t split_class_end(const SplitTicket *tickets, int64_t count, int64_t first) {
    int64_t end = first;
    while (end < count && tickets[end].label == tickets[first].label)
        end++;
    return end;
}

int64_t split_share(double share, int64_t count) { return (int64_t)(share * (double)count + 0.5); }

/* The images that are for training so far; NULL: no memory. */
static int32_t *training_images(const uint8_t *splits, int64_t count, int64_t *found) {
    int32_t *images = calloc((size_t)(count > 0 ? count : 1), sizeof *images);
    *found = 0;
    for (int64_t i = 0; images && i < count; i++)
        if (splits[i] == IMAGE_TRAIN)
            images[(*found)++] = (int32_t)i;
    return images;
}

bool split_assign(const int32_t *labels, int64_t count, double validation, double test,
                  int64_t seed, uint8_t *splits) {
    int64_t found;
    int32_t *images = training_images(splits, count, &found);
    SplitTicket *tickets = images ? split_tickets(images, labels, found, seed, SPLIT_DOMAIN) : NULL;
    for (int64_t first = 0, end; tickets && first < found; first = end) {
        end = split_class_end(tickets, found, first);
        const int64_t tests = split_share(test, end - first),
                      validations = split_share(validation, end - first);
        for (int64_t i = first; i < end && i - first < tests + validations; i++)
            splits[tickets[i].image] = i - first < tests ? IMAGE_TEST : IMAGE_VALIDATION;
    }
    const bool done = tickets != NULL;
    free(images);
    free(tickets);
    return done;
}
