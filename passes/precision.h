/* What matrix products and attention read. */
#ifndef SCANLINE_PASSES_PRECISION_H
#define SCANLINE_PASSES_PRECISION_H

#include "ir/arena.h"

struct Target;

typedef enum Precision {
    PRECISION_FP32,
    PRECISION_BF16,          /* an error where the target has no such products */
    PRECISION_BF16_EMULATED, /* the same, in f32 arithmetic where the target has none */
} Precision;

/* Of a spec's train.precision; NULL, as without a spec, is fp32. */
Precision precision_of(const char *word);

/* NULL, or why the target cannot compute in that precision. */
const char *precision_fault(Arena *arena, Precision precision, const struct Target *target);

#endif
