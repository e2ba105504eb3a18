/* What the machine's opcodes are made of: memory, the program's bytes, the stack and its marks. */
#include "runtime/interchange/pickle.h"

#include "runtime/files/printable.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[VALUE_KIND_COUNT] = {
    [VALUE_ABSENT] = "nothing",     [VALUE_NONE] = "None",         [VALUE_BOOLEAN] = "a boolean",
    [VALUE_INTEGER] = "an integer", [VALUE_NUMBER] = "a number",   [VALUE_TEXT] = "a text",
    [VALUE_TUPLE] = "a tuple",      [VALUE_LIST] = "a list",       [VALUE_DICT] = "a dict",
    [VALUE_GLOBAL] = "a global",    [VALUE_STORAGE] = "a storage", [VALUE_TENSOR] = "a tensor",
};

const char *value_kind_name(ValueKind kind) { return kind_names[kind]; }

bool pickle_fail(const Pickle *pickle, const char *format, ...) {
    char text[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    printable_clean(text, ""); /* a file may name things as it likes */
    return file_fault(pickle->error, pickle->path, "its pickle is refused at byte %zu: %s",
                      pickle->at, text);
}

/* --- memory --- */

bool pickle_grow(const Pickle *pickle, void **array, size_t *room, size_t count, size_t element) {
    if (count <= *room)
        return true;
    size_t larger = *room ? *room * 2 : 16;
    void *memory = realloc(*array, larger * element);
    if (!memory)
        return file_fault(pickle->error, pickle->path, "out of memory");
    *array = memory;
    *room = larger;
    return true;
}

bool pickle_push(Pickle *pickle, PickleItems *items, Value value) {
    if (!pickle_grow(pickle, (void **)&items->at, &items->room, items->count + 1, sizeof value))
        return false;
    items->at[items->count++] = value;
    return true;
}

bool pickle_container(Pickle *pickle, ValueKind kind, Value *value) {
    if (!pickle_grow(pickle, (void **)&pickle->items, &pickle->items_room, pickle->items_count + 1,
                     sizeof *pickle->items))
        return false;
    *value = (Value){.kind = kind, .index = pickle->items_count};
    pickle->items[pickle->items_count++] = (PickleItems){0};
    return true;
}

void pickle_free(Pickle *pickle) {
    for (size_t i = 0; i < pickle->items_count; i++)
        free(pickle->items[i].at);
    free(pickle->items);
    free(pickle->stack.at);
    free(pickle->memo.at);
    free(pickle->marks);
    free(pickle->storages);
    free(pickle->tensors);
    *pickle = (Pickle){0};
}

/* --- the program's bytes --- */

bool pickle_take_bytes(Pickle *pickle, size_t count, const unsigned char **bytes) {
    const bool there = pickle->size - pickle->at >= count;
    *bytes = pickle->bytes + pickle->at;
    pickle->at += there ? count : 0;
    return there || pickle_fail(pickle, "it ends there");
}

bool pickle_take_integer(Pickle *pickle, size_t width, uint64_t *value) {
    const unsigned char *bytes;
    if (!pickle_take_bytes(pickle, width, &bytes))
        return false;
    *value = 0;
    for (size_t i = 0; i < width; i++)
        *value |= (uint64_t)bytes[i] << (8 * i);
    return true;
}

bool pickle_take_line(Pickle *pickle, PickleText *text) {
    const unsigned char *begin = pickle->bytes + pickle->at;
    const unsigned char *end = memchr(begin, '\n', pickle->size - pickle->at);
    if (!end)
        return pickle_fail(pickle, "it ends there");
    *text = (PickleText){(const char *)begin, (size_t)(end - begin)};
    pickle->at += text->length + 1;
    return true;
}

/* --- the stack --- */

bool pickle_push_value(Pickle *pickle, Value value) {
    return pickle_push(pickle, &pickle->stack, value);
}

size_t pickle_floor(const Pickle *pickle) {
    return pickle->mark_count ? pickle->marks[pickle->mark_count - 1] : 0;
}

bool pickle_pop(Pickle *pickle, Value *value) {
    if (pickle->stack.count <= pickle_floor(pickle))
        return pickle_fail(pickle, "there is no value left to take");
    *value = pickle->stack.at[--pickle->stack.count];
    return true;
}

bool pickle_peek(Pickle *pickle, Value *value) {
    bool there = pickle_pop(pickle, value);
    pickle->stack.count += there;
    return there;
}

bool pickle_push_mark(Pickle *pickle) {
    if (!pickle_grow(pickle, (void **)&pickle->marks, &pickle->mark_room, pickle->mark_count + 1,
                     sizeof *pickle->marks))
        return false;
    pickle->marks[pickle->mark_count++] = pickle->stack.count;
    return true;
}

bool pickle_pop_mark(Pickle *pickle, size_t *first) {
    const bool there = pickle->mark_count > 0;
    *first = there ? pickle->marks[--pickle->mark_count] : 0;
    return there || pickle_fail(pickle, "there is no mark");
}
