#include "tests/unit/packing.h"

#include "ir/compressed.h"
#include "ir/tiled.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

uint16_t packing_bits(double value) {
    const float narrow = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    return (uint16_t)(bits >> 16);
}

static double value_of(uint16_t half) {
    const uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

double packing_draw(uint64_t *state, double size) {
    double sum = 0;
    for (int i = 0; i < 4; i++)
        sum += (double)(harness_random(state) >> 11) * 0x1p-53 - 0.5;
    return value_of(packing_bits(sum * size));
}

double packing_odd_value(uint64_t *state) {
    static const double odd[] = {0, -0.0, 1e-40, 0x1p-126, 1e38, 1e-30, 1, INFINITY, -INFINITY};
    return value_of(packing_bits(odd[harness_random(state) % (sizeof odd / sizeof *odd)]));
}

Packing packing_of(Function *body, PackedForm form, int64_t outer, int64_t m, int64_t e) {
    const AxisId axes[] = {function_axis(body, "h", outer), function_axis(body, "m", m),
                           function_axis(body, "e", e)};
    Packing packing = {.form = form,
                       .plain = axes_of(axes, 3),
                       .along = axes_of(axes + 1, 2),
                       .stretches = outer,
                       .values = m * e,
                       .width = e};
    packing.words = build_words(body, form, &packing.along);
    packing.packed = axes_of((AxisId[]){axes[0], packing.words}, 2);
    return packing;
}

void packing_set_plain(Harness *harness, uint32_t input, const Packing *packing, int odd_in) {
    uint64_t state = 11;
    for (int64_t i = 0; i < packing->stretches * packing->values; i++)
        harness_set(harness, input, i,
                    odd_in && harness_random(&state) % (uint64_t)odd_in == 0
                        ? packing_odd_value(&state)
                        : packing_draw(&state, 0.02));
}

static void set_compressed(Harness *harness, uint32_t plain, uint32_t input,
                           const Packing *packing) {
    uint16_t values[COMPRESSED_VALUES];
    uint8_t bytes[COMPRESSED_BLOCK_BYTES];
    const int64_t blocks = packing->values / COMPRESSED_VALUES;
    const int64_t elements = compressed_elements(packing->values);
    uint8_t *bases = malloc((size_t)blocks + 3);
    for (int64_t s = 0; s < packing->stretches; s++) {
        for (int64_t block = 0; block < blocks; block++) {
            const int64_t from = s * packing->values + block * COMPRESSED_VALUES;
            for (int i = 0; i < COMPRESSED_VALUES; i++)
                values[i] = packing_bits(harness->inputs[plain][from + i]);
            bases[block] = compress_block(values, bytes);
            const int64_t at = compressed_base_bytes(packing->values) / 4 +
                               block * COMPRESSED_BLOCK_BYTES / 4 + s * elements;
            for (int i = 0; i < COMPRESSED_BLOCK_BYTES / 4; i++) {
                int32_t four;
                memcpy(&four, bytes + 4 * i, sizeof four);
                harness_set(harness, input, at + i, four);
            }
        }
        for (int64_t i = 0; i < blocks / 4; i++) {
            int32_t four;
            memcpy(&four, bases + 4 * i, sizeof four);
            harness_set(harness, input, s * elements + i, four);
        }
    }
    free(bases);
}

static void set_tiled(Harness *harness, uint32_t plain, uint32_t input, const Packing *packing) {
    const int64_t width = packing->width, rows = packing->values / width;
    for (int64_t i = 0; i < packing->stretches * packing->values; i++) {
        const int64_t stretch = i / packing->values, row = i / width % rows;
        if (row % 2)
            continue;
        const double *values = harness->inputs[plain] + i;
        const uint32_t pair = packing_bits(values[0]) | (uint32_t)packing_bits(values[width]) << 16;
        int32_t element;
        memcpy(&element, &pair, sizeof element);
        harness_set(harness, input,
                    stretch * packing->values / 2 + tiled_element(row, i % width, width), element);
    }
}

void packing_set_packed(Harness *harness, uint32_t plain, uint32_t input, const Packing *packing) {
    if (packing->form == PACKED_TILED)
        set_tiled(harness, plain, input, packing);
    else
        set_compressed(harness, plain, input, packing);
}

Function *packing_causal(const Function *outer, const Axes *score_axes) {
    const Axes none = {0};
    Function *body = function_create(outer->arena, "score");
    function_copy_axes(body, outer);
    const NodeId score = build_input(body, "score", DTYPE_F32, score_axes);
    const NodeId position = build_input(body, "x0", DTYPE_I32, &none);
    const NodeId key = build_index(body, function_find_axis(body, "m"));
    const NodeId kept = build_binary(body, OP_LESS_EQUAL, key, position);
    function_output(
        body, "score",
        build_select(body, kept, score, build_const(body, DTYPE_F32, (double)-INFINITY)), NULL);
    return body;
}
