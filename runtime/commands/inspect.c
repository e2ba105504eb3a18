/* All of it is gathered as JSON first; inspect_print.c prints text from the same figures. */
#include "runtime/commands/inspect.h"

#include "runtime/clock.h"
#include "runtime/commands/command.h"
#include "runtime/files/printable.h"
#include "runtime/images/duplicates.h"
#include "runtime/images/image_png.h"
#include "runtime/images/sheet.h"
#include "runtime/images/summary.h"
#include "runtime/run/work.h"

#include <stdlib.h>
#include <string.h>

/* --- JSON --- */

static json_t *splits_json(const ImageFile *file) {
    const int64_t classes = image_file_classes(file);
    int64_t *counts = image_counts(file);
    json_t *splits = counts ? json_object() : NULL;
    for (int split = 0; splits && split < IMAGE_SPLIT_COUNT; split++) {
        const int64_t *row = counts + split * (classes + 1);
        json_t *list = json_array();
        int64_t images = row[classes];
        for (int64_t c = 0; c < classes; c++) {
            json_array_append_new(list, json_integer(row[c]));
            images += row[c];
        }
        json_object_set_new(splits, data_split_name((DataSplit)split),
                            json_pack("{sI sI so}", "images", (json_int_t)images, "without_label",
                                      (json_int_t)row[classes], "classes", list));
    }
    free(counts);
    return splits;
}

static json_t *names_json(const ImageFile *file) {
    json_t *names = json_array();
    for (int64_t c = 0; c < image_file_classes(file); c++) {
        char number[24];
        const char *name = image_file_class_name(file, c);
        snprintf(number, sizeof number, "%lld", (long long)c);
        json_array_append_new(names, json_string(name ? name : number));
    }
    return names;
}

static json_t *palette_json(const ImageFile *file) {
    int64_t colours, channels;
    if (!image_file_palette(file, &colours, &channels))
        return json_null();
    return json_pack("{sI sI}", "colours", (json_int_t)colours, "channels", (json_int_t)channels);
}

json_t *inspect_json(const ImageFile *file, const char *path) {
    const ImageSizes sizes = image_sizes(file);
    char *shown = printable(path, strlen(path));
    json_t *origin = json_loads(image_file_origin(file), 0, NULL);
    json_t *json =
        json_pack("{ss sI s[II] s[II] sI sI so ss so so so}", "file", shown ? shown : "?", "images",
                  (json_int_t)image_file_count(file), "height", (json_int_t)sizes.least_height,
                  (json_int_t)sizes.most_height, "width", (json_int_t)sizes.least_width,
                  (json_int_t)sizes.most_width, "channels", (json_int_t)image_file_channels(file),
                  "classes", (json_int_t)image_file_classes(file), "class_names", names_json(file),
                  "hash", image_file_hash(file), "splits", splits_json(file), "palette",
                  palette_json(file), "origin", origin ? origin : json_object());
    free(shown);
    return json;
}

static json_t *moments_json(const ImageFile *file, int threads) {
    const ImageMoments moments = image_moments(file, threads);
    json_t *means = json_array(), *deviations = json_array();
    for (int64_t c = 0; c < image_file_channels(file); c++) {
        json_array_append_new(means, json_real(moments.mean[c]));
        json_array_append_new(deviations, json_real(moments.deviation[c]));
    }
    return json_pack("{so so}", "mean", means, "deviation", deviations);
}

/* What an image is called: its name, or its number. */
static json_t *called_json(const ImageFile *file, int32_t image) {
    size_t length;
    const char *name = image_file_name(file, image, &length);
    char *shown = name ? printable(name, length) : NULL;
    json_t *json = shown ? json_string(shown) : json_integer(image);
    free(shown);
    return json;
}

static json_t *duplicates_json(const ImageFile *file, int64_t resolution, int threads) {
    Duplicates found;
    if (!duplicates_find(file, resolution, threads, &found))
        return NULL;
    json_t *first = json_array();
    for (int i = 0; i < found.first_count; i++)
        json_array_append_new(
            first,
            json_pack("{so ss so ss}", "image", called_json(file, found.first[i].image), "split",
                      data_split_name((DataSplit)image_file_split(file, found.first[i].image)),
                      "is", called_json(file, found.first[i].other), "of",
                      data_split_name((DataSplit)image_file_split(file, found.first[i].other))));
    return json_pack(
        "{sI sI sI sI sI sI so}", "resolution", (json_int_t)resolution, "validation_in_train",
        (json_int_t)found.validation_in_train, "test_in_train", (json_int_t)found.test_in_train,
        "test_in_validation", (json_int_t)found.test_in_validation, "within_a_split",
        (json_int_t)found.within, "with_another_label", (json_int_t)found.labels, "first", first);
}

/* --- the command --- */

