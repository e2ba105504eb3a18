#include "runtime/interchange/state_dict.h"

#include "runtime/interchange/pickle.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef struct Reading {
    const Pickle *pickle;
    const char *path;
    StateDict *state;
    char *text; /* where the next name goes */
    FileError *error;
} Reading;

/* --- texts --- */

/* A name becomes part of messages and of other files. */
static bool is_plain(PickleText text) {
    for (size_t i = 0; i < text.length; i++)
        if (iscntrl((unsigned char)text.bytes[i]))
            return false;
    return text.length > 0;
}

static const char *keep_text(Reading *reading, PickleText text) {
    char *kept = reading->text;
    memcpy(kept, text.bytes, text.length);
    kept[text.length] = 0;
    reading->text += text.length + 1;
    return kept;
}

/* --- one tensor --- */

static bool fail_tensor(const Reading *reading, const char *name, const char *what) {
    return file_fault(reading->error, reading->path, "tensor '%.100s': %s", name, what);
}

static bool count_elements(Tensor *tensor) {
    tensor->elements = 1;
    for (uint32_t i = 0; i < tensor->rank; i++)
        if (tensor->extents[i] < 0 ||
            __builtin_mul_overflow(tensor->elements, tensor->extents[i], &tensor->elements))
            return false;
    return true;
}

/* Where the last element of the axes with smaller strides lies; by increasing stride each axis must
 * step over that. Also adds up to the last element of all. */
static bool check_strides(const StateTensor *tensor, int64_t *last) {
    const uint32_t rank = tensor->tensor.rank;
    bool done[SAFETENSORS_MAX_RANK] = {false};
    *last = 0;
    for (uint32_t round = 0; round < rank; round++) {
        uint32_t next = rank;
        for (uint32_t i = 0; i < rank; i++)
            if (!done[i] && (next == rank || tensor->strides[i] < tensor->strides[next]))
                next = i;
        done[next] = true;
        int64_t steps = tensor->tensor.extents[next] - 1, reach;
        if (steps < 1)
            continue;
        if (tensor->strides[next] <= *last ||
            __builtin_mul_overflow(steps, tensor->strides[next], &reach) ||
            __builtin_add_overflow(*last, reach, last))
            return false;
    }
    return true;
}

static bool check_place(const Reading *reading, const StateTensor *tensor) {
    const char *name = tensor->tensor.name;
    int64_t last, bytes;
    if (tensor->storage_elements < 0 ||
        __builtin_mul_overflow(tensor->storage_elements,
                               (int64_t)tensor_type_size(tensor->tensor.type), &bytes))
        return fail_tensor(reading, name, "its storage has no usable size");
    for (uint32_t i = 0; i < tensor->tensor.rank; i++)
        if (tensor->strides[i] < 0)
            return fail_tensor(reading, name, "it has a negative stride");
    if (tensor->tensor.elements == 0)
        return true;
    if (!check_strides(tensor, &last))
        return fail_tensor(reading, name, "its strides make elements overlap, or have no end");
    if (tensor->offset < 0 || __builtin_add_overflow(last, tensor->offset, &last) ||
        last >= tensor->storage_elements)
        return fail_tensor(reading, name, "it reaches beyond its storage");
    return true;
}

static bool add_tensor(Reading *reading, const char *name, Value value) {
    const PickleTensor *from = &reading->pickle->tensors[value.index];
    const PickleStorage *storage = &reading->pickle->storages[from->storage];
    StateTensor *tensor = &reading->state->tensors[reading->state->count++];
    tensor->tensor = (Tensor){.name = name, .type = storage->type, .rank = from->rank};
    memcpy(tensor->tensor.extents, from->extents, sizeof from->extents);
    memcpy(tensor->strides, from->strides, sizeof from->strides);
    tensor->offset = from->offset;
    tensor->storage_elements = storage->elements;
    if (!is_plain(storage->key))
        return fail_tensor(reading, name, "its storage has no usable key");
    tensor->storage = keep_text(reading, storage->key);
    if (!count_elements(&tensor->tensor))
        return fail_tensor(reading, name, "its shape is none");
    return check_place(reading, tensor);
}

/* --- all of them --- */

static bool add_entry(Reading *reading, Value key, Value value) {
    if (key.kind != VALUE_TEXT || !is_plain(key.text))
        return file_fault(
            reading->error, reading->path, "a key of its dict is %s, not the name of a tensor",
            key.kind == VALUE_TEXT ? "a text that cannot be shown" : value_kind_name(key.kind));
    const char *name = keep_text(reading, key.text);
    if (value.kind == VALUE_TENSOR)
        return add_tensor(reading, name, value);
    return file_fault(reading->error, reading->path,
                      "'%.100s' in it is %s, not a tensor: give a file that has a model's "
                      "state_dict() and nothing else",
                      name, value_kind_name(value.kind));
}

/* A name, and the key of a storage, for each; a key may be the key of many. */
static size_t text_size(const Pickle *pickle, const PickleItems *items) {
    size_t size = 0;
    for (size_t i = 0; i + 1 < items->count; i += 2) {
        const Value key = items->at[i], value = items->at[i + 1];
        if (key.kind == VALUE_TEXT)
            size += key.text.length + 1;
        if (value.kind == VALUE_TENSOR)
            size += pickle->storages[pickle->tensors[value.index].storage].key.length + 1;
    }
    return size;
}

static bool add_entries(Reading *reading, const PickleItems *items) {
    StateDict *state = reading->state;
    const size_t most = (size_t)1 << 30; /* short names may stand for one long key */
    size_t size = text_size(reading->pickle, items);
    state->tensors = calloc(items->count / 2 + 1, sizeof *state->tensors);
    state->texts = size < most ? malloc(size + 1) : NULL;
    if (!state->tensors || !state->texts)
        return file_fault(reading->error, reading->path, "out of memory");
    reading->text = state->texts;
    for (size_t i = 0; i + 1 < items->count; i += 2)
        if (!add_entry(reading, items->at[i], items->at[i + 1]))
            return false;
    return true;
}

bool state_dict_read(const char *path, const unsigned char *bytes, size_t size, StateDict *state,
                     FileError *error) {
    Pickle pickle = {.path = path, .bytes = bytes, .size = size, .error = error};
    Reading reading = {.pickle = &pickle, .path = path, .state = state, .error = error};
    Value top;
    *state = (StateDict){0};
    bool read = pickle_run(&pickle, &top);
    if (read && top.kind != VALUE_DICT)
        read = file_fault(error, path,
                          "it holds %s, not a dict of tensors: give a file that has a model's "
                          "state_dict()",
                          value_kind_name(top.kind));
    read = read && add_entries(&reading, &pickle.items[top.index]);
    pickle_free(&pickle);
    if (!read)
        state_dict_free(state);
    return read;
}

void state_dict_free(StateDict *state) {
    free(state->tensors);
    free(state->texts);
    *state = (StateDict){0};
}
