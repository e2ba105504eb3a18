/* Files that torch.save made of a state dict (PyTorch 1.6 and later): a zip archive, with
 *
 *     NAME/data.pkl    the pickle (state_dict.h)
 *     NAME/data/KEY    a storage: its elements, end to end
 *     NAME/byteorder   "little"; absent in files of older versions
 *
 * Everything is checked when the file is opened, but for the checksums of the storages, which are
 * when they are read. */
#ifndef SCANLINE_RUNTIME_TORCH_FILE_H
#define SCANLINE_RUNTIME_TORCH_FILE_H

#include "runtime/files/safetensors.h"

typedef struct TorchFile TorchFile;

TorchFile *torch_file_open(const char *path, FileError *error); /* NULL and `error` */
void torch_file_close(TorchFile *file);

/* Whether the file begins as a zip archive does. */
bool torch_file_is(const char *path);

uint32_t torch_file_count(const TorchFile *file);
const Tensor *torch_file_at(const TorchFile *file, uint32_t index);

/* Fills `data` with the tensor's elements, row by row. The tensor must be of this file. */
bool torch_file_read(const TorchFile *file, const Tensor *tensor, void *data, FileError *error);

#endif
