/* The header is a Python literal: exactly the three keys that NumPy writes, in any order. */
#include "runtime/files/npy.h"

#include <stdlib.h>
#include <string.h>

enum { PREFIX = 8, ALIGNMENT = 64 };

static const unsigned char MAGIC[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

typedef struct TypeInfo {
    const char *name, *code;
    size_t size;
} TypeInfo;

static const TypeInfo types[NPY_TYPE_COUNT] = {
    [NPY_F64] = {"float64", "<f8", 8}, [NPY_F32] = {"float32", "<f4", 4},
    [NPY_F16] = {"float16", "<f2", 2}, [NPY_I64] = {"int64", "<i8", 8},
    [NPY_I32] = {"int32", "<i4", 4},   [NPY_I16] = {"int16", "<i2", 2},
    [NPY_I8] = {"int8", "|i1", 1},     [NPY_U16] = {"uint16", "<u2", 2},
    [NPY_U8] = {"uint8", "|u1", 1},    [NPY_BOOL] = {"bool", "|b1", 1},
};

const char *npy_type_name(NpyType type) { return types[type].name; }

size_t npy_type_size(NpyType type) { return types[type].size; }

/* --- the header --- */

typedef struct Reader {
    const char *at, *end;
} Reader;

static void skip_spaces(Reader *reader) {
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\n'))
        reader->at++;
}

static bool take(Reader *reader, const char *text) {
    skip_spaces(reader);
    const size_t length = strlen(text);
    if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, text, length) != 0)
        return false;
    reader->at += length;
    return true;
}

/* Between single quotes, without escapes, at most 15 bytes. */
static bool take_word(Reader *reader, char word[16]) {
    if (!take(reader, "'"))
        return false;
    const char *close = memchr(reader->at, '\'', (size_t)(reader->end - reader->at));
    const size_t length = close ? (size_t)(close - reader->at) : 16;
    if (length >= 16)
        return false;
    memcpy(word, reader->at, length);
    word[length] = '\0';
    reader->at = close + 1;
    return true;
}

static bool take_extent(Reader *reader, int64_t *extent) {
    skip_spaces(reader);
    const char *start = reader->at;
    for (*extent = 0; reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9';
         reader->at++)
        if (__builtin_mul_overflow(*extent, 10, extent) ||
            __builtin_add_overflow(*extent, *reader->at - '0', extent))
            return false;
    return reader->at > start;
}

static const char *take_shape(Reader *reader, NpyArray *array) {
    static const char *const malformed = "has a shape that can't be read";
    if (!take(reader, "("))
        return malformed;
    array->elements = 1;
    while (!take(reader, ")")) {
        int64_t extent;
        if (!take_extent(reader, &extent))
            return malformed;
        if (array->rank == NPY_MAX_RANK)
            return "has more than 8 axes";
        array->extents[array->rank++] = extent;
        if (__builtin_mul_overflow(array->elements, extent, &array->elements))
            return "has more elements than there can be";
        if (!take(reader, ",")) {
            if (!take(reader, ")"))
                return malformed;
            break;
        }
    }
    return NULL;
}

static const char *take_type(Reader *reader, NpyArray *array) {
    char code[16];
    if (!take_word(reader, code))
        return "holds records, not numbers";
    for (int type = 0; type < NPY_TYPE_COUNT; type++) {
        const char *known = types[type].code;
        if (strcmp(code + 1, known + 1) == 0 && (code[0] == known[0] || code[0] == '=')) {
            array->type = (NpyType)type;
            return NULL;
        }
    }
    if (code[0] == '>')
        return "has its bytes in the other order (save it with .astype of a '<' type)";
    return "has elements of a type that isn't read here";
}

static const char *take_order(Reader *reader) {
    if (take(reader, "False"))
        return NULL;
    return take(reader, "True") ? "is stored column by column (save numpy.ascontiguousarray of it)"
                                : "has a header that can't be read";
}

static const char *take_header(Reader *reader, NpyArray *array) {
    static const char *const malformed = "has a header that can't be read";
    enum { TYPE = 1, ORDER = 2, SHAPE = 4, ALL = 7 };
    int seen = 0;
    if (!take(reader, "{"))
        return malformed;
    while (!take(reader, "}")) {
        char key[16];
        if (!take_word(reader, key) || !take(reader, ":"))
            return malformed;
        const int which = strcmp(key, "descr") == 0           ? TYPE
                          : strcmp(key, "fortran_order") == 0 ? ORDER
                          : strcmp(key, "shape") == 0         ? SHAPE
                                                              : 0;
        if (!which || seen & which)
            return malformed;
        seen |= which;
        const char *fault = which == TYPE    ? take_type(reader, array)
                            : which == ORDER ? take_order(reader)
                                             : take_shape(reader, array);
        if (fault)
            return fault;
        if (!take(reader, ",") && !(reader->at < reader->end && *reader->at == '}'))
            return malformed;
    }
    skip_spaces(reader);
    return seen == ALL && reader->at == reader->end ? NULL : malformed;
}

