/* Mutated pickles of state dicts: what is refused has a reason, and of what is accepted every
 * element of every tensor must lie in its storage. The corpus: the pickles in the archives of
 * tests/parity/interchange.
 *
 *     fuzz_pickle [ROUNDS [SEED]]                      the same rounds every time */
#include "runtime/interchange/state_dict.h"
#include "tests/fuzz/mutate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

enum { LONGEST = 8192, CORPUS = 2, MOST_VISITED = 4096, DEFAULT_ROUNDS = 100000 };

typedef struct Original {
    char bytes[LONGEST];
    size_t size;
} Original;

_Noreturn static void fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    abort();
}

static void read_original(const char *path, Original *original) {
    zip_t *archive = zip_open(path, ZIP_RDONLY, NULL);
    zip_file_t *member =
        archive ? zip_fopen(archive, "pytorch_model/data.pkl", ZIP_FL_ENC_RAW) : NULL;
    const zip_int64_t size = member ? zip_fread(member, original->bytes, LONGEST) : -1;
    if (size <= 0 || size == LONGEST)
        fail(path);
    original->size = (size_t)size;
    zip_fclose(member);
    zip_discard(archive);
}

/* Visits elements from both ends. */
static void visit(const StateTensor *tensor) {
    const int64_t count = tensor->tensor.elements;
    for (int64_t i = 0; i < count && i < MOST_VISITED; i++) {
        int64_t rest = i % 2 ? count - 1 - i / 2 : i / 2, place = tensor->offset;
        for (uint32_t axis = tensor->tensor.rank; axis-- > 0;) {
            place += rest % tensor->tensor.extents[axis] * tensor->strides[axis];
            rest /= tensor->tensor.extents[axis];
        }
        if (place < 0 || place >= tensor->storage_elements)
            fail("an element is outside of its storage");
    }
}

/* Whether the bytes were accepted. */
static bool check_bytes(const char *bytes, size_t size) {
    StateDict state;
    FileError error = {""};
    char *exact = malloc(size ? size : 1); /* so that a sanitizer sees every byte beyond */
    if (!exact)
        fail("out of memory");
    memcpy(exact, bytes, size);
    const bool read =
        state_dict_read("fuzz.bin", (const unsigned char *)exact, size, &state, &error);
    free(exact);
    if (!read && strlen(error.text) < 20)
        fail("refused without a reason");
    for (uint32_t i = 0; read && i < state.count; i++) {
        if (!*state.tensors[i].tensor.name || !*state.tensors[i].storage)
            fail("a tensor without a name");
        visit(&state.tensors[i]);
    }
    if (read)
        state_dict_free(&state);
    return read;
}

static const char *const words[] = {
    "(",
    ")",
    "t",
    "R",
    "Q",
    "}",
    "]",
    "u",
    "s",
    "b",
    "a",
    "e",
    "2",
    "0",
    "1",
    "N",
    ".",
    "\x85",
    "\x86",
    "\x87",
    "\x88",
    "\x89",
    "\x93",
    "\x94",
    "h\x01",
    "h\x05",
    "q\x02",
    "K\x01",
    "K\x10",
    "K\xff",
    "M\x10\x40",
    "X\x01",
    "\x8c\x03"
    "abc",
    "cos\nsystem\n",
    "ctorch\nHalfStorage\n",
    "ctorch\nFloatStorage\n",
    "ctorch._utils\n_rebuild_tensor_v2\n",
    "ctorch._utils\n_rebuild_parameter\n",
    "ccollections\nOrderedDict\n",
    "J\xff\xff\xff\xff",
    "J\x01\x01\x01\x01",
    "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f",
    "\x8a\x08\x01\x01\x01\x01\x01\x01\x01\x40",
    "\x8a\x01\xff",
    "\x80\x04",
};

int main(int argument_count, char **arguments) {
    const long rounds = argument_count > 1 ? strtol(arguments[1], NULL, 10) : DEFAULT_ROUNDS;
    Mutator mutator = {.state = argument_count > 2 ? strtoull(arguments[2], NULL, 10) : 1,
                       .dictionary = words,
                       .word_count = sizeof words / sizeof words[0]};
    static Original corpus[CORPUS];
    static char bytes[LONGEST];
    read_original(SCANLINE_SOURCE_DIR "/tests/parity/interchange/plain/pytorch_model.bin",
                  &corpus[0]);
    read_original(SCANLINE_SOURCE_DIR "/tests/parity/interchange/half/pytorch_model.bin",
                  &corpus[1]);
    long accepted = 0;
    for (long round = 0; round < rounds; round++) {
        const Original *original = &corpus[mutate_below(&mutator, CORPUS)];
        memcpy(bytes, original->bytes, original->size);
        accepted += check_bytes(bytes, mutate(&mutator, bytes, original->size, LONGEST));
    }
    printf("%ld pickles, %ld accepted\n", rounds, accepted);
    return accepted > 0 && accepted < rounds ? EXIT_SUCCESS : EXIT_FAILURE;
}
