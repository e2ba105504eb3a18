/* The meaning of what is kept compressed (ir/compressed.h). */
#include "ir/compressed.h"
#include "ir/evaluate.h"

#include <string.h>

uint16_t evaluation_bf16(double value) {
    const float narrow = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    return (uint16_t)(bits >> 16);
}

static double element_of(const uint8_t bytes[4]) {
    uint32_t bits = 0;
    for (int i = 0; i < 4; i++)
        bits |= (uint32_t)bytes[i] << 8 * i;
    int32_t element;
    memcpy(&element, &bits, sizeof element);
    return element;
}

/* Block number `block` of a stretch: its base and its bytes. */
static void pack(const double *values, int64_t base_bytes, int64_t block, double *packed) {
    uint16_t bits[COMPRESSED_VALUES];
    uint8_t bytes[COMPRESSED_BLOCK_BYTES], four[4];
    for (int i = 0; i < COMPRESSED_VALUES; i++)
        bits[i] = evaluation_bf16(values[block * COMPRESSED_VALUES + i]);
    const uint32_t bases = (uint32_t)(int32_t)packed[block / 4];
    for (int i = 0; i < 4; i++)
        four[i] = (uint8_t)(bases >> 8 * i);
    four[block % 4] = compress_block(bits, bytes);
    packed[block / 4] = element_of(four);
    double *to = packed + (base_bytes + block * COMPRESSED_BLOCK_BYTES) / 4;
    for (int i = 0; i < COMPRESSED_BLOCK_BYTES / 4; i++)
        to[i] = element_of(bytes + 4 * i);
}

/* How many stretches of how many values; `which` is the source that is compressed. */
static int64_t stretch_values(const Evaluation *evaluation, uint32_t which, int64_t *stretches) {
    const Axes *own = &evaluation->node->attributes.axes;
    const Axes along = axes_of(own->at, own->count - 1);
    const int64_t values = axes_elements(evaluation->function, &along);
    *stretches =
        graph_elements(evaluation->function, evaluation_source(evaluation, which)) / values;
    return values;
}

void evaluate_compress(Evaluation *evaluation) {
    int64_t stretches;
    const int64_t values = stretch_values(evaluation, 0, &stretches);
    const int64_t elements = compressed_elements(values);
    double *packed = evaluation->results[0];
    memset(packed, 0, (size_t)(stretches * elements) * sizeof *packed);
    for (int64_t i = 0; i < stretches; i++)
        for (int64_t block = 0; block < values / COMPRESSED_VALUES; block++)
            pack(evaluation_value(evaluation, 0) + i * values, compressed_base_bytes(values), block,
                 packed + i * elements);
}

void evaluate_compress_slice(Evaluation *evaluation) {
    int64_t stretches;
    const int64_t values = stretch_values(evaluation, 2, &stretches);
    const int64_t elements = compressed_elements(values);
    const int64_t extent =
        graph_axis(evaluation->function, evaluation->node->attributes.axes.at[0])->extent;
    const int64_t step = values / extent;
    const double position = evaluation_value(evaluation, 1)[0];
    double *packed = evaluation->results[0];
    memcpy(packed, evaluation_value(evaluation, 0),
           (size_t)(stretches * elements) * sizeof *packed);
    if (!(position >= 0 && position < (double)extent))
        return;
    const int64_t first = (int64_t)position * step / COMPRESSED_VALUES;
    const int64_t last = (((int64_t)position + 1) * step - 1) / COMPRESSED_VALUES;
    for (int64_t i = 0; i < stretches; i++)
        for (int64_t block = first; block <= last; block++)
            pack(evaluation_value(evaluation, 2) + i * values, compressed_base_bytes(values), block,
                 packed + i * elements);
}
