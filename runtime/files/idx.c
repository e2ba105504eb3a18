/* Reads an IDX header that may be anything: each field is checked before it is used, and the file's
 * size must be exactly what the header says. */
#include "runtime/files/idx.h"

enum {
    IDX_UNSIGNED_BYTE = 0x08,
    IDX_SHORT = 0x0B,
    IDX_INT = 0x0C,
    IDX_FLOAT = 0x0D,
    IDX_DOUBLE = 0x0E
};

static uint32_t value_bytes_of(unsigned type) {
    switch (type) {
    case IDX_UNSIGNED_BYTE:
        return 1;
    case IDX_SHORT:
        return 2;
    case IDX_INT:
        return 4;
    default:
        return 0;
    }
}

static const char *type_fault(unsigned type) {
    if (type == IDX_FLOAT || type == IDX_DOUBLE)
        return "holds real numbers; colours and labels must be integers";
    return "is of an IDX type that is not read here (unsigned bytes, 16- and 32-bit integers are)";
}

/* Of the array everything but the values. */
static bool parse_header(const unsigned char *bytes, size_t size, IdxArray *array,
                         int64_t *file_size, const char **fault) {
    if (size >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B) {
        *fault = "is compressed; unpack it first (gunzip)";
        return false;
    }
    if (size < 4 || bytes[0] != 0 || bytes[1] != 0) {
        *fault = "is not an IDX file";
        return false;
    }
    const uint32_t value_bytes = value_bytes_of(bytes[2]);
    if (!value_bytes) {
        *fault = type_fault(bytes[2]);
        return false;
    }
    const uint32_t rank = bytes[3];
    if (rank < 1 || rank > IDX_MAX_RANK || size < 4 + 4 * (size_t)rank) {
        *fault = "has an IDX header that is damaged or of too many axes";
        return false;
    }
    IdxArray found = {.value_bytes = value_bytes, .rank = rank, .elements = 1};
    for (uint32_t axis = 0; axis < rank; axis++) {
        const unsigned char *at = bytes + 4 + 4 * axis;
        found.extents[axis] =
            (int64_t)at[0] << 24 | (int64_t)at[1] << 16 | (int64_t)at[2] << 8 | at[3];
        if (found.extents[axis] == 0) {
            *fault = "is empty";
            return false;
        }
        if (__builtin_mul_overflow(found.elements, found.extents[axis], &found.elements)) {
            *fault = "has an IDX header with impossible extents";
            return false;
        }
    }
    int64_t needed;
    if (__builtin_mul_overflow(found.elements, (int64_t)value_bytes, &needed) ||
        __builtin_add_overflow(needed, 4 + 4 * (int64_t)rank, file_size)) {
        *fault = "has an IDX header with impossible extents";
        return false;
    }
    *array = found;
    return true;
}

bool idx_header(const unsigned char *bytes, size_t size, IdxArray *array, size_t *header,
                const char **fault) {
    int64_t file_size;
    if (!parse_header(bytes, size, array, &file_size, fault))
        return false;
    *header = 4 + 4 * (size_t)array->rank;
    return true;
}

bool idx_file_size(const unsigned char *bytes, size_t size, int64_t *file_size,
                   const char **fault) {
    IdxArray array;
    return parse_header(bytes, size, &array, file_size, fault);
}

bool idx_parse(const unsigned char *bytes, size_t size, IdxArray *array, const char **fault) {
    int64_t file_size;
    if (!parse_header(bytes, size, array, &file_size, fault))
        return false;
    if ((uint64_t)file_size != size) {
        *fault = "is not as long as its IDX header says";
        return false;
    }
    array->values = bytes + 4 + 4 * (size_t)array->rank;
    return true;
}
