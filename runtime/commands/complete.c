/* Originals become tokens as the data set's own images do; then each is completed several times. */
#include "runtime/commands/complete.h"

#include "runtime/commands/drawing.h"
#include "runtime/images/image_decode.h"
#include "runtime/images/palette_encoder.h"
#include "runtime/images/resample.h"
#include "runtime/run/run_folder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    LEAD = 2, /* columns before the completions: the original, what is given of it */
    MOST_FILE_BYTES = 1 << 28,
    LEVELS = 255,
};

typedef struct Completing {
    Drawing drawing;
    const CompleteCommand *complete;
    PaletteEncoder *encoder; /* NULL: tokens are greys */
    int64_t images, given;   /* positions */
    int32_t *originals;      /* [images, positions] */
    int32_t *completed;      /* [images, each, positions] */
    int32_t *cells;          /* [images, LEAD + each, positions] */
} Completing;

static int64_t positions_of(const Completing *completing) {
    return decoder_positions(completing->drawing.decoder);
}

/* --- originals from files --- */

/* Without a palette a token c is the grey c / (colours - 1), as pictures show it. */
static void encode_row(const Completing *completing, const uint8_t *pixels, int64_t count,
                       int32_t *tokens) {
    const int64_t most = decoder_colours(completing->drawing.decoder) - 1;
    if (completing->encoder) {
        palette_encode(completing->encoder, pixels, count, tokens);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        tokens[i] = (int32_t)((pixels[i] * most + LEVELS / 2) / LEVELS);
}

static bool encode_image(const Completing *completing, const Image *image, int32_t *tokens,
                         RunError *error) {
    const DataSet *data = completing->drawing.trained.data;
    Resample resample;
    const ResampleBox box = resample_centre(image->height, image->width);
    const ImageView view = {image->height, image->width, image->channels, image->pixels};
    uint8_t *row = malloc((size_t)(data->width * image->channels));
    bool ok = row ? true : run_no_memory(error, "an image");
    if (ok && !resample_begin(&resample, view, &box, data->height, data->width))
        ok = run_fail(error, EXIT_INPUT, "an image of %lld x %lld cannot be brought to %lld x %lld",
                      (long long)image->height, (long long)image->width, (long long)data->height,
                      (long long)data->width);
    for (int64_t y = 0; ok && y < data->height; y++) {
        resample_row(&resample, y, row);
        encode_row(completing, row, data->width, tokens + y * data->width);
    }
    free(row);
    return ok;
}

static bool read_file(const Completing *completing, const char *path, int32_t *tokens,
                      RunError *error) {
    const DataSet *data = completing->drawing.trained.data;
    const int64_t channels = data->palette.centres ? data->palette.channels : 1;
    FileError fault;
    ImageNote note = {{0}, {0}};
    size_t size;
    Image image;
    char *bytes = file_read(path, MOST_FILE_BYTES, &size, &fault);
    if (!bytes)
        return run_fail(error, EXIT_INPUT, "%s", fault.text);
    const bool decoded = image_decode((const uint8_t *)bytes, size, channels, &image, &note);
    free(bytes);
    if (!decoded)
        return run_fail(error, EXIT_INPUT, "%s %s", path, note.reason);
    if (*note.remark)
        log_say(completing->drawing.command->log, "%s %s", path, note.remark);
    const bool ok = encode_image(completing, &image, tokens, error);
    free(image.pixels);
    return ok;
}

static bool read_files(Completing *completing, RunError *error) {
    const CompleteCommand *complete = completing->complete;
    const Palette *palette = &completing->drawing.trained.data->palette;
    if (palette->centres && !(completing->encoder = palette_encoder_create(palette)))
        return run_no_memory(error, "the palette");
    for (int64_t i = 0; i < complete->path_count; i++)
        if (!read_file(completing, complete->paths[i],
                       completing->originals + i * positions_of(completing), error))
            return false;
    return true;
}

/* --- originals from the data set --- */

static DataSplit split_of(const Completing *completing) {
    const DataSet *data = completing->drawing.trained.data;
    if (completing->complete->split != DATA_SPLIT_COUNT)
        return (DataSplit)completing->complete->split;
    return data->splits[DATA_VALIDATION].count ? DATA_VALIDATION : DATA_TRAIN;
}

/* Spread evenly over the list. */
static bool read_split(Completing *completing, RunError *error) {
    const DataSet *data = completing->drawing.trained.data;
    const DataSplit split = split_of(completing);
    const DataImages *from = &data->splits[split];
    FileError fault;
    if (split == DATA_TEST &&
        !run_count_test_read(completing->drawing.command->folder, "complete", &fault))
        return run_fail(error, EXIT_MACHINE, "%s", fault.text);
    for (int64_t i = 0; i < completing->images; i++)
        data_batch(data, NULL, 0, &from->images[i * from->count / completing->images], 1,
                   completing->originals + i * data->positions, NULL);
    return true;
}

/* --- how many, and how much of them --- */

static bool settle(Completing *completing, RunError *error) {
    const CompleteCommand *complete = completing->complete;
    const DataSet *data = completing->drawing.trained.data;
    const DataImages *from = &data->splits[split_of(completing)];
    completing->images = complete->path_count;
    if (!completing->images)
        completing->images = from->count < complete->images ? from->count : complete->images;
    if (!completing->images)
        return run_fail(error, EXIT_INPUT, "the split %s has no images",
                        data_split_name(split_of(completing)));
    const double rows = data->height > 1 ? (double)data->height : (double)data->positions;
    completing->given = (int64_t)floor(rows * complete->given) * (data->positions / (int64_t)rows);
    const size_t image = (size_t)data->positions * sizeof(int32_t);
    const size_t images = (size_t)completing->images, each = (size_t)complete->each;
    completing->originals = calloc(images, image);
    completing->completed = calloc(images * each, image);
    completing->cells = calloc(images * (LEAD + each), image);
    return (completing->originals && completing->completed && completing->cells) ||
           run_no_memory(error, "the completions");
}

/* --- the grid --- */

static void fill_row(const Completing *completing, int64_t row) {
    const int64_t n = positions_of(completing), each = completing->complete->each;
    const size_t image = (size_t)n * sizeof(int32_t);
    const int32_t *original = completing->originals + row * n;
    int32_t *cells = completing->cells + row * (LEAD + each) * n;
    memcpy(cells, original, image);
    memcpy(cells + n, original, image);
    for (int64_t p = completing->given; p < n; p++)
        cells[n + p] = -1;
    memcpy(cells + LEAD * n, completing->completed + row * each * n, (size_t)each * image);
}

static bool write_files(const Completing *completing, RunError *error) {
    const int64_t each = completing->complete->each;
    if (!command_directory(completing->drawing.command, "samples/images", error))
        return false;
    for (int64_t i = 0; i < completing->images * each; i++) {
        char name[64];
        snprintf(name, sizeof name, "samples/images/%04lld-%lld.png", (long long)(i / each),
                 (long long)(i % each));
        if (!drawing_write_image(&completing->drawing,
                                 completing->completed + i * positions_of(completing), name, error))
            return false;
    }
    return true;
}

/* --- the command --- */

static bool run(Completing *completing, RunError *error) {
    const CompleteCommand *complete = completing->complete;
    const int64_t n = positions_of(completing), each = complete->each;
    for (int64_t i = 0; i < completing->images * each; i++)
        memcpy(completing->completed + i * n, completing->originals + i / each * n,
               (size_t)n * sizeof *completing->completed);
    /* Their draws are not those of samples. */
    if (!drawing_run(&completing->drawing, &complete->options, completing->images * each,
                     completing->given, DRAWING_MOST_IMAGES, completing->completed, error))
        return false;
    for (int64_t row = 0; row < completing->images; row++)
        fill_row(completing, row);
    return drawing_write_grid(&completing->drawing, completing->images, LEAD + each, LEAD,
                              completing->cells, "samples/completions.png", error) &&
           (!complete->files || write_files(completing, error)) &&
           drawing_write_record(&completing->drawing, &complete->options,
                                json_pack("{sI sI sI}", "images", (json_int_t)completing->images,
                                          "completions", (json_int_t)each, "given_positions",
                                          (json_int_t)completing->given),
                                "samples/completions.json", "samples/completions.png", error);
}

static bool check(const CompleteCommand *complete, RunError *error) {
    const int64_t images = complete->path_count ? complete->path_count : complete->images;
    if (images < 1 || complete->each < 1 || complete->each > DRAWING_MOST_IMAGES ||
        images > DRAWING_MOST_IMAGES / complete->each)
        return run_fail(error, EXIT_USAGE, "1 to %d completions can be drawn", DRAWING_MOST_IMAGES);
    if (!(complete->given >= 0 && complete->given < 1))
        return run_fail(error, EXIT_USAGE,
                        "the share that is given must be at least 0 and below 1");
    return true;
}

bool commands_complete(const Command *command, const CompleteCommand *complete, RunError *error) {
    Completing completing = {.complete = complete};
    if (!check(complete, error))
        return false;
    const bool ok =
        drawing_open(&completing.drawing, command, &complete->options, error) &&
        settle(&completing, error) &&
        (complete->path_count ? read_files(&completing, error) : read_split(&completing, error)) &&
        command_directory(command, "samples", error) && run(&completing, error);
    palette_encoder_free(completing.encoder);
    free(completing.originals);
    free(completing.completed);
    free(completing.cells);
    drawing_close(&completing.drawing);
    return ok;
}
