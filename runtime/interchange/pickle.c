/* One function an opcode that does more than push a constant; the table of opcodes is a switch. */
#include "runtime/interchange/pickle.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* The names that Python's pickletools give them. */
enum Opcode {
    MARK = '(',
    STOP = '.',
    POP = '0',
    POP_MARK = '1',
    DUP = '2',
    BINFLOAT = 'G',
    BININT = 'J',
    BININT1 = 'K',
    BININT2 = 'M',
    NONE = 'N',
    BINPERSID = 'Q',
    REDUCE = 'R',
    BINUNICODE = 'X',
    EMPTY_LIST = ']',
    APPEND = 'a',
    BUILD = 'b',
    GLOBAL = 'c',
    EMPTY_DICT = '}',
    APPENDS = 'e',
    BINGET = 'h',
    LONG_BINGET = 'j',
    BINPUT = 'q',
    LONG_BINPUT = 'r',
    SETITEM = 's',
    TUPLE = 't',
    EMPTY_TUPLE = ')',
    SETITEMS = 'u',
    PROTO = 0x80,
    TUPLE1 = 0x85,
    TUPLE2 = 0x86,
    TUPLE3 = 0x87,
    NEWTRUE = 0x88,
    NEWFALSE = 0x89,
    LONG1 = 0x8a,
    SHORT_BINUNICODE = 0x8c,
    STACK_GLOBAL = 0x93,
    MEMOIZE = 0x94,
    FRAME = 0x95,
};

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
    for (char *byte = text; *byte; byte++)
        if (iscntrl((unsigned char)*byte)) /* a file may name things as it likes */
            *byte = '?';
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

static bool take_bytes(Pickle *pickle, size_t count, const unsigned char **bytes) {
    const bool there = pickle->size - pickle->at >= count;
    *bytes = pickle->bytes + pickle->at;
    pickle->at += there ? count : 0;
    return there || pickle_fail(pickle, "it ends there");
}

static bool take_integer(Pickle *pickle, size_t width, uint64_t *value) {
    const unsigned char *bytes;
    if (!take_bytes(pickle, width, &bytes))
        return false;
    *value = 0;
    for (size_t i = 0; i < width; i++)
        *value |= (uint64_t)bytes[i] << (8 * i);
    return true;
}

static bool take_line(Pickle *pickle, PickleText *text) {
    const unsigned char *begin = pickle->bytes + pickle->at;
    const unsigned char *end = memchr(begin, '\n', pickle->size - pickle->at);
    if (!end)
        return pickle_fail(pickle, "it ends there");
    *text = (PickleText){(const char *)begin, (size_t)(end - begin)};
    pickle->at += text->length + 1;
    return true;
}

/* --- the stack --- */

static bool push(Pickle *pickle, Value value) { return pickle_push(pickle, &pickle->stack, value); }

/* Where the values above the last mark begin; without a mark the bottom. */
static size_t floor_of(const Pickle *pickle) {
    return pickle->mark_count ? pickle->marks[pickle->mark_count - 1] : 0;
}

static bool pop(Pickle *pickle, Value *value) {
    if (pickle->stack.count <= floor_of(pickle))
        return pickle_fail(pickle, "there is no value left to take");
    *value = pickle->stack.at[--pickle->stack.count];
    return true;
}

static bool peek(Pickle *pickle, Value *value) {
    bool there = pop(pickle, value);
    pickle->stack.count += there;
    return there;
}

static bool push_mark(Pickle *pickle) {
    if (!pickle_grow(pickle, (void **)&pickle->marks, &pickle->mark_room, pickle->mark_count + 1,
                     sizeof *pickle->marks))
        return false;
    pickle->marks[pickle->mark_count++] = pickle->stack.count;
    return true;
}

/* Takes the mark away; the values above it stay, from *first on. */
static bool pop_mark(Pickle *pickle, size_t *first) {
    const bool there = pickle->mark_count > 0;
    *first = there ? pickle->marks[--pickle->mark_count] : 0;
    return there || pickle_fail(pickle, "there is no mark");
}

/* --- opcodes --- */

/* Puts the values from `first` on into a container, and takes them from the stack. */
static bool move_items(Pickle *pickle, size_t first, size_t container) {
    bool moved = true;
    for (size_t i = first; i < pickle->stack.count && moved; i++)
        moved = pickle_push(pickle, &pickle->items[container], pickle->stack.at[i]);
    pickle->stack.count = first;
    return moved;
}

static bool make_tuple(Pickle *pickle, size_t first) {
    Value tuple;
    return pickle_container(pickle, VALUE_TUPLE, &tuple) &&
           move_items(pickle, first, tuple.index) && push(pickle, tuple);
}

