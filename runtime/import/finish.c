#include "runtime/import/finish.h"

#include "runtime/files/printable.h"
#include "runtime/images/split.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { MANY_CLASSES = 1000, NAMES_SHOWN = 3 };
static const double validation_share = 0.1, validation_share_imagenet = 0.04, test_share = 0.1;

/* --- splits --- */

typedef struct Shares {
    double validation, test; /* below 0: the source has one of its own */
} Shares;

static Shares choose_shares(const Importing *importing, const uint8_t *splits, int64_t count) {
    const ImportSettings *settings = importing->settings;
    bool has[IMAGE_SPLIT_COUNT] = {false};
    for (int64_t i = 0; i < count; i++)
        has[splits[i]] = true;
    const bool large =
        importing->classes >= MANY_CLASSES || importing->scan.format == &format_imagenet;
    const double usual = large ? validation_share_imagenet : validation_share;
    return (Shares){has[IMAGE_VALIDATION]       ? -1
                    : settings->validation >= 0 ? settings->validation
                                                : usual,
                    has[IMAGE_TEST]       ? -1
                    : settings->test >= 0 ? settings->test
                                          : test_share};
}

static bool make_splits(Importing *importing, Shares shares) {
    uint8_t *splits = image_writer_splits(importing->writer);
    const int64_t count = image_writer_count(importing->writer);
    const double validation = shares.validation < 0 ? 0 : shares.validation,
                 test = shares.test < 0 ? 0 : shares.test;
    if (!split_assign(image_writer_labels(importing->writer), count, validation, test,
                      importing->settings->seed, splits))
        return run_no_memory(importing->error, "the split");
    for (int64_t i = 0; i < count; i++)
        if (splits[i] == IMAGE_TRAIN)
            return true;
    return run_fail(importing->error, EXIT_INPUT, "the split leaves no image to train on");
}

/* A source that has images for testing alone is divided like any other. */
static void release_lone_test(const Importing *importing) {
    uint8_t *splits = image_writer_splits(importing->writer);
    const int64_t count = image_writer_count(importing->writer);
    for (int64_t i = 0; i < count; i++)
        if (splits[i] != IMAGE_TEST)
            return;
    importing_note(importing,
                   "the source has nothing but images for testing: these are divided into "
                   "train, validation and test");
    memset(splits, IMAGE_TRAIN, (size_t)count);
}

/* What was asked for and can't be is said. */
static void say_unused(const Importing *importing, Shares shares) {
    if (shares.test < 0 && importing->settings->test >= 0)
        importing_note(importing, "--test is not used: the source has images for testing");
    if (shares.validation < 0 && importing->settings->validation >= 0)
        importing_note(importing, "--validation is not used: the source has images for validation");
}

/* --- the origin --- */

static json_t *share_json(double share) {
    return share < 0 ? json_string("the source's own") : json_real(share);
}

static json_t *sources_json(const ImportSettings *settings) {
    json_t *sources = json_array();
    for (int64_t i = 0; i < settings->source_count; i++) {
        char *shown = printable(settings->sources[i], strlen(settings->sources[i]));
        json_array_append_new(sources, json_string(shown ? shown : "?"));
        free(shown);
    }
    return sources;
}

static json_t *left_out_json(const ImageRemark *remarks, int64_t count) {
    json_t *list = json_array();
    for (int64_t i = 0; i < count; i++) {
        if (!remarks[i].left_out)
            continue;
        char *shown = printable(remarks[i].name, strlen(remarks[i].name));
        json_array_append_new(
            list, json_pack("{ss ss}", "name", shown ? shown : "?", "reason", remarks[i].text));
        free(shown);
    }
    return list;
}

/* By what they say: how many, and which the first are. */
static json_t *remarks_json(const ImageRemark *remarks, int64_t count) {
    json_t *found = json_object();
    for (int64_t i = 0; i < count; i++) {
        if (remarks[i].left_out)
            continue;
        json_t *entry = json_object_get(found, remarks[i].text);
        if (!entry) {
            entry = json_pack("{sI s[]}", "images", (json_int_t)0, "first");
            json_object_set_new(found, remarks[i].text, entry);
        }
        const json_int_t images = json_integer_value(json_object_get(entry, "images"));
        json_object_set_new(entry, "images", json_integer(images + 1));
        if (images >= NAMES_SHOWN)
            continue;
        char *shown = printable(remarks[i].name, strlen(remarks[i].name));
        json_array_append_new(json_object_get(entry, "first"), json_string(shown ? shown : "?"));
        free(shown);
    }
    return found;
}

static char *make_origin(const Importing *importing, Shares shares) {
    const ImportSettings *settings = importing->settings;
    int64_t count;
    const ImageRemark *remarks = image_writer_remarks(importing->writer, &count);
    json_t *json = json_pack(
        "{ss so ss s{sI sb ss} s{so so sI} sI so so s{sI ss}}", "format",
        importing->scan.format->name, "sources", sources_json(settings), "fingerprint",
        importing->scan.fingerprint, "settings", "shorter", (json_int_t)settings->shorter, "grey",
        settings->grey, "labels", settings->coarse ? "coarse" : "fine", "splits", "validation",
        share_json(shares.validation), "test", share_json(shares.test), "seed",
        (json_int_t)settings->seed, "entries", (json_int_t)importing->position, "left_out",
        left_out_json(remarks, count), "remarks", remarks_json(remarks, count), "passed_over",
        "files", (json_int_t)importing->passed_over, "first", importing->passed_over_names);
    char *text = json ? json_dumps(json, JSON_REAL_PRECISION(9)) : NULL;
    json_decref(json);
    return text;
}

/* --- names of classes --- */

/* Those of the folders, as they can be shown. */
static bool name_folders(Importing *importing) {
    const Scan *scan = &importing->scan;
    ClassNames *names = &importing->names;
    if (!scan->class_count)
        return true;
    names->at = calloc((size_t)scan->class_count, sizeof *names->at);
    for (int64_t c = 0; names->at && c < scan->class_count; c++) {
        names->at[c] = printable(scan->classes[c], strlen(scan->classes[c]));
        if (!names->at[names->count++])
            return false;
    }
    importing->classes = scan->class_count;
    return names->at != NULL;
}

bool import_finish(Importing *importing) {
    FileError fault;
    if (!importing->scan.format->claim && !name_folders(importing))
        return run_no_memory(importing->error, "names of classes");
    release_lone_test(importing);
    const Shares shares = choose_shares(importing, image_writer_splits(importing->writer),
                                        image_writer_count(importing->writer));
    say_unused(importing, shares);
    if (!make_splits(importing, shares))
        return false;
    char *origin = make_origin(importing, shares);
    if (!origin)
        return run_no_memory(importing->error, "the origin");
    const bool named = importing->classes && importing->names.count >= importing->classes;
    const ImageFileText text = {importing->classes,
                                named ? (const char *const *)importing->names.at : NULL, origin};
    const bool done = image_writer_finish(importing->writer, &text, &fault);
    importing->writer = NULL;
    free(origin);
    return done || run_fail(importing->error, EXIT_MACHINE, "%s", fault.text);
}
