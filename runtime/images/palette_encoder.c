/* A colour b can be left out of a cell's list where another one, a, is nearer to every pixel in the
 * cell. |x - a|^2 - |x - b|^2 is linear in x, so its largest value over a box is found axis by
 * axis. a is the colour nearest to the middle of the cell: the cell's list is all colours that a
 * does not beat everywhere. Lists are made from those of cells four times as wide, so that few
 * colours are looked at. What is left out is worse by more than rounding can hide (`MARGIN`). */
#include "runtime/images/palette_encoder.h"

#include <stdlib.h>
#include <string.h>

enum {
    RGB = 3,
    LEVELS = 256,
    COARSE_BITS = 3, /* of each channel: cells of 32 x 32 x 32 */
    FINE_BITS = 5,   /* cells of 8 x 8 x 8 */
    COARSE_CELLS = 1 << (RGB * COARSE_BITS),
    FINE_CELLS = 1 << (RGB * FINE_BITS),
};

/* Of the squares of the coordinates that take part; doubles are good to 2^-53 of these. */
static const double MARGIN = 0x1p-40;

/* Colours of each cell, ascending: list[start[cell] .. start[cell + 1]). */
typedef struct CellLists {
    uint32_t *start;
    uint16_t *list;
    size_t count, room;
} CellLists;

struct PaletteEncoder {
    int64_t colours, channels;
    double *scaled; /* [colours, channels]: 255 c, beside 2 pixel - 255 */
    CellLists cells;
    uint16_t grey[LEVELS]; /* one channel: the token of each pixel */
};

static inline double distance(const double *a, const double *b, int64_t channels) {
    double sum = 0;
    for (int64_t c = 0; c < channels; c++) {
        const double difference = a[c] - b[c];
        sum += difference * difference;
    }
    return sum;
}

/* The nearest of `count` colours (`list`; NULL: the first `count`). */
static inline uint16_t nearest(const PaletteEncoder *encoder, int64_t channels, const double *pixel,
                               const uint16_t *list, size_t count) {
    uint16_t best = list ? list[0] : 0;
    double least = distance(pixel, encoder->scaled + best * channels, channels);
    for (size_t i = 1; i < count; i++) {
        const uint16_t colour = list ? list[i] : (uint16_t)i;
        const double far = distance(pixel, encoder->scaled + colour * channels, channels);
        if (far < least) {
            least = far;
            best = colour;
        }
    }
    return best;
}

/* --- lists --- */

/* The pixels of a cell, as 2 pixel - 255. */
typedef struct Box {
    double low[RGB], high[RGB], middle[RGB];
} Box;

static Box box_of(int cell, int bits) {
    Box box;
    const int side = LEVELS >> bits;
    for (int c = 0; c < RGB; c++) {
        const int first = (cell >> (bits * (RGB - 1 - c)) & ((1 << bits) - 1)) * side;
        box.low[c] = 2 * first - 255;
        box.high[c] = 2 * (first + side - 1) - 255;
        box.middle[c] = (box.low[c] + box.high[c]) / 2;
    }
    return box;
}

/* Whether a is nearer than b to every pixel of the box, beyond doubt. */
static bool beats(const double *a, const double *b, const Box *box) {
    double worst = 0, scale = RGB * 255.0 * 255.0;
    for (int c = 0; c < RGB; c++) {
        const double slope = 2 * (b[c] - a[c]);
        worst += a[c] * a[c] - b[c] * b[c] + slope * (slope > 0 ? box->high[c] : box->low[c]);
        scale += a[c] * a[c] + b[c] * b[c];
    }
    return worst < -MARGIN * scale;
}

static bool append(CellLists *lists, uint16_t colour) {
    if (lists->count == lists->room) {
        const size_t room = lists->room ? 2 * lists->room : FINE_CELLS;
        uint16_t *larger = room <= UINT32_MAX ? realloc(lists->list, room * sizeof *larger) : NULL;
        if (!larger)
            return false;
        lists->list = larger;
        lists->room = room;
    }
    lists->list[lists->count++] = colour;
    return true;
}

/* Adds the list of a cell, chosen from the `count` colours of `from`. */
static bool list_cell(const PaletteEncoder *encoder, const Box *box, const uint16_t *from,
                      size_t count, CellLists *lists) {
    const uint16_t first = nearest(encoder, RGB, box->middle, from, count);
    const double *a = encoder->scaled + RGB * first;
    for (size_t i = 0; i < count; i++) {
        const uint16_t colour = from ? from[i] : (uint16_t)i;
        const double *b = encoder->scaled + RGB * colour;
        const bool again = colour > first && memcmp(a, b, RGB * sizeof *a) == 0;
        if (!again && !beats(a, b, box) && !append(lists, colour))
            return false;
    }
    return true;
}

