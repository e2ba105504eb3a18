/* Chunks of images end in any order, so each is written to its place in the file. */
#include "runtime/commands/features.h"

#include "runtime/files/npy.h"
#include "runtime/run/run_folder.h"
#include "runtime/study/feature_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- which images --- */

/* What is known of each image that is written. */
typedef struct Chosen {
    DataImages images;
    int32_t *labels; /* -1: none */
    uint8_t *splits;
} Chosen;

static void chosen_free(Chosen *chosen) {
    free(chosen->images.images);
    free(chosen->labels);
    free(chosen->splits);
}

/* The split of every image of the set; images that are in none have DATA_SPLIT_COUNT. NULL: no
 * memory. */
static uint8_t *split_of_each(const DataSet *data) {
    uint8_t *splits = malloc((size_t)data->count + 1);
    if (!splits)
        return NULL;
    memset(splits, DATA_SPLIT_COUNT, (size_t)data->count);
    for (int split = 0; split < DATA_SPLIT_COUNT; split++)
        for (int64_t i = 0; i < data->splits[split].count; i++)
            splits[data->splits[split].images[i]] = (uint8_t)split;
    return splits;
}

/* False: no memory. */
static bool choose(const DataSet *data, int split, Chosen *chosen) {
    uint8_t *splits = split_of_each(data);
    const size_t most = (size_t)data->count + 1;
    *chosen = (Chosen){{0, malloc(most * sizeof(int32_t))}, malloc(most * sizeof(int32_t)), splits};
    if (!splits || !chosen->images.images || !chosen->labels)
        return false;
    for (int32_t i = 0; i < data->count; i++) {
        if (splits[i] == DATA_SPLIT_COUNT || (split != DATA_SPLIT_COUNT && splits[i] != split))
            continue;
        const int64_t row = chosen->images.count++;
        chosen->images.images[row] = i;
        chosen->labels[row] = data->labels ? data->labels[i] : -1;
        splits[row] = splits[i]; /* row <= i */
    }
    return true;
}

/* --- the files of layers --- */

typedef struct LayerFile {
    FileWriter writer;
    bool open;
    off_t start; /* of the values */
    int fault;   /* errno of what went wrong first; 0: nothing */
} LayerFile;

typedef struct Export {
    const FeatureReader *reader;
    LayerFile *files; /* [reader->layer_count] */
} Export;

/* FOLDER/NAME, malloc'ed; NULL after saying that there is no memory. */
static char *path_in(const char *folder, const char *name, RunError *error) {
    char *path = file_path(folder, name);
    if (!path)
        run_no_memory(error, "a path");
    return path;
}

typedef struct LayerName {
    char text[256];
} LayerName;

static LayerName name_of(const char *series, const FeatureLayer *layer) {
    LayerName name;
    snprintf(name.text, sizeof name.text, "%s.%lld.npy", series, (long long)layer->number);
    return name;
}

static bool open_layer(const char *folder, const char *series, const FeatureLayer *layer,
                       int64_t count, LayerFile *file, RunError *error) {
    const NpyArray array = {.type = NPY_F32,
                            .rank = 2,
                            .extents = {count, layer->width},
                            .elements = count * layer->width};
    const LayerName name = name_of(series, layer);
    char *path = path_in(folder, name.text, error);
    FileError fault;
    if (!path)
        return false;
    file->open = npy_begin(&file->writer, path, &array, &fault);
    free(path);
    if (!file->open)
        return run_fail(error, EXIT_MACHINE, "%s", fault.text);
    file->start = fflush(file->writer.stream) == 0 ? ftello(file->writer.stream) : -1;
    return file->start > 0 ||
           run_fail(error, EXIT_MACHINE, "can't write %s: %s", name.text, strerror(errno));
}

static void take(void *user, uint32_t layer, int64_t first, int64_t count, const float *values) {
    const Export *export = user;
    LayerFile *file = &export->files[layer];
    const int64_t width = export->reader->layers[layer].width;
    const char *at = (const char *)values;
    size_t left = (size_t)(count * width) * sizeof *values;
    off_t place = file->start + (off_t)(first * width * (int64_t)sizeof *values);
    while (left) {
        const ssize_t written = pwrite(fileno(file->writer.stream), at, left, place);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            __atomic_store_n(&file->fault, written < 0 ? errno : EIO, __ATOMIC_RELAXED);
            return;
        }
        at += written, place += written, left -= (size_t)written;
    }
}

static bool close_layers(Export *export, bool ok, RunError *error) {
    for (uint32_t i = 0; i < export->reader->layer_count; i++) {
        LayerFile *file = &export->files[i];
        FileError fault;
        if (!file->open)
            continue;
        if (ok && file->fault)
            ok = run_fail(error, EXIT_MACHINE, "can't write %s: %s", file->writer.path,
                          strerror(file->fault));
        if (!ok)
            file_abandon(&file->writer);
        else if (!file_commit(&file->writer, &fault))
            ok = run_fail(error, EXIT_MACHINE, "%s", fault.text);
    }
    return ok;
}

/* All layers, from one pass over the images. */
static bool write_layers(const Command *command, const Trained *trained,
                         const FeatureReader *reader, const char *folder, const Chosen *chosen,
                         RunError *error) {
    Export export = {reader, calloc(reader->layer_count, sizeof *export.files)};
    bool ok = export.files || run_no_memory(error, "the features");
    for (uint32_t i = 0; ok && i < reader->layer_count; i++)
        ok = open_layer(folder, command->program->experiment->probe.features, &reader->layers[i],
                        chosen->images.count, &export.files[i], error);
    if (ok)
        feature_reader_run(reader, trained->data, &chosen->images, command->log, take, &export);
    if (export.files)
        ok = close_layers(&export, ok, error);
    free(export.files);
    return ok;
}

