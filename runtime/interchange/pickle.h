/* Python's pickles as far as a PyTorch state dict needs them (PEP 307 and 3154; protocols 2 to 5).
 *
 * A pickle is a program for a stack machine. This one knows the opcodes of numbers, texts, tuples,
 * lists and dicts, and the few globals of a state dict (pickle_call.c); every other opcode and
 * global is refused by name. It calls nothing. What a pickle can make it hold is bounded by a small
 * multiple of its own size. */
#ifndef SCANLINE_RUNTIME_PICKLE_H
#define SCANLINE_RUNTIME_PICKLE_H

#include "runtime/files/safetensors.h"

enum { PICKLE_MAX_BYTES = 16 << 20 };

typedef enum ValueKind {
    VALUE_ABSENT,
    VALUE_NONE,
    VALUE_BOOLEAN,
    VALUE_INTEGER,
    VALUE_NUMBER,
    VALUE_TEXT,
    VALUE_TUPLE,
    VALUE_LIST,
    VALUE_DICT, /* also an OrderedDict: key, value, key, value... */
    VALUE_GLOBAL,
    VALUE_STORAGE,
    VALUE_TENSOR,
    VALUE_KIND_COUNT
} ValueKind;

typedef struct PickleText {
    const char *bytes; /* in the pickle; no NUL behind them */
    size_t length;
} PickleText;

/* A copy of a value refers to the same items, storage or tensor. */
typedef struct Value {
    ValueKind kind;
    union {
        int64_t integer; /* also a boolean */
        PickleText text;
        size_t index; /* of its items, storage or tensor; of a global in the table */
    };
} Value;

typedef struct PickleItems {
    Value *at;
    size_t count, room;
} PickleItems;

/* ('storage', torch.FloatStorage, key, location, elements) */
typedef struct PickleStorage {
    PickleText key;
    TensorType type;
    int64_t elements;
} PickleStorage;

/* torch._utils._rebuild_tensor_v2(storage, offset, size, stride, ...), in elements; not checked
 * beyond that all of them are integers. */
typedef struct PickleTensor {
    size_t storage; /* index */
    int64_t offset;
    uint32_t rank;
    int64_t extents[SAFETENSORS_MAX_RANK], strides[SAFETENSORS_MAX_RANK];
} PickleTensor;

/* The machine, and after it has stopped what it made. Begin with {0} and path, bytes, size, error.
 */
typedef struct Pickle {
    const char *path; /* for messages */
    const unsigned char *bytes;
    size_t size, at;
    FileError *error;

    PickleItems stack, memo;
    size_t *marks, mark_count, mark_room;
    PickleItems *items; /* of tuples, lists and dicts */
    size_t items_count, items_room;
    PickleStorage *storages;
    size_t storage_count, storage_room;
    PickleTensor *tensors;
    size_t tensor_count, tensor_room;
} Pickle;

/* Runs it; false and `error`. */
bool pickle_run(Pickle *pickle, Value *result);
void pickle_free(Pickle *pickle);

const char *value_kind_name(ValueKind kind); /* "a dict" */

/* --- pickle_stack.c, for the other parts --- */

/* Says what is wrong, and at which byte. False. */
bool pickle_fail(const Pickle *pickle, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Room for `count` elements; false after reporting. */
bool pickle_grow(const Pickle *pickle, void **array, size_t *room, size_t count, size_t element);
bool pickle_push(Pickle *pickle, PickleItems *items, Value value);
/* An empty tuple, list or dict. */
bool pickle_container(Pickle *pickle, ValueKind kind, Value *value);

/* The next bytes of the program, which lie in it. False after reporting that there are not so many.
 */
bool pickle_take_bytes(Pickle *pickle, size_t count, const unsigned char **bytes);
bool pickle_take_integer(Pickle *pickle, size_t width, uint64_t *value); /* little-endian */
bool pickle_take_line(Pickle *pickle, PickleText *text);

bool pickle_push_value(Pickle *pickle, Value value);
/* The last value, which must be above the last mark; false after reporting that there is none. */
bool pickle_pop(Pickle *pickle, Value *value);
bool pickle_peek(Pickle *pickle, Value *value);
/* Where the values above the last mark begin; without a mark the bottom. */
size_t pickle_floor(const Pickle *pickle);
bool pickle_push_mark(Pickle *pickle);
/* Takes the mark away; the values above it stay, from *first on. */
bool pickle_pop_mark(Pickle *pickle, size_t *first);

/* --- pickle_call.c, for the machine --- */

/* What "module name" stands for. */
bool pickle_global(Pickle *pickle, PickleText module, PickleText name, Value *value);
/* `callable`(*arguments) */
bool pickle_call(Pickle *pickle, Value callable, Value arguments, Value *result);
bool pickle_persistent(Pickle *pickle, Value identifier, Value *result);

#endif
