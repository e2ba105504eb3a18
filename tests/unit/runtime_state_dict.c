/* Pickles of state dicts: what PyTorch writes is understood, what is none is refused in words. */
#include "runtime/interchange/pickle.h"
#include "runtime/interchange/state_dict.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* --- pickles written by hand --- */

enum { MOST_BYTES = 1 << 12 };

typedef struct Program {
    unsigned char bytes[MOST_BYTES];
    size_t size;
} Program;

static void put(Program *program, const void *bytes, size_t count) {
    cr_assert_leq(program->size + count, MOST_BYTES);
    memcpy(program->bytes + program->size, bytes, count);
    program->size += count;
}

static void put_text(Program *program, const char *text) { put(program, text, strlen(text)); }

/* BINUNICODE */
static void put_string(Program *program, const char *text) {
    const uint32_t length = (uint32_t)strlen(text);
    put(program, "X", 1);
    put(program, &length, sizeof length);
    put(program, text, length);
}

/* LONG1 of 8 bytes */
static void put_integer(Program *program, int64_t value) {
    put(program, "\x8a\x08", 2);
    put(program, &value, sizeof value);
}

static void put_tuple(Program *program, const int64_t *values, int count) {
    put(program, "(", 1);
    for (int i = 0; i < count; i++)
        put_integer(program, values[i]);
    put(program, "t", 1);
}

typedef struct Drawn {
    const char *type;
    int64_t elements, offset;
    int rank, stride_count;
    int64_t extents[10], strides[10];
} Drawn;

/* A name and a tensor, as torch.save writes them. */
static void put_tensor(Program *program, const char *name, const Drawn *drawn) {
    put_string(program, name);
    put_text(program, "ctorch._utils\n_rebuild_tensor_v2\n((");
    put_string(program, "storage");
    put_text(program, "ctorch\n");
    put_text(program, drawn->type);
    put_text(program, "\n");
    put_string(program, "0");
    put_string(program, "cpu");
    put_integer(program, drawn->elements);
    put_text(program, "tQ");
    put_integer(program, drawn->offset);
    put_tuple(program, drawn->extents, drawn->rank);
    put_tuple(program, drawn->strides, drawn->stride_count);
    put_text(program, "\x89"
                      "ccollections\nOrderedDict\n)RtR");
}

static void begin(Program *program) {
    program->size = 0;
    put_text(program, "\x80\x02"
                      "ccollections\nOrderedDict\n)R(");
}

static void end(Program *program) { put_text(program, "u."); }

static void expect_refused(const Program *program, const char *words) {
    StateDict state;
    FileError error = {""};
    cr_assert(!state_dict_read("made.bin", program->bytes, program->size, &state, &error), "%s",
              words);
    cr_assert(strstr(error.text, words), "'%s' is not in: %s", words, error.text);
    cr_assert(strstr(error.text, "made.bin"), "%s", error.text);
}

static void expect_bytes_refused(const char *bytes, size_t size, const char *words) {
    Program program = {.size = 0};
    put(&program, bytes, size);
    expect_refused(&program, words);
}

#define REFUSED(bytes, words) expect_bytes_refused(bytes, sizeof(bytes) - 1, words)

static void expect_tensor_refused(Drawn drawn, const char *words) {
    Program program;
    if (!drawn.stride_count)
        drawn.stride_count = drawn.rank;
    begin(&program);
    put_tensor(&program, "block.weight", &drawn);
    end(&program);
    expect_refused(&program, words);
}

/* --- what is read --- */

Test(state_dict, tensors_are_read_with_their_places) {
    Program program;
    StateDict state;
    FileError error;
    begin(&program);
    put_tensor(&program, "a", &(Drawn){"FloatStorage", 24, 4, 2, 2, {2, 3}, {1, 5}});
    put_tensor(&program, "b", &(Drawn){"BFloat16Storage", 24, 23, 0, 0, {0}, {0}});
    put_tensor(&program, "c", &(Drawn){"BoolStorage", 4, 0, 2, 2, {0, 4}, {4, 1}});
    end(&program);
    cr_assert(state_dict_read("x", program.bytes, program.size, &state, &error), "%s", error.text);
    cr_assert_eq(state.count, 3);
    const StateTensor *a = &state.tensors[0];
    cr_assert_str_eq(a->tensor.name, "a");
    cr_assert_str_eq(a->storage, "0");
    cr_assert(a->tensor.type == TENSOR_F32 && a->tensor.elements == 6 && a->offset == 4);
    cr_assert(a->strides[0] == 1 && a->strides[1] == 5 && a->storage_elements == 24);
    cr_assert(state.tensors[1].tensor.type == TENSOR_BF16 && state.tensors[1].tensor.elements == 1);
    cr_assert(state.tensors[2].tensor.type == TENSOR_BOOL && state.tensors[2].tensor.elements == 0);
    state_dict_free(&state);
}

