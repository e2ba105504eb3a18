/* The tensors of a PyTorch state dict: from a pickle's values to names, shapes and places, each
 * checked to lie in its storage. */
#ifndef SCANLINE_RUNTIME_STATE_DICT_H
#define SCANLINE_RUNTIME_STATE_DICT_H

#include "runtime/files/safetensors.h"

typedef struct StateTensor {
    Tensor tensor;                         /* first; its data is NULL */
    int64_t strides[SAFETENSORS_MAX_RANK]; /* in elements, none negative; no element lies twice */
    int64_t offset;                        /* of its first element */
    const char *storage;                   /* the key of the storage that it lies in */
    int64_t storage_elements;
} StateTensor;

typedef struct StateDict {
    StateTensor *tensors;
    uint32_t count;
    char *texts; /* names and keys */
} StateDict;

/* Of a pickle in memory; `path` is for messages. False and `error`, with nothing to free. */
bool state_dict_read(const char *path, const unsigned char *bytes, size_t size, StateDict *state,
                     FileError *error);
void state_dict_free(StateDict *state);

#endif
