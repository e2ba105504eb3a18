#include "runtime/files/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Entry {
    Tensor tensor; /* first, so that a Tensor of a file is its Entry */
    int64_t begin, end;
} Entry;

struct Safetensors {
    char *path;
    int file;
    json_t *header; /* owns all names and metadata */
    int64_t data_start;
    uint32_t count;
    Entry *entries;
    const Entry **by_name;
};

typedef struct TypeInfo {
    const char *name;
    size_t size;
} TypeInfo;

static const TypeInfo types[TENSOR_TYPE_COUNT] = {
    [TENSOR_F64] = {"F64", 8},   [TENSOR_F32] = {"F32", 4}, [TENSOR_F16] = {"F16", 2},
    [TENSOR_BF16] = {"BF16", 2}, [TENSOR_I64] = {"I64", 8}, [TENSOR_I32] = {"I32", 4},
    [TENSOR_I16] = {"I16", 2},   [TENSOR_I8] = {"I8", 1},   [TENSOR_U8] = {"U8", 1},
    [TENSOR_BOOL] = {"BOOL", 1},
};

const char *tensor_type_name(TensorType type) { return types[type].name; }

size_t tensor_type_size(TensorType type) { return types[type].size; }

/* --- writing --- */

static json_t *header_of(const Tensor *tensors, uint32_t count, const TensorMetadata *metadata,
                         uint32_t metadata_count) {
    json_t *header = json_object(), *pairs = json_object();
    bool made = header && pairs;
    for (uint32_t i = 0; i < metadata_count && made; i++)
        made = json_object_set_new(pairs, metadata[i].key, json_string(metadata[i].value)) == 0;
    made = made && (!metadata_count || json_object_set(header, "__metadata__", pairs) == 0);
    int64_t offset = 0;
    for (uint32_t i = 0; i < count && made; i++) {
        const Tensor *tensor = &tensors[i];
        json_t *shape = json_array();
        for (uint32_t axis = 0; axis < tensor->rank; axis++)
            json_array_append_new(shape, json_integer(tensor->extents[axis]));
        int64_t end = offset + tensor->elements * (int64_t)types[tensor->type].size;
        json_t *entry = json_pack("{s:s, s:o, s:[I,I]}", "dtype", types[tensor->type].name, "shape",
                                  shape, "data_offsets", (json_int_t)offset, (json_int_t)end);
        made = entry && json_object_set_new(header, tensor->name, entry) == 0;
        offset = end;
    }
    json_decref(pairs);
    if (made)
        return header;
    json_decref(header);
    return NULL;
}

/* The header's length is rounded up with spaces so that the data begins at a multiple of 64. */
static void write_header(FILE *stream, const char *text) {
    size_t length = strlen(text), padded = (8 + length + 63) / 64 * 64 - 8;
    unsigned char count[8];
    for (int i = 0; i < 8; i++)
        count[i] = (unsigned char)((uint64_t)padded >> (8 * i));
    fwrite(count, 1, sizeof count, stream);
    fprintf(stream, "%-*s", (int)padded, text);
}

bool safetensors_write(const char *path, const Tensor *tensors, uint32_t count,
                       const TensorMetadata *metadata, uint32_t metadata_count, FileError *error) {
    return safetensors_write_watched(path, tensors, count, metadata, metadata_count, NULL, error);
}

