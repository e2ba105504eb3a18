/* NumPy's .npy files (NEP 1; format 1.0 to 3.0): one array behind a line of text.
 *
 *     6 bytes   "\x93NUMPY"
 *     2 bytes   version, 1.0, 2.0 or 3.0
 *     2 or 4    length of the header, little-endian
 *     header    {'descr': '<f4', 'fortran_order': False, 'shape': (512, 3), }
 *     data      row by row, little-endian
 *
 * Read here are arrays of numbers, row by row, in the byte order of this machine; objects, records
 * and text are refused. */
#ifndef SCANLINE_RUNTIME_NPY_H
#define SCANLINE_RUNTIME_NPY_H

#include "runtime/files/file.h"

#include <stdint.h>

enum { NPY_MAX_RANK = 8 };

typedef enum NpyType {
    NPY_F64,
    NPY_F32,
    NPY_F16,
    NPY_I64,
    NPY_I32,
    NPY_I16,
    NPY_I8,
    NPY_U16,
    NPY_U8,
    NPY_BOOL,
    NPY_TYPE_COUNT
} NpyType;

const char *npy_type_name(NpyType type); /* "float32" */
size_t npy_type_size(NpyType type);      /* bytes */

typedef struct NpyArray {
    NpyType type;
    uint32_t rank;
    int64_t extents[NPY_MAX_RANK];
    int64_t elements;
    const void *data; /* where it begins in the file; not aligned to more than a byte */
} NpyArray;

/* Looks at a whole file in memory (mapped, or a member of an .npz); the array's data lies in it. On
 * failure `fault` says why, so that "FILE " and `fault` are a sentence. */
bool npy_parse(const unsigned char *bytes, size_t size, NpyArray *array, const char **fault);

/* Its header alone, of a file that begins so; the data is behind `*header` bytes. */
bool npy_header(const unsigned char *bytes, size_t size, NpyArray *array, size_t *header,
                const char **fault);

/* Element `index` of an array of any type, as double (an int64 beyond 2^53 is rounded). */
double npy_value(const NpyArray *array, int64_t index);

/* Begins a file of which the data will come in pieces: fwrite `array->elements` elements to
 * writer->stream, then file_commit. array->data is not looked at. */
bool npy_begin(FileWriter *writer, const char *path, const NpyArray *array, FileError *error);

/* The whole at once. */
bool npy_write(const char *path, const NpyArray *array, FileError *error);

#endif