/* --- the other files --- */

static bool write_array(const char *folder, const char *name, NpyType type, int64_t count,
                        const void *values, RunError *error) {
    const NpyArray array = {
        .type = type, .rank = 1, .extents = {count}, .elements = count, .data = values};
    char *path = path_in(folder, name, error);
    FileError fault;
    bool ok = path != NULL;
    if (ok && !npy_write(path, &array, &fault))
        ok = run_fail(error, EXIT_MACHINE, "%s", fault.text);
    free(path);
    return ok;
}

static json_t *layers_json(const char *series, const FeatureReader *reader) {
    json_t *layers = json_array();
    for (uint32_t i = 0; i < reader->layer_count; i++) {
        const FeatureLayer *layer = &reader->layers[i];
        json_array_append_new(layers, json_pack("{sI ss sI}", "layer", (json_int_t)layer->number,
                                                "file", name_of(series, layer).text, "width",
                                                (json_int_t)layer->width));
    }
    return layers;
}

static json_t *describe(const Command *command, const Trained *trained, const FeatureReader *reader,
                        const Chosen *chosen) {
    const Experiment *experiment = command->program->experiment;
    const char *series = experiment->probe.features;
    return json_pack(
        "{ss ss so sI ss ss ss s[sss] so ss sI ss ss ss}", "what",
        "mean over positions of what each layer holds; rows are images", "series", series, "layers",
        layers_json(series, reader), "images", (json_int_t)chosen->images.count, "labels",
        "labels.npy: class of each row, -1 for none", "splits",
        "splits.npy: number in split_names of each row", "indices",
        "indices.npy: place of each row in the data set", "split_names", "train", "validation",
        "test", "classes", command_class_names(trained->data, trained->data->classes), "checkpoint",
        trained->checkpoint, "step", (json_int_t)trained->state.step, "source",
        trained->data->source, "data_hash", trained->data->hash, "split_hash",
        trained->data->split_hash);
}

static bool write_description(const Command *command, const Trained *trained,
                              const FeatureReader *reader, const char *folder, const Chosen *chosen,
                              RunError *error) {
    json_t *json = describe(command, trained, reader, chosen);
    char *text = command_json_text(json), *path = path_in(folder, "features.json", error);
    FileError fault;
    bool ok = path && (text || run_no_memory(error, "features.json"));
    if (ok && !file_write(path, text, strlen(text), &fault))
        ok = run_fail(error, EXIT_MACHINE, "%s", fault.text);
    if (ok && command->json)
        fputs(text, command->results);
    for (uint32_t i = 0; ok && !command->json && i < reader->layer_count; i++)
        fprintf(command->results, "%s/%s\n", folder,
                name_of(command->program->experiment->probe.features, &reader->layers[i]).text);
    if (ok && !command->json)
        fprintf(command->results, "%s/labels.npy\n%s/splits.npy\n%s/indices.npy\n%s\n", folder,
                folder, folder, path);
    free(path);
    free(text);
    json_decref(json);
    return ok;
}

/* --- all of it --- */

/* features.json comes last: where it is, all of the others are. */
static bool write_all(const Command *command, const Trained *trained, const FeatureReader *reader,
                      const char *folder, const Chosen *chosen, RunError *error) {
    const int64_t count = chosen->images.count;
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return run_fail(error, EXIT_MACHINE, "can't make %s: %s", folder, strerror(errno));
    return write_layers(command, trained, reader, folder, chosen, error) &&
           write_array(folder, "labels.npy", NPY_I32, count, chosen->labels, error) &&
           write_array(folder, "splits.npy", NPY_U8, count, chosen->splits, error) &&
           write_array(folder, "indices.npy", NPY_I32, count, chosen->images.images, error) &&
           write_description(command, trained, reader, folder, chosen, error);
}

static bool count_read(const Command *command, int split, RunError *error) {
    FileError fault;
    if (split != DATA_TEST && split != DATA_SPLIT_COUNT)
        return true;
    return run_count_test_read(command->folder, "features", &fault) ||
           run_fail(error, EXIT_MACHINE, "%s", fault.text);
}

static bool export_features(const Command *command, const Trained *trained,
                            const FeaturesOptions *options, RunError *error) {
    FeatureReader reader;
    if (!feature_reader_create(&reader, command->program, &trained->model, command->threads, error))
        return false;
    char *folder =
        options->folder ? strdup(options->folder) : file_path(command->folder, "features");
    Chosen chosen = {0};
    bool ok = (folder && choose(trained->data, options->split, &chosen)) ||
              run_no_memory(error, "the features");
    if (ok && chosen.images.count == 0)
        ok = run_fail(error, EXIT_INPUT, "%s has no images of that split", trained->data->source);
    ok = ok && count_read(command, options->split, error) &&
         write_all(command, trained, &reader, folder, &chosen, error);
    chosen_free(&chosen);
    free(folder);
    feature_reader_free(&reader);
    return ok;
}

bool commands_features(const Command *command, const FeaturesOptions *options, RunError *error) {
    Trained trained;
    if (!command_load(command, &trained, error))
        return false;
    const bool ok = export_features(command, &trained, options, error);
    command_unload(&trained);
    return ok;
}