bool safetensors_write_watched(const char *path, const Tensor *tensors, uint32_t count,
                               const TensorMetadata *metadata, uint32_t metadata_count,
                               const SafetensorsWatch *watch, FileError *error) {
    json_t *header = header_of(tensors, count, metadata, metadata_count);
    char *text = header ? json_dumps(header, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    json_decref(header);
    if (!text)
        return file_fault(error, path, "no memory for the header, or text in it that is not UTF-8");
    FileWriter writer;
    bool begun = strlen(text) < SAFETENSORS_MAX_HEADER
                     ? file_begin(&writer, path, error)
                     : file_fault(error, path, "the header is too large");
    if (begun) {
        write_header(writer.stream, text);
        for (uint32_t i = 0; i < count; i++) {
            fwrite(tensors[i].data, types[tensors[i].type].size, (size_t)tensors[i].elements,
                   writer.stream);
            if (watch)
                watch->wrote(watch->user, &tensors[i]);
        }
    }
    free(text);
    return begun && file_commit(&writer, error);
}

/* --- reading --- */

static bool type_by_name(const char *name, TensorType *type) {
    for (int i = 0; i < TENSOR_TYPE_COUNT; i++)
        if (name && strcmp(types[i].name, name) == 0) {
            *type = (TensorType)i;
            return true;
        }
    return false;
}

static bool shape_read(const json_t *shape, Tensor *tensor) {
    size_t rank = json_array_size(shape);
    if (!json_is_array(shape) || rank > SAFETENSORS_MAX_RANK)
        return false;
    tensor->rank = (uint32_t)rank;
    tensor->elements = 1;
    for (size_t i = 0; i < rank; i++) {
        const json_t *extent = json_array_get(shape, i);
        if (!json_is_integer(extent) || json_integer_value(extent) < 0 ||
            __builtin_mul_overflow(tensor->elements, json_integer_value(extent), &tensor->elements))
            return false;
        tensor->extents[i] = json_integer_value(extent);
    }
    return true;
}

static bool entry_read(Safetensors *file, const char *name, const json_t *value, Entry *entry,
                       FileError *error) {
    Tensor *tensor = &entry->tensor;
    tensor->name = name;
    const json_t *offsets = json_object_get(value, "data_offsets");
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    if (!type_by_name(json_string_value(json_object_get(value, "dtype")), &tensor->type))
        return file_fault(error, file->path, "tensor '%.100s' has no dtype that is known here",
                          name);
    if (!shape_read(json_object_get(value, "shape"), tensor))
        return file_fault(error, file->path, "tensor '%.100s' has no usable shape", name);
    int64_t bytes;
    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end) ||
        json_integer_value(begin) < 0 || json_integer_value(end) < json_integer_value(begin) ||
        __builtin_mul_overflow(tensor->elements, (int64_t)types[tensor->type].size, &bytes) ||
        json_integer_value(end) - json_integer_value(begin) != bytes)
        return file_fault(error, file->path,
                          "tensor '%.100s': its data_offsets do not fit its shape", name);
    entry->begin = json_integer_value(begin);
    entry->end = json_integer_value(end);
    return true;
}

static int by_place(const void *left, const void *right) {
    const Entry *a = left, *b = right;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    if (a->end != b->end)
        return a->end < b->end ? -1 : 1;
    return strcmp(a->tensor.name, b->tensor.name);
}

static int by_name(const void *left, const void *right) {
    const Entry *const *a = left, *const *b = right;
    return strcmp((*a)->tensor.name, (*b)->tensor.name);
}

/* The tensors must follow one another from 0 to the end of the data. */
static bool entries_check(Safetensors *file, int64_t data_size, FileError *error) {
    qsort(file->entries, file->count, sizeof *file->entries, by_place);
    int64_t end = 0;
    for (uint32_t i = 0; i < file->count; i++) {
        const Entry *entry = &file->entries[i];
        if (entry->begin != end)
            return file_fault(error, file->path, "tensor '%.100s' %s the one before it",
                              entry->tensor.name,
                              entry->begin < end ? "overlaps" : "leaves a hole after");
        end = entry->end;
        file->by_name[i] = entry;
    }
    if (end != data_size)
        return file_fault(error, file->path,
                          "the header describes %lld bytes of data, the file has %lld",
                          (long long)end, (long long)data_size);
    qsort(file->by_name, file->count, sizeof *file->by_name, by_name);
    return true;
}

static bool metadata_check(const Safetensors *file, const json_t *metadata, FileError *error) {
    const char *key;
    const json_t *value;
    if (!json_is_object(metadata))
        return file_fault(error, file->path, "__metadata__ is not an object");
    json_object_foreach((json_t *)metadata, key, value) {
        if (!json_is_string(value))
            return file_fault(error, file->path, "__metadata__ '%.100s' is not a string", key);
    }
    return true;
}

