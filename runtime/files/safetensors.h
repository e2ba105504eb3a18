/* Safetensors files: named tensors behind a JSON header (huggingface/safetensors, format 0.3 and
 * later).
 *
 *     8 bytes   length of the header, little-endian
 *     header    {"__metadata__": {string: string}, NAME: {"dtype", "shape", "data_offsets": [begin,
 * end]}, ...} data      the tensors, end to end, little-endian, row by row
 *
 * A file is checked entirely when it is opened: sizes, offsets, holes, overlaps, names given twice.
 * Data is read tensor by tensor, so memory does not grow with the file. */
#ifndef SCANLINE_RUNTIME_SAFETENSORS_H
#define SCANLINE_RUNTIME_SAFETENSORS_H

#include "runtime/files/file.h"

#include <stdint.h>

enum { SAFETENSORS_MAX_RANK = 8, SAFETENSORS_MAX_HEADER = 100 * 1000 * 1000 };

typedef enum TensorType {
    TENSOR_F64,
    TENSOR_F32,
    TENSOR_F16,
    TENSOR_BF16,
    TENSOR_I64,
    TENSOR_I32,
    TENSOR_I16,
    TENSOR_I8,
    TENSOR_U8,
    TENSOR_BOOL,
    TENSOR_TYPE_COUNT
} TensorType;

const char *tensor_type_name(TensorType type); /* "F32" */
size_t tensor_type_size(TensorType type);      /* bytes */

typedef struct Tensor {
    const char *name;
    TensorType type;
    uint32_t rank;
    int64_t extents[SAFETENSORS_MAX_RANK];
    int64_t elements;
    const void *data; /* for writing; NULL in a file that was opened */
} Tensor;

typedef struct TensorMetadata {
    const char *key, *value;
} TensorMetadata;

/* Atomic, and the same bytes for the same content: tensors lie in the order given. */
bool safetensors_write(const char *path, const Tensor *tensors, uint32_t count,
                       const TensorMetadata *metadata, uint32_t metadata_count, FileError *error);

/* The same, which tells how far it is: `wrote` after each tensor. */
typedef struct SafetensorsWatch {
    void (*wrote)(void *user, const Tensor *tensor);
    void *user;
} SafetensorsWatch;
bool safetensors_write_watched(const char *path, const Tensor *tensors, uint32_t count,
                               const TensorMetadata *metadata, uint32_t metadata_count,
                               const SafetensorsWatch *watch, FileError *error);

typedef struct Safetensors Safetensors;

Safetensors *safetensors_open(const char *path, FileError *error); /* NULL and `error` */
void safetensors_close(Safetensors *file);

uint32_t safetensors_count(const Safetensors *file);
const Tensor *safetensors_at(const Safetensors *file,
                             uint32_t index); /* in the order of the data */
const Tensor *safetensors_find(const Safetensors *file, const char *name);  /* NULL: none */
const char *safetensors_metadata(const Safetensors *file, const char *key); /* NULL: none */

/* Fills `data` with the tensor's bytes. */
bool safetensors_read(const Safetensors *file, const Tensor *tensor, void *data, FileError *error);

#endif
