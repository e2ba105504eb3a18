#include "runtime/interchange/floats.h"

#include <math.h>
#include <string.h>

bool floats_can(TensorType type) {
    return type == TENSOR_F64 || type == TENSOR_F32 || type == TENSOR_F16 || type == TENSOR_BF16;
}

/* IEEE 754 binary16: 1 bit of sign, 5 of exponent (bias 15), 10 of fraction. Exact. */
static float from_half(uint16_t bits) {
    const int exponent = bits >> 10 & 31;
    const float fraction = (float)(bits & 1023);
    float value;
    if (exponent == 31)
        value = fraction != 0 ? NAN : INFINITY;
    else if (exponent == 0)
        value = ldexpf(fraction, -24);
    else
        value = ldexpf(fraction + 1024, exponent - 25);
    return bits & 0x8000 ? -value : value;
}

static float from_bfloat(uint16_t bits) {
    const uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

void floats_convert(TensorType type, const void *bytes, int64_t count, float *values) {
    const char *at = bytes;
    if (type == TENSOR_F32) {
        memmove(values, bytes, (size_t)count * sizeof *values);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        uint16_t bits;
        double wide;
        if (type == TENSOR_F64) {
            memcpy(&wide, at + (size_t)i * sizeof wide, sizeof wide);
            values[i] = (float)wide;
            continue;
        }
        memcpy(&bits, at + (size_t)i * sizeof bits, sizeof bits);
        values[i] = type == TENSOR_F16 ? from_half(bits) : from_bfloat(bits);
    }
}
