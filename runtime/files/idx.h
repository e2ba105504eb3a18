/* The IDX file form (http://yann.lecun.com/exdb/mnist/): two zero bytes, a type, a rank, big-endian
 * extents, then the values, big-endian, outermost axis first. */
#ifndef SCANLINE_RUNTIME_IDX_H
#define SCANLINE_RUNTIME_IDX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IDX_MAX_RANK = 4, IDX_MAX_HEADER = 4 + 4 * IDX_MAX_RANK };

typedef struct IdxArray {
    const unsigned char *values;
    uint32_t value_bytes; /* 1: unsigned; 2, 4: signed */
    uint32_t rank;
    int64_t extents[IDX_MAX_RANK];
    int64_t elements; /* >= 1 */
} IdxArray;

/* Checks the whole of a file in memory, which stays the owner of the values. On failure `fault`
 * says why, so that "FILE " and `fault` are a sentence. */
bool idx_parse(const unsigned char *bytes, size_t size, IdxArray *array, const char **fault);

/* Its header alone, of a file that begins so; the values are behind `*header` bytes. */
bool idx_header(const unsigned char *bytes, size_t size, IdxArray *array, size_t *header,
                const char **fault);

/* How long the file is that begins so: `size` bytes are at hand, IDX_MAX_HEADER are enough. */
bool idx_file_size(const unsigned char *bytes, size_t size, int64_t *file_size, const char **fault);

static inline int32_t idx_value(const IdxArray *array, int64_t index) {
    const unsigned char *at = array->values + index * array->value_bytes;
    if (array->value_bytes == 1)
        return at[0];
    if (array->value_bytes == 2)
        return (int16_t)(uint16_t)(at[0] << 8 | at[1]);
    return (int32_t)((uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]);
}

#endif