/* Which coarse cell a fine one is in. */
static int coarse_of(int fine) {
    int coarse = 0;
    for (int c = 0; c < RGB; c++) {
        const int place = fine >> (FINE_BITS * (RGB - 1 - c)) & ((1 << FINE_BITS) - 1);
        coarse = coarse << COARSE_BITS | place >> (FINE_BITS - COARSE_BITS);
    }
    return coarse;
}

/* Lists of all cells; those of `wider` ones to choose from, or NULL. */
static bool list_cells(const PaletteEncoder *encoder, int bits, const CellLists *wider,
                       CellLists *lists) {
    const int cells = 1 << (RGB * bits);
    lists->start = malloc((size_t)(cells + 1) * sizeof *lists->start);
    if (!lists->start)
        return false;
    for (int cell = 0; cell < cells; cell++) {
        const Box box = box_of(cell, bits);
        const uint32_t *range = wider ? wider->start + coarse_of(cell) : NULL;
        const uint16_t *from = range ? wider->list + range[0] : NULL;
        const size_t count = range ? range[1] - range[0] : (size_t)encoder->colours;
        lists->start[cell] = (uint32_t)lists->count;
        if (!list_cell(encoder, &box, from, count, lists))
            return false;
    }
    lists->start[cells] = (uint32_t)lists->count;
    return true;
}

static void lists_free(CellLists *lists) {
    free(lists->start);
    free(lists->list);
}

/* --- the encoder --- */

static bool index_cube(PaletteEncoder *encoder) {
    CellLists coarse = {0};
    const bool made = list_cells(encoder, COARSE_BITS, NULL, &coarse) &&
                      list_cells(encoder, FINE_BITS, &coarse, &encoder->cells);
    lists_free(&coarse);
    return made;
}

static void index_greys(PaletteEncoder *encoder) {
    for (int level = 0; level < LEVELS; level++) {
        const double pixel = 2 * level - 255;
        encoder->grey[level] = nearest(encoder, 1, &pixel, NULL, (size_t)encoder->colours);
    }
}

PaletteEncoder *palette_encoder_create(const Palette *palette) {
    PaletteEncoder *encoder = calloc(1, sizeof *encoder);
    if (!encoder)
        return NULL;
    const size_t elements = (size_t)(palette->colours * palette->channels);
    encoder->colours = palette->colours;
    encoder->channels = palette->channels;
    encoder->scaled = malloc(elements * sizeof *encoder->scaled);
    bool made = encoder->scaled != NULL;
    for (size_t i = 0; i < elements && made; i++)
        encoder->scaled[i] = 255 * (double)palette->centres[i];
    if (made && palette->channels == RGB)
        made = index_cube(encoder);
    else if (made)
        index_greys(encoder);
    if (made)
        return encoder;
    palette_encoder_free(encoder);
    return NULL;
}

void palette_encoder_free(PaletteEncoder *encoder) {
    if (!encoder)
        return;
    lists_free(&encoder->cells);
    free(encoder->scaled);
    free(encoder);
}

static int32_t encode_rgb(const PaletteEncoder *encoder, const uint8_t *rgb) {
    enum { SHIFT = 8 - FINE_BITS };
    const int cell =
        rgb[0] >> SHIFT << (2 * FINE_BITS) | rgb[1] >> SHIFT << FINE_BITS | rgb[2] >> SHIFT;
    const uint32_t first = encoder->cells.start[cell], end = encoder->cells.start[cell + 1];
    const uint16_t *list = encoder->cells.list + first;
    if (end - first == 1)
        return list[0];
    const double pixel[RGB] = {2 * rgb[0] - 255, 2 * rgb[1] - 255, 2 * rgb[2] - 255};
    return nearest(encoder, RGB, pixel, list, end - first);
}

void palette_encode(const PaletteEncoder *encoder, const uint8_t *pixels, int64_t count,
                    int32_t *tokens) {
    if (encoder->channels == RGB)
        for (int64_t i = 0; i < count; i++)
            tokens[i] = encode_rgb(encoder, pixels + RGB * i);
    else
        for (int64_t i = 0; i < count; i++)
            tokens[i] = encoder->grey[pixels[i]];
}

double palette_encoder_candidates(const PaletteEncoder *encoder) {
    return encoder->channels == RGB ? (double)encoder->cells.count / FINE_CELLS : 1;
}
