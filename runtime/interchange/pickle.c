/* One function for each kind of opcode, and a table of the opcodes. */
#include "runtime/interchange/pickle.h"

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
           move_items(pickle, first, tuple.index) && pickle_push_value(pickle, tuple);
}

static bool make_tuple_of(Pickle *pickle, size_t count) {
    if (pickle->stack.count - pickle_floor(pickle) < count)
        return pickle_fail(pickle, "there is no value left to take");
    return make_tuple(pickle, pickle->stack.count - count);
}

static bool make_tuple_to_mark(Pickle *pickle) {
    size_t first;
    return pickle_pop_mark(pickle, &first) && make_tuple(pickle, first);
}

/* Adds the values from `first` on to the list or dict below them. */
static bool add_items(Pickle *pickle, ValueKind kind, size_t first) {
    if (first <= pickle_floor(pickle) || pickle->stack.at[first - 1].kind != kind)
        return pickle_fail(pickle, "it adds to what is not %s", value_kind_name(kind));
    if (kind == VALUE_DICT && (pickle->stack.count - first) % 2)
        return pickle_fail(pickle, "a key of a dict has no value");
    return move_items(pickle, first, pickle->stack.at[first - 1].index);
}

/* One value, or a key and its value. */
static bool add_last(Pickle *pickle, size_t kind) {
    const size_t count = kind == VALUE_DICT ? 2 : 1;
    if (pickle->stack.count - pickle_floor(pickle) < count)
        return pickle_fail(pickle, "there is no value left to take");
    return add_items(pickle, (ValueKind)kind, pickle->stack.count - count);
}

static bool add_to_mark(Pickle *pickle, size_t kind) {
    size_t first;
    return pickle_pop_mark(pickle, &first) && add_items(pickle, (ValueKind)kind, first);
}

static bool drop_to_mark(Pickle *pickle) {
    size_t first;
    if (!pickle_pop_mark(pickle, &first))
        return false;
    pickle->stack.count = first;
    return true;
}

static bool push_none(Pickle *pickle) {
    return pickle_push_value(pickle, (Value){.kind = VALUE_NONE});
}

static bool push_boolean(Pickle *pickle, size_t value) {
    return pickle_push_value(pickle, (Value){.kind = VALUE_BOOLEAN, .integer = (int64_t)value});
}

static bool push_integer(Pickle *pickle, size_t width) {
    uint64_t bits;
    if (!pickle_take_integer(pickle, width, &bits))
        return false;
    int64_t value = width == 4 ? (int64_t)(int32_t)bits : (int64_t)bits;
    return pickle_push_value(pickle, (Value){.kind = VALUE_INTEGER, .integer = value});
}

/* Two's complement, little-endian, of any length; here of 8 bytes at most. */
static bool push_long(Pickle *pickle) {
    uint64_t width, bits;
    if (!pickle_take_integer(pickle, 1, &width))
        return false;
    if (width > 8)
        return pickle_fail(pickle, "an integer of %llu bytes is too large",
                           (unsigned long long)width);
    if (!pickle_take_integer(pickle, width, &bits))
        return false;
    if (width && width < 8 && bits >> (8 * width - 1))
        bits |= UINT64_MAX << (8 * width);
    return pickle_push_value(pickle, (Value){.kind = VALUE_INTEGER, .integer = (int64_t)bits});
}

/* No number counts for a state dict, so that which it is doesn't matter. */
static bool push_number(Pickle *pickle) {
    const unsigned char *bytes;
    return pickle_take_bytes(pickle, 8, &bytes) &&
           pickle_push_value(pickle, (Value){.kind = VALUE_NUMBER});
}

static bool push_text(Pickle *pickle, size_t width) {
    uint64_t length;
    const unsigned char *bytes;
    return pickle_take_integer(pickle, width, &length) &&
           pickle_take_bytes(pickle, length, &bytes) &&
           pickle_push_value(
               pickle, (Value){.kind = VALUE_TEXT, .text = {(const char *)bytes, (size_t)length}});
}

static bool push_container(Pickle *pickle, size_t kind) {
    Value value;
    return pickle_container(pickle, (ValueKind)kind, &value) && pickle_push_value(pickle, value);
}

/* Picklers number what they remember from 0 on, so a number far beyond is no pickler's. */
static bool put(Pickle *pickle, uint64_t index) {
    Value value;
    if (!pickle_peek(pickle, &value))
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
    return pickle_take_integer(pickle, width, &index) && put(pickle, index);
}

static bool put_next(Pickle *pickle) { return put(pickle, pickle->memo.count); }

static bool get(Pickle *pickle, size_t width) {
    uint64_t index;
    if (!pickle_take_integer(pickle, width, &index))
        return false;
    if (index >= pickle->memo.count)
        return pickle_fail(pickle, "it asks for number %llu of the %zu values that it remembers",
                           (unsigned long long)index, pickle->memo.count);
    return pickle_push_value(pickle, pickle->memo.at[index]);
}

static bool push_global(Pickle *pickle) {
    PickleText module, name;
    Value value;
    return pickle_take_line(pickle, &module) && pickle_take_line(pickle, &name) &&
           pickle_global(pickle, module, name, &value) && pickle_push_value(pickle, value);
}

