#include "runtime/images/colour_counts.h"

#include <stdlib.h>

bool colour_counts_create(ColourCounts *counts, int64_t channels) {
    const int64_t rows = channels == 1 ? 1 : COLOUR_LEVELS * COLOUR_LEVELS;
    *counts = (ColourCounts){channels, rows,
                             calloc((size_t)rows * COLOUR_LEVELS, sizeof *counts->counts)};
    return counts->counts != NULL;
}

void colour_counts_free(ColourCounts *counts) {
    free(counts->counts);
    *counts = (ColourCounts){0};
}

void colour_counts_add(ColourCounts *counts, const uint8_t *pixels, int64_t count) {
    for (int64_t i = 0; i < count; i++, pixels += counts->channels) {
        int64_t colour = pixels[0];
        for (int64_t c = 1; c < counts->channels; c++)
            colour = colour * COLOUR_LEVELS + pixels[c];
#pragma omp atomic update
        counts->counts[colour]++;
    }
}

uint64_t colour_counts_total(const ColourCounts *counts) {
    uint64_t total = 0;
    for (int64_t i = 0; i < counts->rows * COLOUR_LEVELS; i++)
        total += counts->counts[i];
    return total;
}

int64_t colour_counts_row(const ColourCounts *counts, int64_t row,
                          uint8_t pixels[COLOUR_LEVELS * COLOUR_MOST_CHANNELS],
                          uint64_t often[COLOUR_LEVELS]) {
    const uint64_t *level = counts->counts + row * COLOUR_LEVELS;
    int64_t found = 0;
    for (int last = 0; last < COLOUR_LEVELS; last++) {
        if (!level[last])
            continue;
        uint8_t *pixel = pixels + found * counts->channels;
        if (counts->channels == 3) {
            pixel[0] = (uint8_t)(row / COLOUR_LEVELS);
            pixel[1] = (uint8_t)(row % COLOUR_LEVELS);
        }
        pixel[counts->channels - 1] = (uint8_t)last;
        often[found++] = level[last];
    }
    return found;
}