static bool header_read(Safetensors *file, int64_t data_size, FileError *error) {
    if (!json_is_object(file->header))
        return file_fault(error, file->path, "the header is not a JSON object");
    size_t most = json_object_size(file->header);
    file->entries = calloc(most ? most : 1, sizeof *file->entries);
    file->by_name = calloc(most ? most : 1, sizeof *file->by_name);
    if (!file->entries || !file->by_name)
        return file_fault(error, file->path, "out of memory");
    const char *name;
    const json_t *value;
    json_object_foreach(file->header, name, value) {
        if (strcmp(name, "__metadata__") == 0) {
            if (!metadata_check(file, value, error))
                return false;
        } else if (!entry_read(file, name, value, &file->entries[file->count++], error)) {
            return false;
        }
    }
    return entries_check(file, data_size, error);
}

static bool read_at(const Safetensors *file, void *bytes, size_t size, int64_t offset,
                    FileError *error) {
    for (size_t done = 0; done < size;) {
        ssize_t count =
            pread(file->file, (char *)bytes + done, size - done, offset + (int64_t)done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return file_fault(error, file->path, "%s",
                              count ? strerror(errno) : "the file is cut short");
        done += (size_t)count;
    }
    return true;
}

static bool file_open(Safetensors *file, FileError *error) {
    struct stat status;
    file->file = open(file->path, O_RDONLY | O_CLOEXEC);
    if (file->file < 0 || fstat(file->file, &status))
        return file_fault(error, file->path, "%s", strerror(errno));
    if (!S_ISREG(status.st_mode))
        return file_fault(error, file->path, "not a regular file");
    unsigned char bytes[8];
    if (!read_at(file, bytes, sizeof bytes, 0, error))
        return false;
    uint64_t length = 0;
    for (int i = 0; i < 8; i++)
        length |= (uint64_t)bytes[i] << (8 * i);
    if (length > SAFETENSORS_MAX_HEADER || length > (uint64_t)status.st_size - 8)
        return file_fault(error, file->path,
                          "not a safetensors file: its header would have %llu bytes",
                          (unsigned long long)length);
    char *text = malloc(length + 1);
    if (!text)
        return file_fault(error, file->path, "out of memory");
    json_error_t reason = {0};
    bool read = read_at(file, text, length, 8, error);
    if (read)
        file->header = json_loadb(text, length, JSON_REJECT_DUPLICATES, &reason);
    free(text);
    if (!read)
        return false;
    if (!file->header)
        return file_fault(error, file->path, "the header is not valid JSON: %.150s", reason.text);
    file->data_start = 8 + (int64_t)length;
    return header_read(file, status.st_size - file->data_start, error);
}

Safetensors *safetensors_open(const char *path, FileError *error) {
    Safetensors *file = calloc(1, sizeof *file);
    char *copy = strdup(path);
    if (!file || !copy) {
        free(file);
        free(copy);
        file_fault(error, path, "out of memory");
        return NULL;
    }
    file->path = copy;
    file->file = -1;
    if (file_open(file, error))
        return file;
    safetensors_close(file);
    return NULL;
}

void safetensors_close(Safetensors *file) {
    if (!file)
        return;
    if (file->file >= 0)
        close(file->file);
    json_decref(file->header);
    free(file->entries);
    free(file->by_name);
    free(file->path);
    free(file);
}

uint32_t safetensors_count(const Safetensors *file) { return file->count; }

const Tensor *safetensors_at(const Safetensors *file, uint32_t index) {
    return &file->entries[index].tensor;
}

const Tensor *safetensors_find(const Safetensors *file, const char *name) {
    Entry wanted = {.tensor.name = name};
    const Entry *key = &wanted;
    const Entry *const *found =
        bsearch(&key, file->by_name, file->count, sizeof *file->by_name, by_name);
    return found ? &(*found)->tensor : NULL;
}

const char *safetensors_metadata(const Safetensors *file, const char *key) {
    return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}

bool safetensors_read(const Safetensors *file, const Tensor *tensor, void *data, FileError *error) {
    const Entry *entry = (const Entry *)tensor;
    return read_at(file, data, (size_t)(entry->end - entry->begin), file->data_start + entry->begin,
                   error);
}
