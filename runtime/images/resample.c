/* Edges are multiples of 1 / (RESAMPLE_UNITS * rows) of a pixel: in these units a pixel of the
 * result is as high as the box is in RESAMPLE_UNITS, and every overlap is an integer. What all of
 * them have in common is divided out, so that a whole ratio counts pixels by 1. */
#include "runtime/images/resample.h"

static int64_t greatest_common(int64_t a, int64_t b) {
    while (b) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a < 0 ? -a : a;
}

static ResampleAxis axis_of(int64_t start, int64_t extent, int64_t cells, int64_t side) {
    const int64_t pixel = RESAMPLE_UNITS * cells, begin = start * cells;
    const int64_t common = greatest_common(greatest_common(pixel, extent), begin);
    return (ResampleAxis){begin / common, extent / common, pixel / common, side};
}

/* Which pixel of the image stands at a place that may be beyond its edges. */
static int64_t reflected(int64_t place, int64_t side) {
    if (place < 0)
        return -place;
    return place < side ? place : 2 * side - 2 - place;
}

/* The pixels `first` to `last` are what a pixel of the result covers: those between them whole. */
typedef struct Cover {
    int64_t first, last;
    uint64_t head, tail; /* of the first; of the last, 0 where that is the first */
} Cover;

static Cover cover_of(const ResampleAxis *axis, int64_t index) {
    /* counted from one side before the image, so that nothing is below 0 */
    const int64_t begin = axis->start + index * axis->cell + axis->side * axis->pixel,
                  end = begin + axis->cell;
    const int64_t first = begin / axis->pixel, last = (end - 1) / axis->pixel;
    Cover cover = {first - axis->side, last - axis->side, (uint64_t)axis->cell, 0};
    if (first != last) {
        cover.head = (uint64_t)((first + 1) * axis->pixel - begin);
        cover.tail = (uint64_t)(end - last * axis->pixel);
    }
    return cover;
}

/* What is covered of a row, of one channel. */
static uint64_t sum_row(const Resample *resample, const Cover *across, const uint8_t *row) {
    const int64_t channels = resample->image.channels, side = resample->across.side;
    uint64_t whole = 0;
    if (across->first >= 0 && across->last < side)
        for (int64_t x = across->first + 1; x < across->last; x++)
            whole += row[x * channels];
    else
        for (int64_t x = across->first + 1; x < across->last; x++)
            whole += row[reflected(x, side) * channels];
    return across->head * row[reflected(across->first, side) * channels] +
           (uint64_t)resample->across.pixel * whole +
           across->tail * row[reflected(across->last, side) * channels];
}

/* One channel. The sum is at most 255 * area: below 2^57 by the limits of sides. */
static uint8_t average(const Resample *resample, const Cover *down, const Cover *across,
                       int64_t channel) {
    const ImageView *image = &resample->image;
    const int64_t stride = image->width * image->channels;
    const uint64_t area = (uint64_t)resample->down.cell * (uint64_t)resample->across.cell;
    uint64_t sum = 0;
    for (int64_t y = down->first; y <= down->last; y++) {
        const uint64_t weight = y == down->first  ? down->head
                                : y == down->last ? down->tail
                                                  : (uint64_t)resample->down.pixel;
        sum += weight * sum_row(resample, across,
                                image->pixels + reflected(y, image->height) * stride + channel);
    }
    if (area < UINT32_MAX >> 9) /* the quicker division */
        return (uint8_t)((uint32_t)(2 * sum + area) / (uint32_t)(2 * area));
    return (uint8_t)((2 * sum + area) / (2 * area));
}

ResampleBox resample_whole(int64_t height, int64_t width) {
    return (ResampleBox){0, 0, height * RESAMPLE_UNITS, width * RESAMPLE_UNITS};
}

ResampleBox resample_centre(int64_t height, int64_t width) {
    const int64_t side = height < width ? height : width, half = RESAMPLE_UNITS / 2;
    return (ResampleBox){(height - side) * half, (width - side) * half, side * RESAMPLE_UNITS,
                         side * RESAMPLE_UNITS};
}

/* Whether [start, start + extent) is not empty, and not beyond one reflection. */
static bool within(int64_t start, int64_t extent, int64_t side) {
    if (side < 1 || side > RESAMPLE_MOST_SIDE)
        return false;
    const int64_t beyond = (side - 1) * RESAMPLE_UNITS, all = side * RESAMPLE_UNITS;
    return start >= -beyond && start <= all + beyond && extent >= 1 &&
           extent <= all + beyond - start;
}

bool resample_begin(Resample *resample, ImageView image, const ResampleBox *box, int64_t rows,
                    int64_t columns) {
    if (!within(box->top, box->height, image.height) ||
        !within(box->left, box->width, image.width) || image.channels < 1 || rows < 1 ||
        columns < 1 || rows > RESAMPLE_MOST_RESOLUTION || columns > RESAMPLE_MOST_RESOLUTION)
        return false;
    *resample = (Resample){image, rows, columns, axis_of(box->top, box->height, rows, image.height),
                           axis_of(box->left, box->width, columns, image.width)};
    return true;
}

void resample_row(const Resample *resample, int64_t row, uint8_t *to) {
    const Cover down = cover_of(&resample->down, row);
    for (int64_t column = 0; column < resample->columns; column++) {
        const Cover across = cover_of(&resample->across, column);
        for (int64_t channel = 0; channel < resample->image.channels; channel++)
            *to++ = average(resample, &down, &across, channel);
    }
}