static bool make_tuple_of(Pickle *pickle, size_t count) {
    if (pickle->stack.count - floor_of(pickle) < count)
        return pickle_fail(pickle, "there is no value left to take");
    return make_tuple(pickle, pickle->stack.count - count);
}

static bool make_tuple_to_mark(Pickle *pickle) {
    size_t first;
    return pop_mark(pickle, &first) && make_tuple(pickle, first);
}

/* Adds the values from `first` on to the list or dict below them. */
static bool add_items(Pickle *pickle, ValueKind kind, size_t first) {
    if (first <= floor_of(pickle) || pickle->stack.at[first - 1].kind != kind)
        return pickle_fail(pickle, "it adds to what is not %s", kind_names[kind]);
    if (kind == VALUE_DICT && (pickle->stack.count - first) % 2)
        return pickle_fail(pickle, "a key of a dict has no value");
    return move_items(pickle, first, pickle->stack.at[first - 1].index);
}

static bool add_last(Pickle *pickle, ValueKind kind, size_t count) {
    if (pickle->stack.count - floor_of(pickle) < count)
        return pickle_fail(pickle, "there is no value left to take");
    return add_items(pickle, kind, pickle->stack.count - count);
}

static bool add_to_mark(Pickle *pickle, ValueKind kind) {
    size_t first;
    return pop_mark(pickle, &first) && add_items(pickle, kind, first);
}

static bool drop_to_mark(Pickle *pickle) {
    size_t first;
    if (!pop_mark(pickle, &first))
        return false;
    pickle->stack.count = first;
    return true;
}

static bool push_integer(Pickle *pickle, size_t width) {
    uint64_t bits;
    if (!take_integer(pickle, width, &bits))
        return false;
    int64_t value = width == 4 ? (int64_t)(int32_t)bits : (int64_t)bits;
    return push(pickle, (Value){.kind = VALUE_INTEGER, .integer = value});
}

/* Two's complement, little-endian, of any length; here of 8 bytes at most. */
static bool push_long(Pickle *pickle) {
    uint64_t width, bits;
    if (!take_integer(pickle, 1, &width))
        return false;
    if (width > 8)
        return pickle_fail(pickle, "an integer of %llu bytes is too large",
                           (unsigned long long)width);
    if (!take_integer(pickle, width, &bits))
        return false;
    if (width && width < 8 && bits >> (8 * width - 1))
        bits |= UINT64_MAX << (8 * width);
    return push(pickle, (Value){.kind = VALUE_INTEGER, .integer = (int64_t)bits});
}

/* No number counts for a state dict, so that which it is doesn't matter. */
static bool push_number(Pickle *pickle) {
    const unsigned char *bytes;
    return take_bytes(pickle, 8, &bytes) && push(pickle, (Value){.kind = VALUE_NUMBER});
}

static bool push_text(Pickle *pickle, size_t width) {
    uint64_t length;
    const unsigned char *bytes;
    return take_integer(pickle, width, &length) && take_bytes(pickle, length, &bytes) &&
           push(pickle, (Value){.kind = VALUE_TEXT, .text = {(const char *)bytes, (size_t)length}});
}

static bool push_container(Pickle *pickle, ValueKind kind) {
    Value value;
    return pickle_container(pickle, kind, &value) && push(pickle, value);
}

/* Picklers number what they remember from 0 on, so a number far beyond is no pickler's. */
static bool put(Pickle *pickle, uint64_t index) {
    Value value;
    if (!peek(pickle, &value))
        return false;
    if (index > pickle->memo.count)
        return pickle_fail(pickle, "it remembers a value as number %llu, and has %zu",
                           (unsigned long long)index, pickle->memo.count);
    if (index == pickle->memo.count)
        return pickle_push(pickle, &pickle->memo, value);
    pickle->memo.at[index] = value;
    return true;
}

static bool put_numbered(Pickle *pickle, size_t width) {
    uint64_t index;
    return take_integer(pickle, width, &index) && put(pickle, index);
}

static bool get(Pickle *pickle, size_t width) {
    uint64_t index;
    if (!take_integer(pickle, width, &index))
        return false;
    if (index >= pickle->memo.count)
        return pickle_fail(pickle, "it asks for number %llu of the %zu values that it remembers",
                           (unsigned long long)index, pickle->memo.count);
    return push(pickle, pickle->memo.at[index]);
}

static bool push_global(Pickle *pickle) {
    PickleText module, name;
    Value value;
    return take_line(pickle, &module) && take_line(pickle, &name) &&
           pickle_global(pickle, module, name, &value) && push(pickle, value);
}

static bool push_stack_global(Pickle *pickle) {
    Value module, name, value;
    if (!pop(pickle, &name) || !pop(pickle, &module))
        return false;
    if (module.kind != VALUE_TEXT || name.kind != VALUE_TEXT)
        return pickle_fail(pickle, "a global whose name is not a text");
    return pickle_global(pickle, module.text, name.text, &value) && push(pickle, value);
}

