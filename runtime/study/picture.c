/* Draws cell by cell onto a background that shows through as the lines; libpng's simplified
 * interface encodes. */
#include "runtime/study/picture.h"

#include <errno.h>
#include <png.h>
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
    if (colour < 0)
        return NOTHING;
    if (grid->colours < 2)
        return 0;
    const int64_t most = grid->colours - 1;
    const int64_t level = colour > most ? most : colour;
    return (uint8_t)((level * 255 + most / 2) / most);
}

static void draw_cell(const PictureGrid *grid, const int32_t *tokens, int64_t scale, int64_t left,
                      int64_t top, Picture *picture) {
    for (int64_t y = 0; y < grid->height * scale; y++)
        for (int64_t x = 0; x < grid->width * scale; x++)
            picture->grey[(top + y) * picture->width + left + x] =
                grey_of(grid, tokens[y / scale * grid->width + x / scale]);
}

/* Where column c begins. */
static int64_t column_left(const PictureGrid *grid, int64_t scale, int64_t column) {
    const bool apart = grid->lead > 0 && column >= grid->lead;
    return LINE + column * (grid->width * scale + LINE) + (apart ? BROAD_LINE - LINE : 0);
}

bool picture_draw(const PictureGrid *grid, Picture *picture) {
    *picture = (Picture){0};
    if (grid->rows < 1 || grid->columns < 1 || grid->height < 1 || grid->width < 1 ||
        grid->height > MAX_SIDE || grid->width > MAX_SIDE || grid->rows > MAX_SIDE ||
        grid->columns > MAX_SIDE)
        return false;
    const int64_t scale = scale_of(grid);
    picture->width = column_left(grid, scale, grid->columns);
    picture->height = LINE + grid->rows * (grid->height * scale + LINE);
    if (picture->width > MAX_SIDE || picture->height > MAX_SIDE)
        return false;
    picture->grey = malloc((size_t)(picture->width * picture->height));
    if (!picture->grey)
        return false;
    memset(picture->grey, BACKGROUND, (size_t)(picture->width * picture->height));
    for (int64_t row = 0; row < grid->rows; row++)
        for (int64_t column = 0; column < grid->columns; column++)
            draw_cell(grid,
                      grid->tokens + (row * grid->columns + column) * grid->height * grid->width,
                      scale, column_left(grid, scale, column),
                      LINE + row * (grid->height * scale + LINE), picture);
    return true;
}

void picture_free(Picture *picture) {
    free(picture->grey);
    *picture = (Picture){0};
}

bool picture_write_png(const Picture *picture, const char *path, FileError *error) {
    FileWriter writer;
    if (!file_begin(&writer, path, error))
        return false;
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)picture->width,
                       .height = (png_uint_32)picture->height,
                       .format = PNG_FORMAT_GRAY};
    if (!png_image_write_to_stdio(&image, writer.stream, 0, picture->grey, 0, NULL)) {
        file_abandon(&writer);
        snprintf(error->text, sizeof error->text, "can't write %s: %s", path, image.message);
        return false;
    }
    return file_commit(&writer, error);
}
