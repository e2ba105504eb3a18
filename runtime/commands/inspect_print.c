/* Text for people, of what inspect.c found. */
#include "runtime/commands/inspect.h"

#include "runtime/data/data.h"

#include <string.h>

enum { MOST_CLASSES = 40, MOST_LEFT_OUT = 20 };

static long long integer(const json_t *json, const char *key) {
    return (long long)json_integer_value(json_object_get(json, key));
}

static const char *string(const json_t *json, const char *key) {
    const char *text = json_string_value(json_object_get(json, key));
    return text ? text : "";
}

static void print_range(FILE *out, const json_t *range) {
    const long long least = (long long)json_integer_value(json_array_get(range, 0)),
                    most = (long long)json_integer_value(json_array_get(range, 1));
    if (least == most)
        fprintf(out, "%lld", least);
    else
        fprintf(out, "(%lld to %lld)", least, most);
}

static void print_head(FILE *out, const json_t *json) {
    const long long channels = integer(json, "channels"), classes = integer(json, "classes");
    fprintf(out, "%s: %lld images of ", string(json, "file"), integer(json, "images"));
    print_range(out, json_object_get(json, "height"));
    fputs(" x ", out);
    print_range(out, json_object_get(json, "width"));
    fprintf(out, ", %s, ", channels == 1 ? "grey" : "colour");
    if (classes)
        fprintf(out, "%lld classes\n", classes);
    else
        fputs("no labels\n", out);
}

static void print_share(FILE *out, const json_t *share) {
    if (json_is_string(share))
        fprintf(out, "  (%s)", json_string_value(share));
    else if (share)
        fprintf(out, "  (a share of %g %%, by seed)", 100 * json_number_value(share));
}

static void print_splits(FILE *out, const json_t *json) {
    const json_t *splits = json_object_get(json, "splits"),
                 *shares = json_object_get(json_object_get(json, "origin"), "splits");
    for (int split = 0; split < DATA_SPLIT_COUNT; split++) {
        const char *name = data_split_name((DataSplit)split);
        const json_t *entry = json_object_get(splits, name);
        fprintf(out, "  %-11s %8lld", name, integer(entry, "images"));
        if (integer(entry, "without_label") && integer(json, "classes"))
            fprintf(out, ", of which %lld have no label", integer(entry, "without_label"));
        print_share(out, json_object_get(shares, name));
        fputc('\n', out);
    }
}

/* A class a line: its images in each split. */
static void print_classes(FILE *out, const json_t *json) {
    const json_t *splits = json_object_get(json, "splits"),
                 *names = json_object_get(json, "class_names");
    const size_t classes = json_array_size(names);
    if (classes)
        fputs("  images of each class: train, validation, test\n", out);
    for (size_t c = 0; c < classes && c < MOST_CLASSES; c++) {
        fputs("  ", out);
        for (int split = 0; split < DATA_SPLIT_COUNT; split++) {
            const json_t *entry = json_object_get(splits, data_split_name((DataSplit)split));
            fprintf(out, " %7lld",
                    (long long)json_integer_value(
                        json_array_get(json_object_get(entry, "classes"), c)));
        }
        fprintf(out, "  %s\n", json_string_value(json_array_get(names, c)));
    }
    if (classes > MOST_CLASSES)
        fprintf(out, "    ... and %zu more (--json has all)\n", classes - MOST_CLASSES);
}

static void print_pixels(FILE *out, const json_t *pixels) {
    const json_t *means = json_object_get(pixels, "mean"),
                 *deviations = json_object_get(pixels, "deviation");
    if (!pixels)
        return;
    fputs("  pixels      ", out);
    for (size_t c = 0; c < json_array_size(means); c++)
        fprintf(out, "%s%.2f +- %.2f", c ? ", " : "", json_real_value(json_array_get(means, c)),
                json_real_value(json_array_get(deviations, c)));
    fputs("  (mean and deviation of each channel, of the training images)\n", out);
}

