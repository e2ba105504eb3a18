#include "runtime/images/sheet.h"

#include "runtime/images/resample.h"

#include <stdlib.h>
#include <string.h>

enum { CELL = 64, LINE = 2, COLUMNS = 12, ROWS_WITHOUT_LABELS = 8, BACKGROUND = 96 };

typedef struct Sheet {
    const ImageFile *file;
    Image *image;
    int64_t rows;
    bool labels;
} Sheet;

/* Which row an image is for: its class's, or in turn. -1: none. */
static int64_t row_of(const Sheet *sheet, int64_t index, int64_t place) {
    if (image_file_split(sheet->file, index) != IMAGE_TRAIN)
        return -1;
    if (!sheet->labels)
        return place % sheet->rows;
    const int64_t label = image_file_label(sheet->file, index);
    return label < sheet->rows ? label : -1;
}

static void draw_cell(const Sheet *sheet, int64_t row, int64_t column, ImageView image) {
    const int64_t channels = image.channels, stride = sheet->image->width * channels;
    const ResampleBox box = resample_centre(image.height, image.width);
    Resample resample;
    uint8_t *to = sheet->image->pixels + (LINE + row * (CELL + LINE)) * stride +
                  (LINE + column * (CELL + LINE)) * channels;
    if (!resample_begin(&resample, image, &box, CELL, CELL))
        return;
    for (int64_t y = 0; y < CELL; y++)
        resample_row(&resample, y, to + y * stride);
}

/* The images of a row are counted first, then those are drawn that begin another of COLUMNS parts.
 */
static void draw_cells(const Sheet *sheet, int64_t *counts, int64_t *seen) {
    const int64_t count = image_file_count(sheet->file);
    for (int pass = 0; pass < 2; pass++)
        for (int64_t i = 0, place = 0; i < count; i++) {
            const int64_t row = row_of(sheet, i, place);
            if (row < 0)
                continue;
            place++;
            if (pass == 0) {
                counts[row]++;
                continue;
            }
            const int64_t columns = counts[row] < COLUMNS ? counts[row] : COLUMNS;
            const int64_t column = (seen[row] * columns + counts[row] - 1) / counts[row];
            if (column < columns && column * counts[row] / columns == seen[row])
                draw_cell(sheet, row, column, image_file_image(sheet->file, i));
            seen[row]++;
        }
}

bool sheet_draw(const ImageFile *file, Image *image, int64_t *rows) {
    const int64_t classes = image_file_classes(file), channels = image_file_channels(file);
    Sheet sheet = {.file = file, .image = image, .labels = classes > 0};
    sheet.rows = !classes                    ? ROWS_WITHOUT_LABELS
                 : classes < SHEET_MOST_ROWS ? classes
                                             : SHEET_MOST_ROWS;
    *rows = sheet.rows;
    *image =
        (Image){LINE + sheet.rows * (CELL + LINE), LINE + COLUMNS * (CELL + LINE), channels, NULL};
    const size_t bytes = (size_t)(image->height * image->width * channels);
    image->pixels = malloc(bytes);
    int64_t *counts = calloc((size_t)sheet.rows, sizeof *counts),
            *seen = calloc((size_t)sheet.rows, sizeof *seen);
    const bool ok = image->pixels && counts && seen;
    if (ok) {
        memset(image->pixels, BACKGROUND, bytes);
        draw_cells(&sheet, counts, seen);
    } else {
        free(image->pixels);
        image->pixels = NULL;
    }
    free(counts);
    free(seen);
    return ok;
}