/* Protocol 4, with frames and what it remembers; and a dict that is filled after it was
 * remembered, with attributes. */
Test(state_dict, later_protocols_and_attributes_are_read) {
    Program program = {.size = 0};
    StateDict state;
    FileError error;
    put(&program, "\x80\x04\x95\0\0\0\0\0\0\0\0", 11);
    put_text(&program, "\x8c\x0b"
                       "collections"
                       "\x8c\x0b"
                       "OrderedDict"
                       "\x93\x94)R\x94(");
    put_tensor(&program, "a", &(Drawn){"HalfStorage", 6, 0, 1, 1, {6}, {1}});
    put(&program,
        "u}\x8c\x09_metadata"
        "h\x01"
        "s"
        "b.",
        18);
    cr_assert(state_dict_read("x", program.bytes, program.size, &state, &error), "%s", error.text);
    cr_assert(state.count == 1 && state.tensors[0].tensor.type == TENSOR_F16);
    state_dict_free(&state);
}

/* --- what is refused --- */

Test(state_dict, nothing_else_is_called) {
    REFUSED("\x80\x02"
            "cos\nsystem\nX\x04\0\0\0true\x85R.",
            "'os.system'");
    REFUSED("\x80\x02"
            "cposix\nsystem\n.",
            "'posix.system'");
    REFUSED("\x80\x04\x8c\x08"
            "builtins"
            "\x8c\x04"
            "eval"
            "\x93.",
            "'builtins.eval'");
    REFUSED("\x80\x02"
            "ctorch._utils\n_rebuild_tensor_v3\n.",
            "_rebuild_tensor_v3");
    REFUSED("\x80\x02"
            "c\x1b[31m\nx\n.",
            "'?[31m.x'");
    REFUSED("\x80\x02K\x01)R.", "it calls an integer");
    REFUSED("\x80\x02"
            "ctorch\nFloatStorage\n)R.",
            "it calls a global");
    REFUSED("\x80\x02"
            "ccollections\nOrderedDict\n(K\x01tR.",
            "does not begin empty");
    REFUSED("\x80\x02"
            "ctorch._utils\n_rebuild_parameter\n)R.",
            "not made of a tensor");
    REFUSED("\x80\x02iposix\nsystem\n.", "opcode 0x69");
    REFUSED("\x80\x02(oposix\n.", "opcode 0x6f");
    REFUSED("\x80\x02}}\x81.", "opcode 0x81");
    REFUSED("\x80\x02K\x01}b.", "gives an integer attributes");
}

Test(state_dict, broken_programs_are_refused) {
    REFUSED("", "at byte 0: it ends there");
    REFUSED("\x80", "it ends there");
    REFUSED("\x80\x09.", "protocol 9");
    REFUSED("\x80\x02", "it ends there");
    REFUSED("\x80\x02.", "no value left");
    REFUSED("\x80\x02}(u", "it ends there");
    REFUSED("\x80\x02K\x01s.", "no value left");
    REFUSED("\x80\x02}K\x01s.", "adds to what is not a dict");
    REFUSED("\x80\x02u.", "no mark");
    REFUSED("\x80\x02(((R.", "no value left");
    REFUSED("\x80\x02}(K\x01u.", "has no value");
    REFUSED("\x80\x02](K\x01K\x02u.", "adds to what is not a dict");
    REFUSED("\x80\x02X\xff\xff\xff\xff"
            "a.",
            "it ends there");
    REFUSED("\x80\x02\x8a\x09"
            "123456789.",
            "integer of 9 bytes");
    REFUSED("\x80\x02}r\xff\xff\xff\xff.", "number 4294967295");
    REFUSED("\x80\x02h\0.", "number 0 of the 0");
    REFUSED("\x80\x02"
            "cos",
            "it ends there");
    REFUSED("\x80\x02K\x01\x93.", "no value left");
    REFUSED("\x80\x02K\x01K\x01\x93.", "not a text");
    REFUSED("\x80\x02K\x01Q.", "not a storage's");
    REFUSED("\x80\x02\x85.", "no value left");
}

