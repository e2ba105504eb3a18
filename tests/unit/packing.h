/* What tests of packed tensors share: their axes, values for them, and scores of attention. */
#ifndef SCANLINE_TESTS_PACKING_H
#define SCANLINE_TESTS_PACKING_H

#include "ir/build.h"
#include "tests/unit/kernel_harness.h"

/* The innermost axes of a tensor [outer..., m, e], and their words. */
typedef struct Packing {
    PackedForm form;
    Axes plain, along, packed;
    AxisId words;
    int64_t stretches, values, width;
} Packing;

Packing packing_of(Function *body, PackedForm form, int64_t outer, int64_t m, int64_t e);

/* bf16: the upper half of an f32, cut off. */
uint16_t packing_bits(double value);

/* As the lower part of any weights: most of size `size`, a few in 10,000 much smaller. */
double packing_draw(uint64_t *state, double size);

/* What no block can hold, or only just. */
double packing_odd_value(uint64_t *state);

/* Gives an input values, one of `odd_in` odd ones; 0: none. */
void packing_set_plain(Harness *harness, uint32_t input, const Packing *packing, int odd_in);

/* Makes input `input` what compress, or tile, makes of input `plain`. */
void packing_set_packed(Harness *harness, uint32_t plain, uint32_t input, const Packing *packing);

/* Scores of keys up to a position, which is the first extra. */
Function *packing_causal(const Function *outer, const Axes *score_axes);

#endif
