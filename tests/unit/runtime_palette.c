/* Palettes: tokens of NumPy's brute force (vectors/make_palette.py) and of one here on palettes
 * made to mislead; colours back; files. */
#include "ir/philox.h"
#include "runtime/files/file_view.h"
#include "runtime/files/npy.h"
#include "runtime/images/palette_encoder.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VECTORS SCANLINE_SOURCE_DIR "/tests/unit/vectors/"

/* --- against NumPy --- */

static uint8_t *read_bytes(const char *name, int64_t *count) {
    FileView view = {0};
    NpyArray array;
    const char *fault = "";
    cr_assert(file_view_open(name, &view) && npy_parse(view.bytes, view.size, &array, &fault),
              "%s %s", name, fault);
    cr_assert_eq(array.type, NPY_U8);
    uint8_t *bytes = malloc((size_t)array.elements);
    cr_assert(bytes);
    memcpy(bytes, array.data, (size_t)array.elements);
    *count = array.elements;
    file_view_close(&view);
    return bytes;
}

Test(palette, tokens_and_colours_of_numpy) {
    Palette palette;
    FileError error;
    int64_t pixel_bytes, count, colour_bytes;
    cr_assert(palette_read(&palette, VECTORS "palette.npy", &error), "%s", error.text);
    cr_assert(palette.colours == 64 && palette.channels == 3);
    uint8_t *pixels = read_bytes(VECTORS "palette_pixels.npy", &pixel_bytes);
    uint8_t *tokens = read_bytes(VECTORS "palette_tokens.npy", &count);
    uint8_t *colours = read_bytes(VECTORS "palette_colours.npy", &colour_bytes);
    cr_assert(pixel_bytes == 3 * count && colour_bytes == 3 * palette.colours && count > 500);
    PaletteEncoder *encoder = palette_encoder_create(&palette);
    int32_t *got = malloc((size_t)count * sizeof *got);
    cr_assert(encoder && got);
    palette_encode(encoder, pixels, count, got);
    for (int64_t i = 0; i < count; i++)
        cr_expect_eq(got[i], tokens[i], "pixel %lld", (long long)i);
    for (int32_t token = 0; token < palette.colours; token++) {
        uint8_t rgb[3];
        palette_rgb(&palette, token, rgb);
        cr_expect_arr_eq(rgb, colours + 3 * token, 3, "%d", token);
    }
    free(got);
    free(pixels);
    free(tokens);
    free(colours);
    palette_encoder_free(encoder);
    palette_free(&palette);
}

/* --- against brute force --- */

enum { PIXELS = 6000 };

static double unit(uint32_t *counter) {
    return random_unit(philox4x32((PhiloxBlock){{++*counter, 0, 0, 0}}, 7, 8).word[0]);
}

static int32_t by_force(const Palette *palette, const uint8_t *pixel) {
    double least = INFINITY;
    int32_t best = -1;
    for (int64_t i = 0; i < palette->colours; i++) {
        double sum = 0;
        for (int64_t c = 0; c < palette->channels; c++) {
            const double difference =
                2 * pixel[c] - 255 - 255 * (double)palette->centres[i * palette->channels + c];
            sum += difference * difference;
        }
        if (sum < least) {
            least = sum;
            best = (int32_t)i;
        }
    }
    return best;
}

/* Pixels anywhere, and at the corners of cells. */
static void fill_pixels(uint8_t *pixels, int64_t bytes, uint32_t *counter) {
    for (int64_t i = 0; i < bytes; i++) {
        const int level = (int)(unit(counter) * 256);
        pixels[i] = (uint8_t)(i % 2 ? level : (level & ~7) | (level & 1 ? 7 : 0));
    }
}

