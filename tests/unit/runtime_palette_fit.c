/* Fitting palettes: to colours that there are, to fewer than are asked for, the same bits for any
 * threads, and errors as they are by definition. */
#include "ir/philox.h"
#include "runtime/images/palette_fit.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static void add(ColourCounts *counts, int red, int green, int blue, int often) {
    const uint8_t rgb[] = {(uint8_t)red, (uint8_t)green, (uint8_t)blue};
    for (int i = 0; i < often; i++)
        colour_counts_add(counts, rgb, 1);
}

/* Pixels around `clusters` places, some near and some far. */
static void add_cloud(ColourCounts *counts, int clusters, int pixels) {
    for (int i = 0; i < pixels; i++) {
        const PhiloxBlock place = philox4x32((PhiloxBlock){{i % clusters, 1, 0, 0}}, 1, 2),
                          noise = philox4x32((PhiloxBlock){{(uint32_t)i, 2, 0, 0}}, 1, 2);
        uint8_t pixel[3];
        for (int c = 0; c < 3; c++)
            pixel[c] = (uint8_t)(16 + place.word[c] % 208 + noise.word[c] % 24);
        colour_counts_add(counts, pixel, 1);
    }
}

static Palette fit(const ColourCounts *counts, int64_t colours, int64_t seed, int threads) {
    const PaletteFit options = {.colours = colours, .seed = seed, .threads = threads};
    Palette palette;
    const char *fault = "";
    cr_assert(palette_fit(counts, &options, &palette, &fault), "%s", fault);
    cr_assert(palette.colours == colours && palette.channels == counts->channels);
    return palette;
}

static PaletteError error_of(const ColourCounts *counts, const Palette *palette) {
    PaletteError error;
    cr_assert(palette_measure(counts, palette, 2, &error));
    return error;
}

Test(palette_fit, finds_the_colours_that_there_are) {
    ColourCounts counts;
    cr_assert(colour_counts_create(&counts, 3));
    add(&counts, 0, 0, 0, 50);
    add(&counts, 255, 0, 0, 1);
    add(&counts, 10, 200, 30, 7);
    cr_expect_eq(colour_counts_total(&counts), 58);
    Palette exact = fit(&counts, 3, 1, 1), more = fit(&counts, 9, 1, 1),
            one = fit(&counts, 1, 1, 1);
    cr_expect_lt(error_of(&counts, &exact).mean_square, 1e-12);
    cr_expect_lt(error_of(&counts, &more).mean_square, 1e-12);
    cr_expect_float_eq(one.centres[0], (float)(255.0 / 58 + 70.0 / 58) / 127.5F - 1, 1e-6);
    palette_free(&exact);
    palette_free(&more);
    palette_free(&one);
    colour_counts_free(&counts);
}

/* Of one colour, which is the mean, the error is the variance. */
Test(palette_fit, errors_are_what_they_say) {
    ColourCounts counts;
    cr_assert(colour_counts_create(&counts, 1));
    const uint8_t pixels[] = {100, 150, 150, 200};
    colour_counts_add(&counts, pixels, 4);
    Palette palette = fit(&counts, 1, 1, 1);
    const PaletteError error = error_of(&counts, &palette);
    cr_expect_float_eq(error.mean_square, 1250 / (127.5 * 127.5), 1e-6);
    cr_expect_float_eq(error.psnr, 10 * log10(255.0 * 255.0 / 1250), 1e-4);
    palette_free(&palette);
    colour_counts_free(&counts);
}

Test(palette_fit, threads_change_nothing_and_seeds_do) {
    ColourCounts counts;
    cr_assert(colour_counts_create(&counts, 3));
    add_cloud(&counts, 60, 6000);
    Palette one = fit(&counts, 40, 1, 1), three = fit(&counts, 40, 1, 3),
            other = fit(&counts, 40, 2, 1);
    cr_expect_str_eq(one.hash, three.hash);
    cr_expect_str_neq(one.hash, other.hash);
    const double a = error_of(&counts, &one).mean_square, b = error_of(&counts, &other).mean_square;
    cr_expect(a / b > 0.7 && a / b < 1.4, "%g %g", a, b);
    palette_free(&one);
    palette_free(&three);
    palette_free(&other);
    colour_counts_free(&counts);
}

/* As many places as colours, which k-means++ finds: no place is left to another's colour. */
Test(palette_fit, separated_clusters_are_found) {
    ColourCounts counts;
    cr_assert(colour_counts_create(&counts, 3));
    for (int i = 0; i < 27; i++)
        for (int n = 0; n < 9; n++)
            add(&counts, 20 + i / 9 * 100 + n % 3, 20 + i / 3 % 3 * 100 + n / 3, 20 + i % 3 * 100,
                3);
    Palette palette = fit(&counts, 27, 5, 2);
    cr_expect_float_eq(error_of(&counts, &palette).mean_square,
                       (2.0 / 3 + 2.0 / 3) / (127.5 * 127.5), 1e-8);
    palette_free(&palette);
    colour_counts_free(&counts);
}

Test(palette_fit, nothing_to_fit_to) {
    ColourCounts counts;
    Palette palette;
    const PaletteFit options = {.colours = 2, .threads = 1};
    const char *fault = "";
    cr_assert(colour_counts_create(&counts, 3));
    cr_expect_not(palette_fit(&counts, &options, &palette, &fault));
    cr_expect_not_null(strstr(fault, "no pixel"));
    colour_counts_free(&counts);
}
