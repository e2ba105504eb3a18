/* Pixels of a split are counted by colour once; fitting and measuring read the counts. */
#include "runtime/commands/palette.h"

#include "runtime/commands/command.h"
#include "runtime/images/image_file.h"
#include "runtime/images/palette_fit.h"
#include "runtime/images/resample.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

enum { GREY = 1, RGB = 3 };

typedef struct Work {
    const PaletteOptions *options;
    Log *log;
    ImageFile *file;
    ColourCounts counts[IMAGE_SPLIT_COUNT]; /* train, validation */
    int64_t images[IMAGE_SPLIT_COUNT];
    Palette palette;
    PaletteError errors[IMAGE_SPLIT_COUNT];
    double said; /* seconds, when people last heard of it */
} Work;

static const char *const split_names[] = {"train", "validation"};
enum { MEASURED = 2 };

/* --- what people are told meanwhile --- */

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Every two seconds at most: so what is quick says nothing. */
static bool is_due(Work *work) {
    enum { SECONDS = 2 };
    if (now() - work->said < SECONDS)
        return false;
    work->said = now();
    return true;
}

static void say_step(void *user, int64_t step, const PaletteError *error) {
    Work *work = user;
    if (is_due(work))
        log_say(work->log, "k-means, step %lld: %.2f dB", (long long)step, error->psnr);
}

/* --- counting --- */

static bool count_image(const Work *work, ImageView image, ColourCounts *counts) {
    const int64_t resolution = work->options->resolution;
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
static int64_t count_images(Work *work, int64_t first, int64_t end) {
    int64_t bad = INT64_MAX;
#pragma omp parallel for schedule(dynamic, 16) num_threads(work->options->threads)                 \
    reduction(min                                                                                  \
              : bad)
    for (int64_t i = first; i < end; i++) {
        const int split = (int)image_file_split(work->file, i);
        if (split < MEASURED &&
            !count_image(work, image_file_image(work->file, i), &work->counts[split]))
            bad = i < bad ? i : bad;
    }
    return bad < INT64_MAX ? bad : -1;
}

static bool count_all(Work *work, RunError *error) {
    enum { AT_ONCE = 4096 }; /* images, between two looks at the clock */
    const int64_t count = image_file_count(work->file);
    image_file_advise(work->file, IMAGE_ACCESS_SEQUENTIAL);
    for (int64_t i = 0; i < count; i++)
        work->images[image_file_split(work->file, i)]++;
    for (int64_t first = 0; first < count; first += AT_ONCE) {
        const int64_t end = first + AT_ONCE < count ? first + AT_ONCE : count;
        const int64_t bad = count_images(work, first, end);
        if (bad >= 0)
            return run_fail(error, EXIT_INPUT,
                            "image %lld of %s is too large to be read as it is: give --resolution",
                            (long long)bad, work->options->path);
        if (is_due(work))
            log_say(work->log, "counting colours: %lld of %lld images", (long long)end,
                    (long long)count);
    }
    return true;
}

/* --- the palette --- */

static bool make_palette(Work *work, RunError *error) {
    const PaletteOptions *options = work->options;
    FileError fault;
    const char *reason;
    if (options->palette)
        return palette_read(&work->palette, options->palette, &fault) ||
               run_fail(error, EXIT_INPUT, "%s", fault.text);
    if (!work->images[IMAGE_TRAIN])
        return run_fail(error, EXIT_INPUT, "%s has no image to train on", options->path);
    const PaletteFit fit = {.colours = options->colours,
                            .seed = options->seed,
                            .threads = options->threads,
                            .progress = say_step,
                            .user = work};
    return palette_fit(&work->counts[IMAGE_TRAIN], &fit, &work->palette, &reason) ||
           run_fail(error, EXIT_MACHINE, "%s", reason);
}

static bool measure(Work *work, RunError *error) {
    for (int split = 0; split < MEASURED; split++)
        if (work->images[split] && !palette_measure(&work->counts[split], &work->palette,
                                                    work->options->threads, &work->errors[split]))
            return run_no_memory(error, "measuring the palette");
    return true;
}

/* Beside the data file first: what can't be written leaves that as it was. */
static bool keep(const Work *work, RunError *error) {
    const Palette *palette = &work->palette;
    FileError fault;
    return (!work->options->out || palette_write(palette, work->options->out, &fault)) &&
                   image_file_set_palette(work->options->path, palette->centres, palette->colours,
                                          palette->channels, &fault)
               ? true
               : run_fail(error, EXIT_MACHINE, "%s", fault.text);
}

/* --- what is said at the end --- */

static json_t *errors_json(const Work *work) {
    json_t *errors = json_object();
    for (int split = 0; split < MEASURED; split++) {
        const PaletteError *error = &work->errors[split];
        if (errors && work->images[split])
            json_object_set_new(
                errors, split_names[split],
                json_pack("{sI sf so}", "images", (json_int_t)work->images[split], "mean_square",
                          error->mean_square, "psnr",
                          isfinite(error->psnr) ? json_real(error->psnr) : json_null()));
    }
    return errors;
}

static bool print(const Work *work, FILE *results, RunError *error) {
    const Palette *palette = &work->palette;
    if (work->options->json) {
        json_t *json = json_pack("{ss ss sI sI so}", "file", work->options->path, "hash",
                                 palette->hash, "colours", (json_int_t)palette->colours, "channels",
                                 (json_int_t)palette->channels, "error", errors_json(work));
        char *text = command_json_text(json);
        const bool done = text && fputs(text, results) >= 0;
        free(text);
        json_decref(json);
        return done || run_no_memory(error, "JSON");
    }
    fprintf(results, "%s: a palette of %lld %s\n  hash        %s\n", work->options->path,
            (long long)palette->colours, palette->channels == GREY ? "greys" : "colours",
            palette->hash);
    for (int split = 0; split < MEASURED; split++)
        if (work->images[split])
            fprintf(results,
                    "  %-10s  PSNR %.2f dB, mean square of the distance %.6f (channels from -1 to "
                    "1), %lld images\n",
                    split_names[split], work->errors[split].psnr, work->errors[split].mean_square,
                    (long long)work->images[split]);
    return true;
}

/* --- the command --- */

/* Channels that the palette has, or will have. */
static bool choose_channels(Work *work, int64_t *channels, RunError *error) {
    if (work->options->palette && !make_palette(work, error))
        return false;
    const bool grey = work->options->grey || image_file_channels(work->file) == GREY;
    *channels = work->options->palette ? work->palette.channels : grey ? GREY : RGB;
    return true;
}

static bool do_work(Work *work, FILE *results, RunError *error) {
    int64_t channels;
    if (!choose_channels(work, &channels, error))
        return false;
    for (int split = 0; split < MEASURED; split++)
        if (!colour_counts_create(&work->counts[split], channels))
            return run_no_memory(error, "counting colours");
    return count_all(work, error) && (work->palette.centres || make_palette(work, error)) &&
           measure(work, error) && keep(work, error) && print(work, results, error);
}

bool commands_palette(const PaletteOptions *options, Log *log, FILE *results, RunError *error) {
    FileError fault;
    Work work = {.options = options, .log = log, .said = now()};
    work.file = image_file_open(options->path, &fault);
    const bool done =
        work.file ? do_work(&work, results, error) : run_fail(error, EXIT_INPUT, "%s", fault.text);
    for (int split = 0; split < MEASURED; split++)
        colour_counts_free(&work.counts[split]);
    palette_free(&work.palette);
    image_file_close(work.file);
    return done;
}
