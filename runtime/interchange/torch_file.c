/* The archive is libzip's. */
#include "runtime/interchange/torch_file.h"

#include "runtime/interchange/pickle.h"
#include "runtime/interchange/state_dict.h"

#include <stdlib.h>
#include <string.h>
#include <zip.h>

struct TorchFile {
    char *path;
    zip_t *archive;
    char *prefix; /* "NAME/" */
    StateDict state;
};

static const char pickle_name[] = "data.pkl";

bool torch_file_is(const char *path) {
    unsigned char bytes[4] = {0};
    FILE *stream = fopen(path, "rbe");
    size_t count = stream ? fread(bytes, 1, sizeof bytes, stream) : 0;
    if (stream)
        fclose(stream);
    return count == sizeof bytes && memcmp(bytes, "PK\3\4", sizeof bytes) == 0;
}

/* --- members of the archive --- */

/* Opens a member that must be stored as it is, and tells its size. */
static zip_file_t *member_open(const TorchFile *file, zip_uint64_t index, zip_uint64_t *size,
                               FileError *error) {
    zip_stat_t status;
    const zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_NAME;
    if (zip_stat_index(file->archive, index, 0, &status) || (status.valid & needed) != needed) {
        file_fault(error, file->path, "a member of the archive is damaged");
        return NULL;
    }
    if (status.comp_method != ZIP_CM_STORE) {
        file_fault(error, file->path, "'%.100s' in it is compressed, as torch.save makes none",
                   status.name);
        return NULL;
    }
    zip_file_t *member = zip_fopen_index(file->archive, index, 0);
    if (!member)
        file_fault(error, file->path, "'%.100s' in it cannot be read: %s", status.name,
                   zip_strerror(file->archive));
    *size = status.size;
    return member;
}

/* A whole member, of at most `most` bytes, or (unless 0) exactly `exact`; its checksum is looked at
 * on the way. malloc'ed. */
static void *member_read(const TorchFile *file, const char *name, zip_uint64_t index,
                         uint64_t exact, uint64_t most, size_t *size, FileError *error) {
    zip_uint64_t bytes;
    zip_file_t *member = member_open(file, index, &bytes, error);
    if (!member)
        return NULL;
    char *data = NULL;
    if (bytes > most || (exact && bytes != exact))
        file_fault(error, file->path, "'%.100s' in it has %llu bytes, not %s%llu", name,
                   (unsigned long long)bytes, exact ? "" : "at most ",
                   (unsigned long long)(exact ? exact : most));
    else if (!(data = malloc(bytes + 1)))
        file_fault(error, file->path, "no memory for the %llu bytes of '%.100s'",
                   (unsigned long long)bytes, name);
    /* libzip compares the checksum when asked for what is behind the end. */
    char behind;
    if (data && (zip_fread(member, data, bytes) != (zip_int64_t)bytes ||
                 zip_fread(member, &behind, 1) != 0)) {
        file_fault(error, file->path, "'%.100s' in it is damaged: %s", name,
                   zip_file_strerror(member));
        free(data);
        data = NULL;
    }
    zip_fclose(member);
    *size = bytes;
    return data;
}

/* Its index; -1: there is none. */
static zip_int64_t member_find(const TorchFile *file, const char *name) {
    char *path;
    if (asprintf(&path, "%s%s", file->prefix, name) < 0)
        return -1;
    zip_int64_t index = zip_name_locate(file->archive, path, ZIP_FL_ENC_RAW);
    free(path);
    return index;
}

/* --- opening --- */

static bool archive_open(TorchFile *file, FileError *error) {
    int code;
    file->archive = zip_open(file->path, ZIP_RDONLY, &code);
    if (file->archive)
        return true;
    zip_error_t reason;
    zip_error_init_with_code(&reason, code);
    file_fault(error, file->path, "not a zip archive that can be read: %s",
               zip_error_strerror(&reason));
    zip_error_fini(&reason);
    return false;
}

