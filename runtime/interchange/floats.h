/* Numbers of checkpoints as floats. */
#ifndef SCANLINE_RUNTIME_FLOATS_H
#define SCANLINE_RUNTIME_FLOATS_H

#include "runtime/files/safetensors.h"

/* F64, F32, F16 and BF16 are. */
bool floats_can(TensorType type);

/* Converts little-endian numbers; values[i] may lie over the same memory as bytes where the type is
 * F32. F64 is rounded to the nearest. */
void floats_convert(TensorType type, const void *bytes, int64_t count, float *values);

#endif