static void check_palette(const char *name, const float *centres, int64_t colours,
                          int64_t channels) {
    static uint8_t pixels[PIXELS * 3];
    static int32_t tokens[PIXELS];
    Palette palette;
    const char *fault = "";
    uint32_t counter = 1000;
    cr_assert(palette_create(&palette, centres, colours, channels, &fault), "%s %s", name, fault);
    PaletteEncoder *encoder = palette_encoder_create(&palette);
    cr_assert(encoder);
    fill_pixels(pixels, PIXELS * channels, &counter);
    palette_encode(encoder, pixels, PIXELS, tokens);
    int wrong = 0;
    for (int64_t i = 0; i < PIXELS; i++)
        wrong += tokens[i] != by_force(&palette, pixels + i * channels);
    cr_expect_eq(wrong, 0, "%s: %d of %d", name, wrong, PIXELS);
    palette_encoder_free(encoder);
    palette_free(&palette);
}

/* mean + spread * (a number in [-1, 1)), of which every `repeat` in a row are the same colour, and
 * each is a multiple of `step` (0: of nothing). */
typedef struct Recipe {
    const char *name;
    int64_t colours, channels;
    double mean, spread;
    int64_t repeat;
    double step;
} Recipe;

Test(palette, encoder_is_exact) {
    static const Recipe recipes[] = {
        {"random", 512, 3, 0, 1, 1, 0},
        {"one colour", 1, 3, 0.3, 0, 1, 0},
        {"two colours", 2, 3, 0, 1, 1, 0},
        {"4096 colours", 4096, 3, 0, 1, 1, 0},
        {"all equal", 4096, 3, 0.1, 0, 1, 0},
        {"duplicates", 600, 3, 0, 1, 3, 0},
        {"many duplicates of few", 4096, 3, 0, 1, 2048, 0},
        {"on a lattice, so that many tie", 1024, 3, 0, 1, 1, 0.25},
        {"beyond the range", 300, 3, 0, 3, 1, 0},
        {"all on one side, far away", 300, 3, 900, 30, 1, 0},
        {"in a tiny ball", 1000, 3, 0.2, 1e-4, 1, 0},
        {"almost equal", 500, 3, 0.7, 1e-7, 1, 0},
        {"grey", 512, 1, 0, 1, 1, 0},
        {"grey lattice", 64, 1, 0, 1, 2, 0.125},
        {"one grey", 1, 1, 5, 0, 1, 0},
    };
    static float centres[4096 * 3];
    for (size_t r = 0; r < sizeof recipes / sizeof *recipes; r++) {
        const Recipe *recipe = &recipes[r];
        uint32_t counter = (uint32_t)(100000 * r);
        for (int64_t i = 0; i < recipe->colours * recipe->channels; i++) {
            const int64_t again = recipe->repeat * recipe->channels, first = i / again * again;
            double value = recipe->mean + recipe->spread * (2 * unit(&counter) - 1);
            value = recipe->step > 0 ? recipe->step * floor(value / recipe->step) : value;
            const int64_t from = first + i % recipe->channels;
            centres[i] = from < i ? centres[from] : (float)value;
        }
        check_palette(recipe->name, centres, recipe->colours, recipe->channels);
    }
}

/* Few colours are tried for a pixel: what its speed comes from. */
Test(palette, lists_are_short) {
    static float centres[512 * 3];
    uint32_t counter = 0;
    Palette palette;
    const char *fault;
    for (int64_t i = 0; i < 512 * 3; i++)
        centres[i] = (float)(2 * unit(&counter) - 1);
    cr_assert(palette_create(&palette, centres, 512, 3, &fault));
    PaletteEncoder *encoder = palette_encoder_create(&palette);
    cr_assert(encoder);
    cr_expect_lt(palette_encoder_candidates(encoder), 8);
    cr_expect_geq(palette_encoder_candidates(encoder), 1);
    palette_encoder_free(encoder);
    palette_free(&palette);
}

/* --- the type, and files --- */