/* The one member called NAME/data.pkl. */
static bool find_pickle(TorchFile *file, zip_uint64_t *index, FileError *error) {
    zip_int64_t count = zip_get_num_entries(file->archive, 0);
    for (zip_int64_t i = 0; i < count; i++) {
        const char *name = zip_get_name(file->archive, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        const char *slash = name ? strchr(name, '/') : NULL;
        if (!slash || strcmp(slash + 1, pickle_name) != 0)
            continue;
        file->prefix = strndup(name, (size_t)(slash + 1 - name));
        *index = (zip_uint64_t)i;
        return file->prefix || file_fault(error, file->path, "out of memory");
    }
    return file_fault(error, file->path, "an archive without data.pkl: not made by torch.save");
}

static bool check_byte_order(const TorchFile *file, FileError *error) {
    enum { MOST = 16 };
    size_t size;
    zip_int64_t index = member_find(file, "byteorder");
    if (index < 0)
        return true;
    char *order = member_read(file, "byteorder", (zip_uint64_t)index, 0, MOST, &size, error);
    bool little = order && size == 6 && memcmp(order, "little", 6) == 0;
    if (order && !little)
        file_fault(error, file->path, "its numbers are not little-endian");
    free(order);
    return little;
}

static bool check_storage(const TorchFile *file, const StateTensor *tensor, FileError *error) {
    char *name;
    zip_stat_t status;
    zip_int64_t index = -1;
    if (asprintf(&name, "data/%s", tensor->storage) >= 0) {
        index = member_find(file, name);
        free(name);
    }
    if (index < 0 || zip_stat_index(file->archive, (zip_uint64_t)index, 0, &status))
        return file_fault(error, file->path, "tensor '%.100s': there is no storage '%.100s'",
                          tensor->tensor.name, tensor->storage);
    uint64_t size = (uint64_t)tensor->storage_elements * tensor_type_size(tensor->tensor.type);
    return ((status.valid & ZIP_STAT_SIZE) && status.size == size) ||
           file_fault(error, file->path,
                      "tensor '%.100s': its storage '%.100s' has %llu bytes, and should have %llu",
                      tensor->tensor.name, tensor->storage, (unsigned long long)status.size,
                      (unsigned long long)size);
}

static bool file_open(TorchFile *file, FileError *error) {
    zip_uint64_t index = 0;
    size_t size;
    if (!archive_open(file, error) || !find_pickle(file, &index, error) ||
        !check_byte_order(file, error))
        return false;
    void *pickle = member_read(file, pickle_name, index, 0, PICKLE_MAX_BYTES, &size, error);
    bool read = pickle && state_dict_read(file->path, pickle, size, &file->state, error);
    free(pickle);
    for (uint32_t i = 0; i < file->state.count && read; i++)
        read = check_storage(file, &file->state.tensors[i], error);
    return read;
}

TorchFile *torch_file_open(const char *path, FileError *error) {
    TorchFile *file = calloc(1, sizeof *file);
    if (file)
        file->path = strdup(path);
    if (!file || !file->path)
        file_fault(error, path, "out of memory");
    else if (file_open(file, error))
        return file;
    torch_file_close(file);
    return NULL;
}

void torch_file_close(TorchFile *file) {
    if (!file)
        return;
    if (file->archive)
        zip_discard(file->archive);
    state_dict_free(&file->state);
    free(file->prefix);
    free(file->path);
    free(file);
}

uint32_t torch_file_count(const TorchFile *file) { return file->state.count; }

const Tensor *torch_file_at(const TorchFile *file, uint32_t index) {
    return &file->state.tensors[index].tensor;
}

/* --- reading --- */

/* Row by row, from wherever the strides lead. */
static void gather(const StateTensor *from, const char *storage, char *to) {
    const Tensor *tensor = &from->tensor;
    const size_t width = tensor_type_size(tensor->type);
    int64_t at[SAFETENSORS_MAX_RANK] = {0}, place = from->offset;
    for (int64_t i = 0; i < tensor->elements; i++) {
        memcpy(to + (size_t)i * width, storage + (size_t)place * width, width);
        for (uint32_t axis = tensor->rank; axis-- > 0;) {
            place += from->strides[axis];
            if (++at[axis] < tensor->extents[axis])
                break;
            place -= at[axis] * from->strides[axis];
            at[axis] = 0;
        }
    }
}

bool torch_file_read(const TorchFile *file, const Tensor *tensor, void *data, FileError *error) {
    const StateTensor *from = (const StateTensor *)tensor;
    uint64_t bytes = (uint64_t)from->storage_elements * tensor_type_size(tensor->type);
    size_t size;
    char *name;
    if (!bytes)
        return true;
    if (asprintf(&name, "data/%s", from->storage) < 0)
        return file_fault(error, file->path, "out of memory");
    zip_int64_t index = member_find(file, name);
    char *storage = index < 0 ? NULL
                              : member_read(file, name, (zip_uint64_t)index, bytes, UINT64_MAX - 1,
                                            &size, error);
    if (index < 0)
        file_fault(error, file->path, "there is no '%.100s' in it", name);
    if (storage)
        gather(from, storage, data);
    free(storage);
    free(name);
    return storage != NULL;
}
