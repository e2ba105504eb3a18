/* k-means++: a colour is drawn with a chance in proportion to the square of its distance from those
 * that there are; of CANDIDATES draws that counts which leaves the least sum of squares. Squares of
 * distances of pixels are whole numbers, and so are their sums: exact in any order. */
#include "runtime/images/palette_start.h"

#include "ir/philox.h"

#include <stdlib.h>

enum {
    START_DOMAIN = 0x4B4D5050, /* "KMPP": sets these draws apart from all others of the seed */
    SAMPLE_A_COLOUR = 32,      /* pixels */
    CANDIDATES = 8,
};

typedef struct Sample {
    int64_t count, channels;
    uint8_t *pixels;  /* [count, channels] */
    uint32_t *square; /* [count]: of the distance to the nearest colour so far */
} Sample;

/* Uniform in [0, limit). */
static uint64_t draw(int64_t seed, uint32_t purpose, int64_t number, uint64_t limit) {
    const PhiloxBlock counter = {
        {(uint32_t)number, (uint32_t)((uint64_t)number >> 32), purpose, START_DOMAIN}};
    const PhiloxBlock words = philox4x32(counter, (uint32_t)seed, (uint32_t)((uint64_t)seed >> 32));
    const uint64_t word = (uint64_t)words.word[0] << 32 | words.word[1];
    return (uint64_t)((unsigned __int128)word * limit >> 64);
}

/* --- the sample --- */

static int compare(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* The pixels at `places`, ascending, of all pixels in the order of their colours. */
static void pick(const ColourCounts *counts, const uint64_t *places, Sample *sample) {
    uint8_t pixels[COLOUR_LEVELS * COLOUR_MOST_CHANNELS];
    uint64_t often[COLOUR_LEVELS], end = 0;
    int64_t next = 0;
    for (int64_t row = 0; row < counts->rows && next < sample->count; row++) {
        const int64_t found = colour_counts_row(counts, row, pixels, often);
        for (int64_t i = 0; i < found; i++)
            for (end += often[i]; next < sample->count && places[next] < end; next++)
                for (int64_t c = 0; c < sample->channels; c++)
                    sample->pixels[next * sample->channels + c] = pixels[i * sample->channels + c];
    }
}

static bool sample_draw(const ColourCounts *counts, const PaletteFit *fit, Sample *sample) {
    const uint64_t total = colour_counts_total(counts);
    sample->channels = counts->channels;
    sample->count = SAMPLE_A_COLOUR * fit->colours;
    sample->pixels = malloc((size_t)(sample->count * sample->channels));
    sample->square = malloc((size_t)sample->count * sizeof *sample->square);
    uint64_t *places = malloc((size_t)sample->count * sizeof *places);
    const bool made = sample->pixels && sample->square && places;
    if (made) {
        for (int64_t i = 0; i < sample->count; i++) {
            places[i] = draw(fit->seed, 0, i, total);
            sample->square[i] = UINT32_MAX;
        }
        qsort(places, (size_t)sample->count, sizeof *places, compare);
        pick(counts, places, sample);
    }
    free(places);
    return made;
}

/* --- colours --- */

static uint32_t square_of(const Sample *sample, int64_t a, int64_t b) {
    const uint8_t *x = sample->pixels + a * sample->channels,
                  *y = sample->pixels + b * sample->channels;
    uint32_t sum = 0;
    for (int64_t c = 0; c < sample->channels; c++) {
        const int difference = x[c] - y[c];
        sum += (uint32_t)(difference * difference);
    }
    return sum;
}

/* The sum of squares that would be left with pixel `chosen` as a colour. */
static uint64_t left_with(const Sample *sample, int64_t chosen) {
    uint64_t sum = 0;
    for (int64_t i = 0; i < sample->count; i++) {
        const uint32_t square = square_of(sample, i, chosen);
        sum += square < sample->square[i] ? square : sample->square[i];
    }
    return sum;
}

/* The pixel in which `place`, counted in squares, falls. */
static int64_t pixel_at(const Sample *sample, uint64_t place) {
    int64_t i = 0;
    for (uint64_t end = sample->square[0]; end <= place && i + 1 < sample->count;
         end += sample->square[i])
        i++;
    return i;
}

static int64_t choose(const Sample *sample, const PaletteFit *fit, int64_t number, uint64_t left) {
    int64_t best = 0;
    uint64_t least = UINT64_MAX;
    for (int64_t candidate = 0; candidate < CANDIDATES; candidate++) {
        const uint64_t place = draw(fit->seed, 1, number * CANDIDATES + candidate, left);
        const int64_t pixel = pixel_at(sample, place);
        const uint64_t sum = left_with(sample, pixel);
        if (sum < least) {
            least = sum;
            best = pixel;
        }
    }
    return best;
}

static void take(Sample *sample, int64_t chosen) {
    for (int64_t i = 0; i < sample->count; i++) {
        const uint32_t square = square_of(sample, i, chosen);
        sample->square[i] = square < sample->square[i] ? square : sample->square[i];
    }
}

bool palette_start(const ColourCounts *counts, const PaletteFit *fit, float *centres) {
    Sample sample = {0};
    const bool made = sample_draw(counts, fit, &sample);
    uint64_t left = 1; /* the first is any pixel: all squares are alike */
    for (int64_t k = 0; made && k < fit->colours; k++) {
        const int64_t chosen = k == 0 ? (int64_t)draw(fit->seed, 2, 0, (uint64_t)sample.count)
                                      : choose(&sample, fit, k, left);
        take(&sample, chosen);
        for (int64_t c = 0; c < sample.channels; c++)
            centres[k * sample.channels + c] =
                (float)(sample.pixels[chosen * sample.channels + c] / 127.5 - 1);
        left = 0;
        for (int64_t i = 0; i < sample.count; i++)
            left += sample.square[i];
        left = left ? left : 1;
    }
    free(sample.pixels);
    free(sample.square);
    return made;
}
