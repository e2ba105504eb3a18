/* How often each colour occurs in a set of pixels: all that fitting a palette needs to know of it,
 * in memory that does not grow with the set (128 MiB of address space for three channels, of which
 * colours that do not occur take none). Counts are whole numbers, so the order in which pixels
 * come, and who counts them, does not matter. */
#ifndef SCANLINE_RUNTIME_COLOUR_COUNTS_H
#define SCANLINE_RUNTIME_COLOUR_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

enum { COLOUR_LEVELS = 256, COLOUR_MOST_CHANNELS = 3 };

typedef struct ColourCounts {
    int64_t channels; /* 1 or 3 */
    int64_t rows; /* 256^(channels - 1): colours that differ in the last channel alone are one */
    uint64_t *counts; /* [rows, 256] */
} ColourCounts;

bool colour_counts_create(ColourCounts *counts, int64_t channels); /* false: no memory */
void colour_counts_free(ColourCounts *counts);

/* Counts pixels [count, channels]. Several threads may, at once. */
void colour_counts_add(ColourCounts *counts, const uint8_t *pixels, int64_t count);

uint64_t colour_counts_total(const ColourCounts *counts);

/* The colours of a row that occur: pixels [result, channels], and how often. */
int64_t colour_counts_row(const ColourCounts *counts, int64_t row,
                          uint8_t pixels[COLOUR_LEVELS * COLOUR_MOST_CHANNELS],
                          uint64_t often[COLOUR_LEVELS]);

#endif