Test(state_dict, other_values_are_refused_by_name) {
    REFUSED("\x80\x02K\x01.", "it holds an integer");
    REFUSED("\x80\x02].", "it holds a list");
    REFUSED("\x80\x02}K\x01K\x02s.", "a key of its dict is an integer");
    REFUSED("\x80\x02}X\x05\0\0\0model}s.", "'model' in it is a dict, not a tensor");
    REFUSED("\x80\x02}X\x02\0\0\0\x01\x01}s.", "a text that cannot be shown");
    REFUSED("\x80\x02}X\0\0\0\0}s.", "a text that cannot be shown");
}

Test(state_dict, tensors_that_do_not_lie_in_their_storage_are_refused_by_name) {
    const char *name = "tensor 'block.weight'";
    const int64_t large = INT64_C(1) << 40;
    const Drawn drawn[] = {
        {"FloatStorage", 5, 0, 1, 0, {6}, {1}}, /* beyond its end */
        {"FloatStorage", 6, 1, 1, 0, {6}, {1}},
        {"FloatStorage", 6, -1, 1, 0, {6}, {1}}, /* before its beginning */
        {"FloatStorage", 6, INT64_MAX, 1, 0, {6}, {1}},
        {"FloatStorage", -1, 0, 1, 0, {1}, {1}},
        {"FloatStorage", INT64_MAX, 0, 1, 0, {1}, {1}}, /* bytes beyond counting */
        {"FloatStorage", 6, 0, 1, 0, {-6}, {1}},
        {"FloatStorage", 6, 0, 3, 0, {large, large, 2}, {1, 1, 1}},
        {"FloatStorage", 6, 5, 1, 0, {6}, {-1}},      /* backwards */
        {"FloatStorage", 6, 0, 1, 0, {1000000}, {0}}, /* one element, a million times */
        {"FloatStorage", 6, 0, 2, 0, {3, 3}, {1, 1}}, /* a window */
        {"FloatStorage", 9, 0, 2, 0, {2, 3}, {2, 1}},
        {"FloatStorage", 6, 0, 2, 0, {2, 2}, {INT64_MAX, INT64_MAX}},
        {"FloatStorage", 6, 0, 2, 0, {3, 2}, {INT64_MAX / 2 + 1, 1}},
    };
    for (size_t i = 0; i < sizeof drawn / sizeof *drawn; i++)
        expect_tensor_refused(drawn[i], name);
}

Test(state_dict, tensors_of_other_forms_are_refused) {
    expect_tensor_refused((Drawn){"FloatStorage", 6, 0, 9, 0, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {1}},
                          "not made of");
    expect_tensor_refused((Drawn){"FloatStorage", 6, 0, 1, 2, {6}, {1, 1}}, "not made of");
    expect_tensor_refused((Drawn){"QInt8Storage", 6, 0, 1, 0, {6}, {1}}, "torch.QInt8Storage");
}

/* --- bombs: what each may take is bounded by the size of its text --- */

static void expect_bomb_refused(const char *unit, const char *words) {
    const size_t width = strlen(unit), size = PICKLE_MAX_BYTES / 4;
    unsigned char *bytes = malloc(size);
    StateDict state;
    FileError error = {""};
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)unit[i % width];
    cr_assert(!state_dict_read("bomb.bin", bytes, size, &state, &error));
    cr_assert(strstr(error.text, words), "%s", error.text);
    free(bytes);
}

Test(state_dict, bombs_are_refused) {
    expect_bomb_refused("(", "it ends there");     /* nesting */
    expect_bomb_refused("]\x94", "it ends there"); /* remembering */
    expect_bomb_refused(")\x85", "it ends there"); /* tuples in tuples */
    expect_bomb_refused("}22s", "it ends there");  /* a dict as its own key */
}

Test(state_dict, a_dict_that_holds_itself_is_refused) {
    REFUSED("\x80\x02}q\0X\x01\0\0\0ah\0s.", "'a' in it is a dict");
}

Test(state_dict, a_pickle_that_is_too_long_is_refused) {
    unsigned char *bytes = calloc(PICKLE_MAX_BYTES + 1, 1);
    StateDict state;
    FileError error = {""};
    cr_assert(!state_dict_read("x", bytes, PICKLE_MAX_BYTES + 1, &state, &error));
    cr_assert(strstr(error.text, "too many"), "%s", error.text);
    free(bytes);
}
