/* Pixels of a split are counted by colour once; fitting and measuring read the counts. */
#include "runtime/commands/palette.h"

#include "runtime/commands/command.h"
#include "runtime/images/image_file.h"
#include "runtime/images/palette_fit.h"
#include "runtime/images/resample.h"
#include "runtime/run/work.h"

#include <math.h>
#include <stdlib.h>

enum { GREY = 1, RGB = 3 };

typedef struct Making {
    const PaletteOptions *options;
    Work work;
    ImageFile *file;
    ColourCounts counts[IMAGE_SPLIT_COUNT]; /* train, validation */
    int64_t images[IMAGE_SPLIT_COUNT];
    Palette palette;
    PaletteError errors[IMAGE_SPLIT_COUNT];
} Making;

static const char *const split_names[] = {"train", "validation"};
enum { MEASURED = 2 };

static void say_step(void *user, int64_t step, const PaletteError *error) {
    Making *making = user;
    if (work_is_due(&making->work))
        work_say(&making->work, "k-means, step %lld: %.2f dB", (long long)step, error->psnr);
}

/* --- counting --- */

static bool count_image(const Making *making, ImageView image, ColourCounts *counts) {
    const int64_t resolution = making->options->resolution;
    const ResampleBox box = resolution ? resample_centre(image.height, image.width)
                                       : resample_whole(image.height, image.width);
    const int64_t rows = resolution ? resolution : image.height,
                  columns = resolution ? resolution : image.width;
    uint8_t row[RGB * RESAMPLE_MOST_RESOLUTION];
    Resample resample;
    if (!resample_begin(&resample, image, &box, rows, columns))
        return false;
    for (int64_t y = 0; y < rows; y++) {
        resample_row(&resample, y, row);
        palette_convert(row, columns, image.channels, counts->channels);
        colour_counts_add(counts, row, columns);
    }
    return true;
}

/* The images of [first, end), all threads together. The first that can't be read, or -1. */
static int64_t count_images(Making *making, int64_t first, int64_t end) {
    int64_t bad = INT64_MAX;
#pragma omp parallel for schedule(dynamic, 16) num_threads(making->options->threads)               \
    reduction(min                                                                                  \
              : bad)
    for (int64_t i = first; i < end; i++) {
        const int split = (int)image_file_split(making->file, i);
        if (split < MEASURED &&
            !count_image(making, image_file_image(making->file, i), &making->counts[split]))
            bad = i < bad ? i : bad;
    }
    return bad < INT64_MAX ? bad : -1;
}

static bool count_all(Making *making, RunError *error) {
    enum { AT_ONCE = 4096 }; /* images, between two looks at the clock */
    const int64_t count = image_file_count(making->file);
    image_file_advise(making->file, IMAGE_ACCESS_SEQUENTIAL);
    for (int64_t i = 0; i < count; i++)
        making->images[image_file_split(making->file, i)]++;
    for (int64_t first = 0; first < count; first += AT_ONCE) {
        const int64_t end = first + AT_ONCE < count ? first + AT_ONCE : count;
        const int64_t bad = count_images(making, first, end);
        if (bad >= 0)
            return run_fail(error, EXIT_INPUT,
                            "image %lld of %s is too large to be read as it is: give --resolution",
                            (long long)bad, making->options->path);
        if (work_is_due(&making->work))
            work_say(&making->work, "counting colours: %lld of %lld images", (long long)end,
                     (long long)count);
    }
    return true;
}

/* --- the palette --- */

static bool make_palette(Making *making, RunError *error) {
    const PaletteOptions *options = making->options;
    FileError fault;
    const char *reason;
    if (options->palette)
        return palette_read(&making->palette, options->palette, &fault) ||
               run_fail(error, EXIT_INPUT, "%s", fault.text);
    if (!making->images[IMAGE_TRAIN])
        return run_fail(error, EXIT_INPUT, "%s has no image to train on", options->path);
    const PaletteFit fit = {.colours = options->colours,
                            .seed = options->seed,
                            .threads = options->threads,
                            .progress = say_step,
                            .user = making};
    return palette_fit(&making->counts[IMAGE_TRAIN], &fit, &making->palette, &reason) ||
           run_fail(error, EXIT_MACHINE, "%s", reason);
}

