#include "runtime/interchange/weights.h"

#include "runtime/interchange/floats.h"
#include "runtime/interchange/torch_file.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INDEX_BYTES = 64 << 20, MOST_SHARDS = 4096 };

/* One file, of either form. */
typedef struct Shard {
    char *name; /* in the folder */
    Safetensors *plain;
    TorchFile *torch;
} Shard;

typedef struct WeightsEntry {
    const Tensor *tensor;
    const Shard *shard;
} WeightsEntry;

struct Weights {
    char *path, *folder;
    Shard *shards;
    uint32_t shard_count;
    WeightsEntry *entries; /* by name */
    uint32_t count;
};

/* --- one file --- */

static bool shard_open(Shard *shard, const char *path, FileError *error) {
    if (torch_file_is(path))
        shard->torch = torch_file_open(path, error);
    else
        shard->plain = safetensors_open(path, error);
    return shard->plain || shard->torch;
}

static void shard_close(Shard *shard) {
    safetensors_close(shard->plain);
    torch_file_close(shard->torch);
    free(shard->name);
}

static uint32_t shard_count(const Shard *shard) {
    return shard->plain ? safetensors_count(shard->plain) : torch_file_count(shard->torch);
}

static const Tensor *shard_at(const Shard *shard, uint32_t index) {
    return shard->plain ? safetensors_at(shard->plain, index) : torch_file_at(shard->torch, index);
}

static bool shard_read(const Shard *shard, const Tensor *tensor, void *data, FileError *error) {
    return shard->plain ? safetensors_read(shard->plain, tensor, data, error)
                        : torch_file_read(shard->torch, tensor, data, error);
}

/* --- all their tensors --- */

/* Names become parts of messages. */
static bool can_be_shown(const char *name) {
    while (*name && !iscntrl((unsigned char)*name))
        name++;
    return !*name;
}

static int by_name(const void *left, const void *right) {
    const WeightsEntry *a = left, *b = right;
    return strcmp(a->tensor->name, b->tensor->name);
}

static bool gather_entries(Weights *weights, FileError *error) {
    size_t most = 0;
    for (uint32_t i = 0; i < weights->shard_count; i++)
        most += shard_count(&weights->shards[i]);
    weights->entries = calloc(most + 1, sizeof *weights->entries);
    if (!weights->entries)
        return file_fault(error, weights->path, "out of memory");
    for (uint32_t i = 0; i < weights->shard_count; i++) {
        const Shard *shard = &weights->shards[i];
        for (uint32_t j = 0; j < shard_count(shard); j++) {
            const Tensor *tensor = shard_at(shard, j);
            if (!can_be_shown(tensor->name))
                return file_fault(error, weights->path, "a tensor has a name that cannot be shown");
            weights->entries[weights->count++] = (WeightsEntry){tensor, shard};
        }
    }
    qsort(weights->entries, weights->count, sizeof *weights->entries, by_name);
    for (uint32_t i = 1; i < weights->count; i++)
        if (by_name(&weights->entries[i - 1], &weights->entries[i]) == 0)
            return file_fault(error, weights->path, "tensor '%.100s' is in it twice",
                              weights->entries[i].tensor->name);
    return true;
}

static const WeightsEntry *entry_named(const Weights *weights, const char *name) {
    const WeightsEntry wanted = {.tensor = &(const Tensor){.name = name}};
    return bsearch(&wanted, weights->entries, weights->count, sizeof *weights->entries, by_name);
}

/* --- an index --- */

static bool is_file_name(const char *name) {
    return name && *name && *name != '.' && !strchr(name, '/') && can_be_shown(name);
}

static Shard *shard_named(const Weights *weights, const char *name) {
    for (uint32_t i = 0; i < weights->shard_count; i++)
        if (strcmp(weights->shards[i].name, name) == 0)
            return &weights->shards[i];
    return NULL;
}

static bool shard_add(Weights *weights, const char *name, FileError *error) {
    if (weights->shard_count == MOST_SHARDS)
        return file_fault(error, weights->path, "more than %d files", MOST_SHARDS);
    Shard *larger = realloc(weights->shards, (weights->shard_count + 1) * sizeof *larger);
    if (!larger)
        return file_fault(error, weights->path, "out of memory");
    weights->shards = larger;
    Shard *shard = &larger[weights->shard_count++];
    char *path = file_path(weights->folder, name);
    *shard = (Shard){.name = strdup(name)};
    bool opened = shard->name && path ? shard_open(shard, path, error)
                                      : file_fault(error, weights->path, "out of memory");
    free(path);
    return opened;
}

/* Every tensor must be where the index says that it is. */
static bool check_map(const Weights *weights, const json_t *map, FileError *error) {
    const char *name;
    const json_t *value;
    json_object_foreach((json_t *)map, name, value) {
        const char *file = json_string_value(value);
        const WeightsEntry *entry = entry_named(weights, name);
        if (!entry || strcmp(entry->shard->name, file) != 0)
            return file_fault(error, weights->path, "tensor '%.100s' is not in %.100s", name, file);
    }
    return json_object_size(map) == weights->count ||
           file_fault(error, weights->path, "it lists %zu tensors, and its files have %u",
                      json_object_size(map), weights->count);
}