/* --- the file --- */

/* `*header`: where the data begins. */
static const char *parse_header(const unsigned char *bytes, size_t size, NpyArray *array,
                                size_t *header) {
    if (size < PREFIX + 2 || memcmp(bytes, MAGIC, sizeof MAGIC) != 0)
        return "is no .npy file";
    if (bytes[6] < 1 || bytes[6] > 3)
        return "is of a version of .npy that isn't known here";
    const size_t width = bytes[6] == 1 ? 2 : 4;
    size_t length = 0, start = PREFIX + width;
    for (size_t i = 0; i < width && PREFIX + i < size; i++)
        length |= (size_t)bytes[PREFIX + i] << (8 * i);
    if (start > size || length > size - start)
        return "ends within its header";
    Reader reader = {(const char *)bytes + start, (const char *)bytes + start + length};
    const char *fault = take_header(&reader, array);
    int64_t needed;
    if (!fault &&
        __builtin_mul_overflow(array->elements, (int64_t)types[array->type].size, &needed))
        fault = "has more elements than there can be";
    *header = start + length;
    return fault;
}

static const char *parse(const unsigned char *bytes, size_t size, NpyArray *array) {
    size_t header;
    const char *fault = parse_header(bytes, size, array, &header);
    if (fault)
        return fault;
    const int64_t needed = array->elements * (int64_t)types[array->type].size;
    const size_t left = size - header;
    if (left != (size_t)needed)
        return left < (size_t)needed ? "ends before its last element"
                                     : "has something behind its last element";
    array->data = bytes + header;
    return NULL;
}

bool npy_header(const unsigned char *bytes, size_t size, NpyArray *array, size_t *header,
                const char **fault) {
    *array = (NpyArray){0};
    const char *found = parse_header(bytes, size, array, header);
    if (found)
        *fault = found;
    return !found;
}

bool npy_parse(const unsigned char *bytes, size_t size, NpyArray *array, const char **fault) {
    *array = (NpyArray){0};
    const char *found = parse(bytes, size, array);
    if (found)
        *fault = found;
    return !found;
}

/* --- elements --- */

/* IEEE 754 binary16. */
static double half_value(uint16_t bits) {
    const int exponent = bits >> 10 & 31;
    const double fraction = bits & 1023, sign = bits >> 15 ? -1 : 1;
    if (exponent == 31)
        return fraction != 0 ? __builtin_nan("") : sign * __builtin_inf();
    return exponent ? sign * __builtin_ldexp(1024 + fraction, exponent - 25)
                    : sign * __builtin_ldexp(fraction, -24);
}

double npy_value(const NpyArray *array, int64_t index) {
    union {
        double f64;
        float f32;
        int64_t i64;
        int32_t i32;
        int16_t i16;
        int8_t i8;
        uint16_t u16;
        uint8_t u8;
    } value;
    const size_t size = types[array->type].size;
    memcpy(&value, (const unsigned char *)array->data + (size_t)index * size, size);
    switch (array->type) {
    case NPY_F64:
        return value.f64;
    case NPY_F32:
        return (double)value.f32;
    case NPY_F16:
        return half_value(value.u16);
    case NPY_I64:
        return (double)value.i64;
    case NPY_I32:
        return value.i32;
    case NPY_I16:
        return value.i16;
    case NPY_I8:
        return value.i8;
    case NPY_U16:
        return value.u16;
    case NPY_U8:
        return value.u8;
    case NPY_BOOL:
        return value.u8 != 0;
    case NPY_TYPE_COUNT:
        break;
    }
    return 0;
}

/* --- writing --- */

bool npy_begin(FileWriter *writer, const char *path, const NpyArray *array, FileError *error) {
    char shape[NPY_MAX_RANK * 24] = "", header[512];
    for (uint32_t axis = 0, length = 0; axis < array->rank; axis++)
        length += (uint32_t)snprintf(shape + length, sizeof shape - length, "%s%lld",
                                     axis ? ", " : "", (long long)array->extents[axis]);
    int length = snprintf(header, sizeof header,
                          "{'descr': '%s', 'fortran_order': False, 'shape': (%s%s), }",
                          types[array->type].code, shape, array->rank == 1 ? "," : "");
    if (!file_begin(writer, path, error))
        return false;
    /* Padded with spaces and a line's end, so that the data is aligned. */
    const int padded =
        (PREFIX + 2 + length + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT - PREFIX - 2;
    fwrite(MAGIC, 1, sizeof MAGIC, writer->stream);
    const unsigned char rest[4] = {1, 0, (unsigned char)padded, (unsigned char)(padded >> 8)};
    fwrite(rest, 1, sizeof rest, writer->stream);
    fprintf(writer->stream, "%-*s\n", padded - 1, header);
    return true;
}

bool npy_write(const char *path, const NpyArray *array, FileError *error) {
    FileWriter writer;
    if (!npy_begin(&writer, path, array, error))
        return false;
    fwrite(array->data, types[array->type].size, (size_t)array->elements, writer.stream);
    return file_commit(&writer, error);
}
