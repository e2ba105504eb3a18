/* Files of tensors from outside: PyTorch's archives and indices of shards that are damaged are
 * refused in words. The sound ones are those of tests/parity/interchange.py. */
#include "runtime/interchange/floats.h"
#include "runtime/interchange/weights.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#define FOLDER SCANLINE_SOURCE_DIR "/tests/parity/interchange/"

enum { MOST_BYTES = 1 << 20 };

static char folder[64], path[128];

static void make_folder(void) {
    strcpy(folder, "/tmp/scanline-weights-XXXXXX");
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/pytorch_model.bin", folder);
}

static void remove_folder(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(weights, .init = make_folder, .fini = remove_folder);

static char *read_original(size_t *size) {
    FileError error;
    char *bytes = file_read(FOLDER "half/pytorch_model.bin", MOST_BYTES, size, &error);
    cr_assert(bytes, "%s", error.text);
    return bytes;
}

static void write_file(const char *to, const void *bytes, size_t size) {
    FILE *stream = fopen(to, "wb");
    cr_assert(stream && fwrite(bytes, 1, size, stream) == size && fclose(stream) == 0);
}

static void expect_refused(const char *words) {
    FileError error = {""};
    Weights *weights = weights_open(folder, &error);
    cr_assert_null(weights, "%s", words);
    cr_assert(strstr(error.text, words), "'%s' is not in: %s", words, error.text);
}

/* Whether all of its tensors can be read. */
static bool reads_all(const Weights *weights, FileError *error) {
    static float values[4096];
    for (uint32_t i = 0; i < weights_count(weights); i++) {
        const Tensor *tensor = weights_at(weights, i);
        cr_assert_leq(tensor->elements, 4096);
        if (floats_can(tensor->type) && !weights_read(weights, tensor, values, error))
            return false;
    }
    return true;
}

/* --- archives --- */

Test(weights, views_are_read_in_their_order) {
    FileError error;
    float first[16], second[16];
    Weights *weights = weights_open(FOLDER "half", &error);
    cr_assert(weights, "%s", error.text);
    cr_assert_eq(weights_count(weights), 28);
    const Tensor *mask = weights_find(weights, "transformer.h.0.attn.bias");
    cr_assert(mask && mask->type == TENSOR_U8 && mask->rank == 4);
    const Tensor *one = weights_find(weights, "transformer.ln_f.weight");
    const Tensor *two = weights_find(weights, "transformer.h.0.ln_1.weight");
    cr_assert(one && two && one->type == TENSOR_F16 && one->elements == 16);
    cr_assert(weights_read(weights, one, first, &error) &&
              weights_read(weights, two, second, &error));
    for (int i = 0; i < 16; i++) {
        cr_assert(fabsf(first[i] - 1) < 1 && fabsf(second[i] - 1) < 1); /* gains */
        cr_assert_neq(first[i], second[i]);
    }
    weights_close(weights);
}

/* Cut at any place, the archive has lost the directory at its end. */
Test(weights, archives_that_are_cut_short_are_refused) {
    size_t size;
    char *bytes = read_original(&size);
    for (size_t length = 4; length < size; length += 997) {
        FileError error = {""};
        write_file(path, bytes, length);
        cr_assert_null(weights_open(path, &error), "%zu", length);
        cr_assert(strstr(error.text, "pytorch_model.bin: not a zip archive"), "%s", error.text);
    }
    free(bytes);
}

/* A byte that is not what it was: found by a check, or by the checksum of a tensor when that is
 * read, or it stands where nothing is. */
Test(weights, changed_bytes_are_found) {
    size_t size;
    char *bytes = read_original(&size);
    int opened = 0, refused = 0, unread = 0;
    for (size_t place = 0; place < size; place += 211) {
        FileError error = {""};
        bytes[place] ^= 0x55;
        write_file(path, bytes, size);
        Weights *weights = weights_open(path, &error);
        const bool read = weights && reads_all(weights, &error);
        cr_assert(read || *error.text);
        opened += read;
        refused += !weights;
        unread += weights && !read;
        weights_close(weights);
        bytes[place] ^= 0x55;
    }
    cr_assert(refused > 5 && unread > 20, "%d opened, %d refused, %d unread", opened, refused,
              unread);
    free(bytes);
}

/* An archive with these members. */
static void make_archive(const char *pickle, size_t pickle_size, const char *order,
                         zip_int32_t method) {
    static const char storage[24];
    zip_t *archive = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    cr_assert(archive);
    const struct {
        const char *name, *bytes;
        size_t size;
    } members[] = {{"m/data.pkl", pickle, pickle_size},
                   {"m/byteorder", order, strlen(order)},
                   {"m/data/0", storage, sizeof storage}};
    for (int i = 0; i < 3; i++) {
        zip_source_t *source = zip_source_buffer(archive, members[i].bytes, members[i].size, 0);
        zip_int64_t index = zip_file_add(archive, members[i].name, source, 0);
        cr_assert_eq(index, i);
        cr_assert_eq(zip_set_file_compression(archive, (zip_uint64_t)i, method, 0), 0);
    }
    cr_assert_eq(zip_close(archive), 0);
}

/* {"a": 6 floats of storage `key`, which is said to have `elements`} */
#define PICKLE(key, elements)                                                                      \
    "\x80\x02}X\x01\0\0\0"                                                                         \
    "actorch._utils\n_rebuild_tensor_v2\n(("                                                       \
    "X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0" key "X\x03\0\0\0cpuK" elements           \
    "tQK\0K\x06\x85K\x01\x85\x89}tRs."

static void expect_archive_refused(const char *pickle, size_t size, const char *order,
                                   zip_int32_t method, const char *words) {
    make_archive(pickle, size, order, method);
    expect_refused(words);
}

Test(weights, archives_by_others_are_refused) {
    const char sound[] = PICKLE("0", "\x06"), absent[] = PICKLE("7", "\x06"),
               larger[] = PICKLE("0", "\x07");
    FileError error;
    make_archive(sound, sizeof sound - 1, "little", ZIP_CM_STORE);
    Weights *weights = weights_open(folder, &error);
    cr_assert(weights && weights_count(weights) == 1 && reads_all(weights, &error), "%s",
              error.text);
    weights_close(weights);
    expect_archive_refused(absent, sizeof absent - 1, "little", ZIP_CM_STORE,
                           "tensor 'a': there is no storage '7'");
    expect_archive_refused(larger, sizeof larger - 1, "little", ZIP_CM_STORE,
                           "tensor 'a': its storage '0' has 24 bytes, and should have 28");
    expect_archive_refused(sound, sizeof sound - 1, "big", ZIP_CM_STORE, "not little-endian");
    expect_archive_refused(sound, sizeof sound - 1, "little", ZIP_CM_DEFLATE, "is compressed");
}

Test(weights, an_archive_without_a_pickle_is_refused) {
    zip_t *archive = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    zip_file_add(archive, "word/document.xml", zip_source_buffer(archive, "x", 1, 0), 0);
    cr_assert_eq(zip_close(archive), 0);
    expect_refused("without data.pkl");
}

/* The form of PyTorch before 1.6. */
Test(weights, a_bare_pickle_is_refused) {
    const char bytes[] = "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    write_file(path, bytes, sizeof bytes - 1);
    expect_refused("not a safetensors file");
}

/* --- folders and indices --- */

static void expect_index_refused(const char *text, const char *words) {
    char index[160];
    snprintf(index, sizeof index, "%s/model.safetensors.index.json", folder);
    write_file(index, text, strlen(text));
    expect_refused(words);
    unlink(index);
}

Test(weights, indices_that_lie_are_refused) {
    const char *file = "model-00001-of-00002.safetensors";
    char from[256], to[160], text[512];
    snprintf(from, sizeof from, FOLDER "shards/%s", file);
    snprintf(to, sizeof to, "%s/%s", folder, file);
    cr_assert_eq(symlink(from, to), 0);
    expect_index_refused("{", "not valid JSON");
    expect_index_refused("{}", "no \"weight_map\"");
    expect_index_refused("{\"weight_map\": {\"a\": \"../secret\"}}", "not the name of a file");
    expect_index_refused("{\"weight_map\": {\"a\": \"b\\u001b\"}}", "not the name of a file");
    expect_index_refused("{\"weight_map\": {\"a\\n\": \"b\"}}", "cannot be shown");
    expect_index_refused("{\"weight_map\": {\"a\": 1}}", "not the name of a file");
    expect_index_refused("{\"weight_map\": {\"a\": \"b\"}}", "No such file");
    snprintf(text, sizeof text, "{\"weight_map\": {\"a\": \"%s\"}}", file);
    expect_index_refused(text, "tensor 'a' is not in");
    snprintf(text, sizeof text, "{\"weight_map\": {\"lm_head.weight\": \"%s\"}}", file);
    expect_index_refused(text, "it lists 1 tensors, and its files have 12");
}

Test(weights, folders_without_weights_are_refused) {
    FileError error = {""};
    expect_refused("a folder without model.safetensors");
    cr_assert_null(weights_open("/nowhere/at/all", &error));
    cr_assert(strstr(error.text, "cannot read /nowhere/at/all"), "%s", error.text);
}

/* --- numbers --- */

Test(weights, halves_and_bfloats_are_exact) {
    const uint16_t halves[] = {0x3c00, 0xc000, 0x0001, 0x0400, 0x7bff, 0x8000, 0x7c00, 0x7e00};
    const uint16_t bfloats[] = {0x3f80, 0xc040, 0x0001, 0x7f7f};
    const double doubles[] = {0.1, 1e300};
    float values[8];
    floats_convert(TENSOR_F16, halves, 8, values);
    cr_assert(values[0] == 1 && values[1] == -2 && values[2] == ldexpf(1, -24) &&
              values[3] == ldexpf(1, -14) && values[4] == 65504);
    cr_assert(values[5] == 0 && signbit(values[5]) && isinf(values[6]) && isnan(values[7]));
    floats_convert(TENSOR_BF16, bfloats, 4, values);
    cr_assert(values[0] == 1 && values[1] == -3 && values[2] == ldexpf(1, -133));
    cr_assert(values[3] > 3e38f && isfinite(values[3]));
    floats_convert(TENSOR_F64, doubles, 2, values);
    cr_assert(values[0] == 0.1f && isinf(values[1]));
    cr_assert(!floats_can(TENSOR_I64) && floats_can(TENSOR_F64));
}