static bool measure(Making *making, RunError *error) {
    for (int split = 0; split < MEASURED; split++)
        if (making->images[split] &&
            !palette_measure(&making->counts[split], &making->palette, making->options->threads,
                             &making->errors[split]))
            return run_no_memory(error, "measuring the palette");
    return true;
}

/* Beside the data file first: what can't be written leaves that as it was. */
static bool keep(const Making *making, RunError *error) {
    const Palette *palette = &making->palette;
    FileError fault;
    return (!making->options->out || palette_write(palette, making->options->out, &fault)) &&
                   image_file_set_palette(making->options->path, palette->centres, palette->colours,
                                          palette->channels, &fault)
               ? true
               : run_fail(error, EXIT_MACHINE, "%s", fault.text);
}

/* --- what is said at the end --- */

static json_t *errors_json(const Making *making) {
    json_t *errors = json_object();
    for (int split = 0; split < MEASURED; split++) {
        const PaletteError *error = &making->errors[split];
        if (errors && making->images[split])
            json_object_set_new(
                errors, split_names[split],
                json_pack("{sI sf so}", "images", (json_int_t)making->images[split], "mean_square",
                          error->mean_square, "psnr",
                          isfinite(error->psnr) ? json_real(error->psnr) : json_null()));
    }
    return errors;
}

static bool print(const Making *making, FILE *results, RunError *error) {
    const Palette *palette = &making->palette;
    if (making->options->json) {
        json_t *json = json_pack("{ss ss sI sI so}", "file", making->options->path, "hash",
                                 palette->hash, "colours", (json_int_t)palette->colours, "channels",
                                 (json_int_t)palette->channels, "error", errors_json(making));
        char *text = command_json_text(json);
        const bool done = text && fputs(text, results) >= 0;
        free(text);
        json_decref(json);
        return done || run_no_memory(error, "JSON");
    }
    fprintf(results, "%s: a palette of %lld %s\n  hash        %s\n", making->options->path,
            (long long)palette->colours, palette->channels == GREY ? "greys" : "colours",
            palette->hash);
    for (int split = 0; split < MEASURED; split++)
        if (making->images[split])
            fprintf(results,
                    "  %-10s  PSNR %.2f dB, mean square of the distance %.6f (channels from -1 to "
                    "1), %lld images\n",
                    split_names[split], making->errors[split].psnr,
                    making->errors[split].mean_square, (long long)making->images[split]);
    return true;
}

/* --- the command --- */

/* Channels that the palette has, or will have. */
static bool choose_channels(Making *making, int64_t *channels, RunError *error) {
    if (making->options->palette && !make_palette(making, error))
        return false;
    const bool grey = making->options->grey || image_file_channels(making->file) == GREY;
    *channels = making->options->palette ? making->palette.channels : grey ? GREY : RGB;
    return true;
}

static bool make_all(Making *making, FILE *results, RunError *error) {
    int64_t channels;
    if (!choose_channels(making, &channels, error))
        return false;
    for (int split = 0; split < MEASURED; split++)
        if (!colour_counts_create(&making->counts[split], channels))
            return run_no_memory(error, "counting colours");
    const bool made = count_all(making, error) &&
                      (making->palette.centres || make_palette(making, error)) &&
                      measure(making, error);
    work_end(&making->work);
    return made && keep(making, error) && print(making, results, error);
}

bool commands_palette(const PaletteOptions *options, Log *log, FILE *results, RunError *error) {
    FileError fault;
    Making making = {.options = options};
    work_begin(&making.work, log, "palette", 0);
    making.file = image_file_open(options->path, &fault);
    const bool done = making.file ? make_all(&making, results, error)
                                  : run_fail(error, EXIT_INPUT, "%s", fault.text);
    for (int split = 0; split < MEASURED; split++)
        colour_counts_free(&making.counts[split]);
    palette_free(&making.palette);
    image_file_close(making.file);
    return done;
}
