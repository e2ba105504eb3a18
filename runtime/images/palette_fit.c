/* A step gives every colour that occurs to its nearest centre (palette_encoder.h), and moves each
 * centre to the mean. What is summed for a centre are whole numbers: how many pixels, their
 * channels, and the squares of these; error and means are worked out from them. */
#include "runtime/images/palette_fit.h"

#include "runtime/images/palette_encoder.h"
#include "runtime/images/palette_start.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of the pixels of one centre. */
typedef struct Cluster {
    uint64_t pixels, squares, channels[COLOUR_MOST_CHANNELS];
} Cluster;

static void add_cluster(Cluster *to, const Cluster *from) {
    to->pixels += from->pixels;
    to->squares += from->squares;
    for (int c = 0; c < COLOUR_MOST_CHANNELS; c++)
        to->channels[c] += from->channels[c];
}

/* --- assigning --- */

static void assign_row(const ColourCounts *counts, int64_t row, const PaletteEncoder *encoder,
                       Cluster *clusters) {
    uint8_t pixels[COLOUR_LEVELS * COLOUR_MOST_CHANNELS];
    uint64_t often[COLOUR_LEVELS];
    int32_t tokens[COLOUR_LEVELS];
    const int64_t found = colour_counts_row(counts, row, pixels, often);
    palette_encode(encoder, pixels, found, tokens);
    for (int64_t i = 0; i < found; i++) {
        Cluster *cluster = &clusters[tokens[i]];
        cluster->pixels += often[i];
        for (int64_t c = 0; c < counts->channels; c++) {
            const uint64_t level = pixels[i * counts->channels + c];
            cluster->channels[c] += often[i] * level;
            cluster->squares += often[i] * level * level;
        }
    }
}

/* clusters [colours]. False: no memory. */
static bool assign(const ColourCounts *counts, const Palette *palette, int threads,
                   Cluster *clusters) {
    PaletteEncoder *encoder = palette_encoder_create(palette);
    bool made = encoder != NULL;
    memset(clusters, 0, (size_t)palette->colours * sizeof *clusters);
#pragma omp parallel num_threads(threads) if (made)
    {
        Cluster *own = calloc((size_t)palette->colours, sizeof *own);
        if (!own) {
#pragma omp atomic write
            made = false;
        }
#pragma omp barrier
        if (made) {
#pragma omp for schedule(dynamic, 256)
            for (int64_t row = 0; row < counts->rows; row++)
                assign_row(counts, row, encoder, own);
#pragma omp critical
            for (int64_t k = 0; k < palette->colours; k++)
                add_cluster(&clusters[k], &own[k]);
        }
        free(own);
    }
    palette_encoder_free(encoder);
    return made;
}

/* --- error --- */

static double level_of(float centre) { return 127.5 * ((double)centre + 1); }

static PaletteError error_of(const Palette *palette, const Cluster *clusters) {
    double sum = 0;
    uint64_t pixels = 0;
    for (int64_t k = 0; k < palette->colours; k++) {
        double squares = (double)clusters[k].squares;
        for (int64_t c = 0; c < palette->channels; c++) {
            const double level = level_of(palette->centres[k * palette->channels + c]);
            squares +=
                level * (level * (double)clusters[k].pixels - 2 * (double)clusters[k].channels[c]);
        }
        sum += squares > 0 ? squares : 0;
        pixels += clusters[k].pixels;
    }
    const double mean = pixels ? sum / (double)pixels / (127.5 * 127.5) : 0;
    return (PaletteError){mean, 10 * log10(4 * (double)palette->channels / mean)};
}

bool palette_measure(const ColourCounts *counts, const Palette *palette, int threads,
                     PaletteError *error) {
    Cluster *clusters = malloc((size_t)palette->colours * sizeof *clusters);
    const bool done = clusters && assign(counts, palette, threads, clusters);
    if (done)
        *error = error_of(palette, clusters);
    free(clusters);
    return done;
}

/* --- centres that no pixel is nearest to --- */

/* The colour of a cluster with the largest error, which is how often it occurs times the square of
 * its distance. */
typedef struct Worst {
    double error;
    float centre[COLOUR_MOST_CHANNELS];
} Worst;

