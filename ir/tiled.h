/* bf16 in the order in which matrix units take both sides of a product: tiles of 1 KiB.
 *
 * A tile is of TILED_ROWS neighbours along one axis, the rows, and TILED_COLUMNS along another:
 * line i has rows 2 i and 2 i + 1, the two values of each column side by side. Tiles of the same
 * rows come one after another, column by column, then those of the next rows. Elements are
 * i32, two values each, that of the even row lowest.
 *
 * As the right side of a product over rows a tile has its pairs along the depth; as the left side
 * of one over columns a line is two rows of it, which a right side tells apart by zeros. */
#ifndef SCANLINE_IR_TILED_H
#define SCANLINE_IR_TILED_H

#include <stdbool.h>
#include <stdint.h>

enum {
    TILED_ROWS = 32,
    TILED_COLUMNS = 16,
    TILED_ELEMENTS = TILED_ROWS / 2 * TILED_COLUMNS, /* i32 of a tile */
};

/* Whether so many rows and columns are whole tiles. */
static inline bool tiled_fits(int64_t rows, int64_t columns) {
    return rows % TILED_ROWS == 0 && columns % TILED_COLUMNS == 0;
}

/* The element that holds a value, of so many columns. */
static inline int64_t tiled_element(int64_t row, int64_t column, int64_t columns) {
    const int64_t tile = row / TILED_ROWS * (columns / TILED_COLUMNS) + column / TILED_COLUMNS;
    return tile * TILED_ELEMENTS + row % TILED_ROWS / 2 * TILED_COLUMNS + column % TILED_COLUMNS;
}

#endif