static bool push_stack_global(Pickle *pickle) {
    Value module, name, value;
    if (!pickle_pop(pickle, &name) || !pickle_pop(pickle, &module))
        return false;
    if (module.kind != VALUE_TEXT || name.kind != VALUE_TEXT)
        return pickle_fail(pickle, "a global whose name is not a text");
    return pickle_global(pickle, module.text, name.text, &value) &&
           pickle_push_value(pickle, value);
}

static bool reduce(Pickle *pickle) {
    Value callable, arguments, result;
    return pickle_pop(pickle, &arguments) && pickle_pop(pickle, &callable) &&
           pickle_call(pickle, callable, arguments, &result) && pickle_push_value(pickle, result);
}

static bool push_persistent(Pickle *pickle) {
    Value identifier, result;
    return pickle_pop(pickle, &identifier) && pickle_persistent(pickle, identifier, &result) &&
           pickle_push_value(pickle, result);
}

/* Gives an object attributes. A state dict has one, _metadata, which says nothing of the tensors.
 */
static bool build(Pickle *pickle) {
    Value state, object;
    if (!pickle_pop(pickle, &state) || !pickle_peek(pickle, &object))
        return false;
    return (object.kind == VALUE_DICT && state.kind == VALUE_DICT) ||
           pickle_fail(pickle, "it gives %s attributes", value_kind_name(object.kind));
}

static bool check_protocol(Pickle *pickle) {
    uint64_t protocol;
    if (!pickle_take_integer(pickle, 1, &protocol))
        return false;
    return protocol <= 5 ||
           pickle_fail(pickle, "protocol %llu is not known", (unsigned long long)protocol);
}

static bool drop(Pickle *pickle) {
    Value value;
    return pickle_pop(pickle, &value);
}

static bool duplicate(Pickle *pickle) {
    Value value;
    return pickle_peek(pickle, &value) && pickle_push_value(pickle, value);
}

static bool skip_frame(Pickle *pickle) {
    uint64_t length;
    return pickle_take_integer(pickle, 8, &length);
}

/* --- the table --- */

/* What an opcode does: one of the two. */
typedef struct Operation {
    bool (*plain)(Pickle *pickle);
    bool (*with)(Pickle *pickle, size_t argument);
    size_t argument; /* of `with`: bytes that follow, a number of values, a ValueKind */
} Operation;

static const Operation operations[UINT8_MAX + 1] = {
    [PROTO] = {.plain = check_protocol},
    [FRAME] = {.plain = skip_frame},
    [MARK] = {.plain = pickle_push_mark},
    [POP] = {.plain = drop},
    [POP_MARK] = {.plain = drop_to_mark},
    [DUP] = {.plain = duplicate},
    [NONE] = {.plain = push_none},
    [NEWTRUE] = {.with = push_boolean, .argument = true},
    [NEWFALSE] = {.with = push_boolean, .argument = false},
    [BININT] = {.with = push_integer, .argument = 4},
    [BININT1] = {.with = push_integer, .argument = 1},
    [BININT2] = {.with = push_integer, .argument = 2},
    [LONG1] = {.plain = push_long},
    [BINFLOAT] = {.plain = push_number},
    [BINUNICODE] = {.with = push_text, .argument = 4},
    [SHORT_BINUNICODE] = {.with = push_text, .argument = 1},
    [EMPTY_TUPLE] = {.with = push_container, .argument = VALUE_TUPLE},
    [EMPTY_LIST] = {.with = push_container, .argument = VALUE_LIST},
    [EMPTY_DICT] = {.with = push_container, .argument = VALUE_DICT},
    [TUPLE1] = {.with = make_tuple_of, .argument = 1},
    [TUPLE2] = {.with = make_tuple_of, .argument = 2},
    [TUPLE3] = {.with = make_tuple_of, .argument = 3},
    [TUPLE] = {.plain = make_tuple_to_mark},
    [APPEND] = {.with = add_last, .argument = VALUE_LIST},
    [APPENDS] = {.with = add_to_mark, .argument = VALUE_LIST},
    [SETITEM] = {.with = add_last, .argument = VALUE_DICT},
    [SETITEMS] = {.with = add_to_mark, .argument = VALUE_DICT},
    [BINPUT] = {.with = put_numbered, .argument = 1},
    [LONG_BINPUT] = {.with = put_numbered, .argument = 4},
    [MEMOIZE] = {.plain = put_next},
    [BINGET] = {.with = get, .argument = 1},
    [LONG_BINGET] = {.with = get, .argument = 4},
    [GLOBAL] = {.plain = push_global},
    [STACK_GLOBAL] = {.plain = push_stack_global},
    [REDUCE] = {.plain = reduce},
    [BINPERSID] = {.plain = push_persistent},
    [BUILD] = {.plain = build},
};

static bool step(Pickle *pickle, unsigned char opcode) {
    const Operation *operation = &operations[opcode];
    if (operation->plain)
        return operation->plain(pickle);
    return operation->with
               ? operation->with(pickle, operation->argument)
               : pickle_fail(pickle, "opcode 0x%02x has no place in a state dict", opcode);
}

bool pickle_run(Pickle *pickle, Value *result) {
    if (pickle->size > PICKLE_MAX_BYTES)
        return pickle_fail(pickle, "%zu bytes are too many for a state dict", pickle->size);
    for (;;) {
        const unsigned char *opcode;
        if (!pickle_take_bytes(pickle, 1, &opcode))
            return false;
        if (*opcode == STOP)
            return pickle_pop(pickle, result);
        if (!step(pickle, *opcode))
            return false;
    }
}