static int compare_worst(const void *a, const void *b) {
    const Worst *x = a, *y = b;
    if (x->error != y->error)
        return x->error > y->error ? -1 : 1;
    return memcmp(x->centre, y->centre, sizeof x->centre);
}

static void look_at_row(const ColourCounts *counts, int64_t row, const PaletteEncoder *encoder,
                        const Palette *palette, Worst *worst) {
    uint8_t pixels[COLOUR_LEVELS * COLOUR_MOST_CHANNELS];
    uint64_t often[COLOUR_LEVELS];
    int32_t tokens[COLOUR_LEVELS];
    const int64_t channels = counts->channels;
    const int64_t found = colour_counts_row(counts, row, pixels, often);
    palette_encode(encoder, pixels, found, tokens);
    for (int64_t i = 0; i < found; i++) {
        Worst here = {0};
        for (int64_t c = 0; c < channels; c++) {
            const double level = pixels[i * channels + c];
            const double difference = level - level_of(palette->centres[tokens[i] * channels + c]);
            here.error += difference * difference;
            here.centre[c] = (float)(level / 127.5 - 1);
        }
        here.error *= (double)often[i];
        if (here.error > worst[tokens[i]].error)
            worst[tokens[i]] = here;
    }
}

/* Moves them to the worst colours of other clusters, the worst of all first. False: no memory. */
static bool move_empty(const ColourCounts *counts, Palette *palette, const Cluster *clusters) {
    PaletteEncoder *encoder = palette_encoder_create(palette);
    Worst *worst = calloc((size_t)palette->colours, sizeof *worst);
    const bool made = encoder && worst;
    for (int64_t row = 0; made && row < counts->rows; row++)
        look_at_row(counts, row, encoder, palette, worst);
    if (made)
        qsort(worst, (size_t)palette->colours, sizeof *worst, compare_worst);
    for (int64_t k = 0, next = 0; made && k < palette->colours; k++)
        if (!clusters[k].pixels && worst[next].error > 0)
            memcpy(palette->centres + k * palette->channels, worst[next++].centre,
                   (size_t)palette->channels * sizeof(float));
    palette_encoder_free(encoder);
    free(worst);
    return made;
}

/* --- steps --- */

/* Whether a centre has no pixel. */
static bool move_to_means(Palette *palette, const Cluster *clusters) {
    bool empty = false;
    for (int64_t k = 0; k < palette->colours; k++)
        for (int64_t c = 0; c < palette->channels; c++)
            if (clusters[k].pixels)
                palette->centres[k * palette->channels + c] =
                    (float)((double)clusters[k].channels[c] / (double)clusters[k].pixels / 127.5 -
                            1);
            else
                empty = true;
    return empty;
}

static bool run_steps(const ColourCounts *counts, const PaletteFit *fit, Palette *palette,
                      Cluster *clusters) {
    double before = 0;
    for (int64_t step = 0; step < PALETTE_FIT_MOST_STEPS; step++) {
        if (!assign(counts, palette, fit->threads, clusters))
            return false;
        const PaletteError error = error_of(palette, clusters);
        if (fit->progress)
            fit->progress(fit->user, step, &error);
        if (step > 0 && before - error.mean_square <= PALETTE_FIT_TOLERANCE * before)
            return true;
        before = error.mean_square;
        if (move_to_means(palette, clusters) && !move_empty(counts, palette, clusters))
            return false;
    }
    return true;
}

bool palette_fit(const ColourCounts *counts, const PaletteFit *fit, Palette *palette,
                 const char **fault) {
    const size_t colours = (size_t)fit->colours;
    *palette = (Palette){0};
    *fault = "there is no pixel to fit a palette to";
    if (!colour_counts_total(counts))
        return false;
    float *centres = malloc(colours * (size_t)counts->channels * sizeof *centres);
    Cluster *clusters = malloc(colours * sizeof *clusters);
    Palette fitted = {.colours = fit->colours, .channels = counts->channels, .centres = centres};
    *fault = "no memory to fit a palette in";
    const bool done = centres && clusters && palette_start(counts, fit, centres) &&
                      run_steps(counts, fit, &fitted, clusters) &&
                      palette_create(palette, centres, fit->colours, counts->channels, fault);
    free(centres);
    free(clusters);
    return done;
}