static bool open_map(Weights *weights, const json_t *map, FileError *error) {
    const char *name;
    const json_t *value;
    if (!json_is_object(map))
        return file_fault(error, weights->path, "there is no \"weight_map\" in it");
    json_object_foreach((json_t *)map, name, value) {
        const char *file = json_string_value(value);
        if (!can_be_shown(name))
            return file_fault(error, weights->path, "a tensor has a name that cannot be shown");
        if (!is_file_name(file))
            return file_fault(error, weights->path,
                              "the file of tensor '%.100s' is not the name of a file beside it",
                              name);
        if (!shard_named(weights, file) && !shard_add(weights, file, error))
            return false;
    }
    return gather_entries(weights, error) && check_map(weights, map, error);
}

static bool open_index(Weights *weights, FileError *error) {
    size_t size;
    json_error_t reason;
    char *text = file_read(weights->path, INDEX_BYTES, &size, error);
    if (!text)
        return false;
    json_t *index = json_loadb(text, size, JSON_REJECT_DUPLICATES, &reason);
    free(text);
    if (!index)
        return file_fault(error, weights->path, "not valid JSON: %.150s", reason.text);
    bool opened = open_map(weights, json_object_get(index, "weight_map"), error);
    json_decref(index);
    return opened;
}

/* --- opening --- */

static bool is_index(const char *path) {
    static const char ending[] = ".json";
    size_t length = strlen(path);
    return length >= sizeof ending && strcmp(path + length - (sizeof ending - 1), ending) == 0;
}

/* The path of the weights in a folder, or the path itself. malloc'ed. */
static char *find_path(const char *path, FileError *error) {
    static const char *const names[] = {"model.safetensors", "model.safetensors.index.json",
                                        "pytorch_model.bin", "pytorch_model.bin.index.json"};
    struct stat status;
    char *found = NULL;
    if (stat(path, &status)) {
        file_fail(error, "cannot read", path);
        return NULL;
    }
    bool folder = S_ISDIR(status.st_mode);
    if (!folder && !(found = strdup(path)))
        file_fault(error, path, "out of memory");
    for (size_t i = 0; folder && i < sizeof names / sizeof *names; i++) {
        if (!(found = file_path(path, names[i]))) {
            file_fault(error, path, "out of memory");
            return NULL;
        }
        if (access(found, F_OK) == 0)
            return found;
        free(found);
        found = NULL;
    }
    if (folder)
        file_fault(error, path,
                   "a folder without model.safetensors, pytorch_model.bin or an index of either");
    return found;
}

static bool open_all(Weights *weights, FileError *error) {
    weights->folder = file_directory(weights->path);
    if (!weights->folder)
        return file_fault(error, weights->path, "out of memory");
    if (is_index(weights->path))
        return open_index(weights, error);
    const char *slash = strrchr(weights->path, '/');
    return shard_add(weights, slash ? slash + 1 : weights->path, error) &&
           gather_entries(weights, error);
}

Weights *weights_open(const char *path, FileError *error) {
    char *found = find_path(path, error);
    Weights *weights = found ? calloc(1, sizeof *weights) : NULL;
    if (!weights) {
        if (found)
            file_fault(error, path, "out of memory");
        free(found);
        return NULL;
    }
    weights->path = found;
    if (open_all(weights, error))
        return weights;
    weights_close(weights);
    return NULL;
}

void weights_close(Weights *weights) {
    if (!weights)
        return;
    for (uint32_t i = 0; i < weights->shard_count; i++)
        shard_close(&weights->shards[i]);
    free(weights->shards);
    free(weights->entries);
    free(weights->folder);
    free(weights->path);
    free(weights);
}

/* --- what is in it --- */

const char *weights_path(const Weights *weights) { return weights->path; }

const char *weights_folder(const Weights *weights) { return weights->folder; }

uint32_t weights_count(const Weights *weights) { return weights->count; }

const Tensor *weights_at(const Weights *weights, uint32_t index) {
    return weights->entries[index].tensor;
}

const Tensor *weights_find(const Weights *weights, const char *name) {
    const WeightsEntry *entry = entry_named(weights, name);
    return entry ? entry->tensor : NULL;
}

bool weights_read(const Weights *weights, const Tensor *tensor, float *values, FileError *error) {
    const WeightsEntry *entry = entry_named(weights, tensor->name);
    if (tensor->type == TENSOR_F32)
        return shard_read(entry->shard, tensor, values, error);
    size_t bytes = (size_t)tensor->elements * tensor_type_size(tensor->type);
    void *data = malloc(bytes + 1);
    bool read =
        data ? shard_read(entry->shard, tensor, data, error)
             : file_fault(error, weights->path, "no memory for tensor '%.100s'", tensor->name);
    if (read)
        floats_convert(tensor->type, data, tensor->elements, values);
    free(data);
    return read;
}
