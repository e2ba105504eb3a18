/* Which images are for training, validation and test: within each class they are put in a random
 * order (Philox, keyed by the seed, counted by the image); the first test * n of them, rounded, are
 * for testing, the next validation * n for validation, the rest for training. */
#ifndef SCANLINE_RUNTIME_SPLIT_H
#define SCANLINE_RUNTIME_SPLIT_H

#include "runtime/images/image_file.h"

/* An image with the number of its draw. */
typedef struct SplitTicket {
    uint64_t draw;
    int32_t label, image;
} SplitTicket;

/* Sets these draws apart from all others that are made with the same seed. */
enum { SPLIT_DOMAIN = 0x53504C54 }; /* "SPLT" */

/* The images of `from` (NULL: 0 to count - 1), ordered by class, draw and image: a total order, so
 * that the result does not depend on the sort. labels, of all images, may be NULL: one class. The
 * caller's to free; NULL: no memory. */
SplitTicket *split_tickets(const int32_t *from, const int32_t *labels, int64_t count, int64_t seed,
                           uint32_t domain);

/* One past the last ticket of the class that starts at `first`. */
int64_t split_class_end(const SplitTicket *tickets, int64_t count, int64_t first);

/* A share of so many images, rounded. */
int64_t split_share(double share, int64_t count);

/* Distributes those images that are IMAGE_TRAIN in `splits` [count]. False: no memory. */
bool split_assign(const int32_t *labels, int64_t count, double validation, double test,
                  int64_t seed, uint8_t *splits);

#endif