static bool verify(const ImageFile *file, const InspectOptions *options, RunError *error) {
    const int64_t block = image_first_damage(file, options->threads);
    return block < 0 ||
           run_fail(
               error, EXIT_INPUT,
               "%s is damaged: block %lld of %lld of its pixels is not what was written; import "
               "it again",
               options->path, (long long)block, (long long)image_file_blocks(file));
}

static bool draw_sheet(const ImageFile *file, const InspectOptions *options, json_t *json,
                       RunError *error) {
    Image sheet;
    FileError fault;
    int64_t rows;
    if (!sheet_draw(file, &sheet, &rows))
        return run_no_memory(error, "the contact sheet");
    const ImageView view = {sheet.height, sheet.width, sheet.channels, sheet.pixels};
    const bool written = image_write_png(view, options->sheet, &fault);
    free(sheet.pixels);
    json_object_set_new(json, "sheet",
                        json_pack("{ss sI}", "file", options->sheet, "rows", (json_int_t)rows));
    return written || run_fail(error, EXIT_MACHINE, "%s", fault.text);
}

static bool look(const ImageFile *file, const InspectOptions *options, Log *log, json_t *json,
                 RunError *error) {
    json_t *duplicates = json_array();
    json_object_set_new(json, "duplicates", duplicates);
    image_file_advise(file, IMAGE_ACCESS_SEQUENTIAL);
    log_show(log, "pixels");
    json_object_set_new(json, "pixels", moments_json(file, options->threads));
    for (int at = 0; at < 1 + (options->resolution > 0); at++) {
        log_show(log, "duplicates");
        json_t *found = duplicates_json(file, at ? options->resolution : 0, options->threads);
        if (!found || json_array_append_new(duplicates, found) != 0)
            return run_no_memory(error, "duplicates");
    }
    log_show(log, "sums");
    if (options->verify && !verify(file, options, error))
        return false;
    json_object_set_new(json, "verified", json_boolean(options->verify));
    return !options->sheet || draw_sheet(file, options, json, error);
}

static bool show(const json_t *json, bool as_json, FILE *results, RunError *error) {
    if (!as_json) {
        inspect_print(results, json);
        return true;
    }
    char *text = command_json_text(json);
    const bool ok = text ? fputs(text, results) >= 0 : run_no_memory(error, "JSON");
    free(text);
    return ok;
}

bool commands_inspect(const InspectOptions *options, Log *log, FILE *results, RunError *error) {
    FileError fault;
    ImageFile *file = image_file_open(options->path, &fault);
    if (!file)
        return run_fail(error, EXIT_INPUT, "%s", fault.text);
    json_t *json = inspect_json(file, options->path);
    bool ok = json ? look(file, options, log, json, error) : run_no_memory(error, "JSON");
    log_clear(log);
    ok = ok && show(json, options->json, results, error);
    json_decref(json);
    image_file_close(file);
    return ok;
}

/* --- import --- */

typedef struct Watch {
    Work work;
    double entries_from; /* seconds */
} Watch;

static void on_looking(void *user, int64_t files) {
    Watch *watch = user;
    if (work_is_due(&watch->work))
        work_say(&watch->work, "looking: %lld files", (long long)files);
}

static void on_progress(void *user, int64_t entries, int64_t bytes, int64_t all_bytes) {
    Watch *watch = user;
    char share[32] = "";
    if (!watch->entries_from)
        watch->entries_from = clock_seconds();
    if (!work_is_due(&watch->work))
        return;
    if (all_bytes > 0)
        snprintf(share, sizeof share, ", %.0f %%", 100.0 * (double)bytes / (double)all_bytes);
    work_say(&watch->work, "%lld images%s, %.0f images/s", (long long)entries, share,
             (double)entries / (clock_seconds() - watch->entries_from));
}

static void on_broken(void *user, const char *name, const char *reason) {
    log_say(((Watch *)user)->work.log, "broken: %s %s", name, reason);
}

static void on_note(void *user, const char *text) {
    log_say(((Watch *)user)->work.log, "%s", text);
}

bool commands_import(const ImportSettings *settings, bool json, Log *log, FILE *results,
                     RunError *error) {
    Watch watch = {.entries_from = 0};
    const ImportListener listener = {&watch, on_looking, on_progress, on_broken, on_note};
    ImportResult result;
    FileError fault;
    work_begin(&watch.work, log, "images", 0);
    const bool done = import_run(settings, &listener, &result, error);
    work_end(&watch.work);
    if (!done)
        return false;
    ImageFile *file = image_file_open(settings->path, &fault);
    if (!file)
        return run_fail(error, EXIT_MACHINE, "%s", fault.text);
    json_t *made = inspect_json(file, settings->path);
    const bool ok = made ? show(made, json, results, error) : run_no_memory(error, "JSON");
    json_decref(made);
    image_file_close(file);
    return ok;
}