static void print_called(FILE *out, const json_t *called) {
    if (json_is_string(called))
        fputs(json_string_value(called), out);
    else
        fprintf(out, "image %lld", (long long)json_integer_value(called));
}

static void print_duplicates(FILE *out, const json_t *found) {
    const long long resolution = integer(found, "resolution");
    size_t index;
    json_t *pair;
    fputs("  duplicates  ", out);
    if (resolution)
        fprintf(out, "at %lld x %lld: ", resolution, resolution);
    fprintf(
        out,
        "%lld of validation and %lld of test are in train, %lld of test are in validation; %lld "
        "within a split",
        integer(found, "validation_in_train"), integer(found, "test_in_train"),
        integer(found, "test_in_validation"), integer(found, "within_a_split"));
    if (integer(found, "with_another_label"))
        fprintf(out, "; %lld have another label there", integer(found, "with_another_label"));
    fputc('\n', out);
    json_array_foreach(json_object_get(found, "first"), index, pair) {
        fputs("    ", out);
        print_called(out, json_object_get(pair, "image"));
        fprintf(out, " (%s) is ", string(pair, "split"));
        print_called(out, json_object_get(pair, "is"));
        fprintf(out, " (%s)\n", string(pair, "of"));
    }
}

static void print_origin(FILE *out, const json_t *origin) {
    const json_t *left_out = json_object_get(origin, "left_out"),
                 *passed_over = json_object_get(origin, "passed_over");
    size_t index;
    json_t *entry;
    const char *remark;
    fprintf(out, "  origin      %s", string(origin, "format"));
    json_array_foreach(json_object_get(origin, "sources"), index, entry)
        fprintf(out, " %s", json_string_value(entry));
    fputc('\n', out);
    if (json_array_size(left_out))
        fprintf(out, "  left out    %zu broken images:\n", json_array_size(left_out));
    json_array_foreach(left_out, index, entry) if (index < MOST_LEFT_OUT)
        fprintf(out, "    %s %s\n", string(entry, "name"), string(entry, "reason"));
    if (json_array_size(left_out) > MOST_LEFT_OUT)
        fprintf(out, "    ... and %zu more (--json has all)\n",
                json_array_size(left_out) - MOST_LEFT_OUT);
    json_object_foreach(json_object_get(origin, "remarks"), remark, entry) {
        const json_t *first = json_object_get(entry, "first");
        fprintf(out, "  remark      %s: %lld images (%s%s)\n", remark, integer(entry, "images"),
                json_string_value(json_array_get(first, 0)),
                integer(entry, "images") > 1 ? ", ..." : "");
    }
    if (integer(passed_over, "files"))
        fprintf(out, "  passed over %lld files that are no images of the set (%s)\n",
                integer(passed_over, "files"), string(passed_over, "first"));
}

void inspect_print(FILE *out, const json_t *json) {
    const json_t *duplicates = json_object_get(json, "duplicates"),
                 *palette = json_object_get(json, "palette"),
                 *sheet = json_object_get(json, "sheet");
    size_t index;
    json_t *found;
    print_head(out, json);
    print_splits(out, json);
    print_classes(out, json);
    print_pixels(out, json_object_get(json, "pixels"));
    json_array_foreach(duplicates, index, found) print_duplicates(out, found);
    print_origin(out, json_object_get(json, "origin"));
    if (json_is_object(palette))
        fprintf(out, "  palette     %lld colours in %lld channels\n", integer(palette, "colours"),
                integer(palette, "channels"));
    fprintf(out, "  hash        %s\n", string(json, "hash"));
    if (json_is_true(json_object_get(json, "verified")))
        fputs("  verified    all pixels are what was written\n", out);
    if (sheet)
        fprintf(out, "  sheet       %s: a class a row, the first %lld, in the order above\n",
                string(sheet, "file"), integer(sheet, "rows"));
}
