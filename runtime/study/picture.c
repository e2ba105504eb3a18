/* Draws cell by cell onto a background that shows through as the lines. */
#include "runtime/study/picture.h"

#include <stdlib.h>
#include <string.h>

enum {
    CELL_PIXELS = 64, /* a cell is scaled to about so many pixels */
    LINE = 2,         /* between cells, and around them all */
    BROAD_LINE = 10,  /* after the leading columns */
    BACKGROUND = 96,
    NOTHING = 72, /* where a cell has no colour */
    MAX_SIDE = 1 << 15,
};

static int64_t scale_of(const PictureGrid *grid) {
    const int64_t larger = grid->height > grid->width ? grid->height : grid->width;
    return larger >= CELL_PIXELS ? 1 : CELL_PIXELS / larger;
}

static uint8_t grey_of(const PictureGrid *grid, int32_t colour) {
    if (grid->colours < 2)
        return 0;
    const int64_t most = grid->colours - 1;
    const int64_t level = colour > most ? most : colour;
    return (uint8_t)((level * 255 + most / 2) / most);
}

/* Of a token; a picture in grey takes the first channel. */
static void colour_of(const PictureGrid *grid, int32_t token, uint8_t rgb[3]) {
    if (token < 0)
        memset(rgb, NOTHING, 3);
    else if (!grid->palette)
        memset(rgb, grey_of(grid, token), 3);
    else if (token < grid->palette->colours)
        palette_rgb(grid->palette, token, rgb);
    else
        memset(rgb, 0, 3); /* the model has more colours than the palette */
}

static void draw_cell(const PictureGrid *grid, const int32_t *tokens, int64_t scale, int64_t left,
                      int64_t top, Image *picture) {
    const size_t channels = (size_t)picture->channels;
    uint8_t rgb[3];
    for (int64_t y = 0; y < grid->height * scale; y++)
        for (int64_t x = 0; x < grid->width * scale; x++) {
            colour_of(grid, tokens[y / scale * grid->width + x / scale], rgb);
            memcpy(picture->pixels + (size_t)((top + y) * picture->width + left + x) * channels,
                   rgb, channels);
        }
}

/* Where column c begins. */
static int64_t column_left(const PictureGrid *grid, int64_t scale, int64_t column) {
    const bool apart = grid->lead > 0 && column >= grid->lead;
    return LINE + column * (grid->width * scale + LINE) + (apart ? BROAD_LINE - LINE : 0);
}

static int64_t channels_of(const PictureGrid *grid) {
    return grid->palette && grid->palette->channels == 3 ? 3 : 1;
}

bool picture_draw(const PictureGrid *grid, Image *picture) {
    *picture = (Image){.channels = channels_of(grid)};
    if (grid->rows < 1 || grid->columns < 1 || grid->height < 1 || grid->width < 1 ||
        grid->height > MAX_SIDE || grid->width > MAX_SIDE || grid->rows > MAX_SIDE ||
        grid->columns > MAX_SIDE)
        return false;
    const int64_t scale = scale_of(grid);
    picture->width = column_left(grid, scale, grid->columns);
    picture->height = LINE + grid->rows * (grid->height * scale + LINE);
    if (picture->width > MAX_SIDE || picture->height > MAX_SIDE)
        return false;
    const size_t size = (size_t)(picture->width * picture->height * picture->channels);
    picture->pixels = malloc(size);
    if (!picture->pixels)
        return false;
    memset(picture->pixels, BACKGROUND, size);
    for (int64_t row = 0; row < grid->rows; row++)
        for (int64_t column = 0; column < grid->columns; column++)
            draw_cell(grid,
                      grid->tokens + (row * grid->columns + column) * grid->height * grid->width,
                      scale, column_left(grid, scale, column),
                      LINE + row * (grid->height * scale + LINE), picture);
    return true;
}

bool picture_draw_plain(const PictureGrid *grid, Image *picture) {
    *picture = (Image){.height = grid->height, .width = grid->width, .channels = channels_of(grid)};
    picture->pixels = malloc((size_t)(picture->height * picture->width * picture->channels));
    if (picture->pixels)
        draw_cell(grid, grid->tokens, 1, 0, 0, picture);
    return picture->pixels != NULL;
}
