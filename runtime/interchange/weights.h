/* A checkpoint of another program, as named tensors: of one file or of several (shards), in
 * safetensors' or PyTorch's form. In a folder it is the first that there is of
 *
 *     model.safetensors  model.safetensors.index.json  pytorch_model.bin
 *     pytorch_model.bin.index.json
 *
 * An index is {"weight_map": {TENSOR: FILE}}, its files lie beside it. */
#ifndef SCANLINE_RUNTIME_WEIGHTS_H
#define SCANLINE_RUNTIME_WEIGHTS_H

#include "runtime/files/safetensors.h"

typedef struct Weights Weights;

/* A file of either form, an index, or a folder. NULL and `error`. */
Weights *weights_open(const char *path, FileError *error);
void weights_close(Weights *weights);

const char *weights_path(const Weights *weights);   /* the file, or the index */
const char *weights_folder(const Weights *weights); /* in which that lies */

uint32_t weights_count(const Weights *weights);
const Tensor *weights_at(const Weights *weights, uint32_t index);     /* in order of names */
const Tensor *weights_find(const Weights *weights, const char *name); /* NULL: none */

/* Fills values[elements]; the tensor must be of a type that floats_can convert. */
bool weights_read(const Weights *weights, const Tensor *tensor, float *values, FileError *error);

#endif
