/* All of it is gathered as JSON first; the text is printed from the same figures. */
#include "runtime/commands/data.h"

#include "runtime/commands/command.h"
#include "runtime/data/baseline.h"

#include <math.h>
#include <stdlib.h>

/* Images of each class in a split: counts [splits, classes]. */
static int64_t *count_classes(const DataSet *data) {
    const size_t classes = (size_t)(data->classes ? data->classes : 1);
    int64_t *counts = calloc(DATA_SPLIT_COUNT * classes, sizeof *counts);
    for (int split = 0; counts && data->labels && split < DATA_SPLIT_COUNT; split++)
        for (int64_t i = 0; i < data->splits[split].count; i++) {
            const int32_t label = data->labels[data->splits[split].images[i]];
            if (label >= 0)
                counts[(size_t)split * classes + (size_t)label]++;
        }
    return counts;
}

/* --- JSON --- */

static json_t *splits_json(const DataSet *data, const int64_t *counts) {
    json_t *splits = json_object();
    bool ok = splits != NULL;
    for (int split = 0; ok && split < DATA_SPLIT_COUNT; split++) {
        json_t *classes = json_array();
        for (int64_t c = 0; c < data->classes && ok; c++)
            ok = json_array_append_new(classes, json_integer(counts[split * data->classes + c])) ==
                 0;
        json_t *entry =
            json_pack("{sI sI so}", "images", (json_int_t)data->splits[split].count, "unlabelled",
                      (json_int_t)data->unlabelled[split], "classes", classes);
        ok = ok && json_object_set_new(splits, data_split_name((DataSplit)split), entry) == 0;
    }
    if (ok)
        return splits;
    json_decref(splits);
    return NULL;
}

static json_t *palette_json(const DataSet *data) {
    if (!data->palette.centres)
        return json_null();
    return json_pack("{ss sI sI}", "hash", data->palette.hash, "colours",
                     (json_int_t)data->palette.colours, "channels",
                     (json_int_t)data->palette.channels);
}

static json_t *data_json(const DataSet *data, const int64_t *counts, const Baselines *baselines) {
    json_t *json = json_pack(
        "{ss sI sI sI sI sI so so sb ss ss so}", "source", data->source, "images",
        (json_int_t)data->count, "height", (json_int_t)data->height, "width",
        (json_int_t)data->width, "colours", (json_int_t)data->colours, "classes",
        (json_int_t)data->classes, "class_names", command_class_names(data, data->classes),
        "palette", palette_json(data), "own_splits", (int)data->has_splits, "hash", data->hash,
        "split_hash", data->split_hash, "splits", splits_json(data, counts));
    if (json && baselines &&
        json_object_set_new(json, "baselines_nats_per_token",
                            json_pack("{sf sf sf}", "uniform", baselines->uniform, "histogram",
                                      baselines->histogram, "positions", baselines->positions)) !=
            0) {
        json_decref(json);
        return NULL;
    }
    return json;
}

/* --- text --- */

static void print_splits(FILE *out, const DataSet *data, const int64_t *counts) {
    for (int split = 0; split < DATA_SPLIT_COUNT; split++) {
        fprintf(out, "  %-11s %8lld", data_split_name((DataSplit)split),
                (long long)data->splits[split].count);
        enum { MOST_CLASSES = 20 };
        const bool shown = data->classes <= MOST_CLASSES && !data->names.at;
        for (int64_t c = 0; c < data->classes && shown; c++)
            fprintf(out, "%s%lld",
                    c ? " " : "    by class: ", (long long)counts[split * data->classes + c]);
        fputc('\n', out);
    }
}

/* A class a line: its images in each split. */
static void print_named(FILE *out, const DataSet *data, const int64_t *counts) {
    DataClassNumber number;
    fprintf(out, "  images of each class:");
    for (int split = 0; split < DATA_SPLIT_COUNT; split++)
        fprintf(out, " %s%s", data_split_name((DataSplit)split),
                split + 1 < DATA_SPLIT_COUNT ? "," : "\n");
    for (int64_t c = 0; c < data->classes; c++) {
        fputs("  ", out);
        for (int split = 0; split < DATA_SPLIT_COUNT; split++)
            fprintf(out, " %7lld", (long long)counts[split * data->classes + c]);
        fprintf(out, "  %s\n", data_class_name(data, c, &number));
    }
}

static void print_unlabelled(FILE *out, const DataSet *data) {
    const int64_t *none = data->unlabelled;
    if (none[DATA_TRAIN] + none[DATA_VALIDATION] + none[DATA_TEST])
        fprintf(out, "  without a label: %lld, %lld, %lld; what reads labels leaves these out\n",
                (long long)none[DATA_TRAIN], (long long)none[DATA_VALIDATION],
                (long long)none[DATA_TEST]);
}

static void print_data(FILE *out, const DataSet *data, const int64_t *counts,
                       const Baselines *baselines) {
    fprintf(out, "%s: %lld images of %lld x %lld, %lld colours, ", data->source,
            (long long)data->count, (long long)data->height, (long long)data->width,
            (long long)data->colours);
    if (data->classes)
        fprintf(out, "%lld classes\n", (long long)data->classes);
    else
        fputs("no labels\n", out);
    print_splits(out, data, counts);
    if (data->names.at)
        print_named(out, data, counts);
    if (data->labels)
        print_unlabelled(out, data);
    if (data->has_splits)
        fputs("  the splits are the data file's own: data.validation, data.test and data.seed do "
              "not change them\n",
              out);
    if (data->palette.centres)
        fprintf(out, "  palette     %s, %lld %s\n", data->palette.hash,
                (long long)data->palette.colours,
                data->palette.channels == 1 ? "greys" : "colours");
    fprintf(out, "  hash        %s\n  split hash  %s\n", data->hash, data->split_hash);
    if (baselines)
        baseline_print(out, baselines);
}

bool commands_data(const DataSettings *settings, int64_t colours, bool json, FILE *results,
                   RunError *error) {
    DataError fault;
    DataSet *data = data_open(settings, &fault);
    if (!data)
        return run_fail(error, EXIT_INPUT, "%s", fault.text);
    Baselines measured;
    const Baselines *baselines = NULL;
    int64_t *counts = count_classes(data);
    bool ok = counts ? true : run_no_memory(error, "counting");
    if (ok && colours && colours < data->colours)
        ok = run_fail(error, EXIT_INPUT, "the model has %lld colours; the images of %s have %lld",
                      (long long)colours, data->source, (long long)data->colours);
    if (ok && data->splits[DATA_VALIDATION].count) {
        ok =
            baseline_measure(data, colours ? colours : data->colours, DATA_VALIDATION, &measured) ||
            run_no_memory(error, "the baselines");
        baselines = &measured;
    }
    if (ok && json) {
        json_t *value = data_json(data, counts, baselines);
        char *text = command_json_text(value);
        ok = text ? fputs(text, results) >= 0 : run_no_memory(error, "JSON");
        free(text);
        json_decref(value);
    } else if (ok) {
        print_data(results, data, counts, baselines);
    }
    free(counts);
    data_close(data);
    return ok;
}