Test(palette, colours_of_greys_and_luma) {
    const float centres[] = {-1.5F, -1, 0, 0.00392157F, 1, 7};
    const uint8_t expected[] = {0, 0, 128, 128, 255, 255}; /* 127.5 goes to the even 128 */
    Palette palette;
    const char *fault;
    uint8_t rgb[3];
    cr_assert(palette_create(&palette, centres, 6, 1, &fault));
    for (int32_t token = 0; token < 6; token++) {
        palette_rgb(&palette, token, rgb);
        cr_expect(rgb[0] == expected[token] && rgb[1] == rgb[0] && rgb[2] == rgb[0], "%d: %d",
                  token, rgb[0]);
    }
    palette_free(&palette);
    uint8_t pixels[] = {255, 255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 255};
    static const uint8_t lumas[] = {255, 76, 150, 29}; /* Pillow's convert("L") */
    palette_convert(pixels, 4, 3, 1);
    cr_expect_arr_eq(pixels, lumas, 4);
    palette_convert(pixels, 4, 1, 3);
    for (int i = 0; i < 12; i++)
        cr_expect_eq(pixels[i], lumas[i / 3]);
}

Test(palette, hashes_tell_palettes_apart) {
    const float centres[] = {0.1F, 0.2F, 0.3F, 0.4F, 0.5F, 0.6F};
    float other[6];
    memcpy(other, centres, sizeof other);
    other[5] = nextafterf(other[5], 1);
    Palette rgb, same, grey, changed;
    const char *fault;
    cr_assert(palette_create(&rgb, centres, 2, 3, &fault) &&
              palette_create(&same, centres, 2, 3, &fault) &&
              palette_create(&grey, centres, 6, 1, &fault) &&
              palette_create(&changed, other, 2, 3, &fault));
    cr_expect_str_eq(rgb.hash, same.hash);
    cr_expect_str_neq(rgb.hash, grey.hash);
    cr_expect_str_neq(rgb.hash, changed.hash);
    palette_free(&rgb);
    palette_free(&same);
    palette_free(&grey);
    palette_free(&changed);
}

Test(palette, none_of_these_is_a_palette) {
    const float fine[6] = {0}, nan[3] = {0, NAN, 0}, far[3] = {0, 0, 1e30F};
    const struct {
        const float *centres;
        int64_t colours, channels;
        const char *fault;
    } cases[] = {{fine, 3, 2, "channel"},
                 {fine, 0, 3, "no colours"},
                 {fine, PALETTE_MOST_COLOURS + 1, 3, "more than"},
                 {nan, 1, 3, "no numbers"},
                 {far, 1, 3, "far beyond"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Palette palette;
        const char *fault = "";
        cr_expect_not(palette_create(&palette, cases[i].centres, cases[i].colours,
                                     cases[i].channels, &fault));
        cr_expect_not_null(strstr(fault, cases[i].fault), "%zu: %s", i, fault);
        cr_expect_null(palette.centres);
    }
}

Test(palette, files) {
    char folder[] = "/tmp/scanline-palette-XXXXXX", path[64];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/p.npy", folder);
    FileError error;
    Palette palette, again;
    cr_assert(palette_read(&palette, VECTORS "palette.npy", &error));
    cr_assert(palette_write(&palette, path, &error), "%s", error.text);
    cr_assert(palette_read(&again, path, &error), "%s", error.text);
    cr_expect_str_eq(palette.hash, again.hash);
    palette_free(&palette);
    palette_free(&again);
    cr_expect(palette_read(&palette, VECTORS "f4.npy", &error), "two colours of three channels");
    palette_free(&palette);
    cr_expect_not(palette_read(&palette, VECTORS "scalar.npy", &error));
    cr_expect_not_null(strstr(error.text, "two axes"), "%s", error.text);
    cr_expect_not(palette_read(&palette, VECTORS "u1.npy", &error));
    cr_expect_not_null(strstr(error.text, "no real numbers"), "%s", error.text);
    cr_expect_not(palette_read(&palette, VECTORS "plain.safetensors", &error));
    cr_expect_not(palette_read(&palette, "/nowhere/p.npy", &error));
    cr_expect_not_null(strstr(error.text, "/nowhere/p.npy"), "%s", error.text);
    unlink(path);
    rmdir(folder);
}
