/* Safetensors: files by the reference implementation are read, ours come back, faulty ones are
 * refused. */
#include "runtime/files/safetensors.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define PLAIN SCANLINE_SOURCE_DIR "/tests/unit/vectors/plain.safetensors"

static char path[64];

static void make_path(void) {
    strcpy(path, "/tmp/scanline-tensors-XXXXXX");
    int file = mkstemp(path);
    cr_assert(file >= 0);
    close(file);
}

static void remove_path(void) { unlink(path); }

TestSuite(safetensors, .init = make_path, .fini = remove_path);

static const void *read_tensor(const Safetensors *file, const char *name, const Tensor **tensor) {
    static char bytes[256];
    FileError error;
    *tensor = safetensors_find(file, name);
    cr_assert(*tensor, "no tensor %s", name);
    cr_assert(safetensors_read(file, *tensor, bytes, &error), "%s", error.text);
    return bytes;
}

Test(safetensors, reads_what_the_reference_writes) {
    FileError error;
    const Tensor *tensor;
    Safetensors *file = safetensors_open(PLAIN, &error);
    cr_assert(file, "%s", error.text);
    cr_assert_eq(safetensors_count(file), 8);
    const float *wq = read_tensor(file, "block.0.wq", &tensor);
    cr_assert(tensor->type == TENSOR_F32 && tensor->rank == 3 && tensor->extents[2] == 4);
    for (int i = 0; i < 24; i++)
        cr_assert_eq(wq[i], (float)i / 8 - 1);
    cr_assert_eq(*(const double *)read_tensor(file, "scalar", &tensor), 0.1);
    cr_assert_eq(tensor->rank, 0);
    cr_assert_eq(((const int32_t *)read_tensor(file, "tokens", &tensor))[0], -1);
    cr_assert_eq(*(const int64_t *)read_tensor(file, "long", &tensor), INT64_C(1) << 40);
    cr_assert_eq(((const unsigned char *)read_tensor(file, "mask", &tensor))[2], 1);
    cr_assert_eq(safetensors_find(file, "empty")->elements, 0);
    cr_assert_null(safetensors_find(file, "absent"));
    cr_assert_str_eq(safetensors_metadata(file, "spec"), "dim n = 64\n# \xc3\xa9");
    cr_assert_null(safetensors_metadata(file, "absent"));
    safetensors_close(file);
}

static const float weights[6] = {1, -2, 3.5f, 0, 1e-30f, 7};
static const Tensor two[] = {
    {"a \"quoted\"", TENSOR_F32, 2, {2, 3}, 6, weights},
    {"b", TENSOR_I32, 1, {2}, 2, (const int32_t[]){5, -6}},
};
static const TensorMetadata metadata[] = {{"step", "3"}, {"spec", "line\n\"x\""}};

Test(safetensors, what_is_written_comes_back) {
    FileError error;
    const Tensor *tensor;
    cr_assert(safetensors_write(path, two, 2, metadata, 2, &error), "%s", error.text);
    Safetensors *file = safetensors_open(path, &error);
    cr_assert(file, "%s", error.text);
    cr_assert_arr_eq(read_tensor(file, "a \"quoted\"", &tensor), weights, sizeof weights);
    cr_assert_eq(((const int32_t *)read_tensor(file, "b", &tensor))[1], -6);
    cr_assert_str_eq(safetensors_metadata(file, "spec"), "line\n\"x\"");
    safetensors_close(file);
}

Test(safetensors, writes_the_same_bytes_again) {
    FileError error;
    size_t first_size, second_size;
    cr_assert(safetensors_write(path, two, 2, metadata, 2, &error));
    char *first = file_read(path, 10000, &first_size, &error);
    cr_assert(safetensors_write(path, two, 2, metadata, 2, &error));
    char *second = file_read(path, 10000, &second_size, &error);
    cr_assert(first && second && first_size == second_size);
    cr_assert_arr_eq(first, second, first_size);
    free(first);
    free(second);
}

static void refuses(const char *header, size_t data_size, const char *reason) {
    FileError error;
    size_t length = strlen(header);
    char *bytes = calloc(1, 8 + length + data_size);
    bytes[0] = (char)length;
    bytes[1] = (char)(length >> 8);
    memcpy(bytes + 8, header, length);
    cr_assert(file_write(path, bytes, 8 + length + data_size, &error));
    free(bytes);
    Safetensors *file = safetensors_open(path, &error);
    cr_assert_null(file, "accepted: %s", header);
    cr_assert(strstr(error.text, reason), "%s: %s", header, error.text);
}

Test(safetensors, refuses_faulty_files) {
    refuses("[]", 0, "not a JSON object");
    refuses("{", 0, "not valid JSON");
    refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 7,
            "8 bytes of data");
    refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 9,
            "8 bytes of data");
    refuses("{\"a\":{\"dtype\":\"F33\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "dtype");
    refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8, "do not fit");
    refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8, "shape");
    refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]}}", 8, "shape");
    refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4,
            "shape");
    refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,2],\"data_offsets\":[0,8]}}",
            8, "shape");
    refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}", 0,
            "do not fit");
    refuses("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
            "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[3,7]}}",
            7, "overlaps");
    refuses("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
            "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[5,9]}}",
            9, "hole");
    refuses("{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},"
            "\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}",
            0, "not valid JSON");
    refuses("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,0]}}", 4, "do not fit");
    refuses("{\"a\":{\"dtype\":\"U8\",\"shape\":[4]}}", 4, "do not fit");
    refuses("{\"__metadata__\":{\"a\":1}}", 0, "not a string");
    refuses("{\"__metadata__\":[]}", 0, "not an object");
}

Test(safetensors, refuses_lying_lengths) {
    FileError error;
    for (size_t size = 0; size < 16; size++) {
        const unsigned char lying[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f};
        cr_assert(file_write(path, lying, size, &error));
        cr_assert_null(safetensors_open(path, &error));
    }
    cr_assert_null(safetensors_open("/nonexistent/file", &error));
    cr_assert(strstr(error.text, "/nonexistent/file"));
    cr_assert_null(safetensors_open("/tmp", &error));
}

/* A disk that is full: the file that was there stays, the error names it, nothing is left beside.
 */
Test(safetensors, a_full_disk_leaves_the_old_file) {
    FileError error;
    size_t size;
    cr_assert(file_write(path, "old", 3, &error));
    struct rlimit limit = {1000, 1000};
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    static const float much[4096];
    const Tensor large = {"large", TENSOR_F32, 1, {4096}, 4096, much};
    cr_assert_not(safetensors_write(path, &large, 1, NULL, 0, &error));
    cr_assert(strstr(error.text, path));
    char *old = file_read(path, 100, &size, &error);
    cr_assert_str_eq(old, "old");
    free(old);
    char command[128];
    snprintf(command, sizeof command, "ls %s.tmp-* > /dev/null 2>&1", path);
    cr_assert_neq(system(command), 0);
}