static bool reduce(Pickle *pickle) {
    Value callable, arguments, result;
    return pop(pickle, &arguments) && pop(pickle, &callable) &&
           pickle_call(pickle, callable, arguments, &result) && push(pickle, result);
}

static bool push_persistent(Pickle *pickle) {
    Value identifier, result;
    return pop(pickle, &identifier) && pickle_persistent(pickle, identifier, &result) &&
           push(pickle, result);
}

/* Gives an object attributes. A state dict has one, _metadata, which says nothing of the tensors.
 */
static bool build(Pickle *pickle) {
    Value state, object;
    if (!pop(pickle, &state) || !peek(pickle, &object))
        return false;
    return (object.kind == VALUE_DICT && state.kind == VALUE_DICT) ||
           pickle_fail(pickle, "it gives %s attributes", kind_names[object.kind]);
}

static bool check_protocol(Pickle *pickle) {
    uint64_t protocol;
    if (!take_integer(pickle, 1, &protocol))
        return false;
    return protocol <= 5 ||
           pickle_fail(pickle, "protocol %llu is not known", (unsigned long long)protocol);
}

static bool drop(Pickle *pickle) {
    Value value;
    return pop(pickle, &value);
}

static bool duplicate(Pickle *pickle) {
    Value value;
    return peek(pickle, &value) && push(pickle, value);
}

static bool skip_frame(Pickle *pickle) {
    uint64_t length;
    return take_integer(pickle, 8, &length);
}

static bool step(Pickle *pickle, int opcode) {
    switch (opcode) {
    case PROTO:
        return check_protocol(pickle);
    case FRAME:
        return skip_frame(pickle);
    case MARK:
        return push_mark(pickle);
    case POP:
        return drop(pickle);
    case POP_MARK:
        return drop_to_mark(pickle);
    case DUP:
        return duplicate(pickle);
    case NONE:
        return push(pickle, (Value){.kind = VALUE_NONE});
    case NEWTRUE:
        return push(pickle, (Value){.kind = VALUE_BOOLEAN, .integer = 1});
    case NEWFALSE:
        return push(pickle, (Value){.kind = VALUE_BOOLEAN});
    case BININT:
        return push_integer(pickle, 4);
    case BININT1:
        return push_integer(pickle, 1);
    case BININT2:
        return push_integer(pickle, 2);
    case LONG1:
        return push_long(pickle);
    case BINFLOAT:
        return push_number(pickle);
    case BINUNICODE:
        return push_text(pickle, 4);
    case SHORT_BINUNICODE:
        return push_text(pickle, 1);
    case EMPTY_TUPLE:
        return push_container(pickle, VALUE_TUPLE);
    case EMPTY_LIST:
        return push_container(pickle, VALUE_LIST);
    case EMPTY_DICT:
        return push_container(pickle, VALUE_DICT);
    case TUPLE1:
    case TUPLE2:
    case TUPLE3:
        return make_tuple_of(pickle, (size_t)(opcode - TUPLE1 + 1));
    case TUPLE:
        return make_tuple_to_mark(pickle);
    case APPEND:
        return add_last(pickle, VALUE_LIST, 1);
    case APPENDS:
        return add_to_mark(pickle, VALUE_LIST);
    case SETITEM:
        return add_last(pickle, VALUE_DICT, 2);
    case SETITEMS:
        return add_to_mark(pickle, VALUE_DICT);
    case BINPUT:
        return put_numbered(pickle, 1);
    case LONG_BINPUT:
        return put_numbered(pickle, 4);
    case MEMOIZE:
        return put(pickle, pickle->memo.count);
    case BINGET:
        return get(pickle, 1);
    case LONG_BINGET:
        return get(pickle, 4);
    case GLOBAL:
        return push_global(pickle);
    case STACK_GLOBAL:
        return push_stack_global(pickle);
    case REDUCE:
        return reduce(pickle);
    case BINPERSID:
        return push_persistent(pickle);
    case BUILD:
        return build(pickle);
    default:
        return pickle_fail(pickle, "opcode 0x%02x has no place in a state dict", opcode);
    }
}

bool pickle_run(Pickle *pickle, Value *result) {
    if (pickle->size > PICKLE_MAX_BYTES)
        return pickle_fail(pickle, "%zu bytes are too many for a state dict", pickle->size);
    for (;;) {
        const unsigned char *opcode;
        if (!take_bytes(pickle, 1, &opcode))
            return false;
        if (*opcode == STOP)
            return pop(pickle, result);
        if (!step(pickle, *opcode))
            return false;
    }
}
