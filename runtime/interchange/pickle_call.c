/* The globals of a state dict, and what calling them would give. */
#include "runtime/interchange/pickle.h"

#include <string.h>

typedef enum GlobalRole {
    GLOBAL_ORDERED_DICT,
    GLOBAL_REBUILD_TENSOR,
    GLOBAL_REBUILD_PARAMETER,
    GLOBAL_STORAGE,
} GlobalRole;

typedef struct GlobalInfo {
    const char *module, *name;
    GlobalRole role;
    TensorType type; /* of a storage */
} GlobalInfo;

static const GlobalInfo globals[] = {
    {"collections", "OrderedDict", GLOBAL_ORDERED_DICT, 0},
    {"torch._utils", "_rebuild_tensor_v2", GLOBAL_REBUILD_TENSOR, 0},
    {"torch._utils", "_rebuild_parameter", GLOBAL_REBUILD_PARAMETER, 0},
    {"torch", "DoubleStorage", GLOBAL_STORAGE, TENSOR_F64},
    {"torch", "FloatStorage", GLOBAL_STORAGE, TENSOR_F32},
    {"torch", "HalfStorage", GLOBAL_STORAGE, TENSOR_F16},
    {"torch", "BFloat16Storage", GLOBAL_STORAGE, TENSOR_BF16},
    {"torch", "LongStorage", GLOBAL_STORAGE, TENSOR_I64},
    {"torch", "IntStorage", GLOBAL_STORAGE, TENSOR_I32},
    {"torch", "ShortStorage", GLOBAL_STORAGE, TENSOR_I16},
    {"torch", "CharStorage", GLOBAL_STORAGE, TENSOR_I8},
    {"torch", "ByteStorage", GLOBAL_STORAGE, TENSOR_U8},
    {"torch", "BoolStorage", GLOBAL_STORAGE, TENSOR_BOOL},
};

static bool text_is(PickleText text, const char *word) {
    return text.length == strlen(word) && memcmp(text.bytes, word, text.length) == 0;
}

static int shown(size_t length) { return length < 60 ? (int)length : 60; }

bool pickle_global(Pickle *pickle, PickleText module, PickleText name, Value *value) {
    for (size_t i = 0; i < sizeof globals / sizeof *globals; i++)
        if (text_is(module, globals[i].module) && text_is(name, globals[i].name)) {
            *value = (Value){.kind = VALUE_GLOBAL, .index = i};
            return true;
        }
    return pickle_fail(pickle,
                       "it asks for '%.*s.%.*s', which no state dict needs; nothing of it is "
                       "executed here, so it can't be known what that would give",
                       shown(module.length), module.bytes, shown(name.length), name.bytes);
}

static const GlobalInfo *global_of(Value value) {
    return value.kind == VALUE_GLOBAL ? &globals[value.index] : NULL;
}

/* The arguments of a call, if there are at least so many. */
static const Value *arguments_of(const Pickle *pickle, Value tuple, size_t least) {
    const PickleItems *items = tuple.kind == VALUE_TUPLE ? &pickle->items[tuple.index] : NULL;
    return items && items->count >= least ? items->at : NULL;
}

/* A tuple of integers. */
static bool integers_of(const Pickle *pickle, Value tuple, int64_t *values, uint32_t *count) {
    const PickleItems *items = tuple.kind == VALUE_TUPLE ? &pickle->items[tuple.index] : NULL;
    if (!items || items->count > SAFETENSORS_MAX_RANK)
        return false;
    for (size_t i = 0; i < items->count; i++) {
        if (items->at[i].kind != VALUE_INTEGER)
            return false;
        values[i] = items->at[i].integer;
    }
    *count = (uint32_t)items->count;
    return true;
}

static bool rebuild_tensor(Pickle *pickle, Value tuple, Value *result) {
    enum { STORAGE, OFFSET, SIZE, STRIDE, LEAST };
    const Value *arguments = arguments_of(pickle, tuple, LEAST);
    PickleTensor tensor = {0};
    uint32_t strides = 0;
    if (!arguments || arguments[STORAGE].kind != VALUE_STORAGE ||
        arguments[OFFSET].kind != VALUE_INTEGER ||
        !integers_of(pickle, arguments[SIZE], tensor.extents, &tensor.rank) ||
        !integers_of(pickle, arguments[STRIDE], tensor.strides, &strides) || strides != tensor.rank)
        return pickle_fail(pickle,
                           "a tensor that is not made of a storage, an offset, at most %d "
                           "extents and as many strides",
                           SAFETENSORS_MAX_RANK);
    tensor.storage = arguments[STORAGE].index;
    tensor.offset = arguments[OFFSET].integer;
    if (!pickle_grow(pickle, (void **)&pickle->tensors, &pickle->tensor_room,
                     pickle->tensor_count + 1, sizeof tensor))
        return false;
    *result = (Value){.kind = VALUE_TENSOR, .index = pickle->tensor_count};
    pickle->tensors[pickle->tensor_count++] = tensor;
    return true;
}

static bool rebuild_parameter(Pickle *pickle, Value tuple, Value *result) {
    const Value *arguments = arguments_of(pickle, tuple, 1);
    if (!arguments || arguments->kind != VALUE_TENSOR)
        return pickle_fail(pickle, "a parameter that is not made of a tensor");
    *result = *arguments;
    return true;
}

static bool ordered_dict(Pickle *pickle, Value tuple, Value *result) {
    if (tuple.kind != VALUE_TUPLE || pickle->items[tuple.index].count)
        return pickle_fail(pickle, "an OrderedDict that does not begin empty");
    return pickle_container(pickle, VALUE_DICT, result);
}

bool pickle_call(Pickle *pickle, Value callable, Value arguments, Value *result) {
    const GlobalInfo *global = global_of(callable);
    if (global && global->role == GLOBAL_ORDERED_DICT)
        return ordered_dict(pickle, arguments, result);
    if (global && global->role == GLOBAL_REBUILD_TENSOR)
        return rebuild_tensor(pickle, arguments, result);
    if (global && global->role == GLOBAL_REBUILD_PARAMETER)
        return rebuild_parameter(pickle, arguments, result);
    return pickle_fail(pickle, "it calls %s", value_kind_name(callable.kind));
}

bool pickle_persistent(Pickle *pickle, Value identifier, Value *result) {
    enum { WORD, TYPE, KEY, LOCATION, ELEMENTS, COUNT };
    const Value *parts = arguments_of(pickle, identifier, COUNT);
    const GlobalInfo *global = parts ? global_of(parts[TYPE]) : NULL;
    if (!global || global->role != GLOBAL_STORAGE || parts[WORD].kind != VALUE_TEXT ||
        !text_is(parts[WORD].text, "storage") || parts[KEY].kind != VALUE_TEXT ||
        parts[ELEMENTS].kind != VALUE_INTEGER)
        return pickle_fail(pickle, "a persistent identifier that is not a storage's");
    const PickleStorage storage = {parts[KEY].text, global->type, parts[ELEMENTS].integer};
    if (!pickle_grow(pickle, (void **)&pickle->storages, &pickle->storage_room,
                     pickle->storage_count + 1, sizeof storage))
        return false;
    *result = (Value){.kind = VALUE_STORAGE, .index = pickle->storage_count};
    pickle->storages[pickle->storage_count++] = storage;
    return true;
}
